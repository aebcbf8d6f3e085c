"""What leaves this machine, as counted on the other player's side."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import libtorrent as lt
import pytest

from patcher import beneath, disk
from patcher.errors import DiskError
from patcher.transfer.swarm import session as sessions
from patcher.transfer.swarm.policy import Surroundings
from patcher.transfer.swarm.session import Session
from patcher.transfer.swarm.torrent import Torrent
from tests.support.doors import ROWS, Row
from tests.support.far import LSD_PORT
from tests.support.peers import HOST, Player, plant, torrent_of, wait_for
from tests.support.sockets import listening
from tests.transfer.conftest import SIZES, Game, settings

WATCH_S = 3.0
NEIGHBOURLY = next(row for row in ROWS if (row.sharing, row.peers, row.fetches) == ("lan", "all", True))
UNCOUNTED_BYTES = 512 * 1024
"""What may leave between the last count and the cut, on a machine with much else to do."""
SWITCH_WATCH_S = 1.5


@contextmanager
def opened(**commands: object) -> Iterator[Session]:
    session = Session(settings(**commands))
    try:
        yield session
    finally:
        session.close()


def offered(session: Session, game: Game) -> bytes:
    """Offer the installed game alone; its info hash."""
    torrent = game.installed()
    session.offer([torrent])
    return torrent.info_hash


@contextmanager
def all_but_one(session: Session, game: Game) -> Iterator[bytes]:
    """Fetch the last piece of the game, and have the others; its info hash."""
    with session.fetching(game.installed(), game.everything[:-1], game.everything[-1:]) as swarm:
        yield swarm.torrent.info_hash


def address(session: Session) -> tuple[str, int]:
    return "127.0.0.1", session.listen_port


def never_gets(player: Player, byte_count: int, seconds: float) -> bool:
    return not wait_for(lambda: player.received_bytes > byte_count, seconds)


def test_sharing_off_gives_a_fetching_neighbour_not_one_byte(game: Game, tmp_path: Path) -> None:
    """Even while we are in the swarm ourselves: we have all but one piece, and it asks for what we have."""
    with opened() as session, Player() as asking, all_but_one(session, game):
        asking.want(game.data, tmp_path / "asking" / "game", address(session))
        assert wait_for(lambda: asking.connected() != [])
        assert never_gets(asking, 0, WATCH_S)


def test_sharing_off_offers_nothing_of_what_is_installed(game: Game, tmp_path: Path) -> None:
    """Nor to those whom we dial ourselves for what we fetch."""
    other = plant(tmp_path / "other", {"data": 100_000, "more": 100_000}, seed=2)
    with opened() as session, Player() as asking:
        info_hash = offered(session, game)
        asking.want(game.data, tmp_path / "asking" / "game")
        torrent = replace(Torrent.parse(torrent_of(other), (tmp_path / "0", tmp_path / "1")), peers=(asking.address,))
        with session.fetching(torrent, (), range(torrent.layout.count)):
            asking.ask(address(session))
            assert never_gets(asking, 0, SWITCH_WATCH_S)
            assert asking.connected() == []
            assert info_hash in session.offered()


@pytest.mark.parametrize("sharing", ["lan", "everyone"])
def test_sharing_on_lets_a_neighbour_complete_from_us_alone(game: Game, tmp_path: Path, sharing: str) -> None:
    target = tmp_path / "asking" / "game"
    with opened(sharing=sharing) as session, Player() as asking:
        info_hash = offered(session, game)
        asking.want(game.data, target, address(session))
        assert wait_for(lambda: asking.is_complete)
        assert wait_for((target / "zebra").exists)
        assert session.counters()[info_hash].sent_bytes == asking.received_bytes


def test_switched_off_while_a_neighbour_downloads_nothing_more_leaves(game: Game, tmp_path: Path) -> None:
    with opened(sharing="everyone") as session, Player() as asking, all_but_one(session, game) as info_hash:
        asking.want(game.data, tmp_path / "asking" / "game")
        asking.handle.set_download_limit(2_000_000)
        asking.ask(address(session))
        assert wait_for(lambda: asking.received_bytes > 500_000)
        session.apply(settings(sharing="off"))
        sent = session.counters()[info_hash].sent_bytes
        assert never_gets(asking, sent + UNCOUNTED_BYTES, SWITCH_WATCH_S)
        assert session.counters()[info_hash].sent_bytes == sent
        session.apply(settings(sharing="lan"))
        asking.ask(address(session))
        assert wait_for(lambda: asking.received_bytes > sent)


def test_room_on_the_line_opens_nothing_that_is_switched_off(game: Game, tmp_path: Path) -> None:
    with opened(sharing="everyone") as session, Player() as asking:
        offered(session, game)
        session.pace()
        session.apply(settings(sharing="off"))
        asking.want(game.data, tmp_path / "asking" / "game")
        asking.ask(address(session))
        for _ in range(3):
            session.pace()
            assert never_gets(asking, 0, SWITCH_WATCH_S / 3)


def test_what_waits_in_silence_is_offered_as_soon_as_the_player_says_yes(game: Game, tmp_path: Path) -> None:
    with opened() as session, Player() as asking:
        offered(session, game)
        session.apply(settings(sharing="everyone"))
        asking.want(game.data, tmp_path / "asking" / "game", address(session))
        assert wait_for(lambda: asking.is_complete)


def test_a_spent_monthly_cap_is_sharing_off(game: Game, tmp_path: Path) -> None:
    commands = settings(sharing="everyone", monthly_upload_cap_bytes=1_000)
    with opened(sharing="everyone") as session, Player() as asking:
        offered(session, game)
        port = session.listen_port
        assert can_be_dialled(port)
        session.apply(commands, month_uploaded_bytes=1_000)
        assert not can_be_dialled(port)
        asking.want(game.data, tmp_path / "asking" / "game", (HOST, port))
        assert never_gets(asking, 0, SWITCH_WATCH_S)


def test_a_limit_on_uploads_holds_for_neighbours_too(game: Game, tmp_path: Path) -> None:
    with opened(sharing="everyone", upload_limit_bps=1_000_000) as session, Player() as asking:
        offered(session, game)
        asking.want(game.data, tmp_path / "asking" / "game", address(session))
        assert wait_for(lambda: asking.received_bytes > 0)
        assert not wait_for(lambda: asking.is_complete, SWITCH_WATCH_S)  # 12 MB, which else take a tenth of that


def test_without_peers_nobody_is_let_in(game: Game, tmp_path: Path) -> None:
    with opened(sharing="everyone") as session, Player() as asking, all_but_one(session, game):
        asking.want(game.data, tmp_path / "asking" / "game", address(session))
        assert wait_for(lambda: asking.received_bytes > 0)
        port = session.listen_port
        session.apply(settings(sharing="everyone", peers="none"))
        assert (session.listen_port, can_be_dialled(port)) == (0, False)
        assert wait_for(lambda: asking.connected() == [])


@contextmanager
def at_work(
    game: Game, folder: Path, row: Row, **commands: object
) -> Iterator[tuple[Session, bytes, bytes, ExitStack]]:
    """A session that offers a torrent, and fetches another when the row says so; their info hashes, and the fetch."""
    plant(folder / "other", {"data": 100_000, "more": 100_000}, seed=2)
    other = Torrent.parse(torrent_of(folder / "other"), (folder / "0", folder / "1"))
    with opened(**commands) as session, ExitStack() as fetch:
        mine = offered(session, game)
        if row.fetches:
            fetch.enter_context(session.fetching(other, (), range(other.layout.count)))
        yield session, mine, other.info_hash, fetch


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_port_is_open_only_for_what_is_fetched_or_may_be_given(game: Game, tmp_path: Path, row: Row) -> None:
    """Whatever the settings were before, and no more when the torrents have left."""
    with at_work(game, tmp_path, row, sharing="everyone") as (session, _, _, fetch):
        port = session.listen_port
        assert can_be_dialled(port)
        session.apply(settings(sharing=row.sharing, peers=row.peers))
        assert can_be_dialled(session.listen_port) == can_be_dialled(port) == row.is_open
        fetch.close()
        session.offer(())
        assert (session.listen_port, can_be_dialled(port)) == (0, False)


@pytest.mark.parametrize("row", ROWS, ids=str)
@pytest.mark.parametrize("before", [{"sharing": "everyone"}, {}, {"peers": "none"}], ids=str)
def test_with_whom_each_torrent_speaks(game: Game, tmp_path: Path, row: Row, before: dict[str, str]) -> None:
    with at_work(game, tmp_path, row, **before) as (session, mine, fetched, _):
        session.apply(settings(sharing=row.sharing, peers=row.peers))
        assert (reach(session, fetched), reach(session, mine)) == (row.fetched, row.offered)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_with_whom_each_torrent_speaks_from_the_start(game: Game, tmp_path: Path, row: Row) -> None:
    with at_work(game, tmp_path, row, sharing=row.sharing, peers=row.peers) as (session, mine, fetched, _):
        assert (reach(session, fetched), reach(session, mine)) == (row.fetched, row.offered)


@pytest.mark.parametrize("is_wanted", [False, True])
def test_neighbours_are_looked_for_only_when_the_player_wants_that(game: Game, is_wanted: bool) -> None:
    with opened(sharing="everyone", local_discovery=is_wanted) as session:
        offered(session, game)
        assert (LSD_PORT in {each.port for each in listening(os.getpid())}) == is_wanted


@pytest.mark.parametrize("is_wanted", [False, True])
def test_peers_tell_of_peers_only_when_the_player_wants_that_from_the_start_and_later(
    game: Game, is_wanted: bool
) -> None:
    with opened(sharing="everyone", peer_exchange=is_wanted) as session:
        handle = session._swarms[offered(session, game)].handle
        for now in (is_wanted, not is_wanted, is_wanted):
            session.apply(settings(sharing="everyone", peer_exchange=now))
            assert bool(handle.flags() & lt.torrent_flags.disable_pex) != now


def test_what_was_fetched_from_everybody_is_offered_to_whom_the_player_chose(game: Game) -> None:
    with opened(sharing="lan") as session:
        with all_but_one(session, game) as info_hash:
            assert reach(session, info_hash) == "all"
        offered(session, game)
        assert reach(session, info_hash) == "lan"


def test_while_somebody_is_banned_nothing_is_offered_that_would_let_them_in(game: Game, tmp_path: Path) -> None:
    """A filter for the local network alone cannot bind what is fetched from everybody."""
    with at_work(game, tmp_path, NEIGHBOURLY, sharing="lan") as (session, mine, fetched, fetch):
        assert (reach(session, mine), reach(session, fetched)) == ("lan", "all")
        session._filter.ban("198.51.100.1")
        for _ in range(3):
            session.changed()
            assert (reach(session, mine), reach(session, fetched)) == ("none", "all")
            assert session._swarms[fetched].handle.flags() & lt.torrent_flags.apply_ip_filter
            assert session._session.get_ip_filter().access("198.51.100.1") == 1
        fetch.close()
        session.changed()
        assert reach(session, mine) == "lan"


def test_an_offer_waits_while_the_same_torrent_is_fetched(game: Game) -> None:
    with opened(sharing="lan") as session:
        offered(session, game)
        with session.fetching(game.installed(), game.everything[:-1], game.everything[-1:]) as swarm:
            info_hash = offered(session, game)
            assert session._swarms[info_hash] is swarm
            assert (reach(session, info_hash), session.changed()) == ("all", [])
        assert reach(session, info_hash) == "lan"


def test_what_a_fetch_has_written_is_offered_as_it_is_then(game: Game) -> None:
    with opened(sharing="lan") as session:
        info_hash = offered(session, game)
        with session.fetching(game.installed(), game.everything[:-1], game.everything[-1:]):
            (game.folder / "zebra").write_bytes((game.folder / "zebra").read_bytes())
        assert (reach(session, info_hash), session.changed()) == ("lan", [])


def test_a_torrent_is_offered_from_where_its_files_are_now(game: Game, tmp_path: Path) -> None:
    torrent = game.installed()
    with opened(sharing="lan") as session, Player() as asking:
        session.offer([torrent])
        game.folder.rename(tmp_path / "moved")
        session.offer([replace(torrent, paths=tuple(tmp_path / "moved" / name for name in SIZES))])
        assert session.changed() == []
        asking.want(game.data, tmp_path / "asking" / "game", address(session))
        assert wait_for(lambda: asking.is_complete)


def can_be_dialled(port: int) -> bool:
    with suppress(OSError), socket.create_connection((HOST, port)):
        return True
    return False


def reach(session: Session, info_hash: bytes) -> str:
    """With whom libtorrent lets the torrent speak."""
    if info_hash not in session._swarms:
        return "none"
    filtered = session._swarms[info_hash].handle.flags() & lt.torrent_flags.apply_ip_filter
    doors = session._session.get_ip_filter()
    (local,) = {not filtered or doors.access(each) == 0 for each in ("192.168.1.1", "fe80::1", HOST)}
    (others,) = {not filtered or doors.access(each) == 0 for each in ("203.0.113.1", "2001:db8::1")}
    return {(False, False): "none", (True, False): "lan", (True, True): "all"}[local, others]


def test_letting_go_closes_every_file(game: Game, tmp_path: Path) -> None:
    with opened(sharing="everyone") as session, Player() as asking:
        offered(session, game)
        asking.want(game.data, tmp_path / "asking" / "game", address(session))
        assert wait_for(lambda: asking.received_bytes > 1_000_000)
        assert open_files(game.folder) != []
        session.offer(())
        assert open_files(game.folder) == []


def test_a_file_that_changes_takes_its_torrent_out(game: Game) -> None:
    with opened(sharing="everyone") as session:
        info_hash = offered(session, game)
        assert session.changed() == []
        with (game.folder / "zebra").open("r+b") as file:
            file.write(b"a mod")
        assert session.changed() == [info_hash]
        assert session.offered() == frozenset()


def test_a_file_that_cannot_be_read_takes_out_its_own_torrent_and_the_others_are_watched_on(
    game: Game, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = plant(tmp_path / "other", {"data": 100_000, "more": 100_000}, seed=2)
    second = Torrent.parse(torrent_of(other), (other / "data", other / "more"))
    status = beneath.status

    def broken(path: Path) -> os.stat_result | None:
        if path == game.folder / "zebra":
            raise DiskError("disk.failed", "Input/output error.")
        return status(path)

    with opened(sharing="everyone") as session:
        first = game.installed()
        session.offer([first, second])
        monkeypatch.setattr(beneath, "status", broken)
        assert session.changed() == [first.info_hash]
        assert session.offered() == {second.info_hash}
        (other / "data").write_bytes(b"a mod")
        assert session.changed() == [second.info_hash]
        session.offer([first, second])
        assert sorted(session.changed()) == sorted([first.info_hash, second.info_hash])


def test_files_are_looked_at_in_turns_and_nobody_waits_for_a_look(game: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_LOOKS", 2)
    with opened(sharing="everyone") as session:
        info_hash = offered(session, game)
        with (game.folder / "zebra").open("r+b") as file:  # the fifth of five
            file.write(b"a mod")
        stat = sessions._stat

        def look(path: Path) -> object:
            other = threading.Thread(target=session.offered)
            other.start()
            other.join()
            return stat(path)

        monkeypatch.setattr(sessions, "_stat", look)
        assert [session.changed() for _ in range(3)] == [[], [], [info_hash]]


def test_what_was_let_go_while_it_was_looked_at_is_not_said_to_have_changed(
    game: Game, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(sharing="everyone") as session:
        offered(session, game)

        def another(path: Path) -> None:
            if session.offered():
                session.offer(())

        monkeypatch.setattr(sessions, "_stat", another)
        assert session.changed() == []


def test_bytes_that_rotted_unseen_are_never_given_away_nor_written_over(game: Game, tmp_path: Path) -> None:
    path = game.folder / "data/big.pak"
    rotten = bytearray(path.read_bytes())
    rotten[4_000_000] ^= 1
    path.write_bytes(rotten)
    with opened(sharing="everyone") as session, Player() as asking:
        info_hash = offered(session, game)
        asking.want(game.data, tmp_path / "asking" / "game", address(session))
        assert wait_for(lambda: session.changed() == [info_hash])
        assert path.read_bytes() == rotten
        assert asking.handle.status().total_failed_bytes == 0


def test_a_file_of_another_size_is_not_offered(game: Game) -> None:
    with (game.folder / "zebra").open("ab") as file:
        file.write(b"more")
    with opened(sharing="everyone") as session:
        info_hash = offered(session, game)
        assert reach(session, info_hash) == "none"
        assert session.changed() == [info_hash]
        assert session.changed() == []


def open_files(folder: Path) -> list[str]:
    if os.name == "nt":
        return [str(path) for path in folder.rglob("*") if path.is_file() and _is_open(path)]
    names = [Path("/proc/self/fd", name) for name in Path("/proc/self/fd").iterdir()]
    targets = [str(name.readlink()) for name in names if name.is_symlink()]
    return [target for target in targets if target.startswith(str(folder))]


def test_on_battery_nothing_more_leaves_and_with_power_it_goes_on(game: Game, tmp_path: Path) -> None:
    commands = settings(sharing="everyone")
    with opened(sharing="everyone") as session, Player() as asking, all_but_one(session, game) as info_hash:
        asking.want(game.data, tmp_path / "asking" / "game")
        asking.handle.set_download_limit(2_000_000)
        asking.ask(address(session))
        assert wait_for(lambda: asking.received_bytes > 500_000)
        session.apply(commands, around=Surroundings(on_battery=True))
        sent = session.counters()[info_hash].sent_bytes
        assert never_gets(asking, sent + UNCOUNTED_BYTES, SWITCH_WATCH_S)
        assert session.counters()[info_hash].sent_bytes == sent
        session.apply(commands)
        asking.ask(address(session))
        assert wait_for(lambda: asking.received_bytes > sent)


def test_the_local_network_is_exempt_from_limits_and_rests_if_the_player_says_so(game: Game, tmp_path: Path) -> None:
    commands = settings(sharing="everyone", upload_limit_bps=10_000, exempt_lan=True)
    with opened() as session, Player() as asking:
        offered(session, game)
        session.apply(commands, around=Surroundings(on_battery=True, is_metered=True, by_vpn=True))
        asking.want(game.data, tmp_path / "asking" / "game", address(session))
        assert wait_for(lambda: asking.is_complete)  # 12 MB, which else take twenty minutes


def _is_open(path: Path) -> bool:
    try:
        disk.check_replaceable(path)
    except DiskError:
        return True
    return False
