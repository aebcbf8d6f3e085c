"""``make demo``: the main job on this machine, with real processes: publish, serve, track, seed, install, update.

Everything runs on 127.0.0.1 below one temporary folder, through the same command line that a publisher, an operator and
a player use. ``REAL=1`` takes two releases of a real game engine from the package index instead of a made-up title.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from patcher.cli.output import human_bytes

_CONSOLE = Console(highlight=False, soft_wrap=True)
_PASSPHRASE = "a demonstration, not a secret"  # noqa: S105 - it protects keys that live for a minute
_START_S = 30.0


@dataclass(frozen=True, slots=True)
class Release:
    """A version and the folder that holds it."""

    version: str
    folder: Path


class Machine:
    """One person's Shoal: a home folder and the command line."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def run(self, *words: str | Path, expect: int = 0) -> dict[str, Any]:
        """Run a verb to its end; returns its result object. Raises RuntimeError when its exit code is another one."""
        done = subprocess.run(self._command(*words), capture_output=True, text=True, env=_environment(), check=False)
        lines = done.stdout.splitlines()
        if done.returncode != expect:
            raise RuntimeError(f"shoal {' '.join(map(str, words))}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        result: dict[str, Any] = json.loads(lines[-1]) if lines else {}
        return result

    @contextlib.contextmanager
    def running(self, *words: str | Path) -> Iterator[dict[str, Any]]:
        """Run a verb that stays; yields the first object it prints, ends it afterwards."""
        with subprocess.Popen(self._command(*words), stdout=subprocess.PIPE, text=True, env=_environment()) as process:
            assert process.stdout
            try:
                yield json.loads(process.stdout.readline())
            finally:
                process.terminate()
                process.wait()

    def make_quiet(self) -> None:
        """Keep to this machine: no other interface, no multicast."""
        self.run("settings", "listen_host", "127.0.0.1")
        self.run("settings", "local_discovery", "off")

    def stop(self) -> None:
        """End this home's engine, and wait for that."""
        with contextlib.suppress(OSError, ValueError):
            pid = json.loads((self.home / "engine.json").read_text())["pid"]
            os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + _START_S
            while (self.home / "engine.json").exists() and time.monotonic() < deadline:
                time.sleep(0.05)

    def _command(self, *words: str | Path) -> list[str]:
        return [sys.executable, "-m", "patcher.cli", "--home", str(self.home), "--json", "--yes", *map(str, words)]


def _environment() -> dict[str, str]:
    return {**os.environ, "SHOAL_PASSPHRASE": _PASSPHRASE}


def main() -> int:
    """Run the demonstration; returns 0 when the player's folder is the new release, file by file."""
    real = os.environ.get("REAL", "") not in ("", "0")
    with tempfile.TemporaryDirectory(prefix="shoal-demo-") as name:
        root = Path(name)
        _say("Making two releases" if not real else "Fetching two releases of panda3d from the package index")
        old, new = _real_releases(root) if real else _made_releases(root)
        return _Demo(root, "panda3d" if real else "tidepool", old, new, real=real).run()


class _Demo:
    def __init__(self, root: Path, title: str, old: Release, new: Release, *, real: bool) -> None:
        self._root, self._title, self._old, self._new, self._real = root, title, old, new, real
        self._publisher = Machine(root / "publisher")
        self._player = Machine(root / "player")
        self._peers = [Machine(root / f"peer{number}") for number in (1, 2)]
        self._feed, self._game = root / "feed", root / "games" / title

    def run(self) -> int:
        tracker = ("tracker", "--http", "127.0.0.1:0", "--udp", "127.0.0.1:0")
        serve = ("serve", self._feed, "--port", str(_free_port()), "--demo-cert")
        with contextlib.ExitStack() as stack:
            tracker_urls = stack.enter_context(self._publisher.running(*tracker))
            self._init(f"https://127.0.0.1:{serve[3]}", str(tracker_urls["text"]))
            origin = stack.enter_context(self._publisher.running(*serve))
            for machine in (self._player, *self._peers):
                stack.callback(machine.stop)
                machine.make_quiet()
            self._ca, self._url = self._publisher.home / "authority/ca.pem", str(origin["text"])
            return self._release_and_update()

    def _init(self, url: str, tracker: str) -> None:
        profile = ("--profile", "studio") if self._real else ("--demo-keys",)
        _say("Publishing: a new feed" + (", its releases signed by two of three holders" if self._real else ""))
        words = ("--origin", url, "--tracker", tracker, "--name", "demo", *profile)
        self._publisher.run("publish", "init", self._feed, *words)
        self._publish(self._old)

    def _publish(self, release: Release) -> dict[str, Any]:
        words = ("publish", "release", self._feed, self._title, release.folder, "--version", release.version)
        result = self._publisher.run(*words)
        if request := result.get("request"):
            for holder in ("holder-1", "holder-3"):
                self._publisher.run("publish", "sign", request, "--key", holder)
            result = self._publisher.run(*words)
        amount = f"{human_bytes(result['tree_bytes'])} in {result['files']} files"
        _say(f"Published {self._title} {release.version}: {amount}")
        return result

    def _release_and_update(self) -> int:
        _say("The player adds the feed and installs", self._old.version)
        self._player.run("--ca", self._ca, "feed", "add", self._url)
        self._player.run("--ca", self._ca, "install", self._title, "--to", self._game)
        _say("Two other players install it too, and help others download")
        self._seed()
        published = self._publish(self._new)
        self._seed()
        plan = self._player.run("--ca", self._ca, "update", self._title, "--plan")
        _say(f"The player's update would download {human_bytes(plan['planned_bytes'])}. Update!")
        result = self._player.run("--ca", self._ca, "update", self._title)
        self._table(result, published)
        return self._verdict()

    def _seed(self) -> None:
        for number, peer in enumerate(self._peers):
            peer.run("--ca", self._ca, "seed", self._url, "--to", self._root / f"games{number}", "--once")

    def _table(self, result: dict[str, Any], published: dict[str, Any]) -> None:
        fetched = result["fetched"]
        table = Table(title=f"{self._title} {result['version_from']} → {result['version_to']}")
        table.add_column("bytes")
        table.add_column("", justify="right")
        rows = {
            "planned": result["planned_bytes"],
            "from other players": fetched["lan_bytes"] + fetched["peer_bytes"],
            "from the server": fetched["origin_bytes"],
            "signed metadata, manifest, index": fetched["metadata_bytes"],
            "written to the disk": result["written_bytes"],
            "reused from the disk": result["reused_bytes"],
            "a full download": published["full_bytes"],
            "the patch": published["patches"][0]["patch_bytes"],
        }
        for name, count in rows.items():
            table.add_row(name, human_bytes(count))
        _CONSOLE.print(table)

    def _verdict(self) -> int:
        self._player.run("verify", self._title)
        wrong = differences(self._new.folder, self._game)
        for path in wrong[:10]:
            _say("not as released:", path)
        if not wrong:
            _say(f"{self._title} {self._new.version} is installed: every file, every executable bit as released.")
        return 1 if wrong else 0


def differences(expected: Path, found: Path) -> list[str]:
    """Relative paths whose bytes or executable bits differ, or that only one of two trees has; ``.shoal`` apart."""

    def shape(root: Path) -> dict[str, tuple[bytes, bool]]:
        files = (path for path in root.rglob("*") if path.is_file() and ".shoal" not in path.relative_to(root).parts)
        return {str(p.relative_to(root)): (p.read_bytes(), bool(p.stat().st_mode & 0o100)) for p in files}

    one, other = shape(expected), shape(found)
    return sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path))


