"""Trees nobody thought of: two releases of one title, brought to a player, updated, and stepped back by a patch.

    python -m tests.support.round_trips [--count N] [--seed N]

The new tree is the old one with files moved, swapped, copied, edited, emptied, renamed in their case, turned into
folders or links. `recipes` are what hypothesis plays with, `pair` makes the trees. Real maker, feed, origin and engine;
compared file by file.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path, PurePosixPath

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from patcher.content import paths
from patcher.errors import ContentError
from tests.support import trees
from tests.support.trees import File, Folder, Layout, Link
from tests.support.world import Shoal, World

_PART = "extra"
"""All below this folder is an optional part of its own."""
_A_WORLD = 20
"""Titles of one feed; each makes the next publication a little slower."""

Item = File | Link | Folder


Made = tuple[str, int, bool]
"""Kind of bytes, their number, and whether they may be executed; "folder" and "link" are kinds, too."""
Change = tuple[str, int, str]
"""What happens, to the file of which number, and another path."""
Recipe = tuple[list[tuple[str, Made]], list[Change]]
"""Paths of the old tree and what they hold, and what happens to it."""

_SIZES = {"empty": 0, "tiny": 3, "block": 16_384, "small": 70_001, "large": 1_100_000, "huge": 17 * trees.MIB}
_LINKS = ("somewhere", "a", "x.bin")


@cache
def _bytes(kind: str, number: int) -> bytes:
    return trees.prose(number, 9_000) if kind == "prose" else trees.noise(number, _SIZES[kind])


def _item(made: Made) -> Item:
    kind, number, executable = made
    if kind == "folder":
        return Folder()
    return _link(_LINKS[number % 3]) if kind == "link" else File(_bytes(kind, number), executable)


def _link(target: str) -> Item:
    """A link; on Windows, where an account may not make any, an empty folder."""
    return Folder() if sys.platform == "win32" else Link(target)


_NAMES = st.sampled_from(["a", "b", "Data", "data", "x.bin", "X.BIN", "lib 1", "größe", "データ"])
_PATHS = st.builds("/".join, st.lists(_NAMES | st.just(_PART), min_size=1, max_size=3))
_CHANGES = st.sampled_from(["move", "swap", "case", "edit", "edit", "copy", "drop", "mode", "empty", "folder", "link"])


def _tidy(items: Iterable[tuple[str, Item]]) -> dict[str, Item]:
    """What can stand in one release, those that come first before others; at least one file."""
    kept: dict[str, Item] = {"always here.txt": File(b"here")}
    for path, item in items:
        try:
            paths.check_all([*kept, path])
        except ContentError:
            continue
        kept[path] = item
    return kept


def _changed(tree: dict[str, Item], how: str, number: int, to: str) -> dict[str, Item]:
    """The tree after one change of the ``number``-th of its files; ``to`` is another path."""
    path, other = (list(tree)[at % len(tree)] for at in (number, number + 1))
    item, rest = tree[path], [pair for pair in tree.items() if pair[0] != path]
    file = item if isinstance(item, File) else File(b"")
    become: dict[str, Item] = {
        "edit": File(trees.edited(file.data, number) + b"!", file.executable),
        "mode": File(file.data, not file.executable),
        "empty": File(b""),
        "link": _link(PurePosixPath(to).name.replace(_PART, "somewhere")),
    }
    if how in become:
        return {**tree, path: become[how]}
    if how == "swap":
        return {**tree, path: tree[other], other: item}
    moved: dict[str, list[tuple[str, Item]]] = {
        "move": [(to, item), *rest],
        "case": [(path.swapcase(), item), *rest],
        "copy": [*tree.items(), (to, item)],
        "folder": [(f"{path}/in", file), *rest],
        "drop": rest,
    }
    return _tidy(moved[how])


def recipes(*kinds: str) -> st.SearchStrategy[Recipe]:
    """For two trees of files of these kinds of bytes, and links and empty folders."""
    made = st.tuples(st.sampled_from(["empty", "folder", "link", *kinds]), st.integers(1, 3), st.booleans())
    items = st.lists(st.tuples(_PATHS, made), min_size=1, max_size=12)
    return st.tuples(items, st.lists(st.tuples(_CHANGES, st.integers(0, 99), _PATHS), min_size=1, max_size=12))


def pair(recipe: Recipe) -> tuple[Layout, Layout]:
    """The old and the new tree."""
    items, changes = recipe
    old = _tidy((path, _item(made)) for path, made in items)
    new = old
    for change in changes:
        changed = _changed(new, *change)
        if any(isinstance(item, File) for item in changed.values()):  # a release holds one at least
            new = changed
    return old, new


def _shown(tree: Layout, *, extra: bool) -> dict[str, Item]:
    """What a player has of a tree."""
    return {path: item for path, item in tree.items() if extra or not _is_extra(path)}


def _is_extra(path: str) -> bool:
    return path.startswith(f"{_PART}/")


def check(world: World, player: Shoal, title: str, recipe: Recipe, *, extra: bool) -> None:
    """Publish both, and go there and back; ``extra``: with the optional part. ``title`` is new."""
    folder, (old, new) = world.root / title, pair(recipe)
    install = folder / "install"
    for version, tree in (("1", old), ("2", new)):
        trees.write(folder / version, tree)
        rules = ("--part", f"{_PART}={_PART}/**:lang:de") if any(map(_is_extra, tree)) else ("--drop-part", _PART)
        world.release(version, folder / version, "--jobs", 1, *rules, title=title)
        if version == "1":
            player.run("feed", "add", world.origin.url)  # the title is new
            player.run("install", title, "--to", install, "--tags", "lang:de" if extra else "")
            assert trees.read(install) == _shown(old, extra=extra)
    player.run("update", title)
    assert trees.read(install) == _shown(new, extra=extra)
    shutil.rmtree(install / ".shoal" / "previous", ignore_errors=True)  # else the way back is a rename
    player.run("update", title, "--version", "1")
    assert trees.read(install) == _shown(old, extra=extra)
    assert player.run("verify", title)["damaged"] == []
    player.run("uninstall", title)
    assert not install.exists()
    shutil.rmtree(folder)


def _prove(count: int, number: int) -> None:
    """In one world."""
    with tempfile.TemporaryDirectory() as name, World(Path(name), processes=True) as world:
        player, titles = world.player("ann", peers="none"), iter(range(count * 2))

        @seed(number)
        @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(recipes("tiny", "block", "small", "prose", "large", "large", "huge"), st.booleans())
        def prove(recipe: Recipe, extra: bool) -> None:
            check(world, player, f"title{next(titles)}", recipe, extra=extra)

        prove()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    started_s = time.monotonic()
    for done in range(0, args.count, _A_WORLD):
        _prove(min(_A_WORLD, args.count - done), args.seed + done)
    sys.stdout.write(f"{args.count} pairs of trees there and back in {time.monotonic() - started_s:.0f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
