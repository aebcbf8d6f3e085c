"""A Linux and a Windows player of one feed: what they give each other, and what only Windows' own system says.

``python -m tests.support.two_systems FOLDER [NAME…]`` proves all of it, or what is named; the first ones need those
before them. FOLDER as packaging/windows/build.sh made it (root).
Publisher, origin and tracker are Linux programs; the Windows player is a Windows Python under Wine, with a disk C: and
a registry of its own. The game is a Windows program that is built here.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from patcher.serve.tracker import Tracker
from tests.support.trees import noise
from tests.support.waiting import wait_until
from tests.support.world import Shoal, World

_ROOT = Path(__file__).parent.parent.parent

_GAME = """
#include <stdio.h>
int main(int count, char **words) {
    FILE *said = fopen(words[1], "w");
    fprintf(said, "%s of Windows", VERSION);
    return fclose(said);
}
"""
_TREE_BYTES, _NEW_BYTES = 3_000_000, 100_000
_OTHERS_UID = 12345
_LARGE_BYTES = 50_000
_VERB_S = 600
_TRIES = 5
_SETTINGS = 'listen_host = "127.0.0.1"\nlocal_discovery = false\nsharing = "everyone"\n'
_SMALL_DRIVE = "size=32m"


class WindowsPlayer(Shoal):
    """One person's home on Windows: the same verbs, run there."""

    def __init__(self, windows: Path, home: Path, *options: str, prefix: str = "prefix-two-systems") -> None:
        super().__init__(home, *options)
        self._python = windows / "wpython"
        self._program: tuple[object, ...] = ("-m", "patcher.cli", "--home", home)
        self.prefix = windows / prefix
        self._environment = {**os.environ, "WPYTHON_PREFIX": str(self.prefix)}
        self._environment.pop("DISPLAY", None)

    def answer(self, *words: object) -> dict[str, Any]:
        """The result object of a verb, with its exit ``code`` and all ``lines``."""
        words = (*self._program, "--json", "--yes", *self._options, *words)
        command = [str(self._python), *map(there, words)]
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            # Files, and no pipes: Windows' own services inherit them, and would keep a pipe open.
            done = subprocess.run(
                command, cwd=_ROOT, env=self._environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                timeout=_VERB_S,
            )  # fmt: skip
            out.seek(0)
            err.seek(0)
            lines = [json.loads(line) for line in out.read().decode().splitlines()]
            assert lines, err.read().decode(errors="replace")
        return {**lines[-1], "lines": lines, "code": done.returncode}

    def stop_engine(self) -> None:
        """End the engine as a client asks it to, and then all that runs in its Windows."""
        code = "import sys, patcher.config, patcher.engine.client as c; from pathlib import Path; "
        code += "c.end_engine(patcher.config.Home(Path(sys.argv[1])))"
        command = [str(self._python), "-c", code, there(self.home)]
        subprocess.run(command, cwd=_ROOT, env=self._environment, stdin=subprocess.DEVNULL, check=True, timeout=_VERB_S)
        wait_until(lambda: not (self.home / "engine.json").exists(), "the end of the engine on Windows")

    def end_windows(self) -> None:
        """End all programs of its Windows."""
        subprocess.run([str(self._python), "--kill"], env=self._environment, check=False, capture_output=True)


def there(word: object) -> str:
    """A path as Windows has it; other words as they are."""
    return "Z:" + str(word).replace("/", "\\") if str(word).startswith("/") else str(word)


def build_game(folder: Path, version: str) -> None:
    """A release: a program of Windows, and data of which most stays the same."""
    folder.mkdir()
    source = folder.with_suffix(".c")
    source.write_text(_GAME)
    compiler = ("x86_64-w64-mingw32-gcc", "-O1", "-s", f'-DVERSION="{version}"')
    subprocess.run([*compiler, "-o", folder / "game.exe", source], check=True)
    same = noise(9, _TREE_BYTES)
    middle = _TREE_BYTES // 2
    (folder / "levels.pak").write_bytes(same[:middle] + noise(int(version[-1]), _NEW_BYTES) + same[middle:])


