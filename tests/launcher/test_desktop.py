"""What the desktop knows of Shoal, as the desktop reads it."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, QStandardPaths
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from launcher import desktop
from launcher.prefs import Prefs
from patcher import windows
from patcher.protocol.commands import PIN_SUFFIX

_PERSONALIZE = r"HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Themes\Personalize"
_MINE = 'a "home" of $mine'


@pytest.mark.posix("desktop entries")
def test_starting_with_the_system_is_a_file_that_the_desktop_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QStandardPaths, "writableLocation", lambda _: str(tmp_path))
    prefs = Prefs(tmp_path / _MINE)
    assert not prefs.autostart
    prefs.autostart = True
    text = (tmp_path / "autostart" / "shoal.desktop").read_text()
    assert "Exec=" in text and "--hidden" in text and '\\"home\\" of \\$mine' in text
    prefs.autostart = False
    assert not prefs.autostart


@contextlib.contextmanager
def _kept(key: str, *names: str) -> Iterator[QSettings]:
    """What is below the names in the registry is removed at the end."""
    settings = QSettings(key, QSettings.Format.NativeFormat)
    try:
        yield settings
    finally:
        for name in names:
            settings.remove(name)
        settings.sync()


@pytest.mark.windows("the registry")
def test_starting_with_windows_opens_no_console(tmp_path: Path) -> None:
    with _kept(desktop._RUN, "Shoal") as run:
        prefs = Prefs(tmp_path / "a home")
        prefs.autostart = True
        assert prefs.autostart
        command = str(run.value("Shoal"))
        assert "pythonw.exe" in command
        assert command.endswith(f'-m launcher --home "{tmp_path / "a home"}" --hidden')
        prefs.autostart = False
        assert not prefs.autostart


@pytest.mark.windows("the registry")
@pytest.mark.parametrize("what", ["shoal://demo/game", "shoal://demo/game --ca evil.pem", "--help", "my.shoalfeed"])
def test_windows_hands_links_and_feed_files_to_shoal_as_one_word_that_is_no_option(tmp_path: Path, what: str) -> None:
    """The command is started here as Windows does it: Wine does not look for links of one account only."""
    script = tmp_path / "a program.py"
    script.write_text("import sys; print(sys.argv[1:])")
    with _kept(desktop._CLASSES, desktop._SCHEME, desktop._FILES, PIN_SUFFIX) as classes:
        desktop.register([sys.executable, str(script)])
        kind = classes.value(f"{PIN_SUFFIX}/.") if what.endswith(PIN_SUFFIX) else "shoal"
        command = str(classes.value(f"{kind}/shell/open/command/."))
        assert classes.contains("shoal/URL Protocol")
    said = subprocess.run(command.replace("%1", what), check=True, capture_output=True, text=True).stdout
    assert said.strip() == repr(["--", what])


@pytest.mark.windows("the taskbar")
def test_the_taskbar_takes_how_far_the_work_is(qtbot: QtBot) -> None:
    """That a bar is drawn cannot be seen under Wine, whose taskbar has none; a wrong call would end this process."""
    window = QWidget()
    qtbot.addWidget(window)
    bar = desktop.TaskbarProgress(window)
    for percent in (0, 30, 100, -1):
        bar.show(percent)
    if sys.platform == "win32":
        with contextlib.closing(windows.Taskbar()) as taskbar:
            taskbar.show(int(window.winId()), 30)
            taskbar.show(int(window.winId()), -1)


_LOOK = """
import sys
from PySide6.QtWidgets import QApplication
from launcher import theme
app = QApplication(["look", "-platform", "windows"])
theme.apply(app)
print(theme.tokens().name)
"""


@pytest.mark.windows("its own light and dark")
@pytest.mark.parametrize(("is_light", "name"), [(0, "dark"), (1, "light")])
def test_the_window_is_as_light_or_dark_as_windows_is(is_light: int, name: str) -> None:
    environment = {key: text for key, text in os.environ.items() if key != "QT_QPA_PLATFORM"}
    with _kept(_PERSONALIZE, "AppsUseLightTheme") as settings:
        settings.setValue("AppsUseLightTheme", is_light)
        settings.sync()
        command = [sys.executable, "-c", _LOOK]
        said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    assert said.strip() == name
