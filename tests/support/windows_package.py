"""A player has a publisher's launcher on Windows, from its installer: it plays, updates itself, is removed.

``python -m tests.support.windows_package FOLDER KIT [SETUP]``: FOLDER as packaging/windows/build.sh made it (root), KIT
the folder build/frozen-windows of `make package`, and SETUP the installer of Shoal itself in dist/.
The publisher, its origin, the tracker and a seed are Linux programs. The player's Windows is Wine, with what Wine
lacks: Microsoft's C runtime, which is part of Windows.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from patcher.serve.tracker import Tracker
from tests.publish.launcher.conftest import png
from tests.support import two_systems
from tests.support.two_systems import Scene, WindowsPlayer, there
from tests.support.waiting import wait_until
from tests.support.world import World

ID = "org.example.meadow"
_LOCAL = "drive_c/users/root/AppData/Local"
_MENU = "drive_c/users/root/AppData/Roaming/Microsoft/Windows/Start Menu/Programs"
_OF_WINDOWS = ("ucrtbase.dll", "icuuc.dll")
WAIT_S = 900.0
"""For one thing that Wine does, on a machine that is busy."""


class Installed(WindowsPlayer):
    """A player whose Windows has a launcher from an installer, called ``name``; its home is the usual one.

    ``variables`` of the environment say where its window is shown; without any, nowhere.
    """

    def __init__(self, windows: Path, name: str, home: str, *options: str, **variables: str) -> None:
        prefix = windows / "prefix-package"
        super().__init__(windows, prefix / _LOCAL / home, *options, prefix=prefix.name)
        self.folder = prefix / _LOCAL / "Programs" / name
        self.link = prefix / _MENU / f"{name}.lnk"
        self._program = ("--wine", f"C:\\users\\root\\AppData\\Local\\Programs\\{name}\\shoal.exe")
        self._environment |= variables or {"QT_QPA_PLATFORM": "offscreen"}

    def wine(self, *words: str | Path, expect: int | None = 0) -> None:
        """Run a program of Windows and wait for it."""
        words = tuple(there(word) if isinstance(word, Path) else word for word in words)
        with tempfile.TemporaryFile() as out:  # and no pipe, which Windows' own services would keep open
            command = (self._python, "--wine", *words)
            done = subprocess.run(command, env=self._environment, stdout=out, stderr=out, timeout=WAIT_S, check=False)
            out.seek(0)
            assert expect is None or done.returncode == expect, (words, done.returncode, out.read())

    def open_window(self) -> None:
        """Start it from the Start menu, which leads to the stub. The window is open when this returns."""
        self.wine(self.folder / "shoal-launcher.exe", *map(there, self._options))

    def close_window(self) -> None:
        """As the Task Manager does it."""
        self.wine("taskkill", "/f", "/im", "shoal-launcher.exe", expect=None)

    def pointer(self) -> dict[str, object]:
        """Which version starts."""
        fields: dict[str, object] = json.loads((self.folder / "current.json").read_text())
        return fields

    def versions(self) -> list[str]:
        """Those that are committed."""
        return sorted(path.stem for path in (self.folder / "versions").glob("*.json"))


class Shop(Scene):
    """The feed of the game has the launcher as a title as well."""

    windows: Installed

    def __init__(self, world: World, windows: Installed, kit: Path) -> None:
        super().__init__(world, windows)
        self._tree = world.root / "launcher"
        (world.root / "icon.png").write_bytes(png())
        words: tuple[object, ...] = (
            "--name",
            "Meadow",
            "--id",
            ID,
            "--icon",
            world.root / "icon.png",
            "--tree",
            kit / "shoal",
        )
        words += ("--self-update", "launcher", "--version", "1.0", "--out", self._tree)
        made = world.publisher.run("publish", "launcher", world.feed, "--title", "game", *words)
        self.setup = Path(made["installer"])

    def release_launcher(self, version: str, *lacks: str) -> None:
        """Publish its next version, which may lack files."""
        tree = self.world.root / f"launcher-{version}"
        shutil.copytree(self._tree, tree, copy_function=os.link)
        (tree / "_internal" / "version.txt").write_text(version)
        for path in lacks:
            (tree / "_internal" / path).unlink()
        words = ("--launch", "windows=shoal-launcher.exe")
        self.world.publisher.run(
            "publish", "release", self.world.feed, "launcher", tree, "--version", version, "--jobs", 1, *words
        )


def installs_silently(shop: Shop) -> str:
    """For one account, without a question."""
    player = shop.windows
    player.wine(shop.setup, "/S")
    assert player.versions() == ["0-1.0"] and player.link.exists()
    laid = sum(path.stat().st_size for path in player.folder.rglob("*") if path.is_file())
    return f"{shop.setup.stat().st_size / 1e6:.1f} MB lay down {laid / 1e6:.0f} MB"


def an_installer_refuses_a_folder_of_others(shop: Shop) -> str:
    """Nothing of it is touched."""
    folder = shop.world.root / "others"
    (folder / "versions").mkdir(parents=True)
    (folder / "versions" / "draft.json").write_text("mine")
    shop.windows.wine(shop.setup, "/S", f"/D={there(folder)}", expect=2)
    assert [path.name for path in folder.rglob("*")] == ["versions", "draft.json"]
    return "it is as it was"


def the_game_is_installed_updated_and_played(shop: Shop) -> str:
    """By the command line beside the launcher, from and to a player on Linux."""
    said = [
        proof(shop)
        for proof in (
            two_systems.windows_installs_from_linux, two_systems.windows_plays, two_systems.linux_updates_from_windows,
        )
    ]  # fmt: skip
    return "; ".join(said)


def it_updates_itself(shop: Shop) -> str:
    """The window that is open installs the next version beside it; the next start takes it."""
    shop.release_launcher("1.1")
    name = _update(shop, "1.1")
    shop.windows.open_window()
    wait_until(lambda: shop.windows.pointer()["current"] == name, "the new version's word", WAIT_S)
    return f"0-1.0 to {name}"


def _update(shop: Shop, version: str) -> str:
    """Have the window that is open, or opens, install a version; returns its name. The window is closed then."""
    shop.windows.open_window()
    wait_until(lambda: any(name.endswith(f"-{version}") for name in shop.windows.versions()), version, WAIT_S)
    shop.windows.close_window()
    return next(name for name in shop.windows.versions() if name.endswith(f"-{version}"))


def a_broken_version_flips_back(shop: Shop) -> str:
    """It lacks a library, so it ends or says nothing; the stub starts the one before."""
    before = shop.windows.pointer()["current"]
    shop.windows.close_window()
    shop.release_launcher("1.2", "PySide6/QtCore.pyd")
    name = _update(shop, "1.2")
    shop.windows.open_window()
    pointer = shop.windows.pointer()
    assert (pointer["current"], pointer["failed"]) == (before, [name]), pointer
    assert shop.windows.run("status")["titles"]
    return f"{name} did not start, {before} did"


def while_it_is_open_nothing_is_removed(shop: Shop) -> str:
    """A silent uninstaller says so by its exit code; one that asks waits."""
    shop.windows.wine(shop.windows.folder / "uninstall.exe", "/S", f"_?={there(shop.windows.folder)}", expect=2)
    assert len(shop.windows.versions()) == 2
    return "exit code 2"


def removed_it_leaves_nothing_but_games(shop: Shop) -> str:
    """The engine is asked to end; what lies in the usual folder of games stays as well."""
    player = shop.windows
    kept = player.home / "titles" / "kept" / "game.txt"
    kept.parent.mkdir(parents=True)
    kept.write_text("a game")
    player.close_window()
    player.wine(player.folder / "uninstall.exe", "/S", "/SETTINGS")
    _await_removed(player)
    assert [path.name for path in player.home.rglob("*")] == ["titles", "kept", "game.txt"]
    shop.check_is_released(player, "1.1")
    player.wine("reg", "query", f"HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\{ID}", expect=1)
    return "both games are there"


def _await_removed(player: Installed) -> None:
    """The uninstaller goes on from a copy of itself."""
    wait_until(lambda: not player.folder.exists() and not player.link.exists(), "the removal", WAIT_S)


PROOFS: tuple[Callable[[Shop], str], ...] = (
    an_installer_refuses_a_folder_of_others,
    installs_silently,
    the_game_is_installed_updated_and_played,
    it_updates_itself,
    a_broken_version_flips_back,
    while_it_is_open_nothing_is_removed,
    removed_it_leaves_nothing_but_games,
)


def shoal_itself(windows: Path, setup: Path) -> str:
    """The signed installer of Shoal; removed silently, it leaves the settings."""
    player = Installed(windows, "Shoal", "shoal")
    player.wine(setup, "/S")
    player.run("settings", "sharing", "off")
    player.wine(player.folder / "uninstall.exe", "/S")
    _await_removed(player)
    assert (player.home / "settings.toml").exists()
    return f"{setup.stat().st_size / 1e6:.1f} MB"


def new_windows(windows: Path) -> None:
    """A disk C: with what Wine lacks of Windows."""
    prefix = windows / "prefix-package"
    environment = {**os.environ, "WPYTHON_PREFIX": str(prefix)}
    subprocess.run([windows / "wpython", "--kill"], env=environment, check=False, capture_output=True)
    shutil.rmtree(prefix, ignore_errors=True)
    subprocess.run([windows / "wpython", "-c", ""], env=environment, check=True)
    for name in _OF_WINDOWS:
        place = prefix / "drive_c/windows/system32" / name
        place.unlink(missing_ok=True)  # it is a link to that of all prefixes
        shutil.copyfile(windows / "python" / name, place)


def prove(name: str, proof: Callable[[], str]) -> None:
    started_s = time.monotonic()
    said = proof()
    sys.stdout.write(f"{name}: {said} ({time.monotonic() - started_s:.0f} s)\n")
    sys.stdout.flush()


def main() -> int:
    """All proofs, one after the other; the exit code."""
    windows, kit, *setups = (Path(word).resolve() for word in sys.argv[1:])
    new_windows(windows)
    # The tracker of other tests forgets players after some seconds, in which Windows has not even begun.
    with tempfile.TemporaryDirectory(prefix="shoal-package-") as folder, Tracker() as tracker:
        with World(Path(folder) / "world", tracker.http_url, processes=True) as world:
            player = Installed(windows, "Meadow", ID, "--ca", str(world.ca))
            try:
                shop = Shop(world, player, kit)
                for proof in PROOFS:
                    prove(proof.__name__, partial(proof, shop))
                for setup in setups:
                    prove(shoal_itself.__name__, partial(shoal_itself, windows, setup))
            finally:
                player.end_windows()
    return 0


if __name__ == "__main__":
    sys.exit(main())
