"""A publisher, the web host between, which an attacker holds, and a player whose real engine runs in this process.

The feed is real, made by the publisher's own code, in four states: release 1, 2 and 3, then new online keys and release
4. The player installed release 1, updated to release 2, and saw nothing since.
"""

import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from types import MappingProxyType
from typing import Any

from tuf.api.metadata import Metadata, MetaFile  # type: ignore[attr-defined]  # exported, but not by __all__

from patcher import config
from patcher.config import Home, Settings
from patcher.engine.engine import Engine
from patcher.protocol import commands, events
from patcher.publish import feeds, release, repository, rotation, signing
from patcher.publish.keys.ring import KeyRing, Passphrases
from patcher.publish.repository import Repository
from tests.support import trees
from tests.support.hostile_origin import HostileOrigin, Request, head
from tests.support.publisher import files_below, quiet
from tests.support.trees import File

TITLE = "shop/game"
GENUINE: dict[str, trees.Layout] = {
    version: {"bin/game": File(f"game {version}".encode() * 40, True), "level": File(trees.noise(ord(version), 70_000))}
    for version in "1234"
}


def endless(request: Request, peer: socket.socket) -> None:
    """An answer that names no length and never ends."""
    peer.sendall(head(200, None, Connection="close"))
    while not request.stop.is_set():
        peer.sendall(b" " * 65536)


class Player:
    """A home and an install below ``root``; the engine runs while it is entered."""

    def __init__(self, root: Path, url: str) -> None:
        self.home, self.folder, self.url = Home(root / "home"), root / "game", url
        self.metadata = self.home.feeds / "shop" / "metadata"
        self._engine: Engine | None = None

    @contextmanager
    def awake(self) -> Iterator["Player"]:
        self._engine = Engine(self.home)
        try:
            self._engine.start()
            yield self
        finally:
            self._engine.close()

    def asks(self, verb: str) -> tuple[str, str]:
        """What the player sees of a verb: the code of the error, empty when it went well, and the notices."""
        asked: dict[str, commands.Command] = {
            "add": commands.AddFeed(self.url),
            "install": commands.Install(TITLE, str(self.folder)),
            "update": commands.Update(TITLE),
            "repair": commands.Repair(TITLE),
            "verify": commands.Verify(TITLE),
            "rollback": commands.Rollback(TITLE),
            "step back": commands.Rollback(TITLE, confirmed=True),
            "uninstall": commands.Uninstall(TITLE),
            "remove": commands.RemoveFeed("shop"),
            "locate": commands.Install(TITLE, str(self.folder), locate=True),
        }
        assert self._engine
        before = self.home.registry.read_bytes()
        if verb == "locate":  # a folder that this engine has never seen
            self._engine._registry.forget(TITLE)
        heard: SimpleQueue[events.Event] = SimpleQueue()
        told = []
        with self._engine.listening(heard.put):
            self._engine.submit(asked[verb])
            while not isinstance(event := heard.get(timeout=60), events.Finished | events.Failed):
                told += [event.text] if isinstance(event, events.Notice) else []
        code = (event.failure.code if event.failure else "cancelled") if isinstance(event, events.Failed) else ""
        if verb == "locate" and code:
            self.home.registry.write_bytes(before)
        return code, " ".join(told)

    @property
    def version(self) -> str:
        """The release in the install folder, byte by byte; fails when it is none."""
        found = trees.read(self.folder)
        return next(version for version, layout in GENUINE.items() if layout == found)


