"""Small signed documents cost an engine little, whatever they say. The slow proof reads all, and counts seconds."""

import pytest

from patcher.content import codec, manifest, merkle, patch_index
from patcher.content.file_tree import Entry
from patcher.content.layout import Range
from patcher.content.patch_index import Window
from patcher.errors import ContentError
from patcher.publish import build
from patcher.publish.patches import encode
from tests.support import bombs
from tests.support.bomb_shapes import MANIFESTS, swollen

_BOMBS = bombs.bombs()
_SLOW = [bomb for bomb in _BOMBS if not bomb.is_quick]


def test_there_are_200_bombs_and_no_two_of_a_name() -> None:
    assert len({(bomb.kind, bomb.name) for bomb in _BOMBS}) == len(_BOMBS) >= 200


@pytest.mark.parametrize("kind", sorted({bomb.kind for bomb in _BOMBS}))
def test_small_signed_documents_cost_an_engine_little_memory(kind: str) -> None:
    slow = [bomb for bomb in _SLOW if bomb.kind == kind]
    read = [bomb for bomb in _BOMBS if bomb.kind == kind and bomb.is_quick] + slow[::12] + slow[-1:]
    assert bombs.cost_of(read).peak_bytes <= bombs.LIMIT_BYTES


def test_a_document_unfolds_to_sixteen_times_its_size_and_no_further() -> None:
    plain, frame = swollen(MANIFESTS["requirements"], 15)
    assert codec.unpack_document(frame, len(plain)) == plain
    with pytest.raises(ContentError):
        codec.unpack_document(frame, len(plain) - 1)
    with pytest.raises(ContentError):
        codec.unpack_document(encode.manifest_delta(b"", plain + bytes(len(plain))), 1 << 30)


def test_a_manifest_delta_unfolds_to_the_old_manifest_and_sixteen_times_its_size() -> None:
    old, many = bytes(range(256)) * 400, b"requirement" * 50_000
    for base, new in ((b"", many), (old, old + many)):
        with pytest.raises(ContentError):
            codec.apply_manifest_delta(base, encode.manifest_delta(base, new), merkle.ref_of(new))
    step = encode.manifest_delta(old, old[1:])
    assert codec.apply_manifest_delta(old, step, merkle.ref_of(old[1:])) == old[1:]


def test_a_tree_whose_paths_unfold_too_far_is_refused() -> None:
    shape = MANIFESTS["files below a long path"]
    manifest.parse(shape(1000))
    with pytest.raises(ContentError):
        manifest.parse(shape(2000))


def test_an_index_that_would_unfold_too_far_travels_as_it_is() -> None:
    """Whatever a publisher writes can be read: one copy in 20,000 alike ranges."""
    new, old = (build.manifest_of("game.main", [Entry("a", 20_000 << 15, digit * 32)]) for digit in (b"n", b"o"))
    ranges = tuple(Range(0, number << 15, 1 << 15) for number in range(20_000))
    copy = Window(0, 0, codec.COPY, ranges, ranges, 20_000 << 15, b"")
    written = encode.write_index(encode.index_of([copy], b"", 0), new, old)
    assert not written.startswith(codec.ZSTD_MAGIC)
    assert patch_index.parse(written, new, old).windows == (copy,)


def test_long_paths_in_deep_folders_are_honest() -> None:
    folder = "/".join(["node_modules/some-package"] * 8)
    entries = [Entry(f"{folder}/{number:04}/index.js", 1 + number, b"%032d" % number) for number in range(5000)]
    made = build.manifest_of("game.main", entries)
    assert manifest.parse(manifest.encode(made)) == made


def test_what_nobody_could_read_is_not_signed() -> None:
    folder = "/".join(["a" * 200] * 4)
    made = build.manifest_of("game.main", [Entry(f"{folder}/{number:05}", 0, b"") for number in range(20_000)])
    with pytest.raises(ContentError):
        manifest.encode(made)
