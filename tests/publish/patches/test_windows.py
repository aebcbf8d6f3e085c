"""Which new bytes go together in a window, and which old bytes it leans on."""

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from patcher.content import codec, merkle, patch_index
from patcher.content.file_tree import Entry
from patcher.content.layout import Range
from patcher.content.manifest import Manifest
from patcher.content.patch_index import Window
from patcher.publish.build import manifest_of
from patcher.publish.patches import encode, windows
from patcher.publish.patches.matching import Chunks
from patcher.publish.patches.windows import Cut, merge, without
from tests.support.trees import MIB, chunks_of, edited, made_up, noise


def outline(cuts: list[Cut], m: Manifest) -> list[list[tuple[str, int, int]]]:
    return [[(m.entries[r.file].path, r.offset, r.length) for r in cut.new] for cut in cuts]


def one_file(path: str, data: bytes) -> tuple[Manifest, dict[bytes, Chunks]]:
    """A release of one file, and its chunks."""
    root = merkle.root_of(merkle.leaves_of(data))
    return manifest_of("game.main", [Entry(path, len(data), root)]), {root: chunks_of(data)}


def test_small_files_share_windows_in_path_order_and_large_ones_come_in_runs_between() -> None:
    new = made_up([("a", 9 * MIB), ("b", 6 * MIB), ("big", 17 * MIB), ("c", 2 * MIB), ("d", 16 * MIB)])
    cuts = windows.cut(new, made_up([]))
    assert outline(cuts, new) == [
        [("a", 0, 9 * MIB), ("b", 0, 6 * MIB)],
        [("big", 0, 8 * MIB), ("big", 8 * MIB, 8 * MIB)],
        [("big", 16 * MIB, MIB), ("c", 0, 2 * MIB)],
        [("d", 0, 16 * MIB)],
    ]


def test_the_windows_of_a_full_pack_keep_small_and_larger_files_apart() -> None:
    new = made_up([("a", 100), ("b", 2 * MIB), ("c", MIB), ("d", MIB - 1)])
    cuts = windows.cut(new, None)
    assert outline(cuts, new) == [[("a", 0, 100), ("d", 0, MIB - 1)], [("b", 0, 2 * MIB), ("c", 0, MIB)]]
    assert windows.keeps_window(cuts[0], new, cuts[0].output_bytes)
    assert [windows.keeps_window(cuts[1], new, size) for size in (2 * MIB, 3 * MIB)] == [True, False]


def test_the_windows_of_a_full_pack_keep_to_every_16_mib_of_a_large_file() -> None:
    new = made_up([("big", 40 * MIB + 5)])
    assert outline(windows.cut(new, None), new) == [
        [("big", 0, 16 * MIB)], [("big", 16 * MIB, 16 * MIB)], [("big", 32 * MIB, 8 * MIB + 5)],
    ]  # fmt: skip


def test_what_a_large_file_shares_with_the_old_one_is_copied_and_only_the_rest_is_made() -> None:
    data = noise(1, 20 * MIB)
    new, new_chunks = one_file("big", data[:5_000_000] + noise(2, 300_000) + data[5_000_000:])
    old, old_chunks = one_file("big", data)
    copied, made = windows.cut(new, old, new_chunks | old_chunks)
    assert copied.copied and not made.copied
    assert copied.output_bytes > len(data) - 200_000
    assert made.output_bytes < 500_000
    assert sum(span.length for span in made.old) < 2 * MIB, "only what lies around the place"
    for span, used in zip(copied.new, copied.old, strict=True):
        shift = 0 if span.offset < 5_000_000 else 300_000
        assert (used.offset, used.length) == (span.offset - shift, span.length)


def test_a_large_file_under_a_new_name_is_known_by_its_content() -> None:
    data = noise(3, 20 * MIB)
    new, new_chunks = one_file("data/level-two.pak", edited(data, 4))
    old, old_chunks = one_file("other/first.bin", data)
    cuts = windows.cut(new, old, new_chunks | old_chunks)
    assert sum(cut.output_bytes for cut in cuts if cut.copied) > 19 * MIB
    assert {entry.path for entry in windows.to_chunk(new, old)} == {"data/level-two.pak", "other/first.bin"}


