"""Start a title, and see whether one runs: files of a running game are not touched."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

from patcher import disk
from patcher.content import records
from patcher.errors import UsageError
from patcher.update.installs import Installed

SYSTEM = {"win32": "windows", "darwin": "macos"}.get(sys.platform, "linux")


def launch(folder: Path, installed: Installed, args: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start the title as its release says, without a shell, with ``args`` behind the publisher's own.

    Raises UsageError (usage.no_launch), DiskError when it cannot be started.
    """
    command = _command(installed.release)
    program = disk.inside(folder, command.argv[0])
    with disk.translated(program):
        return subprocess.Popen(
            [str(program), *command.argv[1:], *args],
            cwd=disk.inside(folder, command.cwd) if command.cwd else folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def _command(release: records.Release) -> records.Launch:
    command = release.launch.get(SYSTEM)
    if command is None:
        raise UsageError("usage.no_launch", f"{release.title} says no command for {SYSTEM}.", title=release.title)
    return command


def running(folder: Path) -> str:
    """The name of a process whose program lies in ``folder``, or nothing."""
    inner = os.path.join(os.path.realpath(folder), "")
    for process in psutil.process_iter(["exe", "name"]):
        if (process.info["exe"] or "").startswith(inner):
            return str(process.info["name"])
    return ""
