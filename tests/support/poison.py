"""A swarm of which half lies: every block that those seeds send is wrong.

``python -m tests.support.poison`` is the proof with 512 MB; `run` is one download of any size.
"""

import contextlib
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
_BLOCK_BYTES = 16 << 10


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
    content = trees.noise(1, size_bytes)
    trees.write(honest, {"pak": File(content), "readme": File(b"read me")})
    wrong = bytearray(content)
    wrong[::_BLOCK_BYTES] = bytes(each ^ 1 for each in content[::_BLOCK_BYTES])
    trees.write(forged, {"pak": File(bytes(wrong)), "readme": File(b"read it")})
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
            wait_until(lambda known=seed: bool(known.handle.status().current_tracker), "the first announce")  # type: ignore[misc]
        player = world.player("ann")
        got = player.run("install", "game", "--to", folder / "game")["fetched"]
        received = got["lan_bytes"] + got["peer_bytes"] + got["origin_bytes"]
        return Seen(
            is_right=(folder / "game/pak").read_bytes() == content,
            liars={host for host in list(seeds)[half:] if seeds[host].sent_bytes},
            banned=set(_BANNED.findall((player.home / "engine.log").read_text())),
            waste=received / size_bytes - 1,
        )


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
