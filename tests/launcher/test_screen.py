"""Where no window can be opened, a sentence says so. Nothing aborts."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from launcher.screen import PACKAGES
from tests.gates.sources import ROOT


@pytest.mark.posix("X11")
@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"QT_QPA_PLATFORM": "xcb", "DISPLAY": ":none"}, 'Could not load the Qt platform plugin "xcb"'),
        ({"QT_QPA_PLATFORM": "xcb"}, "there is no screen"),
        ({"QT_QPA_PLATFORM": "vnc-of-old", "DISPLAY": ":none"}, "vnc-of-old"),
        ({"QT_QPA_PLATFORM": "xcb", "DISPLAY": ":none"}, "sudo apt-get install libgl1 "),
    ],
)
def test_without_a_screen_the_launcher_says_so_and_what_would_help(
    tmp_path: Path, environment: dict[str, str], words: str
) -> None:
    known = {name: text for name, text in os.environ.items() if name not in {"DISPLAY", "WAYLAND_DISPLAY"}}
    command = [sys.executable, "-m", "launcher", "--home", str(tmp_path)]
    done = subprocess.run(command, env=known | environment, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("Shoal cannot open a window")
    assert words in done.stderr and "`shoal -h`" in done.stderr


@pytest.mark.posix("a package of Debian")
def test_a_library_that_qt_needs_even_without_a_screen_is_named(tmp_path: Path) -> None:
    (tmp_path / "PySide6").mkdir()
    (tmp_path / "PySide6" / "__init__.py").write_text("raise ImportError('libEGL.so.1: cannot open')")
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "DISPLAY": ":none"}
    command = [sys.executable, "-m", "launcher"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1
    assert "libEGL.so.1" in done.stderr and "Traceback" not in done.stderr
    assert "sudo apt-get install libgl1 " in done.stderr


def test_a_window_without_a_console_opens() -> None:
    """Windows gives a program that the Explorer or the stub started no error output."""
    code = "import sys; sys.stderr = None; from launcher import screen; screen.open_app('shoal')"
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | {"QT_QPA_PLATFORM": "offscreen"}, cwd=ROOT)
    assert done.returncode == 0


def test_the_packages_that_are_named_are_those_that_setup_brings() -> None:
    rows = re.findall(r"^\t(lib\S+\.so\.\d+) (\S+)$", (ROOT / "packaging" / "setup.sh").read_text(), re.MULTILINE)
    assert tuple(package for _, package in rows) == PACKAGES
