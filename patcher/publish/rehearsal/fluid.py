"""Rehearses a release day: how many bytes the origin sends, and when the players have the release.

A fluid simulation in steps of time. Players who come at the same time over lines alike are one group, and of a group
only the bytes that each of its players has change. In each step

1. the *origin* divides its line among those who lack something that nobody offers them; whom peers bring as much as
   the origin would asks it for what it can pass on, and so for nothing if it does not share;
2. the *uploads* of all who share are divided among those who lack something that the swarm has;
3. a player whose line is too thin for both takes of each in proportion.

What counts as offered is the rule of `transfer.swarm.picker`: what incomplete players who share have; what complete
ones have only for players whose rate is what they wish for; what those have who do not share, never; and nothing while
a player's rate is next to nothing. Pieces are picked at random, so shares of them multiply. The constants were fitted
to small swarms of real sessions; `tests.support.swarms` compares the model with others.
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from patcher.transfer.swarm.picker import Rules

START_S = 2.0
"""From a player's arrival to its first bytes: records, tracker, handshakes, the first unchoke."""
LINE_USE = 0.95
"""The share of a line that carries content, and not headers."""
UPLOAD_USE = 0.75
"""The share of an upload that carries pieces which somebody lacks, and not choking and waiting."""
REPEATED = 0.2
"""The share of the origin's bytes that two players ask for at the same time, while several ask."""
_STEPS, _MOST_STEPS = 1500, 10_000
"""Of a day of the expected length, and at most, …"""
_PER_FETCH = 10
"""… so that the fastest player's fetch has so many."""
_TOO_LONG = 20
"""A day ends after so many expected lengths, whoever still waits."""
_RULES = Rules()
_ALL = 1 - 1e-5
"""Who has this share of the release has it."""


@dataclass(frozen=True, slots=True)
class Line:
    """So many players who come at the same time over lines alike; rates in bytes a second."""

    players: int
    down_bps: float
    up_bps: float
    shares: bool
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Day:
    """A release day. Every player of ``lines`` fetches ``size_bytes`` through one swarm."""

    size_bytes: int
    lines: tuple[Line, ...]
    origin_bps: float
    """The most that the origin sends, above 0."""
    origin_ratio: float = 1.0
    """Bytes of the swarm that one byte of the origin stands for: above 1 where the origin has them compressed."""
    stay_s: float = math.inf
    """How long a player who shares stays once it is done."""
    seed_bps: float = 0.0
    """Uploads of seeds that are complete before the day begins, together."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The day at one time. ``waiting``: players who came and are not done."""

    at_s: float
    origin_bps: float
    peers_bps: float
    waiting: int
    done: int


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What came of a day. ``done``: a time and how many players were done then; ``waits``: the same since they came.

    Both are in order; the time is infinite for players who are never done. ``origin_bytes`` have headers, too.
    """

    origin_bytes: float
    peer_bytes: float
    done: tuple[tuple[float, int], ...]
    waits: tuple[tuple[float, int], ...]
    moments: tuple[Moment, ...]

    def time_s(self, share: float) -> float:
        """When this share of the players have the release."""
        return _quantile(self.done, share)

    def wait_s(self, share: float) -> float:
        """How long this share of the players wait at most."""
        return _quantile(self.waits, share)


def rehearse(day: Day) -> Rehearsed:
    """Carry a day out."""
    run = _Run(day)
    while run.is_open:
        run.step()
    return run.outcome()


def divide(supply_bps: float, wanted: Sequence[tuple[int, float]]) -> list[float]:
    """What each player of a group gets of a supply: all get alike, but nobody more than the group's second number.

    ``wanted``: players and the most that one of them takes.
    """
    given, left = [0.0] * len(wanted), sum(players for players, most in wanted if most > 0)
    for index in sorted(range(len(wanted)), key=lambda index: wanted[index][1]):
        players, most = wanted[index]
        if most > 0:
            given[index] = min(most, supply_bps / left)
            supply_bps -= players * given[index]
            left -= players
    return given


class _Group:
    """The players of one line, while the day is carried out. All numbers are of one player."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.begins_s = line.at_s + START_S
        self.done_s = math.inf
        self.from_origin_bytes = self.from_peers_bytes = 0.0
        self.is_slow = False
        self.peers_bps = 0.0
        """What peers brought in the last step."""
        self.ignores_until_s = self._low_since_s = -math.inf

    @property
    def got_bytes(self) -> float:
        return self.from_origin_bytes + self.from_peers_bytes

    def take(self, origin_bps: float, peers_bps: float, step_s: float, size_bytes: float) -> tuple[float, float]:
        """Take what is given, as far as the line carries it; returns both rates."""
        wanted_bps = origin_bps + peers_bps
        most_bps = min(LINE_USE * self.line.down_bps, (size_bytes - self.got_bytes) / step_s)
        share = min(1.0, most_bps / wanted_bps) if wanted_bps else 0.0
        self.from_origin_bytes += share * origin_bps * step_s
        self.from_peers_bytes += share * peers_bps * step_s
        self.peers_bps = share * peers_bps
        return share * origin_bps, share * peers_bps

    def judge(self, now_s: float, rate_bps: float) -> None:
        """Compare the rate with the wish, as the picker does."""
        self.is_slow |= now_s - self.begins_s >= _RULES.slow_s and rate_bps < _RULES.wish_bps
        if rate_bps >= _RULES.wish_bps / 20 or now_s < self.ignores_until_s:
            self._low_since_s = now_s
        elif now_s - max(self._low_since_s, self.begins_s) >= _RULES.stall_s:
            self.ignores_until_s = now_s + _RULES.stall_s


