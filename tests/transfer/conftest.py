"""One small game as somebody else's torrent, and a place for it on our disk under other names."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from patcher import beneath
from patcher.config import Settings
from patcher.content.layout import PieceLayout
from patcher.errors import Cancelled
from patcher.transfer.fetch import Want, fetch
from patcher.transfer.origin.pool import PieceSource
from patcher.transfer.sample import Sample
from patcher.transfer.swarm.picker import Rules
from patcher.transfer.swarm.session import Session
from patcher.transfer.swarm.torrent import Torrent
from tests.support.peers import HOST, Shelf, plant, torrent_of

SIZES = {"bin/run": 3_000_000, "data/big.pak": 9_000_001, "data/empty": 0, "data/tiny.txt": 2, "zebra": 65_536}
QUICK = Rules(hello_s=3.0, settle_s=0.05, choked_s=1.0, slow_s=1.0, stall_s=0.6, patience_s=2.5)
"""The waits of a fetch, made short; what they lead to is the same."""


def settings(**commands: Any) -> Settings:
    """Of a player on this machine alone."""
    return replace(Settings(listen_host=HOST, local_discovery=False), **commands)


def all_of(torrent: Torrent) -> Want:
    """Every piece of a torrent."""
    return Want(torrent, frozenset(range(torrent.layout.count)))


@dataclass
class Game:
    """A tree, its torrent by libtorrent's own creator, and what a fetch of ours does with it."""

    folder: Path
    data: bytes
    staging: Path
    reported: list[int] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)

    @property
    def layout(self) -> PieceLayout:
        return Torrent.parse(self.data, ()).layout

    @property
    def everything(self) -> range:
        return range(self.layout.count)

    @property
    def contents(self) -> list[bytes]:
        return [(self.folder / name).read_bytes() for name in SIZES]

    def here(self, *peers: tuple[str, int], trackers: tuple[str, ...] = ()) -> Torrent:
        """The torrent with its files in our staging, named by number."""
        paths = [self.staging / f"{number:03}" for number in range(len(SIZES))]
        return replace(Torrent.parse(self.data, paths), trackers=trackers, peers=peers)

    def installed(self) -> Torrent:
        """The torrent with its files where the tree is."""
        return Torrent.parse(self.data, [self.folder / name for name in SIZES])

    def shelf(self, rate_bps: int = 0) -> Shelf:
        """An origin that has all of it."""
        return Shelf(*self.contents, rate_bps=rate_bps)

    def fetch(
        self,
        session: Session | None,
        torrent: Torrent,
        source: PieceSource | None = None,
        *,
        have: frozenset[int] = frozenset(),
        cancel: Callable[[], bool] = lambda: False,
        rules: Rules = QUICK,
    ) -> Sample:
        """Fetch all that is not had; every report is checked to be readable at that moment. Returns the last sample."""
        wanted = Want(torrent, frozenset(self.everything) - have, have)
        with closing(fetch(session, wanted, source, rules=rules)) as events:
            for event in events:
                if cancel():
                    raise Cancelled
                if isinstance(event, Sample):
                    self.samples.append(event)
                else:
                    assert all(self.is_on_disk(torrent, piece) for piece in event.pieces)
                    self.reported += event.pieces
        return self.samples[-1]

    def is_on_disk(self, torrent: Torrent, piece: int) -> bool:
        """Whether the piece's file has the piece's bytes now, to any other reader."""
        file, offset, length = self.layout.span(piece)
        with beneath.open_file(torrent.paths[file]) as stream:
            stream.seek(offset)
            return self.layout.matches(piece, stream.read(length))

    def is_whole(self, torrent: Torrent) -> bool:
        """Whether every file is byte for byte that of the tree."""
        pairs = zip(torrent.paths, SIZES, strict=True)
        return all(beneath.read(path) == (self.folder / name).read_bytes() for path, name in pairs if SIZES[name])


@pytest.fixture
def game(tmp_path: Path) -> Game:
    folder = plant(tmp_path / "author" / "game", SIZES)
    (folder / "bin/run").chmod(0o755)
    return Game(folder, torrent_of(folder), tmp_path / "player" / "staging")


@pytest.fixture
def session() -> Iterator[Session]:
    """Of a player who shares nothing and takes from everybody: the default."""
    session = Session(settings())
    yield session
    session.close()
