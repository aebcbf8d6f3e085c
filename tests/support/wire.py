"""A player's machine on a cable, with a real engine: what listens there and what leaves it, row by row.

``python -m tests.support.wire FOLDER`` in a network namespace prints, as JSON, each row of `doors.ROWS` and what was
seen in it, while the player had a title installed and, in the rows with a job, fetched another.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from tests.support import trees
from tests.support.doors import ROWS, Row
from tests.support.far import (
    INTERNET,
    LSD,
    LSD6,
    LSD_PORT,
    NATPMP_PORT,
    NEIGHBOUR,
    PLAYER,
    PLAYER6,
    SSDP,
    SSDP_PORT,
    TRACKER_PORT,
    add_address,
    ip,
)  # fmt: skip
from tests.support.sockets import listening
from tests.support.trees import File
from tests.support.waiting import wait_until
from tests.support.world import Shoal, World

ROOT = Path(__file__).parent.parent.parent
_CABLE = "near"
_PATIENCE_S = 20.0
_WATCH_S = 0.5
_FIRST_PORT = 20_000
_GAME: trees.Layout = {"data/pak": File(trees.noise(1, 50_000)), "readme.txt": File(b"read me")}
_OTHER: trees.Layout = {"data/pak": File(trees.noise(2, 6_000_000)), "readme.txt": File(b"read me too")}
_FIRST_BPS, _SLOW_BPS = 100_000, 20_000


class Seen(NamedTuple):
    """What was seen in a row, as sorted lists of words."""

    listens: list[str]
    """Kind and address of each socket that can be reached."""
    sends: list[str]
    """What the machine began to send by itself: ``multicast``, ``multicast6``, ``announces <title>``,
    ``dials <whom>`` (by TCP or uTP), ``asks router`` to forward a port; and anything else by its destination."""
    answers: list[str]
    """``<title> to <whom>`` for each handshake that is answered."""
    gives: list[str]
    """``<title> to <whom>`` where any packet carried content, while everybody asks for it."""


def expected(row: Row) -> Seen:
    """By the table."""
    addresses = (PLAYER, PLAYER6, "127.0.0.1", "::1")
    sockets = [*(f"{kind} {address}" for kind in ("tcp", "udp") for address in addresses), "udp 0.0.0.0", "udp ::"]
    sockets += [f"udp {PLAYER}"] * 3 * row.is_mapped  # two for UPnP, one for NAT-PMP and PCP
    sends = {"multicast": row.is_open, "multicast6": row.is_open, "dials neighbour": row.fetched != "none"}
    sends |= {"dials internet": row.fetched == "all", "asks router": row.is_mapped}
    sends |= {"announces other": row.fetched == "all", "announces game": row.offered == "all"}
    answers = {
        f"{title} to {whom}": reach == "all" or (reach, whom) == ("lan", "neighbour")
        for title, reach in (("game", row.offered), ("other", row.fetched))
        for whom in ("neighbour", "internet")
    }
    gives = {name: has and _may_be_given(row, name) for name, has in answers.items()}
    return Seen(
        sorted(sockets) if row.is_open else [], *(sorted(k for k, v in d.items() if v) for d in (sends, answers, gives))
    )


def _may_be_given(row: Row, name: str) -> bool:
    """``name``: which title, to whom."""
    return row.sharing == "everyone" or (row.sharing == "lan" and name.endswith("neighbour"))


class Cable:
    """The other end, by its calls."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def __call__(self, call: str, **words: object) -> Any:
        """Ask, and wait for the answer."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps({"call": call, **words}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@contextlib.contextmanager
def plugged_in() -> Iterator[Cable]:
    """Give this namespace a cable, and somebody at its other end."""
    command = ["unshare", "--net", sys.executable, "-m", "tests.support.far"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT) as far:
        assert far.stdin and far.stdout
        assert far.stdout.readline() == "ready\n"
        ip("link", "set", "lo", "up")
        ip("link", "add", _CABLE, "type", "veth", "peer", "name", "far", "netns", str(far.pid))
        far.stdin.write("\n")
        far.stdin.flush()
        add_address(_CABLE, PLAYER, PLAYER6)
        ip("route", "add", "default", "via", NEIGHBOUR)
        cable = Cable(far)
        cable("seen")  # it is up
        yield cable
        far.stdin.close()


class Watch:
    """Looks at one engine in all rows."""

    def __init__(self, player: Shoal, cable: Cable) -> None:
        self._player, self._cable = player, cable
        self._hashes = {
            name: trees.manifest_of(layout, f"{name}.main").info_hash.hex()
            for name, layout in (("game", _GAME), ("other", _OTHER))
        }
        self._port = _FIRST_PORT
        self._last_open = 0
        self._settings = {"sharing": "off", "peers": "all"}

    def row(self, row: Row) -> Seen:
        """Change the settings to the row's; then all that is seen until it is as expected, and for a while longer."""
        self._port += 1  # where the neighbour and the peer in the Internet are this time
        self._cable("announce", port=self._port, info_hash=self._hashes["other"])
        self._cable("seen")
        for key, value in (("peers", row.peers), ("sharing", row.sharing)):  # each row has one door more than the last
            if self._settings[key] != value:
                self._player.run("settings", key, value)
                self._settings[key] = value
        wanted = expected(row)
        # the rest may have left before the change
        sends, gives = self._sent() & set(wanted.sends), self._given() & set(wanted.gives)
        until = time.monotonic() + _PATIENCE_S
        while (now := self._look(sends, gives)) != wanted and time.monotonic() < until:
            time.sleep(0.1)
        until = time.monotonic() + _WATCH_S
        while now == wanted and time.monotonic() < until:
            now = self._look(sends, gives)
        return now

    def _look(self, sends: set[str], gives: set[str]) -> Seen:
        sockets = listening(self._player.engine_pid())
        ports = {each.port for each in sockets if each[:2] == ("tcp", PLAYER)}
        self._last_open = max(ports, default=self._last_open)
        self._cable("call", port=self._port, info_hash=self._hashes["other"])
        answers = {
            f"{title} to {whom}"
            for title, info_hash in self._hashes.items()
            for whom, source in (("neighbour", NEIGHBOUR), ("internet", INTERNET))
            if self._cable("dial", source=source, port=self._last_open, info_hash=info_hash)
        }
        sends |= self._sent()
        gives |= self._given()
        listens = sorted(f"{each.kind} {each.address}" for each in sockets)
        return Seen(listens, sorted(sends), sorted(answers), sorted(gives))

    def has_more_to_give(self) -> None:
        """Return when content of the title on its way has left, to one who asks while all is allowed."""
        self._player.run("settings", "sharing", "everyone")
        wait_until(lambda: "other to neighbour" in self._look(set(), set()).gives, "a piece")
        self._player.run("settings", "sharing", "off")
        self._given()

    def _given(self) -> set[str]:
        names = {NEIGHBOUR: "neighbour", INTERNET: "internet"}
        return {f"{title} to {names.get(to, to)}" for title, to in self._cable("given")}

    def _sent(self) -> set[str]:
        return {name for packet in self._cable("seen") if (name := self._named(*packet))}

    def _named(self, kind: str, to: str, port: int, content: str) -> str:
        if (kind, to, port) == ("tcp", INTERNET, TRACKER_PORT):
            return self._announces(content)
        known = {
            ("udp", LSD, LSD_PORT): "multicast",
            ("udp", LSD6, LSD_PORT): "multicast6",
            ("udp", SSDP, SSDP_PORT): "asks router",
            ("udp", NEIGHBOUR, NATPMP_PORT): "asks router",
        }
        if (to in (NEIGHBOUR, INTERNET)) and _FIRST_PORT <= port <= self._port:
            return "dials neighbour" if to == NEIGHBOUR else "dials internet"
        return known.get((kind, to, port), f"{kind} {to} {port}")

    def _announces(self, request: str) -> str:
        """Nothing for a connection as such, and for a goodbye."""
        asked = parse_qs(urlsplit(request.partition(" HTTP/")[0][4:]).query, encoding="latin-1")
        if not asked or asked.get("event") == ["stopped"]:
            return ""
        info_hash = asked["info_hash"][0].encode("latin-1").hex()
        return f"announces {next(title for title, each in self._hashes.items() if each.startswith(info_hash))}"


