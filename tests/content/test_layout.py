"""The numbering of pieces is libtorrent's, and each piece is told from all others."""

from pathlib import Path

from patcher.content.layout import Layout
from patcher.content.merkle import layer_of, leaves_of, ref_of
from tests.support.peers import PIECE_BYTES, torrent_of
from tests.support.trees import noise
from tests.transfer.conftest import SIZES, Game


def test_the_numbering_is_libtorrents(game: Game) -> None:
    layout = game.layout
    assert layout.sizes == tuple(SIZES.values())
    spans = [layout.span(piece) for piece in game.everything]
    assert sum(span.length for span in spans) == sum(SIZES.values())
    assert [span.file for span in spans] == sorted(span.file for span in spans)
    assert list(layout.pieces(2)) == []
    assert game.installed().held() == frozenset(game.everything)


def test_a_piece_is_told_from_all_others(game: Game) -> None:
    layout, data = game.layout, (game.folder / "data/big.pak").read_bytes()
    first = layout.pieces(1)[0]
    assert layout.is_right(first, data[:PIECE_BYTES])
    assert not layout.is_right(first + 1, data[:PIECE_BYTES])
    assert not layout.is_right(first, data[: PIECE_BYTES - 1])
    last = layout.pieces(1)[-1]
    assert layout.is_right(last, data[-layout.span(last).length :])


def _held(path: Path, layer: bytes, root: bytes, size_bytes: int) -> frozenset[int]:
    count = -(-size_bytes // PIECE_BYTES)
    return Layout(b"", PIECE_BYTES, (size_bytes,), (root,), {root: layer}, (0, count)).held((path,))


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
    layout = Layout.parse(torrent_of(tmp_path / "pack"))
    assert (layout.sizes, layout.count) == ((100_000,), 2)
