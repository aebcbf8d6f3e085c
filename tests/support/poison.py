"""A swarm of which half lies: every block that those seeds send is wrong.

``python -m tests.support.poison`` is the proof with 512 MB; `run` is one download of any size.
"""

import contextlib
import filecmp
import functools
import re
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.support import trees
from tests.support.peers import Player
from tests.support.trees import File
from tests.support.waiting import wait_until
from tests.support.world import World

_SIZE_BYTES, _HALF = 512 << 20, 4
_MOST_WASTE = 0.05
_SEED_BPS = 8_000_000
_BANNED = re.compile(r"([0-9.]+) sent a bad block and is banned")
_BLOCK_BYTES, _STEP_BYTES = 16 << 10, 1 << 20


class Seen(NamedTuple):
    """What came of a download."""

    is_right: bool
    """Every byte on the disk is the publisher's."""
    liars: set[str]
    """The addresses of those whose blocks came."""
    banned: set[str]
    waste: float
    """What was received and not needed, as a share of the size."""


def run(folder: Path, size_bytes: int, half: int) -> Seen:
    """One player downloads a title from so many honest seeds, as many liars, and an origin."""
    honest, forged = (folder / name / "game.main" for name in ("honest", "forged"))
    for tree in (honest, forged):
        trees.write(tree, {"pak": File(b""), "readme": File(b"read me")})
    with (honest / "pak").open("wb") as right, (forged / "pak").open("wb") as wrong:
        for number in range(size_bytes // _STEP_BYTES):
            content = trees.noise(number, _STEP_BYTES)
            right.write(content)
            wrong.write(
                b"".join(b"lie" + content[at + 3 : at + _BLOCK_BYTES] for at in range(0, _STEP_BYTES, _BLOCK_BYTES))
            )
    with World(folder / "world", processes=True) as world, contextlib.ExitStack() as stack:
        world.release("1", honest)
        world.publisher.run("publish", "export", world.feed, "game", "--to", folder)
        torrent = (folder / "game.main.torrent").read_bytes()
        seeds = dict[str, Player]()
        for number in range(2 * half):
            host, lies = f"127.0.1.{number + 1}", number >= half
            seed = stack.enter_context(Player(listen_interfaces=f"{host}:0", outgoing_interfaces=host))
            seed.seed(torrent, forged if lies else honest, lie=lies, trackers=[world.tracker.http_url])
            seeds[host] = seed.limit(_SEED_BPS)
            wait_until(functools.partial(_has_announced, seed), "the first announce")
        player = world.player("ann")
        got = player.run("install", "game", "--to", folder / "game")["fetched"]
        received = got["lan_bytes"] + got["peer_bytes"] + got["origin_bytes"]
        return Seen(
            is_right=filecmp.cmp(folder / "game/pak", honest / "pak", shallow=False),
            liars={host for host in list(seeds)[half:] if seeds[host].sent_bytes},
            banned=set(_BANNED.findall((player.home / "engine.log").read_text())),
            waste=received / size_bytes - 1,
        )


def _has_announced(seed: Player) -> bool:
    return bool(seed.handle.status().current_tracker)


def main() -> None:
    """The proof."""
    with tempfile.TemporaryDirectory() as folder:
        seen = run(Path(folder), _SIZE_BYTES, _HALF)
    sys.stdout.write(f"{seen}\n")
    assert seen.is_right
    assert seen.liars
    assert seen.liars <= seen.banned
    assert seen.waste <= _MOST_WASTE


if __name__ == "__main__":
    main()