# ---------------------------------------------------------------- the proofs


class Scene:
    """The feed, a player on each system, and two releases of the game."""

    def __init__(self, world: World, windows: WindowsPlayer) -> None:
        self.world = world
        self.windows = windows
        for version in ("1.0", "1.1"):
            build_game(world.root / version, version)
        self.release("1.0")
        self.linux = world.player("linux", sharing="everyone")
        self.windows.home.mkdir(parents=True)
        (self.windows.home / "settings.toml").write_text(_SETTINGS)

    def release(self, version: str) -> None:
        self.world.release(version, self.world.root / version, "--launch", "windows=game.exe")

    def game_of(self, player: Shoal) -> Path:
        return self.world.root / "games" / player.home.name

    def check_is_released(self, player: Shoal, version: str) -> None:
        released = self.world.root / version
        for name in ("game.exe", "levels.pak"):
            assert (self.game_of(player) / name).read_bytes() == (released / name).read_bytes(), (player.home, name)


def _from_peer(scene: Scene, giver: Shoal, player: Shoal, *words: object) -> int:
    """How much a verb of ``player`` got from the other player, when the origin has no large content any more."""
    wait_until(lambda: bool(giver.run("status", "game")["titles"][0]["seeding"]), "the offer")
    scene.world.take_away(*_contents(scene.world.feed))
    result, tries = player.answer(*words), 1
    while not result["ok"] and result["error"]["code"] == "origin.no_source" and tries < _TRIES:
        result, tries = player.answer(*words), tries + 1  # they may meet a little later
    assert result["ok"], result["error"]
    fetched = result["fetched"]
    assert fetched["origin_bytes"] < _LARGE_BYTES, fetched
    return int(fetched["peer_bytes"] + fetched["lan_bytes"])


def windows_installs_from_linux(scene: Scene) -> str:
    """The origin has no large content any more, so all of it comes from the player on Linux."""
    scene.linux.run("install", "game", "--to", scene.game_of(scene.linux))
    scene.windows.run("feed", "add", scene.world.origin.url)
    install = ("install", "game", "--to", scene.game_of(scene.windows))
    got_bytes = _from_peer(scene, scene.linux, scene.windows, *install)
    assert got_bytes >= _TREE_BYTES
    scene.check_is_released(scene.windows, "1.0")
    return f"{got_bytes:,} bytes from the player on Linux"


def windows_plays(scene: Scene) -> str:
    """Play starts a program of Windows, with the words that follow."""
    said = scene.world.root / "said.txt"
    said.unlink(missing_ok=True)
    scene.windows.run("play", "game", "--", said)
    wait_until(lambda: said.exists() and said.read_text().endswith("Windows"), "the game's word")
    return said.read_text()


def linux_updates_from_windows(scene: Scene) -> str:
    """The player on Windows updates by a patch, and then is the only one to have it."""
    scene.release("1.1")
    first = scene.windows.run("update", "game")
    assert 0 < first["planned_bytes"] < _TREE_BYTES // 4, first
    scene.check_is_released(scene.windows, "1.1")
    got_bytes = _from_peer(scene, scene.windows, scene.linux, "update", "game")
    assert got_bytes >= _NEW_BYTES
    scene.check_is_released(scene.linux, "1.1")
    assert windows_plays(scene) == "1.1 of Windows"
    patch_bytes = sum(first["fetched"][kind] for kind in ("peer_bytes", "lan_bytes", "origin_bytes"))
    return f"a patch of {patch_bytes:,} bytes on Windows; {got_bytes:,} bytes of it from there to Linux"


def _contents(feed: Path) -> list[str]:
    """What players could fetch of packs and files, but not the documents that lead to them."""
    return [
        path.name for path in (feed / "content").rglob("*") if path.is_file() and path.stat().st_size > _LARGE_BYTES
    ]