def main(folder: Path) -> None:
    """All rows: first those with a job, which runs through all of them."""
    with plugged_in() as cable, World(folder, f"http://{INTERNET}:{TRACKER_PORT}/announce", processes=True) as world:
        for title, layout in (("game", _GAME), ("other", _OTHER)):
            trees.write(folder / title, layout)
            world.release("1", folder / title, title=title)
            cable("know", title=title, path=str(folder / title / "data/pak"))
        player = world.player("ann", listen_host="", local_discovery="on")
        player.run("install", "game", "--to", world.folder(player))
        player.run("settings", "download_limit_bps", _FIRST_BPS)
        watch = Watch(player, cable)
        with player.start("install", "other", "--to", folder / "games" / "other") as client:
            wait_until(lambda: player.engine_pid() > 0 and bool(listening(player.engine_pid())), "the download")
            watch.has_more_to_give()
            player.run("settings", "download_limit_bps", _SLOW_BPS)
            seen = {row: watch.row(row) for row in ROWS if row.fetches}
            client.send_signal(signal.SIGINT)
            client.communicate()
        seen |= {row: watch.row(row) for row in ROWS if not row.fetches}
    json.dump(list(seen.items()), sys.stdout)


def run(folder: Path) -> dict[Row, Seen]:
    """What was seen in each of `ROWS`; in namespaces of its own, also without being root."""
    rootless = [] if os.geteuid() == 0 else ["--map-root-user"]
    command = ["unshare", "--net", *rootless, sys.executable, "-m", "tests.support.wire", str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, check=True)
    return {Row(*row): Seen(*seen) for row, seen in json.loads(done.stdout)}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
