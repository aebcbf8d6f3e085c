"""Keeps other users out: private folders, the peer of a local socket or pipe, secrets in the environment.

What is there for everyone is let out here, too: the files of a feed.
"""

import os
import re
import socket
import stat
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from patcher import programs, windows

_CREDENTIALS = struct.Struct("iII")
"""struct ucred of unix(7): process, user, group."""
_SECRETS = re.compile(
    "PASSPHRASE|PASSWORD|PASSWD|SECRET|TOKEN|CREDENTIAL|(API|ACCESS|PRIVATE|SIGNING)_?KEY|_PIN$", re.IGNORECASE
)
"""Names of variables that hold secrets: SHOAL_PASSPHRASE, SHOAL_PIN, and those of other tools."""


@contextmanager
def readable_files() -> Iterator[None]:
    """New files and folders of this process can be read by everyone meanwhile, whatever its umask says."""
    before = os.umask(0o022)
    os.umask(before & ~0o055)
    try:
        yield
    finally:
        os.umask(before)


def environment() -> dict[str, str]:
    """The environment for every program that Shoal starts: without secrets, and without what a frozen tree sets.

    PyInstaller's variables would have a title load our libraries; ``LD_LIBRARY_PATH_ORIG`` is what was there before.
    """
    kept = {name: text for name, text in os.environ.items() if not _SECRETS.search(name)}
    if not programs.is_frozen():
        return kept
    before = kept.pop("LD_LIBRARY_PATH_ORIG", "")
    kept = {name: text for name, text in kept.items() if name != "LD_LIBRARY_PATH" and not name.startswith("_PYI_")}
    return {**kept, "LD_LIBRARY_PATH": before} if before else kept


def forget_secrets() -> None:
    """Remove secrets from this process's own environment, which children inherit. Read them before this."""
    for name in filter(_SECRETS.search, list(os.environ)):
        del os.environ[name]


def is_private(folder: Path) -> bool:
    """Whether ``folder`` is a folder of this user, not a link to one, that other users cannot enter.

    On Windows any folder counts: modes say nothing, a profile's folders are private, and pipes are in no folder.
    """
    try:
        status = os.lstat(folder)
    except (OSError, ValueError):
        return False
    if os.name == "nt":
        return stat.S_ISDIR(status.st_mode)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077


def is_served_by_user(descriptor: int) -> bool:
    """Whether a process of this user serves the other end of a local socket (Windows: of a named pipe).

    True on systems that cannot tell.
    """
    if sys.platform == "win32":
        return _is_pipe_ours(descriptor)
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    with socket.socket(fileno=os.dup(descriptor)) as end:
        _, user, _ = _CREDENTIALS.unpack(end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return bool(user == os.geteuid())


if sys.platform == "win32":

    def _is_pipe_ours(handle: int) -> bool:
        import psutil

        try:
            return psutil.Process(windows.pipe_server(handle)).username() == psutil.Process().username()
        except (OSError, psutil.Error):
            return False
