"""Starts a title, and tells whether one is running, so that its files are not changed.

Only a file that the release lists is started, and only with the listed bytes. It is started by its path and not by a
descriptor of the file that was checked: a script started as ``/proc/self/fd/N`` does not find its own folder, and every
such process is called by a number. So others who can write into the install can still swap the program in between; but
they could change the libraries and data that it loads next as well.
"""

import contextlib
import errno
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from patcher import beneath, private, programs, windows
from patcher.beneath import Beneath
from patcher.content import manifest, records
from patcher.content.file_tree import Entry
from patcher.errors import ContentError, DiskError, UsageError
from patcher.install import scan, trials
from patcher.install.folder import Installed, InstallFolder
from patcher.install.scan import Seen, Watch, seen

_CANNOT_RUN = (errno.ENOENT, errno.ENOEXEC, errno.EACCES)
"""The interpreter that a program names is missing; the file is no program, or one for other machines; its drive lets
none run."""
_PROGRAMS = (".bat", ".cmd", ".com", ".exe")
SYSTEM = {"win32": "windows", "darwin": "macos"}.get(sys.platform, "linux")


def launch(
    folder: InstallFolder,
    installed: Installed,
    known: Mapping[str, Seen],
    args: Sequence[str],
    watch: Watch,
    output: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start the title as its release says, without a shell, with ``args`` behind the publisher's own.

    ``known``: path to the stat of each file when its bytes were last verified. A program with another stat is read
    once more. ``output`` is a file for all that the title writes.

    Raises UsageError (usage.no_launch), ContentError when the release has no such program or it cannot run here
    (content.launch), or it wants more rights than the player's (content.administrator), DiskError (disk.modified,
    disk.in_the_way) when program or folder are not as released; Cancelled.
    """
    command = _command(installed.release)
    path = command.argv[0]
    entry = _entry(folder, installed, path)
    place = _place(folder.root, command.cwd)
    program = _program(folder.root / path, entry, known.get(path), watch)
    _check_executable(folder.root, path, entry)
    with beneath.translated(program):
        try:
            return subprocess.Popen(
                [str(program), *command.argv[1:], *args],
                cwd=place.path,
                env={**private.environment(), **programs.python()},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                **programs.DETACHED,
            )
        except OSError as error:
            number = getattr(error, "winerror", None)
            if number == windows.NEEDS_ADMINISTRATOR:
                text = f"{path} wants to run as administrator, and Shoal starts nothing with more rights than yours."
                raise ContentError("content.administrator", text, path=str(program)) from error
            if error.errno not in _CANNOT_RUN and number not in windows.UNABLE:
                raise
            text = f"This system cannot start {path}, which is as released: {error.strerror}."
            raise ContentError("content.launch", text, path=str(program), unable=1) from error


def _command(release: records.Release) -> records.Launch:
    command = release.launch.get(SYSTEM)
    if command is None:
        raise UsageError("usage.no_launch", f"{release.title} says no command for {SYSTEM}.", title=release.title)
    return command


def _entry(folder: InstallFolder, installed: Installed, path: str) -> Entry | None:
    """What the release says of its program. None if a manifest that may list it is damaged.

    Files of `defaults` parts are the player's own, so none of them is one.
    """
    documents = [folder.current.manifest_data(part.manifest) for part in installed.parts if not part.defaults]
    for data in filter(None, documents):
        for entry in manifest.parse(data).entries:
            if entry.path == path:
                return entry
    if not all(documents):
        return None
    release = installed.release
    text = f"{release.title} {release.version} starts with {path}, which is no file of the release."
    raise ContentError("content.launch", text, path=path)


def _place(folder: Beneath, cwd: str) -> Beneath:
    """The folder to start in, no link on the way to it."""
    place = folder / cwd if cwd else folder
    if not beneath.is_file(place):
        beneath.check_parents(place / "program")
    if not beneath.is_folder(place):
        text = f"The folder to start in, {cwd or folder}, is missing."
        raise DiskError("disk.modified", text, path=str(place), missing=1)
    return place


def _program(program: Beneath, entry: Entry | None, known: Seen | None, watch: Watch) -> Beneath:
    """The program's path, if it is the released one: with the listed bytes or, without a list, as it was verified."""
    beneath.check_parents(program)
    stat = seen(program)
    if stat is None:
        raise DiskError("disk.modified", f"{program.relative} is missing.", path=str(program), missing=1)
    is_known = stat == known
    if entry is None:
        is_right = is_known
    else:
        is_sized = stat.size_bytes == entry.size_bytes
        is_right = is_sized and (is_known or scan.root_of(program, watch) == entry.root)
    if not is_right:
        why = "is not as released" if entry else "cannot be verified, as the list of the release's files is damaged"
        raise DiskError("disk.modified", f"{program.relative} {why}.", path=str(program))
    return program


def _check_executable(folder: Beneath, path: str, entry: Entry | None) -> None:
    if os.name != "nt" and not trials.is_executable(folder / path):
        if entry and not entry.executable:
            raise ContentError("content.launch", f"The release does not say that {path} may be executed.")
        raise DiskError("disk.modified", f"{path} may not be executed any more.", path=str(folder / path))


def running(folder: Path) -> str:
    """The name of a process whose program, or the script it runs, lies in ``folder``, in any spelling; or nothing."""
    inner = os.path.join(os.path.realpath(folder), "").casefold()
    for process in psutil.process_iter(["exe", "cmdline"]):
        words = [process.info["exe"] or "", *_scripts(process.info["cmdline"] or [])]
        if any(word.casefold().startswith(inner) for word in words):
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
