"""Renamed files are found by their names, whatever numbers and folders changed."""

import pytest

from patcher.content.similar import Similar
from tests.support.trees import made_up


def _found(path: str, old: list[str], *stay: str) -> str | None:
    """The old file that ``path`` is thought to come from; files in ``stay`` are in both releases."""
    before = made_up((name, 10) for name in [*old, *stay])
    number = Similar(made_up((name, 10) for name in [path, *stay]), before).find(path)
    return None if number is None else before.entries[number].path


@pytest.mark.parametrize(
    ("path", "old"),
    [
        ("lib/libgame-1.3.so", "lib/libgame-1.2.so"),
        ("assets/main.3f9a77c21b.js", "assets/main.00aa12bcd3.js"),
        ("data/level01/map.bin", "level01/map.bin"),
        ("engine/v2/core.dll", "engine/v1/core.dll"),
    ],
)
def test_a_name_in_which_only_numbers_hashes_or_folders_changed_is_found(path: str, old: str) -> None:
    assert _found(path, [old, "other/file"]) == old


def test_the_longest_common_tail_wins() -> None:
    assert _found("new/a/b/c.bin", ["x/c.bin", "y/b/c.bin", "z/a/b/c.bin"]) == "z/a/b/c.bin"


@pytest.mark.parametrize("path", ["lib/other.so", "facade/accede.txt"])
def test_a_name_that_no_old_file_had_is_not_found(path: str) -> None:
    assert _found(path, ["lib/libgame.so", "feedbeef/decade.txt"]) is None


def test_a_file_that_stays_was_not_renamed() -> None:
    assert _found("b/map.bin", [], "a/map.bin") is None


def test_the_same_path_is_the_same_file() -> None:
    release = made_up([("a", 1), ("b", 2)])
    similar = Similar(release, release)
    assert [similar.same(path) for path in ("a", "b", "c")] == [0, 1, None]


def test_an_empty_file_is_nobodys_source() -> None:
    similar = Similar(made_up([("a-2", 5)]), made_up([("a-1", 0)]))
    assert (similar.same("a-1"), similar.find("a-2")) == (None, None)
