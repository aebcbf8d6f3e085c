"""The rules by which the origin is asked, one by one, with a clock of our own."""

import math
import random

from patcher.transfer.swarm.picker import PiecePicker, Rules
from patcher.transfer.swarm.swarm import Peer

RULES = Rules()
PIECES = range(100)
MB = 1_000_000
PIECE_BYTES = 256 << 10


def peer(*pieces: int, port: int = 1, seed: bool = False, chokes: bool = False, snubbed: bool = False) -> Peer:
    marks = bytes(piece in pieces for piece in PIECES)
    return Peer("192.168.0.9", port, True, seed, chokes, snubbed, 0, 0, b"" if seed else marks)


def choice(seed: int = 1) -> PiecePicker:
    return PiecePicker(PIECES, len(PIECES), RULES, random.Random(seed))


def all_next(chosen: PiecePicker) -> set[int]:
    """Every piece the origin would be asked for, one after the other."""
    taken: set[int] = set()
    while (piece := chosen.next(lambda p: p not in taken)) is not None:
        taken.add(piece)
    return taken


def test_the_origin_is_asked_for_what_no_peer_offers() -> None:
    chosen = choice()
    chosen.note(0.0, [peer(*range(40)), peer(*range(30, 60), port=2)], 0)
    assert all_next(chosen) == set(range(60, 100))


def test_where_a_seed_is_nothing_is_asked_of_the_origin() -> None:
    chosen = choice()
    chosen.note(0.0, [peer(seed=True)], 0)
    assert chosen.next(lambda _: True) is None


def test_alone_everything_is() -> None:
    chosen = choice()
    chosen.note(0.0, [], 0)
    assert chosen.is_alone and all_next(chosen) == set(PIECES)


def test_players_pick_differently() -> None:
    firsts = set()
    for seed in range(30):
        chosen = choice(seed)
        chosen.note(0.0, [], 0)
        firsts.add(chosen.next(lambda _: True))
    assert len(firsts) > 15


def test_a_peer_that_chokes_us_for_long_offers_nothing() -> None:
    chosen = choice()
    chosen.note(0.0, [peer(*PIECES, chokes=True)], 0)
    assert chosen.is_offered(5)
    chosen.note(RULES.choked_s + 0.1, [peer(*PIECES, chokes=True)], 100 * MB)
    assert not chosen.is_offered(5)
    chosen.note(RULES.choked_s + 0.2, [peer(*PIECES)], 100 * MB)
    assert chosen.is_offered(5)


def test_a_peer_that_owes_us_blocks_offers_nothing() -> None:
    chosen = choice()
    chosen.note(0.0, [peer(seed=True, snubbed=True)], 0)
    assert not chosen.is_offered(5)


def watch(
    chosen: PiecePicker,
    rate_bps: float,
    seconds: float,
    *peers: Peer,
    sent_bytes: int = 0,
    origin_bps: float = math.inf,
) -> None:
    for tick in range(int(seconds * 20) + 1):
        chosen.note(tick / 20, list(peers), int(rate_bps * tick / 20), sent_bytes, origin_bps=origin_bps)


def test_a_rate_below_the_command_counts_incomplete_peers_only() -> None:
    chosen = choice()
    watch(chosen, RULES.wish_bps / 2, RULES.slow_s + 0.2, peer(seed=True), peer(1, 2, 3, port=2))
    assert all_next(chosen) == set(PIECES) - {1, 2, 3}


def test_a_player_who_wants_it_slow_is_not_served_twice_for_it() -> None:
    chosen, limit_bps = choice(), RULES.wish_bps // 10
    for step in range(200):
        chosen.note(step / 20, [peer(seed=True)], int(limit_bps * step / 20), limit_bps=limit_bps, origin_bps=1)
    assert chosen.next(lambda _: True) is None


