"""Start a title, and see whether one runs: files of a running game are not touched."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

from patcher import beneath
from patcher.content import records
from patcher.errors import UsageError
from patcher.update.folder import Installed

SYSTEM = {"win32": "windows", "darwin": "macos"}.get(sys.platform, "linux")


def launch(folder: Path, installed: Installed, args: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start the title as its release says, without a shell, with ``args`` behind the publisher's own.

    Raises UsageError (usage.no_launch), DiskError when it cannot be started.
    """
    command = _command(installed.release)
    base = beneath.below(folder)
    program = base / command.argv[0]
    with beneath.translated(program):
        return subprocess.Popen(
            [str(program.path), *command.argv[1:], *args],
            cwd=(base / command.cwd).path if command.cwd else folder,
            env={**os.environ, "SHOAL_PYTHON": sys.executable},  # for the demo's titles (assets/demo)
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
    """The name of a process whose program, or the script it runs, lies in ``folder``; or nothing."""
    inner = os.path.join(os.path.realpath(folder), "")
    for process in psutil.process_iter(["exe", "name", "cmdline"]):
        words = [process.info["exe"] or "", *_scripts(process.info["cmdline"] or [])]
        if any(word.startswith(inner) for word in words):
            return str(process.info["name"])
    return ""


def _scripts(command: Sequence[str]) -> Sequence[str]:
    """What an interpreter runs: the first argument that is no option, when it is a program: no text in an editor."""
    first = [word for word in command[1:] if not word.startswith("-")][:1]
    return [word for word in first if os.path.isabs(word) and os.access(word, os.X_OK)]
