"""A standard client in the swarm: qBittorrent fetches a published title from players, and gives it to another one.

``python -m tests.support.standard_client`` is the proof. qBittorrent reads what ``shoal publish export`` writes, and
uses its web interface as its users' programs do. The origin's content is gone by then.
"""

import contextlib
import filecmp
import http.client  # noqa: TID251 (to somebody else's program)
import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from tests.support import trees
from tests.support.programs import program
from tests.support.sockets import listening
from tests.support.trees import File
from tests.support.waiting import wait_until
from tests.support.world import Shoal, World

_TREE: trees.Layout = {
    "bin/run": File(trees.noise(1, 300_000), executable=True),
    "data/pak": File(trees.noise(2, 40_000_000)),
    "data/empty": File(b""),
    "readme.txt": File(b"read me"),
}
_LARGE_BYTES = 200_000
_CONFIGURATION = r"""
[LegalNotice]
Accepted=true
[BitTorrent]
Session\DHTEnabled=false
Session\LSDEnabled=false
Session\PeXEnabled=false
Session\Interface=lo
Session\InterfaceAddress=127.0.0.1
Session\Port=0
Session\Preallocation=false
[Preferences]
WebUI\Address=127.0.0.1
WebUI\LocalHostAuth=false
WebUI\CSRFProtection=false
WebUI\HostHeaderValidation=false
"""


class Client:
    """A running qBittorrent, by its web interface (version 2 of the API)."""

    def __init__(self, port: int) -> None:
        self._port = port

    def call(self, name: str, **words: str) -> str:
        """The answer as text. Raises OSError."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)) as connection:  # noqa: TID251 (the same)
            connection.request("POST", f"/api/v2/{name}", urlencode(words), headers)
            return connection.getresponse().read().decode()

    def is_up(self) -> bool:
        """Whether it answers."""
        with contextlib.suppress(OSError):
            return bool(self.call("app/version"))
        return False

    def progress(self) -> tuple[float, int]:
        """Of its one torrent: the share that is there, and bytes uploaded."""
        found = json.loads(self.call("torrents/info"))
        return (found[0]["progress"], found[0]["uploaded"]) if found else (0.0, 0)


@contextlib.contextmanager
def qbittorrent(folder: Path, port: int) -> Iterator[Client]:
    """One with a profile of its own, and its web interface at ``port``."""
    configuration = folder / "profile/qBittorrent/config/qBittorrent.conf"
    configuration.parent.mkdir(parents=True)
    configuration.write_text(_CONFIGURATION)
    command = [program("qbittorrent-nox"), f"--profile={folder / 'profile'}", f"--webui-port={port}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        client = Client(port)
        try:
            wait_until(client.is_up, "qBittorrent")
            yield client
        finally:
            process.terminate()


def _same(one: Path, other: Path) -> bool:
    return all(filecmp.cmp(one / name, other / name, shallow=False) for name in _TREE)


def _stop_sharing(player: Shoal) -> None:
    player.run("settings", "sharing", "off")
    wait_until(lambda: not listening(player.engine_pid()), "the end of sharing")


def _empty(feed: Path) -> None:
    """Take away what is large: the files, and the full pack."""
    for path in feed.rglob("*"):
        if path.is_file() and path.stat().st_size > _LARGE_BYTES:
            path.unlink()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def prove(folder: Path) -> None:
    """The proof."""
    trees.write(folder / "tree", _TREE)
    with World(folder / "world", processes=True) as world:
        world.release("1", folder / "tree")
        ann, bob = world.player("ann", sharing="everyone"), world.player("bob")
        ann.run("install", "game", "--to", folder / "ann")
        world.publisher.run("publish", "export", world.feed, "game", "--to", folder)
        with ann.start("share") as sharing, qbittorrent(folder, _free_port()) as client:
            client.call("torrents/add", urls=str(folder / "game.main.torrent"), savepath=str(folder / "theirs"))
            wait_until(lambda: client.progress()[0] == 1.0, "qBittorrent's download")
            assert _same(folder / "tree", folder / "theirs/game.main")
            sharing.terminate()
            sharing.communicate()
            _stop_sharing(ann)
            _empty(world.feed)
            got = bob.run("install", "game", "--to", folder / "bob")["fetched"]
            assert _same(folder / "tree", folder / "bob")
            wait_until(lambda: client.progress()[1] >= got["lan_bytes"] > 40_000_000, "qBittorrent's count")
            sys.stdout.write(f"qBittorrent fetched it from a player, and gave another {got['lan_bytes']} bytes\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        prove(Path(temporary))
