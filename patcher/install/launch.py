"""Starts a title, and tells whether one is running, so that its files are not changed.

Only a file that the release lists is started, and only with the listed bytes. It is started by its path and not by a
descriptor of the file that was checked: a script started as ``/proc/self/fd/N`` does not find its own folder, and every
such process is called by a number. So others who can write into the install can still swap the program in between; but
they could change the libraries and data that it loads next as well.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from patcher import beneath, private, processes
from patcher.beneath import Beneath
from patcher.content import manifest, records
from patcher.content.manifest import Entry
from patcher.errors import ContentError, DiskError, UsageError
from patcher.install import scan
from patcher.install.folder import Installed, InstallFolder
from patcher.install.scan import Seen, Watch, seen

_PROGRAMS = (".bat", ".cmd", ".com", ".exe")
SYSTEM = {"win32": "windows", "darwin": "macos"}.get(sys.platform, "linux")


def launch(
    folder: InstallFolder, installed: Installed, known: Mapping[str, Seen], args: Sequence[str], watch: Watch
) -> subprocess.Popen[bytes]:
    """Start the title as its release says, without a shell, with ``args`` behind the publisher's own.

    ``known``: path to the stat of each file when its bytes were last verified. A program with another stat is read
    once more.

    Raises UsageError (usage.no_launch), ContentError (content.launch) when the release has no such program, DiskError
    (disk.modified, disk.in_the_way) when program or folder are not as released, or it cannot be started; Cancelled.
    """
    command = _command(installed.release)
    entry = _entry(folder, installed, command.argv[0])
    place = _place(folder.root, command.cwd)
    program = _program(folder.root, entry, known.get(entry.path), watch)
    with beneath.translated(program):
        return subprocess.Popen(
            [str(program), *command.argv[1:], *args],
            cwd=place.path,
            env={**private.environment(), "SHOAL_PYTHON": sys.executable},  # for the demo's titles (assets/demo)
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **processes.DETACHED,
        )


def _command(release: records.Release) -> records.Launch:
    command = release.launch.get(SYSTEM)
    if command is None:
        raise UsageError("usage.no_launch", f"{release.title} says no command for {SYSTEM}.", title=release.title)
    return command


def _entry(folder: InstallFolder, installed: Installed, path: str) -> Entry:
    """What the release says of its program. Files of `defaults` parts are the player's own, so none of them is one."""
    for part in (part for part in installed.parts if not part.defaults):
        data = folder.current.manifest_data(part.manifest)
        if data is None:
            raise DiskError("disk.modified", f"The manifest of the part {part.name} is missing or damaged.", path=path)
        for entry in manifest.parse(data).entries:
            if entry.path == path:
                return entry
    release = installed.release
    text = f"{release.title} {release.version} starts with {path}, which is no file of the release."
    raise ContentError("content.launch", text, path=path)


def _place(folder: Beneath, cwd: str) -> Beneath:
    """The folder to start in, no link on the way to it."""
    place = folder / cwd if cwd else folder
    if not beneath.is_file(place):
        beneath.check_parents(place / "program")
    if not beneath.is_folder(place):
        raise DiskError("disk.modified", f"The folder to start in, {cwd or folder}, is missing.", path=str(place))
    return place


def _program(folder: Beneath, entry: Entry, known: Seen | None, watch: Watch) -> Beneath:
    """The program's path, if it is the released one and may be executed."""
    program = folder / entry.path
    beneath.check_parents(program)
    stat = seen(program)
    is_right = stat is not None and stat.size_bytes == entry.size_bytes
    if not is_right or (stat != known and scan.root_of(program, watch) != entry.root):
        raise DiskError("disk.modified", f"{entry.path} is not as released.", path=str(program))
    if os.name != "nt" and not scan.executable(folder, [entry.path]):
        if not entry.executable:
            raise ContentError("content.launch", f"The release does not say that {entry.path} may be executed.")
        raise DiskError("disk.modified", f"{entry.path} may not be executed any more.", path=str(program))
    return program


def running(folder: Path) -> str:
    """The name of a process whose program, or the script it runs, lies in ``folder``; or nothing."""
    inner = os.path.normcase(os.path.join(os.path.realpath(folder), ""))
    for process in psutil.process_iter(["exe", "cmdline"]):
        words = [process.info["exe"] or "", *_scripts(process.info["cmdline"] or [])]
        if any(os.path.normcase(word).startswith(inner) for word in words):
            with contextlib.suppress(psutil.Error):  # it has just ended
                return process.name()
    return ""


def _scripts(command: Sequence[str]) -> Sequence[str]:
    """What an interpreter runs: the first argument that is no option, when it is a program: no text in an editor."""
    first = [word for word in command[1:] if not word.startswith("-")][:1]
    return [word for word in first if os.path.isabs(word) and _may_run(word)]


def _may_run(path: str) -> bool:
    """Whether the file is a program: by its mode, or by its name where that decides, as on Windows."""
    if os.name == "nt":
        return os.path.splitext(path)[1].lower() in _PROGRAMS
    return os.access(path, os.X_OK)