def a_drive_that_is_gone_is_said_and_its_game_comes_back(scene: Scene) -> str:
    """D: is a drive of the Windows player's, with another game folder on it."""
    drive = scene.world.root / "drive"
    drive.mkdir()
    letter = scene.windows.prefix / "dosdevices" / "d:"
    letter.unlink(missing_ok=True)
    letter.symlink_to(drive)
    scene.windows.run("move", "game", "D:\\games\\game")
    assert (drive / "games" / "game" / "game.exe").exists()
    letter.unlink()
    error = scene.windows.error("play", "game", expect=6)
    assert error["code"] == "disk.folder_missing", error
    letter.symlink_to(drive)
    said = windows_plays(scene)
    letter.unlink()
    return f"{error['message']} Once it is back: {said}"


def a_home_outside_the_profile_is_closed_to_others(scene: Scene) -> str:
    """Wine keeps an access list as the mode of a file, as far as a mode can say it: the group is the administrators."""
    scene.windows.run("status")
    mode = scene.windows.home.stat().st_mode & 0o777
    assert mode & 0o007 == 0, oct(mode)
    return f"mode {mode:o}"


def a_home_of_another_account_is_refused(scene: Scene) -> str:
    """Its owner could let anybody in, whatever its access list says now."""
    foreign = WindowsPlayer(scene.windows.prefix.parent, scene.world.root / "foreign")
    foreign.home.mkdir()
    os.chown(foreign.home, _OTHERS_UID, _OTHERS_UID)
    error = foreign.error("status", expect=6)
    assert error["code"] == "disk.home_owner", error
    assert list(foreign.home.iterdir()) == []
    return str(error["message"])


def a_full_drive_is_said_and_costs_nothing(scene: Scene) -> str:
    """The drive of the home: its file system says so itself, not a calculation of ours."""
    full = WindowsPlayer(scene.windows.prefix.parent, scene.world.root.parent / "small" / "home")
    full.run("settings", "download_limit_bps", "1000")
    full.stop_engine()
    filler = full.home.parent / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    error = full.error("settings", "upload_limit_bps", "1000", expect=6)
    assert error["code"] == "disk.full", error
    filler.unlink()
    full.run("settings", "upload_limit_bps", "2000")
    kept = (full.home / "settings.toml").read_text()
    assert "download_limit_bps = 1000" in kept and "\nupload_limit_bps = 2000" in kept, kept
    full.stop_engine()
    return str(error["message"])


PROOFS: tuple[Callable[[Scene], str], ...] = (
    windows_installs_from_linux,
    windows_plays,
    linux_updates_from_windows,
    a_drive_that_is_gone_is_said_and_its_game_comes_back,
    a_home_outside_the_profile_is_closed_to_others,
    a_home_of_another_account_is_refused,
    a_full_drive_is_said_and_costs_nothing,
)


def main() -> int:
    """All proofs, one after the other; the exit code."""
    windows = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="shoal-two-systems-") as name:
        root = Path(name)
        (root / "small").mkdir()
        # Before the first Windows program starts: all of them see the file systems that are there then.
        subprocess.run(["mount", "-t", "tmpfs", "-o", _SMALL_DRIVE, "tmpfs", root / "small"], check=True)
        try:
            _prove_all(root, windows, sys.argv[2:])
        finally:
            subprocess.run(["umount", root / "small"], check=True)
    return 0


def _prove_all(root: Path, windows: Path, only: list[str]) -> None:
    # The tracker of other tests forgets players after some seconds, in which Windows has not even begun.
    with Tracker() as tracker, World(root / "world", tracker.http_url, processes=True) as world:
        scene = Scene(world, WindowsPlayer(windows, world.root / "windows", "--ca", str(world.ca)))
        try:
            for proof in [each for each in PROOFS if each.__name__ in only or not only]:
                started = time.monotonic()
                said = proof(scene)
                sys.stdout.write(f"{proof.__name__}: {said} ({time.monotonic() - started:.0f} s)\n")
                sys.stdout.flush()
            scene.windows.stop_engine()
        finally:
            scene.windows.end_windows()


if __name__ == "__main__":
    sys.exit(main())
