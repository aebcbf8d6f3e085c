"""Windows and indexes: made, read back and applied, and nothing in them that need not be."""

from dataclasses import replace
from functools import cache
from hashlib import sha256

import hdiffpatch
import pytest
from bencode2 import bencode
from hypothesis import given, settings
from hypothesis import strategies as st

from patcher.content import codec, merkle, patch_index
from patcher.content.codec import HDIFF, STORED, ZSTD
from patcher.content.patch_index import Index
from patcher.errors import ContentError
from patcher.publish.patches import encode
from tests.support import trees
from tests.support.indexes import NEW as NEW_TREE
from tests.support.indexes import OLD as OLD_TREE
from tests.support.indexes import document
from tests.support.trees import MIB, File, Layout, edited, noise, prose

OLD = noise(1, 40_000)
NEW = edited(OLD, 2)


@pytest.mark.parametrize(
    ("new", "old", "kind"),
    [(noise(3, 10_000), b"", STORED), (prose(4, 10_000), b"", ZSTD), (NEW, OLD, HDIFF), (b"x", b"y", STORED),
     (prose(5, 60_000), noise(6, 50), HDIFF), (noise(7, 5_000), noise(8, 5_000), STORED)],
)  # fmt: skip
def test_the_smallest_form_is_taken_and_gives_the_bytes_back(new: bytes, old: bytes, kind: int) -> None:
    taken, data = encode.make_window(new, old)
    assert taken == kind
    assert len(data) <= len(new)
    assert codec.apply(taken, data, old if taken == HDIFF else b"", len(new), sha256(new).digest()) == new
    assert encode.make_window(new, old) == (taken, data), "the same release makes the same pack"


def test_noise_is_only_held_against_old_bytes_that_have_something_in_common(monkeypatch: pytest.MonkeyPatch) -> None:
    old = noise(10, 300_000)
    sprinkled = bytearray(old[100_000:])
    sprinkled[::24] = bytes(len(sprinkled[::24]))
    assert encode.make_window(bytes(sprinkled), old)[0] == HDIFF
    monkeypatch.setattr(hdiffpatch, "diff", pytest.fail)
    assert encode.make_window(noise(11, 200_000), old)[0] == STORED


def test_a_small_change_makes_a_small_delta() -> None:
    assert len(encode.make_window(NEW, OLD)[1]) < 200


# ---------------------------------------------------------------- patches


@cache
def patched(name: str) -> tuple[Index, dict[int, bytes]]:
    return applied(trees.scenario(name).new, trees.scenario(name).old)


def applied(new: Layout, old: Layout | None) -> tuple[Index, dict[int, bytes]]:
    """The index as a player reads it, and the files that its windows make, by number."""
    m, m_old = trees.manifest_of(new), None if old is None else trees.manifest_of(old)
    made, pack = trees.make_patch(new, old)
    index = patch_index.parse(encode.write_index(made, m, m_old), m, m_old)
    assert index == made
    files: dict[int, bytearray] = {}
    for each in index.windows:
        data = pack[each.offset : each.offset + each.length]
        known = trees.read_ranges(old, m_old, each.old) if old is not None and m_old else b""
        output = known
        if not each.is_copy:
            output = codec.apply(each.codec, data, known, each.output_bytes, each.sha256)
        for span in each.new:
            files.setdefault(span.file, bytearray(m.entries[span.file].size_bytes))[span.offset : span.end] = output[
                : span.length
            ]
            output = output[span.length :]
    return index, {number: bytes(data) for number, data in files.items()}


@pytest.mark.parametrize("name", trees.SCENARIOS)
def test_a_patch_makes_exactly_the_contents_the_old_release_lacks(name: str) -> None:
    scenario = trees.scenario(name)
    m, m_old = trees.manifest_of(scenario.new), trees.manifest_of(scenario.old)
    _, files = patched(name)
    for number, data in files.items():
        assert merkle.root_of(merkle.leaves_of(data)) == m.entries[number].root
    roots = [m.entries[number].root for number in files]
    assert len(roots) == len(set(roots))
    assert set(roots) == {e.root for e in m.entries} - {e.root for e in m_old.entries} - {b""}


