"""The numbering of pieces is libtorrent's, and each piece is told from all others."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from patcher.content.layout import PieceLayout
from patcher.content.merkle import HASH_BYTES, layer_of, leaves_of, ref_of
from patcher.transfer.swarm.torrent import Torrent
from tests.support.peers import PIECE_BYTES, plant, torrent_of
from tests.support.trees import noise

SIZES = {"bin/run": 300_000, "data/big.pak": 900_001, "data/empty": 0, "data/tiny.txt": 2, "zebra": 65_536}


@dataclass
class Game:
    """A tree, and its torrent by libtorrent's own creator."""

    folder: Path

    @property
    def torrent(self) -> Torrent:
        return Torrent.parse(torrent_of(self.folder), [self.folder / name for name in SIZES])


@pytest.fixture
def game(tmp_path: Path) -> Game:
    return Game(plant(tmp_path / "game", SIZES))


def test_the_numbering_is_libtorrents(game: Game) -> None:
    torrent = game.torrent
    layout, everything = torrent.layout, range(torrent.layout.count)
    assert layout.sizes == tuple(SIZES.values())
    spans = [layout.span(piece) for piece in everything]
    assert sum(span.length for span in spans) == sum(SIZES.values())
    assert [span.file for span in spans] == sorted(span.file for span in spans)
    assert list(layout.pieces(2)) == []
    assert torrent.held() == frozenset(everything)


def test_runs_and_stretches_are_counted_as_single_pieces_are(game: Game) -> None:
    layout = game.torrent.layout
    for file, size in enumerate(SIZES.values()):
        pieces = layout.pieces(file)
        assert layout.layer_bytes(file) == (HASH_BYTES * len(pieces) if len(pieces) > 1 else 0)
        for run in (pieces[:1], pieces[-1:], pieces[1:3], pieces):
            if run:
                assert layout.run_bytes(run) == sum(layout.span(piece).length for piece in run)
        for offset, length in ((0, size), (size // 3, size // 2), (size - 1, 1), (0, 1)):
            if 0 <= offset < offset + length <= size:
                spans = ((piece, layout.span(piece)) for piece in pieces)
                held = [p for p, s in spans if s.offset < offset + length and offset < s.offset + s.length]
                assert list(layout.covering(file, offset, length)) == held


def test_a_piece_is_told_from_all_others(game: Game) -> None:
    layout, data = game.torrent.layout, (game.folder / "data/big.pak").read_bytes()
    first = layout.pieces(1)[0]
    assert layout.matches(first, data[:PIECE_BYTES])
    assert not layout.matches(first + 1, data[:PIECE_BYTES])
    assert not layout.matches(first, data[: PIECE_BYTES - 1])
    last = layout.pieces(1)[-1]
    assert layout.matches(last, data[-layout.span(last).length :])


def _held(path: Path, layer: bytes, root: bytes, size_bytes: int) -> frozenset[int]:
    return Torrent(b"", PieceLayout(PIECE_BYTES, (size_bytes,), (root,), {root: layer}), b"", (path,)).held()


def test_half_a_file_holds_what_is_right_in_it(tmp_path: Path) -> None:
    data = noise(1, 10 * PIECE_BYTES + 5)
    leaves = leaves_of(data)
    layer, root, path = layer_of(leaves, PIECE_BYTES), ref_of(data).root, tmp_path / "partial"
    assert _held(path, layer, root, len(data)) == frozenset()
    path.write_bytes(data[: 3 * PIECE_BYTES + 100])
    assert _held(path, layer, root, len(data)) == {0, 1, 2}
    with path.open("r+b") as file:
        file.truncate(len(data))
        file.seek(PIECE_BYTES)
        file.write(b"not right")
    assert _held(path, layer, root, len(data)) == {0, 2}
    path.write_bytes(data)
    assert _held(path, layer, root, len(data)) == frozenset(range(11))


def test_a_file_of_one_piece_is_held_whole_or_not_at_all(tmp_path: Path) -> None:
    data, path = noise(2, 20_000), tmp_path / "small"
    path.write_bytes(data)
    assert _held(path, b"", ref_of(data).root, len(data)) == {0}
    path.write_bytes(data[:-1])
    assert _held(path, b"", ref_of(data).root, len(data)) == frozenset()


def test_a_torrent_of_a_single_file(tmp_path: Path) -> None:
    (tmp_path / "pack").write_bytes(noise(3, 100_000))
    layout = Torrent.parse(torrent_of(tmp_path / "pack"), ()).layout
    assert (layout.sizes, layout.count) == ((100_000,), 2)
