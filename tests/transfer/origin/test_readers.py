"""The origin's side of a tree: loose files, windows of the full pack, and one in place of the other."""

from collections.abc import Collection, Mapping
from hashlib import sha256
from pathlib import Path

import pytest

from patcher.content import merkle
from patcher.content.layout import PieceLayout
from patcher.content.merkle import ref_of
from patcher.content.patch_index import Window
from patcher.errors import ContentError, OriginError
from patcher.publish.patches import encode, windows
from patcher.transfer.origin.readers import PackSource, TreeSource
from patcher.transfer.swarm.torrent import Torrent
from tests.support.peers import PIECE_BYTES, Shelf
from tests.support.trees import noise, prose
from tests.transfer.trees import layout_of, manifest_of

FILES = {f"text/{number:02}": prose(number, 9_000) for number in range(30)} | {
    "text/twin": prose(3, 9_000),
    "big/prose": prose(99, 400_000),
    "none": b"",
    "zz/noise": noise(5, 1_200_000),
}


class Origin:
    """A folder with its full pack, both on a shelf."""

    def __init__(self, folder: Path, files: Mapping[str, bytes] = FILES) -> None:
        for name, data in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        self.manifest = manifest_of(folder)
        self.contents = [files[entry.path] for entry in self.manifest.entries]
        self.layout: PieceLayout = layout_of(self.manifest, self.contents)
        made, pack = [], b""
        for cut in windows.cut(self.manifest, None):
            output = b"".join(self.contents[span.file][span.offset : span.end] for span in cut.new)
            codec, data = encode.make_window(output, b"")
            digest = sha256(output).digest()
            made.append(Window(len(pack), len(data), codec, cut.new, (), len(output), digest))
            pack += data
        self.pack = ref_of(pack)
        self.index = encode.index_of(made, merkle.leaves_of(pack), len(pack))
        self.shelf = Shelf(*self.contents, pack)
        self.received_bytes = 0

    def source(self) -> TreeSource:
        torrent = Torrent(self.manifest.info_hash, self.manifest.layout, b"", ())
        return TreeSource(self.shelf.read, torrent, self.index)

    def brings(self, source: TreeSource, wanted: Collection[int]) -> int:
        """Ask for pieces until all are there and right, each request as `fetch` would; how many requests that took."""
        left, requests = set(wanted), 0
        while left:
            first = min(left)
            asked = source.pieces(first, 4, left.__contains__)
            assert first in asked and left.issuperset(asked)
            for piece, data in source.read(asked, self._received):
                assert self.layout.matches(piece, data)
                left.discard(piece)
            assert left.isdisjoint(asked)
            requests += 1
        return requests

    def _received(self, size_bytes: int) -> None:
        self.received_bytes += size_bytes


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return Origin(tmp_path / "game")


def test_a_whole_tree_comes_as_windows_where_they_are_shorter(origin: Origin) -> None:
    origin.brings(origin.source(), range(origin.layout.count))
    assert {root for root, _, _ in origin.shelf.requests} == {origin.pack.root, ref_of(FILES["zz/noise"]).root}
    assert origin.received_bytes == origin.shelf.sent_bytes < 0.85 * sum(map(len, FILES.values()))


def test_one_small_file_comes_loose(origin: Origin) -> None:
    number = [entry.path for entry in origin.manifest.entries].index("text/07")
    assert origin.brings(origin.source(), origin.layout.pieces(number)) == 1
    assert origin.received_bytes == len(FILES["text/07"])


def test_a_window_brings_every_file_that_has_its_content(origin: Origin) -> None:
    source = origin.source()
    asked = source.pieces(0, 4, lambda _: True)
    paths = {origin.manifest.entries[origin.layout.span(piece).file].path for piece in asked}
    assert {"text/03", "text/twin"} <= paths


def test_loose_pieces_leave_their_neighbours_to_a_window_that_is_shorter(tmp_path: Path) -> None:
    origin = Origin(tmp_path / "game", {"a/noise": noise(5, 1_200_000), "b/prose": prose(99, 400_000)})
    loose, packed = map(origin.layout.pieces, range(2))
    wanted = {*loose[-2:], *packed}
    assert list(origin.source().pieces(loose[-2], len(wanted), wanted.__contains__)) == list(loose[-2:])
    origin.brings(origin.source(), wanted)
    assert {root for root, _, _ in origin.shelf.requests} == {ref_of(noise(5, 1_200_000)).root, origin.pack.root}


def test_many_small_files_come_as_windows_although_nothing_is_saved(tmp_path: Path) -> None:
    """A request for each would cost more than the bytes."""
    small = Origin(tmp_path / "game", {f"{number:03}": noise(number, 700) for number in range(200)})
    assert small.brings(small.source(), range(small.layout.count)) == len(small.index.windows)
    assert small.received_bytes < sum(map(len, small.contents)) + 1000 * len(small.index.windows)


def test_without_the_full_pack_the_loose_files_remain(origin: Origin) -> None:
    origin.shelf.missing = {origin.pack.root}
    origin.brings(origin.source(), range(origin.layout.count))


def test_without_the_full_pack_some_pieces_of_a_window_come_loose(origin: Origin) -> None:
    number = [entry.path for entry in origin.manifest.entries].index("big/prose")
    pieces = origin.layout.pieces(number)
    wanted = {pieces[0], pieces[2], pieces[3], pieces[-1]}
    source = origin.source()
    assert set(source.pieces(pieces[0], 4, wanted.__contains__)) == wanted
    origin.shelf.missing = {origin.pack.root}
    origin.brings(source, wanted)
    assert origin.received_bytes == sum(origin.layout.span(piece).length for piece in wanted)


def test_without_the_loose_files_the_full_pack_remains(origin: Origin) -> None:
    origin.shelf.missing = {root for root in origin.shelf.contents if root != origin.pack.root}
    source = origin.source()
    packed = [p for w in origin.index.windows for s in w.new for p in origin.layout.pieces(s.file)]
    for piece in packed[:3]:
        origin.brings(source, [piece])


def test_with_neither_it_says_so(origin: Origin) -> None:
    origin.shelf.missing = set(origin.shelf.contents)
    with pytest.raises(OriginError) as raised:
        origin.brings(origin.source(), range(origin.layout.count))
    assert raised.value.code == "origin.missing"


def test_no_decoder_sees_a_forged_window(origin: Origin) -> None:
    source = origin.source()
    origin.shelf.lies = True
    with pytest.raises(ContentError) as raised:
        origin.brings(source, range(origin.layout.count))
    assert raised.value.code == "content.mismatch"
    origin.shelf.lies = False
    origin.brings(source, range(origin.layout.count))  # the window is not tried again, its files come loose


def test_a_pack_is_read_by_consecutive_pieces() -> None:
    data = noise(1, 5 * PIECE_BYTES + 17)
    shelf = Shelf(data)
    source = PackSource(shelf.read, PieceLayout(PIECE_BYTES, (len(data),), (ref_of(data).root,)))
    assert list(source.pieces(3, 4, lambda _: True)) == [3, 4, 5]
    assert list(source.pieces(0, 4, lambda piece: piece != 2)) == [0, 1]
    pieces = dict(source.read([4, 5], lambda _: None))
    assert pieces == {4: data[4 * PIECE_BYTES : 5 * PIECE_BYTES], 5: data[5 * PIECE_BYTES :]}
    assert shelf.requests == [(ref_of(data).root, 4 * PIECE_BYTES, PIECE_BYTES + 17)]
