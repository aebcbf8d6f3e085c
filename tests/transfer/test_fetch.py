"""Who delivers: peers, the origin, both, or nobody; and what is true of the files then."""

import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from patcher import beneath, disk
from patcher.beneath import below
from patcher.content.merkle import ref_of
from patcher.errors import Cancelled, DiskError, OriginError
from patcher.serve.tracker import Tracker
from patcher.transfer import without_peers
from patcher.transfer.fetch import Want, fetch
from patcher.transfer.origin import client
from patcher.transfer.origin.client import Origin
from patcher.transfer.origin.readers import PackSource, TreeSource
from patcher.transfer.sample import Arrived, Sample
from patcher.transfer.swarm import session as sessions
from patcher.transfer.swarm.picker import Rules
from patcher.transfer.swarm.session import Session
from patcher.transfer.swarm.swarm import Swarm
from patcher.transfer.swarm.torrent import Torrent
from tests.support.hostile_origin import HostileOrigin, content_path, says
from tests.support.peers import HOST, Player, Shelf, plant, torrent_of, tracker, wait_for
from tests.transfer.conftest import QUICK, SIZES, Game, all_of, settings
from tests.transfer.test_consent import open_files


def loose(game: Game, shelf: Shelf) -> TreeSource:
    """The origin's loose files, without any pack."""
    return TreeSource(shelf.read, game.here())


def test_peers_alone_deliver_all(game: Game, session: Session) -> None:
    with Player() as seed:
        torrent = game.here(seed.seed(game.data, game.folder).address)
        got = game.fetch(session, torrent)
        assert game.is_whole(torrent)
        assert sorted(game.reported) == list(game.everything)
        assert got.sources.lan_bytes == seed.sent_bytes == sum(SIZES.values())
        assert (got.sources.peer_bytes, got.sources.origin_bytes) == (0, 0)
        assert open_files(game.staging) == []