class _Run:
    """A day that is being carried out."""

    def __init__(self, day: Day) -> None:
        self._day = day
        self._coming = deque(sorted((_Group(line) for line in day.lines), key=lambda group: group.begins_s))
        self._here: list[_Group] = []
        self._stay: deque[_Group] = deque()
        """Those who share and are done, in the order of that."""
        self._done: list[_Group] = []
        length_s = _least_s(day) + (self._coming[-1].begins_s if self._coming else 0.0)
        fastest_s = day.size_bytes / max((line.down_bps for line in day.lines), default=1.0)
        self._step_s = max(length_s / _MOST_STEPS, min(length_s / _STEPS, fastest_s / _PER_FETCH))
        self._length_s = length_s
        self._now_s = self._origin_bytes = self._peer_bytes = 0.0
        self._spread_bytes = 0.0
        """Of the release: what those who share have between them."""
        self._moments: list[Moment] = []
        self._done_players = 0

    @property
    def is_open(self) -> bool:
        """Whether somebody still waits or comes."""
        return self._now_s < _TOO_LONG * self._length_s and bool(self._here or self._coming)

    def outcome(self) -> Rehearsed:
        """What came of it."""
        never = ((math.inf, group.line.players) for group in (*self._here, *self._coming))
        done = [*((group.done_s, group.line.players) for group in self._done), *never]
        waits = sorted((group.done_s - group.line.at_s, group.line.players) for group in (*self._done, *self._here))
        return Rehearsed(self._origin_bytes, self._peer_bytes, tuple(done), tuple(waits), tuple(self._moments))

    def step(self) -> None:
        """One step of time."""
        now, step_s, size = self._now_s, self._step_s, self._day.size_bytes
        while self._coming and self._coming[0].begins_s <= now:
            self._here.append(self._coming.popleft())
        while self._stay and self._stay[0].done_s + self._day.stay_s <= now:
            self._stay.popleft()
        has_seed = bool(self._stay) or self._day.seed_bps > 0
        origin, peers = self._of_origin(has_seed), self._of_peers()
        origin_bps = peers_bps = news_bps = 0.0
        asking = sum(g.line.players for g, each_bps in zip(self._here, origin, strict=True) if each_bps)
        for group, offered_bps, given_bps in zip(self._here, origin, peers, strict=True):
            rates = group.take(offered_bps, given_bps, step_s, size)
            group.judge(now, sum(rates))
            origin_bps += group.line.players * rates[0]
            peers_bps += group.line.players * rates[1]
            news_bps += group.line.players * rates[0] * group.line.shares * (1 - REPEATED * (asking > 1))
            if group.got_bytes >= _ALL * size:
                group.done_s = now + step_s
        held = sum(g.line.players * g.got_bytes for g in self._here if g.line.shares)
        self._spread_bytes = size if has_seed else min(size, self._spread_bytes + news_bps * step_s, held)
        origin_bps /= LINE_USE * self._day.origin_ratio
        self._origin_bytes += origin_bps * step_s
        self._peer_bytes += peers_bps * step_s
        self._note(origin_bps, peers_bps)
        self._now_s += step_s
        if self._now_s > self._length_s:  # the rest may take long
            self._step_s = max(step_s, self._now_s / _STEPS)

    def _note(self, origin_bps: float, peers_bps: float) -> None:
        """Note the moment, and who is done."""
        done = [group for group in self._here if group.done_s < math.inf]
        self._here = [group for group in self._here if group.done_s == math.inf]
        self._done += done
        self._stay += (group for group in done if group.line.shares)
        self._done_players += sum(group.line.players for group in done)
        waiting = sum(group.line.players for group in self._here)
        self._moments.append(Moment(self._now_s, origin_bps, peers_bps, waiting, self._done_players))

    def _of_origin(self, has_seed: bool) -> list[float]:
        """What the origin sends each player: of what it lacks and nobody offers it."""
        size, wanted = self._day.size_bytes, []
        players = sum(group.line.players for group in self._here)
        enough_bps = min(_RULES.wish_bps, self._day.origin_bps * self._day.origin_ratio / max(1, players))
        incomplete = self._spread_bytes * (1 - math.exp(sum(_log_lacked(g, self._spread_bytes) for g in self._here)))
        for group in self._here:
            offered = size if has_seed and not group.is_slow else incomplete
            lacked = (size - offered) * (1 - group.from_origin_bytes / size)
            if group.peers_bps >= enough_bps:  # it asks for what it passes on
                lacked = min(lacked, group.line.up_bps * self._step_s) if group.line.shares else 0.0
            if self._now_s < group.ignores_until_s:
                lacked = size - group.got_bytes
            wanted.append((group, lacked))
        return divide(LINE_USE * self._day.origin_bps * self._day.origin_ratio, self._most(wanted))

    def _of_peers(self) -> list[float]:
        """What others upload to each player: of what it lacks and they have."""
        size, there, wanted = self._day.size_bytes, self._spread_bytes, []
        for group in self._here:
            outside = 0.0 if group.line.shares else group.from_origin_bytes * (1 - there / size)
            wanted.append((group, there - (group.got_bytes - outside)))
        able = [g for g in self._here if g.line.shares and g.got_bytes]
        up_bps = self._day.seed_bps + sum(g.line.players * g.line.up_bps for g in (*able, *self._stay))
        return divide(UPLOAD_USE * up_bps, self._most(wanted))

    def _most(self, wanted: Iterable[tuple[_Group, float]]) -> list[tuple[int, float]]:
        """What one player of each group takes at most, when it lacks so many bytes."""
        nothing = (1 - _ALL) / 2 * self._day.size_bytes
        return [
            (g.line.players, min(LINE_USE * g.line.down_bps, lacked / self._step_s) if lacked > nothing else 0.0)
            for g, lacked in wanted
        ]


def _least_s(day: Day) -> float:
    """No swarm is faster: the origin's line, the thinnest line, all lines together."""
    players = sum(line.players for line in day.lines)
    origin_bps = day.origin_bps * day.origin_ratio
    up_bps = origin_bps + day.seed_bps + sum(line.players * line.up_bps for line in day.lines if line.shares)
    thinnest_bps = min((line.down_bps for line in day.lines), default=math.inf)
    return day.size_bytes * max(1 / origin_bps, 1 / thinnest_bps, players / up_bps)


def _log_lacked(group: _Group, spread_bytes: float) -> float:
    """The logarithm of the share of what is spread that no player of a group offers."""
    if not group.line.shares or not spread_bytes:
        return 0.0
    return group.line.players * math.log(max(1e-12, 1 - group.got_bytes / spread_bytes))


def _quantile(counted: Sequence[tuple[float, int]], share: float) -> float:
    left = share * sum(players for _, players in counted)
    for seconds, players in counted:
        left -= players
        if left <= 1e-9:
            return seconds
    return 0.0
