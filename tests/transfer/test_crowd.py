"""Several players at once, a change of mind on the way, and a kill."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

from patcher.protocol.events import Sources
from patcher.transfer.fetch import Want, fetch
from patcher.transfer.origin.readers import TreeSource
from patcher.transfer.sample import Sample
from patcher.transfer.swarm.session import Session
from patcher.transfer.swarm.torrent import Torrent
from tests.support.peers import Player, plant, torrent_of, tracker, wait_for
from tests.transfer.conftest import SIZES, Game, all_of, settings

KILL_MAX_BYTES = 8 << 20
ROOT = Path(__file__).resolve().parents[2]


def test_players_that_come_together_share_what_the_origin_gives(game: Game, tmp_path: Path) -> None:
    """Three arrive at once, nobody has anything: the origin gives far less than three copies."""
    shelf = game.shelf(rate_bps=6_000_000)

    def arrive(session: Session, number: int, url: str) -> Sources:
        paths = tuple(tmp_path / f"player{number}" / str(file) for file in range(len(SIZES)))
        torrent = replace(Torrent.parse(game.data, paths), trackers=(url,))
        *_, last = fetch(session, all_of(torrent), TreeSource(shelf.read, torrent))
        session.offer([torrent])
        assert isinstance(last, Sample)
        return last.sources

    with ExitStack() as stack:
        url = stack.enter_context(tracker())
        sessions = [stack.enter_context(closing(Session(settings(sharing="lan")))) for _ in range(3)]
        pool = stack.enter_context(ThreadPoolExecutor(3))
        results = list(pool.map(arrive, sessions, range(3), [url] * 3))
    whole = sum(SIZES.values())
    assert sum(got.origin_bytes for got in results) == shelf.sent_bytes < 2 * whole
    assert all(got.lan_bytes + got.origin_bytes >= whole for got in results)


def test_peers_forbidden_on_the_way_the_origin_goes_on_alone(game: Game, session: Session) -> None:
    with Player() as seed:
        torrent = game.here(seed.seed(game.data, game.folder).limit(3_000_000).address)
        shelf = game.shelf(rate_bps=20_000_000)
        changed: list[int] = []

        def change_mind() -> bool:
            if not changed and seed.sent_bytes > 500_000:
                session.apply(settings(peers="none"))
                changed.append(seed.sent_bytes)
            return False

        game.fetch(session, torrent, TreeSource(shelf.read, torrent), cancel=change_mind)
        assert game.is_whole(torrent)
        assert shelf.sent_bytes > 0
        assert wait_for(lambda: seed.connected() == [])


def test_a_kill_in_the_middle_costs_little(session: Session, tmp_path: Path) -> None:
    """Counted by the seed: what it sent, but is not right on the disk of the killed player, is sent again."""
    folder = plant(tmp_path / "author", {"big.pak": 64_000_000})
    (tmp_path / "torrent").write_bytes(data := torrent_of(folder / "big.pak"))
    path = tmp_path / "player" / "staged"
    torrent = Torrent.parse(data, [path])
    layout = torrent.layout
    with Player() as seed:
        torrent = replace(torrent, peers=(seed.seed(data, folder / "big.pak").limit(50_000_000).address,))
        arguments = [
            sys.executable,
            "-m",
            "tests.transfer.killed",
            str(tmp_path / "torrent"),
            str(path),
            str(seed.port),
        ]
        with subprocess.Popen(arguments, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdin and child.stdout
            child.stdin.write(f"{layout.count}\n")
            child.stdin.flush()
            assert child.stdout.readline() == "more\n"
            child.kill()
        assert wait_for(lambda: seed.connected() == [])
        held = torrent.held()
        held_bytes = sum(layout.span(piece).length for piece in held)
        assert 0 < held_bytes < layout.sizes[0]
        assert seed.sent_bytes - held_bytes <= KILL_MAX_BYTES + layout.piece_bytes
        *_, last = fetch(session, Want(torrent, frozenset(range(layout.count)) - held, held), None)
        assert isinstance(last, Sample) and last.sources.lan_bytes == layout.sizes[0] - held_bytes
    assert path.read_bytes() == (folder / "big.pak").read_bytes()