def test_all_is_delivered_although_alerts_are_lost(game: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    refresh, lost = Swarm.refresh, list[Swarm]()

    def note(swarm: Swarm) -> None:
        lost.append(swarm)
        refresh(swarm)

    monkeypatch.setitem(sessions._FIXED, "alert_queue_size", 1)
    monkeypatch.setattr(Swarm, "refresh", note)
    with closing(Session(settings())) as session, Player() as seed:
        torrent = game.here(seed.seed(game.data, game.folder).address)
        game.fetch(session, torrent, rules=Rules())
        assert lost
        assert game.is_whole(torrent)
        assert sorted(game.reported) == list(game.everything)
    lost[0].refresh()  # a torrent that has left the session has nothing to tell


def test_the_origin_alone_delivers_all(game: Game, session: Session) -> None:
    shelf, torrent = game.shelf(), game.here()
    got = game.fetch(session, torrent, loose(game, shelf))
    assert game.is_whole(torrent)
    assert got.sources.origin_bytes == shelf.sent_bytes == sum(SIZES.values())
    assert got.sources.lan_bytes == got.sources.peer_bytes == 0
    assert open_files(game.staging) == []


def test_without_p2p_the_origin_delivers_straight_into_the_files(game: Game) -> None:
    shelf, torrent = game.shelf(), game.here()
    got = game.fetch(None, torrent, loose(game, shelf))
    assert game.is_whole(torrent)
    assert sorted(game.reported) == list(game.everything)
    assert got.sources.origin_bytes == shelf.sent_bytes == sum(SIZES.values())


def test_a_session_that_is_closed_has_ended(game: Game) -> None:
    before = psutil.Process().num_threads()
    with closing(Session(settings())) as session:
        game.fetch(session, game.here(), loose(game, game.shelf()))
        assert psutil.Process().num_threads() > before
    assert psutil.Process().num_threads() == before  # libtorrent has threads of its own


def test_peers_forbidden_is_without_p2p(game: Game) -> None:
    with Player() as seed:
        torrent = game.here(seed.seed(game.data, game.folder).address)
        session = Session(settings(peers="none"))
        try:
            got = game.fetch(session, torrent, loose(game, game.shelf()))
        finally:
            session.close()
        assert game.is_whole(torrent)
        assert got.sources.lan_bytes == seed.sent_bytes == 0


def test_the_origin_closes_the_gap_of_a_peer_that_has_only_half(game: Game, session: Session, tmp_path: Path) -> None:
    half = tmp_path / "half" / "game"
    plant(half, SIZES)
    (half / "data/big.pak").unlink()
    with Player() as peer:
        peer.want(game.data, half)
        assert wait_for(lambda: peer.handle.status().num_pieces > 40)
        torrent = game.here(peer.address)
        got = game.fetch(session, torrent, loose(game, game.shelf(rate_bps=10_000_000)))
        assert game.is_whole(torrent)
        assert got.sources.lan_bytes >= SIZES["bin/run"]
        assert SIZES["data/big.pak"] <= got.sources.origin_bytes < sum(SIZES.values())


def test_a_full_seed_spares_the_origin(game: Game, session: Session) -> None:
    with Player() as seed:
        torrent = game.here(seed.seed(game.data, game.folder).address)
        fast = replace(QUICK, worth=0)  # however busy this machine is
        got = game.fetch(session, torrent, loose(game, game.shelf(rate_bps=3_000_000)), rules=fast)
        assert game.is_whole(torrent)
        assert got.sources.origin_bytes == 0


def test_whom_the_tracker_names_nobody_begins_at_once(game: Game, session: Session) -> None:
    with Tracker() as tracker:
        torrent, patient = game.here(trackers=(tracker.http_url,)), replace(QUICK, hello_s=100_000)
        got = game.fetch(session, torrent, loose(game, game.shelf()), rules=patient)
    assert game.is_whole(torrent)
    assert got.sources.origin_bytes == sum(SIZES.values())


def test_a_slow_seed_is_helped_by_the_origin(game: Game, session: Session) -> None:
    with Player() as seed:
        torrent = game.here(seed.seed(game.data, game.folder).limit(500_000).address)
        got = game.fetch(session, torrent, loose(game, game.shelf(rate_bps=15_000_000)))
        assert game.is_whole(torrent)
        assert got.sources.origin_bytes > 0 and got.sources.lan_bytes > 0


def test_a_seed_that_never_serves_does_not_hold_us_up(game: Game, session: Session) -> None:
    with Player(unchoke_slots_limit=0, allowed_fast_set_size=0) as seed:
        torrent = game.here(seed.seed(game.data, game.folder).address)
        seed.choke_neighbours()
        game.fetch(session, torrent, loose(game, game.shelf()))
        assert game.is_whole(torrent)
        assert seed.sent_bytes == 0


@pytest.mark.parametrize("fault", ["missing", "down"])
def test_what_the_origin_lost_still_comes_from_peers(game: Game, session: Session, fault: str) -> None:
    shelf = game.shelf()
    shelf.missing = set(shelf.contents) if fault == "missing" else set()
    shelf.is_down = fault == "down"
    with Player() as seed:
        torrent = game.here(seed.seed(game.data, game.folder).address)
        got = game.fetch(session, torrent, loose(game, shelf))
        assert game.is_whole(torrent)
        assert got.sources.origin_bytes == 0


@pytest.mark.parametrize(
    ("fault", "code"),
    [("missing", "origin.no_source"), ("down", "origin.unreachable"), ("no origin", "origin.no_source")],
)
def test_nobody_has_it(game: Game, session: Session, fault: str, code: str) -> None:
    shelf = Shelf()
    shelf.is_down = fault == "down"
    with pytest.raises(OriginError) as raised:
        game.fetch(session, game.here(), None if fault == "no origin" else loose(game, shelf))
    assert raised.value.code == code
    assert open_files(game.staging) == []


def test_an_origin_that_drips_keeps_no_fetch_alive(game: Game, session: Session) -> None:
    shelf = game.shelf()
    shelf.drips = True
    patient = replace(QUICK, patience_s=3.0)  # longer than the rest before the origin is asked again
    with pytest.raises(OriginError) as raised:
        game.fetch(session, game.here(), loose(game, shelf), cancel=lambda: len(game.samples) > 150, rules=patient)
    assert raised.value.code == "origin.too_slow"


@pytest.mark.parametrize("has_peers", [True, False], ids=["with peers", "without"])
def test_a_server_without_ranges_is_the_cause_that_is_told(
    game: Game, session: Session, monkeypatch: pytest.MonkeyPatch, *, has_peers: bool
) -> None:
    monkeypatch.setattr(client, "_WHOLE_BYTES", 4_000_000)
    monkeypatch.setattr(without_peers, "_REQUEST_BYTES", 1 << 20)
    with HostileOrigin() as server, Origin([server.url]) as origin:
        for data in filter(None, game.contents):
            server.answer(content_path(ref_of(data)), *[says(200, data)] * 999)
        source = TreeSource(origin.read, game.here())
        with pytest.raises(OriginError) as raised:
            game.fetch(session if has_peers else None, game.here(), source)
    assert raised.value.code == "origin.no_ranges"
    if has_peers:  # all that is small came all the same
        small = {file for file, size in enumerate(SIZES.values()) if size <= 4_000_000}
        layout = game.layout
        assert {piece for piece in game.everything if layout.span(piece).file in small} <= set(game.reported)


def test_without_p2p_the_origin_says_itself_what_is_wrong(game: Game) -> None:
    with pytest.raises(OriginError) as raised:
        game.fetch(None, game.here(), loose(game, Shelf()))
    assert raised.value.code == "origin.missing"
    with pytest.raises(OriginError) as raised:
        game.fetch(None, game.here(), None)
    assert raised.value.code == "origin.no_source"


def test_a_lying_peer_costs_bytes_and_nothing_else(game: Game, session: Session, tmp_path: Path) -> None:
    forged = plant(tmp_path / "forged" / "game", SIZES, seed=2)
    with Player() as liar:
        torrent = game.here(liar.seed(game.data, forged, lie=True).address)
        got = game.fetch(session, torrent, loose(game, game.shelf(rate_bps=10_000_000)))
        assert game.is_whole(torrent)
        assert got.sources.lan_bytes > 0


def test_a_lying_origin_is_dropped_and_peers_go_on(game: Game, session: Session) -> None:
    shelf = game.shelf()
    shelf.lies = True
    with Player() as seed:
        torrent = game.here(seed.seed(game.data, game.folder).address)
        game.fetch(session, torrent, loose(game, shelf), rules=replace(QUICK, hello_s=0))
        assert game.is_whole(torrent)
    assert 3 <= len(shelf.requests) < 10


def test_a_lying_origin_alone_is_found_out(game: Game, session: Session) -> None:
    shelf = game.shelf()
    shelf.lies = True
    with pytest.raises(OriginError) as raised:
        game.fetch(session, game.here(), loose(game, shelf))
    assert (raised.value.code, raised.value.facts["cause"]) == ("origin.no_source", "content.mismatch")
    assert game.reported == []


def test_an_interrupted_fetch_goes_on_with_what_is_on_disk(game: Game, session: Session) -> None:
    torrent, shelf = game.here(), game.shelf(rate_bps=4_000_000)
    with pytest.raises(Cancelled):
        game.fetch(session, torrent, loose(game, shelf), cancel=lambda: len(game.reported) > 60)
    held = torrent.held()
    assert held >= set(game.reported)
    game.reported.clear()
    got = game.fetch(session, torrent, loose(game, shelf), have=held)
    assert game.is_whole(torrent)
    assert got.sources.origin_bytes == sum(game.layout.span(p).length for p in game.everything if p not in held)


@pytest.mark.parametrize("p2p", [True, False])
def test_cancelling_ends_it_and_lets_go(game: Game, session: Session, p2p: bool) -> None:
    torrent, command = game.here(), threading.Event()
    timer = threading.Timer(0.3, command.set)
    timer.start()
    with pytest.raises(Cancelled):
        game.fetch(session if p2p else None, torrent, loose(game, game.shelf(rate_bps=500_000)), cancel=command.is_set)
    timer.join()
    assert open_files(game.staging) == []


@pytest.mark.parametrize("p2p", [True, False])
def test_samples_come_while_nothing_arrives_and_closing_lets_go(game: Game, session: Session, p2p: bool) -> None:
    source = loose(game, game.shelf(rate_bps=20_000))  # more than three seconds a piece
    with closing(fetch(session if p2p else None, all_of(game.here()), source, rules=QUICK)) as events:
        begun = time.monotonic()
        assert all(isinstance(next(events), Sample) for _ in range(6))
        assert time.monotonic() - begun < 6 * 0.5
    assert open_files(game.staging) == []
    assert session.listen_port == 0


def test_files_that_are_right_where_they_are_stay_untouched(game: Game, session: Session, tmp_path: Path) -> None:
    """An update: unchanged files are mapped to the install, a changed one to staging."""
    install = plant(tmp_path / "install", SIZES)
    (install / "zebra").write_bytes(b"an older zebra")
    places = [install / name for name in SIZES]
    places[4] = game.staging / "zebra.new"
    torrent = game.here()
    torrent = replace(torrent, paths=tuple(places))
    have = frozenset(game.everything) - set(game.layout.pieces(4))
    before = {path: path.stat().st_mtime_ns for path in places[:4]}
    game.fetch(session, torrent, loose(game, game.shelf()), have=have)
    assert (game.staging / "zebra.new").read_bytes() == (game.folder / "zebra").read_bytes()
    assert (install / "zebra").read_bytes() == b"an older zebra"
    assert {path: path.stat().st_mtime_ns for path in places[:4]} == before


def test_what_is_not_wanted_is_not_fetched(game: Game, session: Session) -> None:
    torrent, shelf = game.here(), game.shelf()
    wanted = frozenset(game.layout.pieces(0))
    events = list(fetch(session, Want(torrent, wanted), loose(game, shelf)))
    assert sorted(piece for event in events if isinstance(event, Arrived) for piece in event.pieces) == sorted(wanted)
    assert shelf.sent_bytes == SIZES["bin/run"]
    assert not beneath.exists(torrent.paths[1])


def test_a_fetched_torrent_can_stay_and_serve(game: Game, tmp_path: Path) -> None:
    session = Session(settings(sharing="lan"))
    try:
        torrent = game.here()
        game.fetch(session, torrent, loose(game, game.shelf()))
        session.offer([torrent])
        assert session.offered() == {torrent.info_hash}
        with Player() as asking:
            asking.want(game.data, tmp_path / "asking" / "game", (HOST, session.listen_port))
            assert wait_for(lambda: asking.is_complete)
    finally:
        session.close()


def test_a_pack_is_fetched_like_a_tree(session: Session, game: Game, tmp_path: Path) -> None:
    pack = plant(tmp_path / "author", {"pack": 5_000_001}) / "pack"
    game.data = torrent_of(pack)
    content = pack.read_bytes()
    shelf = Shelf(content)
    torrent = Torrent.parse(game.data, [tmp_path / "packs" / "pack"])
    source = PackSource(shelf.read, game.layout)
    game.fetch(session, torrent, source)
    assert beneath.read(torrent.paths[0]) == content
    assert shelf.sent_bytes == len(content)


def test_players_find_each_other_by_the_tracker(game: Game, session: Session) -> None:
    with tracker() as url, Player() as seed:
        seed.seed(game.data, game.folder, trackers=[url])
        torrent = game.here(trackers=(url,))
        got = game.fetch(session, torrent, None)
        assert got.sources.lan_bytes == sum(SIZES.values())


def test_a_disk_that_refuses_is_the_players_problem_to_solve(game: Game, session: Session) -> None:
    game.staging.parent.mkdir(parents=True)
    game.staging.write_bytes(b"a file where the folder must be")
    with Player() as seed, pytest.raises(DiskError) as raised:
        game.fetch(session, game.here(seed.seed(game.data, game.folder).address))
    assert str(game.staging) in str(raised.value.facts["path"])


def test_samples_come_at_most_ten_times_a_second(game: Game, session: Session) -> None:
    begun = time.monotonic()
    game.fetch(session, game.here(), loose(game, game.shelf(rate_bps=8_000_000)))
    assert 1 <= len(game.samples) <= 10 * (time.monotonic() - begun) + 1
    done = [sample.done_bytes for sample in game.samples]
    assert done == sorted(done)


def test_a_download_limit_holds_for_the_origin_too(game: Game) -> None:
    session = Session(settings(download_limit_bps=20_000_000))
    try:
        game.fetch(session, game.here(), loose(game, game.shelf()))
        session.apply(settings(download_limit_bps=2_000_000))
        enough = threading.Event()
        timer = threading.Timer(1.0, enough.set)
        timer.start()
        game.reported.clear()
        with pytest.raises(Cancelled):  # 12 MB cannot be had in a second now
            game.fetch(session, game.here(), loose(game, game.shelf()), cancel=enough.is_set)
        timer.join()
    finally:
        session.close()


def test_a_lifted_limit_counts_for_a_fetch_without_peers_that_is_under_way(game: Game) -> None:
    limits = iter([1])  # a byte a second: it would take months
    torrent = game.here()
    source = loose(game, game.shelf())
    for _ in fetch(None, all_of(torrent), source, download_limit=lambda: next(limits, 0)):
        pass
    assert game.is_whole(torrent)


@pytest.mark.posix("symlinks")
def test_a_folder_that_is_swapped_for_a_link_meanwhile_is_not_followed(
    game: Game, session: Session, tmp_path: Path
) -> None:
    (tmp_path / "install" / "staging").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    folder = below(tmp_path / "install") / "staging"
    torrent = replace(game.here(), paths=tuple(folder / f"{number:03}" for number in range(len(SIZES))))
    for place, size in zip(torrent.paths, SIZES.values(), strict=True):
        disk.Staged(place, size).close()

    shelf = loose(game, game.shelf(rate_bps=20_000_000))
    for _ in fetch(session, all_of(torrent), shelf, rules=QUICK):
        if not folder.path.is_symlink():
            folder.path.rename(tmp_path / "moved")
            folder.path.symlink_to(tmp_path / "outside")
    assert list((tmp_path / "outside").iterdir()) == []
    files = [tmp_path / "moved" / f"{number:03}" for number in range(len(SIZES))]
    assert [file.read_bytes() for file in files] == game.contents
