"""A player on Windows has a publisher's launcher from its file to Play, in the window: the question and two clicks.

``python -m tests.support.windows_clicks FOLDER KIT``, as `tests.support.windows_package` has them. The window is on a
screen of X, and nothing but what stands there is used: the words that it shows are read and clicked. Pictures go to
build/package.
"""

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from tests.publish.launcher.conftest import png
from tests.support.screen import Screen
from tests.support.two_systems import there
from tests.support.waiting import wait_until
from tests.support.windows_package import ID, WAIT_S, Installed, new_windows, prove
from tests.support.world import Shoal, World

_GAME = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(void) {
    char place[300];
    FILE *said = fopen(strcat(strcpy(place, getenv("LOCALAPPDATA")), "\\\\played.txt"), "w");
    fprintf(said, "played");
    return fclose(said);
}
"""
_THEME = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Themes\Personalize"
"""Of the player's, who likes it dark: then all texts are bright, and coloured buttons read as well as the rest."""
_PICTURES = Path("build/package")
_REFUSED = "fingerprint is not the expected one."


def _build(folder: Path) -> None:
    """A game that says that it was played."""
    folder.mkdir()
    command = ("x86_64-w64-mingw32-gcc", "-O1", "-s", "-x", "c", "-", "-o", folder / "game.exe")
    subprocess.run(command, input=_GAME.encode(), check=True)


def _setup(world: World, kit: Path) -> Path:
    """The installer of a launcher for a feed with that game."""
    _build(world.root / "game")
    world.release("1.0", world.root / "game", "--launch", "windows=game.exe")
    icon = world.root / "icon.png"
    icon.write_bytes(png())
    named = ("--name", "Meadow", "--id", ID, "--icon", icon, "--accent", "#7a3fd0")
    words = ("--title", "game", *named, "--tree", kit / "shoal", "--out", world.root / "launcher")
    return Path(world.publisher.run("publish", "launcher", world.feed, *words)["installer"])


def from_the_file_to_play(world: World, player: Installed, kit: Path, screen: Screen) -> str:
    """The player opens the installer, answers the question, installs the game and plays it."""
    setup = _setup(world, kit)
    played = player.home.parent / "played.txt"
    player.wine(setup)  # without a word, as by a double click; it opens the launcher
    for name, text in (("question", "Not now"), ("title", "INSTALL"), ("install", "Install"), ("play", "PLAY")):
        _click(screen, text, name)
    wait_until(played.exists, "the game's word", WAIT_S)
    assert played.read_text() == "played"
    return "Not now, Install, Play"


def another_feed_is_refused(world: World, player: Installed, _: Path, screen: Screen) -> str:
    """One with the same name and address, and a root of its own: the window says what is wrong, and shows no game."""
    player.close_window()
    other = world.root / "other-feed"
    other.mkdir()
    words = ("--origin", world.origin.url, "--name", "demo", "--demo-keys")
    Shoal(world.root / "other").run("publish", "init", other, *words)
    world.feed.rename(world.root / "first-feed")
    other.rename(world.feed)
    fresh = world.root / "fresh"
    player.wine(player.folder / "shoal-launcher.exe", "--home", fresh)
    _click(screen, "Not now", "other-feed")
    screen.wait_for(_REFUSED, WAIT_S)
    screen.picture().save(str(_PICTURES / "windows-refused.png"))
    assert not list((fresh / "feeds").glob("*"))
    player.close_window()
    return f"… {_REFUSED}"


def _click(screen: Screen, text: str, name: str) -> None:
    """Click on what says this, once something does; the picture ``name`` shows it."""
    place = screen.wait_for(text, WAIT_S)
    screen.picture().save(str(_PICTURES / f"windows-{name}.png"))
    screen.click(*place)


def main() -> int:
    """Both proofs; the exit code."""
    windows, kit = (Path(word).resolve() for word in sys.argv[1:])
    new_windows(windows)
    with tempfile.TemporaryDirectory(prefix="shoal-clicks-") as folder, Screen(Path(folder) / "screen") as screen:
        with World(Path(folder) / "world", processes=True) as world:
            # Their Windows trusts the origin, as it trusts those of the web.
            trusts = {"SSL_CERT_FILE": there(world.ca)}
            player = Installed(windows, "Meadow", ID, DISPLAY=screen.display, **trusts)
            player.wine("reg", "add", _THEME, "/v", "AppsUseLightTheme", "/t", "REG_DWORD", "/d", "0", "/f")
            try:
                for proof in (from_the_file_to_play, another_feed_is_refused):
                    prove(proof.__name__, partial(proof, world, player, kit, screen))
            finally:
                player.end_windows()
    return 0


if __name__ == "__main__":
    sys.exit(main())
