"""The slow proof that a flipped byte of a large file costs its block and the leaves of that file, whatever its size.

    python -m tests.support.big_repair [--bytes N]

Counted at the origin, everything that it sends while the repair runs. The file stays where it is (same inode).
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from patcher.content import merkle
from tests.support import trees
from tests.support.world import World

_LIMIT_BYTES = 64 * 1024
_BLOCK_BYTES = 1 << 20


def _plant(folder: Path, size_bytes: int) -> Path:
    """One large file that is quick to pack: noise again and again, each time with a number."""
    folder.mkdir()
    noise = trees.noise(98, _BLOCK_BYTES - 16)
    with (folder / "world.pak").open("wb") as file:
        for block in range(size_bytes // _BLOCK_BYTES):
            file.write(b"%15d\n" % block + noise)
    (folder / "readme.txt").write_text("a small one\n")
    return folder


def main() -> int:
    """Returns 1 when more was sent."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bytes", type=int, default=3 * 10**9)
    size_bytes = parser.parse_args().bytes // _BLOCK_BYTES * _BLOCK_BYTES
    with tempfile.TemporaryDirectory() as name, World(Path(name), processes=True) as world:
        world.release("1", _plant(Path(name) / "tree", size_bytes))
        player = world.player("ann", peers="none")
        player.run("install", "game", "--to", world.folder(player))
        file = world.folder(player) / "world.pak"
        inode = file.stat().st_ino
        with file.open("r+b") as opened:
            opened.seek(size_bytes // 3)
            (byte,) = opened.read(1)
            opened.seek(size_bytes // 3)
            opened.write(bytes([byte ^ 1]))
        sent, started_s = world.origin.body_bytes, time.monotonic()
        player.run("repair", "game")
        sent, took_s = world.origin.body_bytes - sent, time.monotonic() - started_s
        assert player.run("verify", "game")["damaged"] == []
        assert file.stat().st_ino == inode
    leaves_bytes = size_bytes // merkle.BLOCK_BYTES * merkle.HASH_BYTES
    sys.stdout.write(
        f"{size_bytes / 1e6:,.0f} MB, one byte flipped: {sent:,} bytes sent, {leaves_bytes:,} of them leaves "
        f"(at most {leaves_bytes + _LIMIT_BYTES:,}), in {took_s:.0f} s\n"
    )
    return int(sent > leaves_bytes + _LIMIT_BYTES)


if __name__ == "__main__":
    sys.exit(main())
