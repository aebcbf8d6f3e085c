"""``make screenshots``: the launcher's window in ten states, as docs/screenshots/*.png.

A real window on a screen of its own (Xvfb), on real engines and the demo's feed: what is seen is what a player sees.
Ends with a line for each picture; a state that does not come within a minute is an error.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PySide6.QtCore import QLocale, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QWidget

from launcher import theme
from launcher.__main__ import Launcher, translate
from launcher.page import Page, PrimaryAction
from patcher.cli import demo
from patcher.cli.playground import Playground
from patcher.protocol import commands

SIZE = (1240, 780)
FOLDER = Path(__file__).parents[1] / "docs" / "screenshots"
_PATIENCE_S = 60.0
_REST_S = 0.6


@contextmanager
def screen() -> Iterator[None]:
    """An X server without a monitor, as large as one window."""
    size = "x".join(map(str, (*SIZE, 24)))
    command = ["Xvfb", "-displayfd", "1", "-screen", "0", size, "-nolisten", "tcp", "-dpi", "96"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout
        try:
            os.environ["DISPLAY"] = f":{server.stdout.readline().strip()}"
            yield
        finally:
            server.terminate()


class Photographer:
    """Waits for a state and takes the picture."""

    def __init__(self, app: QApplication, folder: Path) -> None:
        self._app, self._folder = app, folder

    def rest(self, seconds: float = _REST_S) -> None:
        """Let the window live for a moment."""
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            self._app.processEvents()
            time.sleep(0.01)

    def wait(self, is_true: Callable[[], bool], what: str) -> None:
        """Let the window live until it is true."""
        deadline = time.monotonic() + _PATIENCE_S
        while not is_true():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} did not come within a minute")
            self.rest(0.02)

    def take(self, name: str) -> None:
        """What the screen shows now, when all that moves has come to rest."""
        self.rest()
        picture = self._app.primaryScreen().grabWindow(0).toImage().convertToFormat(QImage.Format.Format_RGB888)
        if not picture.save(str(self._folder / f"{name}.png"), quality=0):
            raise OSError(f"{name}.png cannot be written")
        print(f"{name}.png {picture.width()} x {picture.height()}")


@contextmanager
def launcher(app: QApplication, home: Path, ca: Path) -> Iterator[Launcher]:
    """The launcher of one home, in this process."""
    made = Launcher(app, home, str(ca))
    made.window.move(0, 0)
    made.start()
    try:
        yield made
    finally:
        made.close()


def click(window: QWidget, name: str) -> None:
    """Press the control with this object name."""
    button = window.findChild(QWidget, name)
    press = getattr(button, "click", None)
    assert press, f"there is no {name}"
    press()


def newcomer(app: QApplication, shoot: Photographer, world: Playground) -> None:
    """First run, and a library without a feed."""
    home = world.machine("newcomer").home
    with launcher(app, home, world.ca) as one:
        shoot.wait(lambda: one.window.state.snapshot is not None, "the engine")
        shoot.take("first-run")
        click(one.window, "not-now")
        one.window.go("title")
        shoot.wait(lambda: bool(one.window.state.snapshot and not one.window.state.jobs), "the answer")
        one.window.toast.hide()
        shoot.take("empty")


def player(app: QApplication, shoot: Photographer, world: Playground) -> None:
    """A library that lives."""
    machine = demo.prepare(world)
    demo.launcher(world, machine)
    right_to_left(app, shoot, machine.home, world.ca)
    with launcher(app, machine.home, world.ca) as one:
        window = one.window
        show_update(shoot, one)
        shoot.take("update-ready")
        theme.apply(app, "light")
        shoot.take("light")
        theme.apply(app, "dark")
        install_dialog(shoot, one)
        update(shoot, one, machine.run)
        window.toast.hide()
        window.go("settings")
        shoot.take("settings")
        error(shoot, one)


def page(one: Launcher) -> Page:
    """What the title page shows now."""
    shown = one.window.title_page._page  # noqa: SLF001 - a state is looked at, not changed
    return shown or Page("", PrimaryAction.WAIT)


def install_dialog(shoot: Photographer, one: Launcher) -> None:
    """Folder, space, parts."""
    one.window.show_title("demo/lantern-pass")
    shoot.wait(lambda: page(one).action is PrimaryAction.INSTALL, "a title to install")
    click(one.window, "action")
    shoot.rest(3)
    shoot.take("install")
    click(one.window, "cancel")
    shoot.rest()


def update(shoot: Photographer, one: Launcher, run: Callable[..., object]) -> None:
    """Half way through an update, then playing the new version."""
    run("settings", "download_limit_bps", "200000")
    one.window.show_title("demo/tidepool")
    shoot.wait(lambda: page(one).action is PrimaryAction.UPDATE, "the update")
    click(one.window, "action")
    shoot.wait(lambda: (page(one).fraction or 0) > 0.55, "half an update")
    shoot.take("updating")
    run("settings", "download_limit_bps", "0")
    shoot.wait(lambda: page(one).action is PrimaryAction.PLAY, "the end of the update")
    click(one.window, "action")
    shoot.wait(lambda: page(one).action is PrimaryAction.PLAYING, "the game")
    shoot.take("playing")


def error(shoot: Photographer, one: Launcher) -> None:
    """A folder that nobody may write to."""
    one.window.show_title("demo/low-water")
    shoot.wait(lambda: page(one).title == "demo/low-water", "the title")
    one.window.submitted.emit(commands.Install("demo/low-water", "/sys/low-water"))
    shoot.wait(lambda: page(one).failure is not None, "the failure")
    shoot.take("error")


def right_to_left(app: QApplication, shoot: Photographer, home: Path, ca: Path) -> None:
    """The window of somebody who writes from the right."""
    app.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    with launcher(app, home, ca) as one:
        show_update(shoot, one)
        shoot.take("right-to-left")
    app.setLayoutDirection(Qt.LayoutDirection.LeftToRight)


def show_update(shoot: Photographer, one: Launcher) -> None:
    """The title that has an update, and what the update would do."""
    one.window.show_title("demo/tidepool")
    shoot.wait(lambda: page(one).action is PrimaryAction.UPDATE and page(one).plan is not None, "the update")


def free_root() -> Path:
    """A folder whose name looks well in a picture, where it is free."""
    root = Path(tempfile.gettempdir()) / "shoal"
    try:
        root.mkdir()
    except FileExistsError:
        return Path(tempfile.mkdtemp(prefix="shoal-"))
    return root


def main() -> int:
    """Take all ten."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    root = free_root()
    try:
        with screen(), Playground(root) as world:
            app = QApplication(["shoal", "-platform", "xcb"])
            os.environ["QT_QPA_PLATFORM"] = "offscreen"  # for the game, whose window would cover ours
            translate(app, QLocale("en"))
            theme.apply(app, "dark")
            shoot = Photographer(app, FOLDER)
            newcomer(app, shoot, world)
            player(app, shoot, world)
    finally:
        shutil.rmtree(root)
    return 0


if __name__ == "__main__":
    sys.exit(main())
