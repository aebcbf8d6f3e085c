"""Shoal's own programs, and how each is started. No other module starts one.

Where Shoal was installed for Python, `sys.executable` is Python, and the engine is ``python -m patcher``. A frozen tree
(docs/packaging.md) has no Python: `sys.executable` is one of its two programs, ``shoal`` and ``shoal-launcher``, which
lie side by side, and the engine is ``shoal --engine``.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

DETACHED: dict[str, Any] = {"start_new_session": True}
"""Arguments of Popen for a program that outlives this one: no Ctrl-C and no closing of our console reaches it."""
if sys.platform == "win32":
    DETACHED = {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}

COMMAND_LINE = "shoal"
"""The name of the program with a console, in a frozen tree."""
ENGINE = "--engine"
"""The first word of ``shoal`` that makes it the engine process, in a frozen tree."""
STARTER = "--start"
"""The first word of the engine that makes it start another one and end."""
ENDER = "--end"
"""The first word of the engine that makes the player's engine end, for an installer."""
PACKAGED = "packaged"
"""A file beside the programs of a tree that a package manager put there: it holds the manager's name."""


def is_frozen() -> bool:
    """Whether this process runs from a frozen tree."""
    return bool(getattr(sys, "frozen", False))


def engine() -> list[str]:
    """The command of the engine process."""
    return [str(_beside(COMMAND_LINE)), ENGINE] if is_frozen() else [sys.executable, "-m", "patcher"]


def launcher() -> list[str]:
    """The command of the window; on Windows one that opens no console. A frozen tree in an AppImage is gone when that
    ends, so there it is the AppImage's own file.
    """
    image, mounted = os.environ.get("APPIMAGE"), os.environ.get("APPDIR")
    if image and mounted and Path(sys.executable).is_relative_to(mounted):  # and not those of one that started us
        return [image]
    program, windowed = _beside("shoal-launcher"), _beside("pythonw")
    if program.exists():
        return [str(program)]
    return [str(windowed) if windowed.exists() else sys.executable, "-m", "launcher"]


def python() -> dict[str, str]:
    """The variable that tells the demo's titles (assets/demo) which Python has Qt. A frozen tree has none."""
    return {} if is_frozen() else {"SHOAL_PYTHON": sys.executable}


def packaged_by() -> str:
    """Which package manager installed this frozen tree and updates it, such as ``dpkg``; empty if none does.

    Its package has put the name into the file `PACKAGED`.
    """
    marker = _beside(PACKAGED, suffix="")
    return marker.read_text("utf-8").strip() if is_frozen() and marker.is_file() else ""


def _beside(name: str, *, suffix: str = ".exe" if sys.platform == "win32" else "") -> Path:
    return Path(sys.executable).with_name(name + suffix)
