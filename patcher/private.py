"""What is this user's alone: folders, who is at the other end of a local socket or pipe, secrets in the environment."""

import os
import re
import socket
import stat
import struct
import sys
from pathlib import Path

_CREDENTIALS = struct.Struct("iII")
"""Of unix(7): process, user, group."""
_SECRETS = re.compile(
    "PASSPHRASE|PASSWORD|PASSWD|SECRET|TOKEN|CREDENTIAL|(API|ACCESS|PRIVATE|SIGNING)_?KEY", re.IGNORECASE
)
"""What stands in the name of a variable that is nobody else's business: SHOAL_PASSPHRASE, and those of other tools."""


def environment() -> dict[str, str]:
    """Our environment without secrets: all that a program which we start may know of it."""
    return {name: text for name, text in os.environ.items() if not _SECRETS.search(name)}


def forget_secrets() -> None:
    """Take secrets out of our own environment, which what others start for us inherits; who needs one has read it."""
    for name in os.environ.keys() - environment().keys():
        del os.environ[name]


def is_private(folder: Path) -> bool:
    """Whether this is a folder of ours, and no link to one, that nobody else may enter.

    On Windows modes say nothing: any folder will do, since those of a profile are private and pipes lie in none.
    """
    try:
        status = os.lstat(folder)
    except (OSError, ValueError):
        return False
    if os.name == "nt":
        return stat.S_ISDIR(status.st_mode)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077


def is_served_by_us(descriptor: int) -> bool:
    """Whether the process that serves the other end of a local socket (Windows: a named pipe) is one of our user's.

    Yes where the system does not say.
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
        import ctypes

        import psutil

        pid = ctypes.c_ulong()
        if not ctypes.windll.kernel32.GetNamedPipeServerProcessId(ctypes.c_void_p(handle), ctypes.byref(pid)):
            return False
        try:
            return psutil.Process(pid.value).username() == psutil.Process().username()
        except psutil.Error:
            return False