def _made_releases(root: Path) -> tuple[Release, Release]:
    """A small title: code, texts and large data; the second release changes a little of each and moves a file."""
    dice = random.Random(7)  # the same title at each run
    old = root / "tidepool-1.0"
    (old / "data/levels").mkdir(parents=True)
    (old / "data/terrain.pak").write_bytes(dice.randbytes(24 << 20))
    for number in range(40):
        words = " ".join(dice.choice(("crab", "tide", "shell", "kelp", "gull")) for _ in range(4000))
        (old / f"data/levels/{number:02}.txt").write_text(words)
    (old / "tidepool").write_text("#!/bin/sh\necho Tidepool 1.0\n")
    (old / "tidepool").chmod(0o755)
    new = root / "tidepool-1.1"
    shutil.copytree(old, new)
    pak = bytearray((new / "data/terrain.pak").read_bytes())
    pak[9 << 20 : 9 << 20] = dice.randbytes(200_000)
    (new / "data/terrain.pak").write_bytes(pak)
    (new / "data/levels/07.txt").write_text((new / "data/levels/07.txt").read_text().replace("crab", "hermit crab"))
    (new / "data/levels/08.txt").rename(new / "data/levels/bonus.txt")
    (new / "tidepool").write_text("#!/bin/sh\necho Tidepool 1.1\n")
    return Release("1.0", old), Release("1.1", new)


def _real_releases(root: Path) -> tuple[Release, Release]:
    made = []
    for version in ("1.10.15", "1.10.16"):
        wheels = root / "wheels" / version
        kind = ("--only-binary", ":all:", "--platform", "manylinux2014_x86_64", "--python-version", "3.11")
        pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *kind)
        subprocess.run((*pip, "--dest", str(wheels), f"panda3d=={version}"), check=True)
        made.append(Release(version, _unpacked(next(wheels.glob("*.whl")), root / f"panda3d-{version}")))
    return made[0], made[1]


def _unpacked(wheel: Path, folder: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
        for info in archive.infolist():
            if mode := info.external_attr >> 16 & 0o777:
                (folder / info.filename).chmod(mode | 0o600)
    return folder


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _say(*words: str) -> None:
    _CONSOLE.print("•", *words, markup=False)


if __name__ == "__main__":
    sys.exit(main())
