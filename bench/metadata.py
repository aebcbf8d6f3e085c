"""What an update costs beside its patch: every HTTP body that is not pack, on a feed of 5 titles with 20 releases each.

    python -m bench.metadata [--generated]

The title that is updated is @babylonjs/core, or (where it cannot be fetched, or when asked for) 10,000 generated files
of which the last release changes a few. The limit is 10 KB and 1 % of the pack. Counted at the origin.
"""

import argparse
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.support import releases
from patcher.content import bencoded, patch_index
from patcher.errors import ContentError
from tests.support.world import Shoal, World

_TITLES = 5
_RELEASES = 20
_FILES = 10_000
_CHANGED = 25
_LIMIT_BYTES = 10_000
_REAL = ("9.33.3", "9.34.0")


def _tiny(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "readme.txt").write_text(text)
    return folder


def _large(folder: Path, changed: int) -> Path:
    """A tree like that of a large JavaScript library."""
    words = [f"{random.Random(n).randrange(16**6):x}" for n in range(400)]
    for number in range(_FILES):
        dice = random.Random(number + (1_000_000 if number % (_FILES // _CHANGED) == 0 and changed else 0))
        path = folder / f"package{number % 40}" / f"part{number % 7}" / f"module{number}.js"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(" ".join(dice.choices(words, k=dice.randrange(30, 400))))
    return folder


def _trees(root: Path, *, generated: bool) -> tuple[Path, Path]:
    """The last two releases of the title that is updated."""
    if not generated:
        try:
            old, new = (releases.babylon(version) for version in _REAL)
            return old, new
        except (OSError, subprocess.CalledProcessError) as error:
            sys.stdout.write(f"@babylonjs/core cannot be fetched ({error}); a generated tree it is\n")
    return _large(root / "old", 0), _large(root / "new", 1)


def _publish(world: World, root: Path, old: Path) -> None:
    """All releases but the last one of the title that is updated."""
    for title in range(_TITLES):
        for number in range(_RELEASES - 2 * (title == 0)):
            tree = _tiny(root / f"{title}" / f"{number}", f"{title} {number}")
            world.release(f"1.{number}", tree, "--jobs", 1, title=f"title{title}")
    world.release(f"1.{_RELEASES - 2}", old, title="title0")


def _inline_bytes(path: Path) -> int:
    """The pack that stands in a patch index; 0 for any other document."""
    try:
        return len(bencoded.decode(path.read_bytes(), "a document", patch_index.MAX_INDEX_BYTES)[b"inline"])
    except (OSError, KeyError, ContentError):
        return 0


def main() -> int:
    """Print the table; returns 1 when the limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generated", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, World(Path(folder)) as world:
        old, new = _trees(Path(folder) / "trees", generated=args.generated)
        _publish(world, Path(folder) / "tiny", old)
        player: Shoal = world.player("ann", peers="none")
        player.run("install", "title0", "--to", world.folder(player))
        released = world.release(f"1.{_RELEASES - 1}", new, title="title0")
        world.origin.log.clear()
        done = player.run("update", "title0")
        rows = [(path, sent) for path, _, sent in world.origin.log if sent]
        pack_bytes = int(done["fetched"]["origin_bytes"]) + sum(
            _inline_bytes(world.feed / path[1:]) for path, _ in rows
        )
        other_bytes = sum(sent for _, sent in rows) - pack_bytes
        limit = _LIMIT_BYTES + pack_bytes // 100
        for path, sent in rows:
            sys.stdout.write(f"{sent:>9,}  {path}\n")
        sys.stdout.write(f"pack {pack_bytes:,} bytes, everything else {other_bytes:,} (at most {limit:,}); "
                         f"{released['files']:,} files\n")  # fmt: skip
        return int(other_bytes > limit)


if __name__ == "__main__":
    sys.exit(main())