class Siege:
    """``files`` is what the attacker's web host serves. Each state of the feed is a folder too; all keys are here."""

    def __init__(self, root: Path, origin: HostileOrigin, profile: str) -> None:
        self.root, self.origin, self.files = root, origin, origin.files
        self.folder, self.home = root / "feed", Home(root / "publisher")
        self.states: dict[str, dict[str, bytes]] = {}
        self.ring = KeyRing(self.home.keys / "shop", Passphrases())
        self.player = Player(root / "player", origin.url)
        feeds.init(self.folder, self.home, [origin.url], [], "shop", profile, True, Passphrases())
        self._release("1")
        self.serve("1")
        self._set_up_player()
        self._release("2")
        self.serve("2")
        with self.player.awake():
            assert self.player.asks("update") == ("", "")
        self._release("3")
        self._until_signed(self.rotate)
        self._release("4")
        shutil.copytree(root / "player", root / "kept", symlinks=True)

    def _set_up_player(self) -> None:
        self.player.home.make()
        careful = Settings(peers="none", listen_host="127.0.0.1", local_discovery=False)
        config.save(self.player.home, careful)
        with self.player.awake():
            assert [self.player.asks(verb) for verb in ("add", "install")] == [("", "")] * 2

    def _release(self, version: str) -> None:
        tree = self.root / version
        trees.write(tree, GENUINE[version])
        order = release.ReleaseOrder("game", tree, version, launch=("bin/game",), executable=("bin/game",))
        self._until_signed(lambda: release.release(self.folder, self.home, order, Passphrases(), quiet, print).request)
        self.states[version] = files_below(self.folder)
        shutil.copytree(self.folder, self.root / f"feed-{version}")

    def rotate(self) -> Path | None:
        """One step of putting new online keys in place: the request, when holders must sign."""
        return rotation.rotate(self.folder, self.home, rotation.KeyOrder(protect=False), Passphrases()).request

    def _until_signed(self, step: Callable[[], Path | None]) -> None:
        while request := step():
            found = signing.load(request)
            signing.sign(found, self.ring)
            signing.save(found, request)

    def serve(self, version: str) -> None:
        """The host shows the feed as it was with this release, and answers honestly."""
        self.origin.forget_answers()
        self.files.clear()
        self.files.update(self.states[version])

    def begin(self) -> None:
        """Everything as the player knows it."""
        shutil.rmtree(self.root / "player")
        shutil.copytree(self.root / "kept", self.root / "player", symlinks=True)
        self.serve("2")

    # ---------------------------------------------------------------- what an attacker does

    def at(self, version: str) -> Repository:
        """What the feed said with this release."""
        return repository.load(self.root / f"feed-{version}")

    def put(self, name: str, metadata: Metadata[Any]) -> MetaFile:
        """Show a role's file."""
        data = metadata.to_bytes()
        self.files[f"metadata/{name}"] = data
        return MetaFile.from_data(metadata.signed.version, data, ["sha256"])

    def signed(self, payload: Any, *names: str) -> Metadata[Any]:
        """A payload signed with the keys of these names, whoever should sign it."""
        repo = self.at("2")
        roles = ("root", "targets", "feed", "snapshot", "timestamp")
        keys = {key.unrecognized_fields["x-shoal-name"]: key for r in roles for key in _keys(repo, r)}
        metadata = Metadata(payload)
        for name in names:
            metadata.sign(self.ring.signer(keys[name]), append=True)
        return metadata

    def forge(
        self,
        *,
        jump: int = 50,
        roles: Mapping[str, Metadata[Any]] = MappingProxyType({}),
        versions: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """With the online keys: a snapshot and a timestamp that name ``roles``, and ``versions`` of others."""
        repo = self.at("2")
        for name, metadata in roles.items():
            repo.snapshot.meta[f"{name}.json"] = self.put(f"{metadata.signed.version}.{name}.json", metadata)
        for name, version in versions.items():
            repo.snapshot.meta[f"{name}.json"].version = version
        repo.snapshot.version += jump
        meta = self.put(f"{repo.snapshot.version}.snapshot.json", self.signed(repo.snapshot, "snapshot"))
        self.forge_timestamp(meta, jump=jump)

    def forge_timestamp(self, meta: MetaFile, *, jump: int = 50) -> None:
        """With the timestamp's key alone."""
        timestamp = self.at("2").timestamp
        timestamp.snapshot_meta = meta
        timestamp.version += jump
        timestamp.unrecognized_fields["x-shoal-signed-at"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.put("timestamp.json", self.signed(timestamp, "timestamp"))


def _keys(repo: Repository, role: str) -> list[Any]:
    return repository.keys_of(repo.delegation(role), role)