@pytest.mark.parametrize("name", ["changed", "many small files", "a large file"])
def test_a_patch_is_much_smaller_than_what_changed(name: str) -> None:
    index, files = patched(name)
    assert index.pack_bytes < sum(map(len, files.values())) / 10


def test_moved_renamed_and_duplicated_content_costs_nothing() -> None:
    scenario = trees.scenario("moved and duplicated")
    _, files = applied(scenario.new, scenario.old)
    assert [len(data) for data in files.values()] == [70_000], "only what is new, and once"
    assert applied(scenario.old, scenario.old)[0].windows == ()


def test_a_full_pack_always_holds_small_files_and_large_ones_that_shrink() -> None:
    noisy: Layout = {
        "small": File(noise(1, 100_000)),
        "large": File(noise(2, 2 * MIB)),
        "empty": File(b""),
    }
    _, files = applied(noisy, None)
    assert list(files.values()) == [noise(1, 100_000)]
    # One window holds both large files: together they shrink enough.
    _, files = applied({**noisy, "prose": File(prose(3, 2 * MIB))}, None)
    assert sorted(map(len, files.values())) == [100_000, 2 * MIB, 2 * MIB]


# ---------------------------------------------------------------- any two trees

BLOCKS = [noise(seed, 40_000 + 9000 * seed) for seed in range(14)] + [prose(99, 200_000), b"", b"x"]
blocks = st.lists(st.integers(0, len(BLOCKS) - 1), max_size=16).map(lambda chosen: b"".join(BLOCKS[n] for n in chosen))
names = st.sampled_from([f"{folder}/{number}" for folder in "abc" for number in range(4)])
layouts = st.dictionaries(names, blocks, max_size=8)


@settings(max_examples=30)
@given(layouts, layouts, st.permutations(range(8)), st.integers(0, 2**32))
def test_any_tree_is_made_from_any_other(
    old: dict[str, bytes], added: dict[str, bytes], order: list[int], seed: int
) -> None:
    """Files stay, move, swap, are edited, cut, joined from others' bytes, doubled and added."""
    paths = sorted(old)
    new = {path: old[paths[place % len(paths)]] for path, place in zip(paths, order, strict=False)}
    for number, path in enumerate(sorted(new)):
        if number % 3 == seed % 3:
            new[path] = edited(new[path], seed)
    new |= added
    before, after = ({path: File(data) for path, data in tree.items()} for tree in (old, new))
    _, files = applied(after, before)
    m = trees.manifest_of(after)
    made = {m.entries[number].root for number in files}
    assert made == {e.root for e in m.entries} - {e.root for e in trees.manifest_of(before).entries} - {b""}
    for number, data in files.items():
        assert data == new[m.entries[number].path]


# ---------------------------------------------------------------- indexes


@pytest.mark.parametrize(
    ("size", "is_file", "has_swarm", "pieces"),
    [(0, False, False, 0), (1, False, False, 0), (8192, False, False, 0), (8193, True, False, 0), (65_535, True,
     False, 0),
     (65_536, True, True, 0), (65_537, True, True, 2), (300_000, True, True, 5)],
)  # fmt: skip
def test_a_pack_is_inline_a_file_or_a_swarm_by_its_size(size: int, is_file: bool, has_swarm: bool, pieces: int) -> None:
    pack = noise(size, size)
    index = encode.index_of((), merkle.leaves_of(pack), size, pack if size <= patch_index.INLINE_BYTES else b"")
    assert (index.pack is not None, index.has_swarm, len(index.layer)) == (is_file, has_swarm, 32 * pieces)
    assert index.pack_bytes == size
    if is_file:
        assert index.pack == merkle.ref_of(pack)
    else:
        assert index.inline == pack


def test_what_cannot_be_read_is_not_written() -> None:
    index = patch_index.parse(bencode(document()), NEW_TREE, OLD_TREE)
    with pytest.raises(ContentError):
        encode.write_index(replace(index, inline=b""), NEW_TREE, OLD_TREE)