def test_blocks_that_changed_places_are_copied_from_where_they_were() -> None:
    blocks = [noise(seed, 3 * MIB) for seed in range(8)]
    order = list(range(8))
    random.Random(7).shuffle(order)
    new, new_chunks = one_file("pak", b"".join(blocks[n] for n in order))
    old, old_chunks = one_file("pak", b"".join(blocks))
    cuts = windows.cut(new, old, new_chunks | old_chunks)
    assert sum(cut.output_bytes for cut in cuts if cut.copied) > 23 * MIB


def test_nothing_is_read_for_chunks_when_small_files_changed_in_place() -> None:
    new, old = made_up([("a", 500), ("b", 600)]), made_up([("a", 400), ("b", 600)])
    assert windows.to_chunk(new, old) == []
    assert windows.to_chunk(made_up([("big", 20 * MIB)]), made_up([])) == [], "there is nothing to compare with"


@pytest.mark.parametrize(
    ("new", "old"),
    [("data/a.txt", "data/a.txt"), ("b/a.txt", "a/a.txt"), ("game-1.2.info/x", "game-1.1.info/x"),
     ("lib/z-0a1b2c3d.so.2", "lib/z-9f8e7d6c.so.1"), ("new/deep/tail/x", "old/deep/tail/x")],
)  # fmt: skip
def test_a_file_is_cut_against_the_old_one_it_most_likely_came_from(new: str, old: str) -> None:
    before = made_up([(old, 500), ("zz/other", 500), ("zz/tail/x", 500)])
    (cut,) = windows.cut(made_up([(new, 600), ("zz/other", 500), ("zz/tail/x", 500)]), before)
    assert [before.entries[span.file].path for span in cut.old] == [old]


def test_a_file_whose_path_stays_is_not_taken_for_renamed() -> None:
    old = made_up([("a/x", 500)])
    (cut,) = windows.cut(made_up([("a/x", 500), ("b/x", 600)]), old)
    assert cut.old == ()


sizes = st.one_of(st.integers(0, 3000), st.integers(0, 4 * MIB), st.integers(0, 70 * MIB))
listings = st.dictionaries(st.sampled_from([f"{d}/f{n}" for d in "ab" for n in range(12)]), sizes, max_size=16)


@example(files={"a/f0": 131_073}, before={"a/f0": 64 * MIB + 1}, full=False)
@given(listings, listings, st.booleans())
def test_any_cut_keeps_the_bounds_and_covers_what_is_missing(
    files: dict[str, int], before: dict[str, int], full: bool
) -> None:
    new, old = made_up(files.items()), None if full else made_up(before.items())
    cuts = windows.cut(new, old)
    made = [Window(at, 1, codec.HDIFF if c.old else codec.STORED, c.new, c.old, c.output_bytes, bytes(32))
            for at, c in enumerate(cuts)]  # fmt: skip
    index = encode.index_of(made, bytes(32), len(made), bytes(len(made)))
    assert patch_index.parse(encode.write_index(index, new, old), new, old) == index
    covered = {new.entries[span.file].root for cut in cuts for span in cut.new}
    assert covered == {e.root for e in new.entries} - {e.root for e in (old.entries if old else ())} - {b""}
    missing = {e.root: e.size_bytes for e in new.entries if e.root in covered}
    assert sum(cut.output_bytes for cut in cuts) == sum(missing.values())


stretches = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 20)).map(lambda pair: (pair[0], sum(pair))), max_size=8
)


@given(stretches, stretches)
def test_stretches_are_merged_and_cut_out_place_by_place(
    some: list[tuple[int, int]], holes: list[tuple[int, int]]
) -> None:
    def places(all_of: list[tuple[int, int]]) -> set[int]:
        return {place for start, end in all_of for place in range(start, end)}

    left = list(without(merge(some), merge(holes)))
    assert places(left) == places(some) - places(holes)
    assert sum(end - start for start, end in left) == len(places(left))


def test_ranges_sort_by_file_and_place() -> None:
    assert sorted([Range(1, 0, 1), Range(0, 5, 1), Range(0, 2, 9)]) == [Range(0, 2, 9), Range(0, 5, 1), Range(1, 0, 1)]
