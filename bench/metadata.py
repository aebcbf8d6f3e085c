"""What an update costs beside its patch: every HTTP body that is not pack, on a feed of 5 titles with 20 releases each.

    python -m bench.metadata

The title that is updated has 10,000 small files, of which the last release changes a few; the limit is 10 KB and 1 % of
the pack. Counted at the origin.
"""

import random
import sys
import tempfile
from pathlib import Path

from tests.support.world import Shoal, World

_TITLES = 5
_RELEASES = 20
_FILES = 10_000
_CHANGED = 25
_LIMIT_BYTES = 10_000


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


def _publish(world: World, root: Path) -> None:
    for title in range(_TITLES):
        for number in range(_RELEASES):
            name = f"title{title}"
            if title == 0 and number >= _RELEASES - 2:
                continue
            world.release(f"1.{number}", _tiny(root / name / str(number), f"{title} {number}"), "--jobs", 1, title=name)
    for number in (_RELEASES - 2, _RELEASES - 1):
        tree = _large(root / "large" / str(number), number - (_RELEASES - 2))
        if number == _RELEASES - 1:
            break
        world.release(f"1.{number}", tree, title="title0")


def main() -> int:
    """Print the table; returns 1 when the limit is passed."""
    with tempfile.TemporaryDirectory() as folder, World(Path(folder)) as world:
        root = Path(folder) / "trees"
        _publish(world, root)
        player: Shoal = world.player("ann", peers="none")
        player.run("install", "title0", "--to", world.folder(player))
        released = world.release(f"1.{_RELEASES - 1}", root / "large" / str(_RELEASES - 1), title="title0")
        world.origin.log.clear()
        done = player.run("update", "title0")
        rows = [(path, sent) for path, _, sent in world.origin.log if sent]
        pack_bytes = int(done["fetched"]["origin_bytes"])
        other_bytes = sum(sent for _, sent in rows) - pack_bytes
        limit = _LIMIT_BYTES + pack_bytes // 100
        for path, sent in rows:
            sys.stdout.write(f"{sent:>9,}  {path}\n")
        sys.stdout.write(f"pack {pack_bytes:,} bytes, everything else {other_bytes:,} (at most {limit:,}); "
                         f"{released['files']:,} files\n")  # fmt: skip
        return int(other_bytes > limit)


if __name__ == "__main__":
    sys.exit(main())