def test_a_rate_that_meets_the_command_leaves_the_origin_alone() -> None:
    chosen = choice()
    watch(chosen, RULES.wish_bps * 1.1, RULES.slow_s + 0.2, peer(seed=True), origin_bps=RULES.wish_bps / RULES.worth)
    assert all_next(chosen) == set()


def test_peers_that_bring_next_to_nothing_do_not_count() -> None:
    chosen = choice()
    watch(chosen, 1000, RULES.slow_s + 0.2, peer(*PIECES))
    assert all_next(chosen) == set(PIECES)


def test_slowness_while_alone_is_not_held_against_later_peers() -> None:
    chosen = choice()
    watch(chosen, 1000, 20.0)
    chosen.note(20.1, [peer(seed=True)], 20_000)
    assert chosen.is_offered(5)


def arrived(chosen: PiecePicker, *pieces: int) -> None:
    for piece in pieces:
        chosen.arrived(piece, PIECE_BYTES)


AHEAD = RULES.unshared_bytes // PIECE_BYTES


def test_who_has_passed_nothing_on_leaves_the_origin_to_others_while_peers_bring_enough() -> None:
    chosen = choice()
    arrived(chosen, *range(AHEAD - 1))
    watch(chosen, 2 * RULES.wish_bps, 2.0, peer(*range(50)))
    assert all_next(chosen) == set(range(50, 100))
    arrived(chosen, AHEAD - 1)
    assert all_next(chosen) == set()


def test_who_has_passed_on_what_came_asks_for_more() -> None:
    chosen = choice()
    arrived(chosen, *range(AHEAD))
    watch(chosen, 2 * RULES.wish_bps, 2.0, peer(*range(50)), sent_bytes=PIECE_BYTES)
    assert all_next(chosen) == set(range(50, 100))


def test_pieces_that_nobody_else_has_yet_count_however_much_was_sent() -> None:
    chosen = choice()
    arrived(chosen, *range(60, 60 + AHEAD))
    watch(chosen, 2 * RULES.wish_bps, 2.0, peer(*range(50)), sent_bytes=100 * MB)
    assert all_next(chosen) == set()
    chosen.note(2.1, [peer(*range(61))], 5 * RULES.wish_bps, 100 * MB)
    assert all_next(chosen) == set(range(61, 100))


def test_who_is_given_less_than_the_origin_would_asks_it_again() -> None:
    chosen = choice()
    arrived(chosen, *range(AHEAD))
    watch(chosen, RULES.wish_bps / 4, 2.0, peer(*range(50)), origin_bps=RULES.wish_bps / 8)
    assert all_next(chosen) == set()
    watch(chosen, RULES.wish_bps / 4, 2.0, peer(*range(50)), origin_bps=RULES.wish_bps / 2)
    assert all_next(chosen) == set(range(50, 100))


def test_the_origin_adds_its_share_to_what_slow_seeds_bring() -> None:
    """All players together ask for a share of one copy; what incomplete players have is not asked for."""
    chosen, crowd = choice(), [peer(seed=True), peer(1, 2, port=2), peer(1, 3, port=3)]
    watch(chosen, MB, 1.1, *crowd, origin_bps=MB)
    assert all_next(chosen) == set(PIECES) - {1, 2, 3}
    arrived(chosen, *range(4, 4 + math.ceil(len(PIECES) * RULES.assist / 3)))
    chosen.note(1.2, crowd, 2 * MB, origin_bps=MB)
    assert all_next(chosen) == set()


def test_fast_seeds_need_no_help() -> None:
    chosen = choice()
    watch(chosen, RULES.worth * MB * 1.1, 1.1, peer(seed=True), origin_bps=MB)
    assert all_next(chosen) == set()


def test_a_slow_origin_is_not_asked_for_a_rate_that_it_lacks() -> None:
    """Seeds go on to count where the origin would bring less than they do."""
    chosen = choice()
    arrived(chosen, 0)
    watch(chosen, MB, RULES.slow_s + 1, peer(seed=True), origin_bps=MB / 5)
    assert all_next(chosen) == set()
