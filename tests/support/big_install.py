"""The slow proof of resuming: an engine killed in the middle of an install of more than 1 GB refetches next to nothing.

    python -m tests.support.big_install [--bytes N]

Twice: from one other player, with nothing but documents at the server, and from the server alone. Counted on the side
of whoever gives, less what was still in the system's buffers when the engine died. Fails when more than 8 MiB and one
piece a peer came twice.
"""

import argparse
import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from patcher.publish.build import piece_bytes_for
from tests.support import trees
from tests.support.waiting import wait_until
from tests.support.world import Shoal, World

_LOST_MAX_BYTES = 8 << 20
_FILES = 5
_BLOCK_BYTES = 1 << 16
_SLOW_BPS = 80_000_000
_SETTLE_S = 0.5


def _plant(folder: Path, size_bytes: int) -> None:
    """Large files that are quick to pack: one block of noise again and again, each time with a number."""
    folder.mkdir()
    noise = trees.noise(99, _BLOCK_BYTES - 16)
    for number in range(_FILES):
        with (folder / f"{number}.pak").open("wb") as file:
            for block in range(size_bytes // _FILES // _BLOCK_BYTES):
                file.write(b"%15d\n" % (number << 32 | block) + noise)


def _killed_half_way(world: World, player: Shoal, size_bytes: int) -> int:
    """Returns the bytes that were on their way, in the system's buffers, when the engine died."""
    player.run("settings", "download_limit_bps", _SLOW_BPS)
    client = player.start("install", "game", "--to", world.folder(player))
    wait_until(lambda: _done_bytes(player) > size_bytes // 2, "half of the install")
    pid = player.engine_pid()
    os.kill(pid, signal.SIGSTOP)
    time.sleep(_SETTLE_S)
    unread = _unread_bytes(pid)
    player.kill_engine()
    player.run("settings", "download_limit_bps", 0)
    client.communicate()
    assert client.returncode == 0
    assert player.run("verify", "game")["damaged"] == []
    return unread


def _unread_bytes(pid: int) -> int:
    """What was sent to a stopped process and not read by it: in its receive queues, and in the send queues to it."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            inodes.add(os.readlink(descriptor).removeprefix("socket:[").removesuffix("]"))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    mine = {row[1]: int(row[4].partition(":")[2], 16) for row in rows if row[9] in inodes}
    towards = sum(int(row[4].partition(":")[0], 16) for row in rows if row[2] in mine)
    return sum(mine.values()) + towards


def _done_bytes(player: Shoal) -> int:
    progress = player.run("status")["titles"][0]["progress"]
    return int(progress["done_bytes"]) if progress and progress["phase"] == "fetch" else 0


def _from_a_player(world: World, size_bytes: int) -> int:
    """Returns what the other player gave beyond the size of the tree."""
    seed = world.player("seed", sharing="everyone")
    seed.run("install", "game", "--to", world.folder(seed))
    wait_until(lambda: bool(seed.run("status")["titles"][0]["seeding"]), "the seed")
    world.take_away(*(path.name for path in _large(world)))
    unread = _killed_half_way(world, world.player("ann"), size_bytes)

    def given() -> int:
        return sum(int(row["uploaded_bytes"]) for row in seed.run("stats")["rows"])

    wait_until(lambda: given() >= size_bytes, "the seed's count")
    return given() - size_bytes - unread


def _from_the_server(world: World, size_bytes: int) -> int:
    """Returns what the server sent beyond the size of the tree (the full pack is gone: loose files are not packed)."""
    player = world.player("bob", peers="none")
    sent = world.origin.body_bytes
    unread = _killed_half_way(world, player, size_bytes)
    return world.origin.body_bytes - sent - size_bytes - unread


def _large(world: World) -> list[Path]:
    return [path for path in (world.feed / "content").rglob("*") if path.is_file() and path.stat().st_size > 1_000_000]


def main() -> int:
    """Run both; returns 1 when too much came twice."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bytes", type=int, default=1_100_000_000)
    size_bytes = parser.parse_args().bytes // _FILES // _BLOCK_BYTES * _BLOCK_BYTES * _FILES
    limit = _LOST_MAX_BYTES + piece_bytes_for(size_bytes)
    cases: dict[str, Callable[[World, int], int]] = {"server": _from_the_server, "player": _from_a_player}
    failed = False
    with tempfile.TemporaryDirectory() as folder, World(Path(folder), processes=True) as world:
        _plant(Path(folder) / "tree", size_bytes)
        world.release("1", Path(folder) / "tree")
        packs = [path for path in _large(world) if path.stat().st_size != size_bytes // _FILES]
        world.take_away(*(path.name for path in packs))
        for name, case in cases.items():
            twice = case(world, size_bytes)
            sys.stdout.write(f"from the {name}: {size_bytes:,} bytes, {twice:,} of them twice (at most {limit:,})\n")
            failed |= twice > limit
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
