"""A publisher, an HTTPS origin, a tracker and players on this machine, through the command line and real engines."""

import contextlib
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import psutil

from patcher.cli.__main__ import main
from patcher.config import Home
from patcher.engine import client
from patcher.publish import repository
from patcher.publish.keys.ring import KeyRing, Passphrases
from patcher.publish.repository import Changes
from patcher.serve.certificate import Authority
from patcher.serve.tracker import Tracker
from tests.support import engines, trees
from tests.support.waiting import is_alive, wait_until
from tests.support.watched import WatchedServer


class Shoal:
    """One person's home folder, and the command line that works on it."""

    def __init__(self, home: Path, *options: str) -> None:
        self.home = home
        self._options = options

    def run(self, *words: object, expect: int = 0) -> dict[str, Any]:
        """The result object of a verb that ends with the exit code ``expect``."""
        result = self.answer(*words)
        assert result["code"] == expect, f"{words} ended with {result}\n{self.log()}"
        return result

    def answer(self, *words: object) -> dict[str, Any]:
        """The result object of a verb, with its exit ``code`` and all ``lines``."""
        out = io.StringIO()
        command = ["--home", str(self.home), "--json", "--yes", *self._options, *map(str, words)]
        with contextlib.redirect_stdout(out):
            code = main(command)
        lines = [json.loads(line) for line in out.getvalue().splitlines()]
        assert lines[-1]["event"] == "result", out.getvalue()
        return {**lines[-1], "lines": lines, "code": code}

    def error(self, *words: object, expect: int) -> dict[str, Any]:
        """The error object of a verb that fails."""
        error: dict[str, Any] = self.run(*words, expect=expect)["error"]
        return error

    def start(self, *words: object) -> "subprocess.Popen[str]":
        """The verb in a process of its own."""
        command = [sys.executable, "-m", "patcher.cli", "--home", str(self.home), "--json", "--yes", *self._options]
        return subprocess.Popen([*command, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def engine_pid(self) -> int:
        """The engine's process, 0 when there is none."""
        try:
            return int(json.loads((self.home / "engine.json").read_text())["pid"])
        except (OSError, ValueError):
            return 0

    def kill_engine(self) -> None:
        """As a power cut would end it."""
        pid = self.engine_pid()
        assert pid != os.getpid(), "this world's engines are no processes"
        psutil.Process(pid).kill()
        wait_until(lambda: not is_alive(pid), "the killed engine")

    def stop_engine(self) -> None:
        """End the engine and wait for that."""
        if not engines.stop(self.home) and (pid := self.engine_pid()):
            client.end_engine(Home(self.home))
            wait_until(lambda: not is_alive(pid), "the engine's end")

    def log(self) -> str:
        """What the engine wrote, for failing tests."""
        files = (self.home / "engine.log", self.home / "engine.err")
        return "\n".join(path.read_text()[-4000:] for path in files if path.exists())


class World:
    """The feed ``demo`` at an HTTPS origin of this machine, a tracker, and any number of players."""

    def __init__(
        self,
        root: Path,
        tracker: str = "",
        *,
        processes: bool = False,
        init: Callable[..., dict[str, Any]] | None = None,
    ) -> None:
        """``tracker``: the announce URL of another one than that of this machine. ``init`` runs the verb of that name.

        ``processes``: each player's engine runs in a process of its own, as for a player, and not in this one.
        """
        self.root = root
        self.feed = root / "feed"
        self.feed.mkdir(parents=True)
        self.publisher = Shoal(root / "publisher")
        authority = Authority(root / "authority")
        self.ca = authority.ca_file
        self._stack = contextlib.ExitStack()
        if not processes:
            self._stack.enter_context(engines.here(root))
        self.tracker = self._stack.enter_context(Tracker(interval_s=2))
        self.origin = self._stack.enter_context(WatchedServer(self.feed, *authority.issue("127.0.0.1")))
        self._players: list[Shoal] = []
        words = ("--tracker", tracker or self.tracker.http_url, "--name", "demo", "--demo-keys")
        make = init or self.publisher.run
        self.invitation = make("publish", "init", self.feed, "--origin", self.origin.url, *words)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for player in self._players:
            player.stop_engine()
        self._stack.close()

    def release(self, version: str, tree: Path, *words: object, title: str = "game") -> dict[str, Any]:
        """Publish a folder, with no worker processes."""
        found = trees.executable(tree) or ["!*"]  # none, not as in the release before
        named = (word for path in found for word in ("--executable", path))
        options = ("--version", version, "--jobs", 1, *named, *words)
        return self.publisher.run("publish", "release", self.feed, title, tree, *options)

    def sign(self, put: Mapping[str, bytes], *drop: str) -> None:
        """Publish records as they are, and retire others."""
        repo, now = repository.load(self.feed), datetime.now(UTC)
        ring = KeyRing(Home(self.publisher.home).keys / "demo", Passphrases())
        changes = Changes(put, frozenset(drop))
        payloads = repo.prepare(changes, now)
        signed = {
            role: repository.sign(repo.delegation(role), role, payload, ring) for role, payload in payloads.items()
        }
        repo.publish(changes, signed, ring, now)

    def player(self, name: str, **settings: object) -> Shoal:
        """Somebody who added the feed. Their engine keeps to 127.0.0.1."""
        player = Shoal(self.root / name, "--ca", str(self.ca))
        self._players.append(player)
        for key, value in {"listen_host": "127.0.0.1", "local_discovery": "off", **settings}.items():
            player.run("settings", key, value)
        player.run("feed", "add", self.origin.url)
        return player

    def folder(self, player: Shoal) -> Path:
        """Where the tests install for this player."""
        return self.root / "games" / player.home.name

    def requests(self) -> list[str]:
        """The paths that were asked for since the last call."""
        paths = [path for path, _, _ in self.origin.log]
        self.origin.log.clear()
        return paths

    def take_away(self, *roots: bytes | str) -> None:
        """Remove contents from the origin, all that is not metadata when none are named."""
        names = {root if isinstance(root, str) else root.hex() for root in roots}
        for path in (self.feed / "content").rglob("*"):
            if path.is_file() and path.name in names:
                path.unlink()


@contextlib.contextmanager
def prepared_engine(player: Shoal, *setup: str, mount: str = "") -> Iterator[None]:
    """The player's engine in a process that was prepared: by Python lines, or by a mount in a namespace of its own."""
    player.stop_engine()
    code = "\n".join(
        (*setup, "import sys", "from patcher.engine import server", "server._LINGER_S = 60", "sys.exit(server.main())")
    )
    command = [sys.executable, "-c", code, "--home", str(player.home)]
    if mount:
        rootless = [] if os.geteuid() == 0 else ["--map-root-user"]
        # In a chroot the root is no mount point, and unshare itself would fail on making it private.
        script = f'(mount --make-rprivate / 2>/dev/null || :) && {mount} && exec "$@"'
        command = ["unshare", "--mount", "--propagation=unchanged", *rootless, "sh", "-c", script, "sh", *command]
    with subprocess.Popen(command) as engine:
        wait_until(lambda: player.engine_pid() == engine.pid, "the prepared engine")
        try:
            yield
        finally:
            player.stop_engine()


@contextlib.contextmanager
def world(root: Path) -> Iterator[World]:
    """A world that is taken down at the end, engines first."""
    with World(root) as made:
        yield made


def in_background(work: Callable[[], object]) -> threading.Thread:
    """A started thread; join it."""
    thread = threading.Thread(target=work)
    thread.start()
    return thread
