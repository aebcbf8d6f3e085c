"""A small world for demos: a publisher with a feed, an origin and a tracker, and players, all on 127.0.0.1.

Publisher and players run the verbs of the command line. The servers run in this process, each engine in one of its own.
All files are below one folder.
"""

import contextlib
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psutil

from patcher import disk
from patcher.cli.__main__ import main
from patcher.config import Home
from patcher.engine import client
from patcher.errors import InternalError
from patcher.serve.certificate import Authority
from patcher.serve.static import StaticServer
from patcher.serve.tracker import Tracker

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
        self._options = ("--home", str(home), "--json", "--yes", *options)

    def run(self, *words: str | Path) -> dict[str, Any]:
        """Run a verb to its end; returns its result object. Raises RuntimeError when it fails."""
        with contextlib.redirect_stdout(io.StringIO()) as out:
            code = main([*self._options, *map(str, words)])
        if code:
            raise RuntimeError(f"shoal {' '.join(map(str, words))} ended with {code}\n{out.getvalue()}")
        result: dict[str, Any] = json.loads(out.getvalue().splitlines()[-1])
        return result

    def stop(self) -> None:
        """End the engine of this home and wait until its process, which has files open, is gone."""
        with contextlib.suppress(InternalError, psutil.Error):
            if number := client.end_engine(Home(self.home)):
                psutil.Process(number).wait(_END_S)


class Playground:
    """The feed ``demo`` with its servers and players. Use as a context manager, which ends all of them."""

    def __init__(self, root: Path, *profile: str) -> None:
        self.root, self._feed, self._profile = root, root / "feed", profile or ("--demo-keys",)
        self._passphrase = root / "passphrase"
        self._publisher = Machine(root / "publisher", "--passphrase-file", str(self._passphrase))
        self._authority = Authority(root / "authority")
        self.ca, self.url = self._authority.ca_file, ""
        self._peers: list[Machine] = []
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        disk.write_atomic(self._passphrase, _PASSPHRASE.encode(), 0o600)
        disk.make_folder(self._feed)
        cert, key = self._authority.issue("127.0.0.1")
        self.url = self._stack.enter_context(StaticServer(self._feed, cert=cert, key=key)).url
        announce = self._stack.enter_context(Tracker()).http_url
        words = ("--origin", self.url, "--tracker", announce, "--name", "demo", *self._profile)
        self._publisher.run("publish", "init", self._feed, *words)
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
        words = ("publish", "release", self._feed, title, release.folder, "--version", release.version, *words)
        result = self._publisher.run(*words)
        if request := result.get("request"):
            for holder in ("holder-1", "holder-3"):
                self._publisher.run("publish", "sign", request, "--key", holder)
            result = self._publisher.run(*words)
        return result

    def describe(self, title: str, *words: str | Path) -> None:
        """Publish the record of a title: texts, art, links."""
        self._publisher.run("publish", "title", self._feed, title, *words)

    def seed(self) -> None:
        """Have two other players fetch the whole feed and seed it."""
        self._peers = self._peers or [self.machine(f"peer{number}") for number in (1, 2)]
        for number, peer in enumerate(self._peers):
            peer.run("seed", self.url, "--to", self.root / f"games{number}", "--once")
