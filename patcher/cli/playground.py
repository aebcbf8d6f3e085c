"""A small world for demos: a publisher with a feed, an origin and a tracker, and players, all on 127.0.0.1.

It runs the verbs of the command line; each engine, server and tracker is a process of its own. All files are below one
folder.
"""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psutil

from patcher import disk
from patcher.cli.__main__ import main

_PASSPHRASE = "a demonstration, not a secret"  # noqa: S105 - it protects keys that live for a minute
_END_S = 30.0


@dataclass(frozen=True, slots=True)
class ReleaseTree:
    """A version and the folder to release as that version."""

    version: str
    folder: Path


class Machine:
    """One person's Shoal: a home folder and the command line."""

    def __init__(self, home: Path, *options: str) -> None:
        self.home = home
        self._options = options

    def run(self, *words: str | Path, expect: int = 0) -> dict[str, Any]:
        """Run a verb to its end; returns its result object. Raises RuntimeError unless its exit code is ``expect``."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = main(self._words(*words))
        lines = out.getvalue().splitlines()
        if code != expect:
            raise RuntimeError(f"shoal {' '.join(map(str, words))} ended with {code}\n{out.getvalue()}")
        result: dict[str, Any] = json.loads(lines[-1]) if lines else {}
        return result

    @contextlib.contextmanager
    def running(self, *words: str | Path) -> Iterator[dict[str, Any]]:
        """Run a verb that stays, during the ``with`` block; yields the first object that it prints."""
        command = [sys.executable, "-m", "patcher.cli", *self._words(*words)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            try:
                yield json.loads(process.stdout.readline())
            finally:
                process.terminate()
                process.wait()

    def stop(self) -> None:
        """End the engine of this home and wait for its end."""
        with contextlib.suppress(OSError, ValueError):
            pid = json.loads((self.home / "engine.json").read_text())["pid"]
            os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + _END_S
            while (self.home / "engine.json").exists() and time.monotonic() < deadline:
                time.sleep(0.05)

    def _words(self, *words: str | Path) -> list[str]:
        return ["--home", str(self.home), "--json", "--yes", *self._options, *map(str, words)]


class Playground:
    """The feed ``demo`` with its servers and players. Use as a context manager, which ends all of them."""

    def __init__(self, root: Path, *profile: str) -> None:
        self.root, self.feed = root, root / "feed"
        self._passphrase = root / "passphrase"
        self.publisher = Machine(root / "publisher", "--passphrase-file", str(self._passphrase))
        self.ca, self.url = root / "publisher" / "authority" / "ca.pem", ""
        self._profile = profile or ("--demo-keys",)
        self._peers: list[Machine] = []
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        disk.write_atomic(self._passphrase, _PASSPHRASE.encode(), 0o600)
        tracker = ("tracker", "--http", "127.0.0.1:0", "--udp", "127.0.0.1:0")
        announce = self._stack.enter_context(self.publisher.running(*tracker))["text"]
        port = str(_free_port())
        words = ("--origin", f"https://127.0.0.1:{port}", "--tracker", str(announce), "--name", "demo")
        self.invitation: dict[str, Any] = self.publisher.run("publish", "init", self.feed, *words, *self._profile)
        serve = ("serve", self.feed, "--port", port, "--demo-cert")
        self.url = str(self._stack.enter_context(self.publisher.running(*serve))["text"])
        return self

    def __exit__(self, *_: object) -> None:
        for process in psutil.process_iter(["cmdline"]):
            if any(word.startswith(f"{self.root / 'games'}{os.sep}") for word in process.info["cmdline"] or []):
                with contextlib.suppress(psutil.Error):
                    process.terminate()  # a game that still runs: its folder is removed
        self._stack.close()

    def machine(self, name: str) -> Machine:
        """A further player who uses neither another network interface nor multicast."""
        machine = Machine(self.root / name, "--ca", str(self.ca))
        self._stack.callback(machine.stop)
        machine.run("settings", "listen_host", "127.0.0.1")
        machine.run("settings", "local_discovery", "off")
        return machine

    def publish(self, title: str, release: ReleaseTree, *words: str | Path) -> dict[str, Any]:
        """Release a folder, signed by two holders if the feed needs that."""
        words = ("publish", "release", self.feed, title, release.folder, "--version", release.version, *words)
        result = self.publisher.run(*words)
        if request := result.get("request"):
            for holder in ("holder-1", "holder-3"):
                self.publisher.run("publish", "sign", request, "--key", holder)
            result = self.publisher.run(*words)
        return result

    def describe(self, title: str, *words: str | Path) -> None:
        """Publish the record of a title: texts, art, links."""
        self.publisher.run("publish", "title", self.feed, title, *words)

    def seed(self) -> None:
        """Have two other players fetch the whole feed and seed it."""
        self._peers = self._peers or [self.machine(f"peer{number}") for number in (1, 2)]
        for number, peer in enumerate(self._peers):
            peer.run("seed", self.url, "--to", self.root / f"games{number}", "--once")


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
