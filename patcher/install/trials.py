"""What a disk can hold besides bytes, found by trying: no name of a system or disk says it.

A mount option decides whether a drive of Windows keeps modes, an account whether Windows makes links. ``trial`` is a
path in a folder of ours; what is made there is removed again. All functions raise DiskError.
"""

import errno

from patcher import beneath, disk
from patcher.beneath import Where
from patcher.errors import DiskError

_NO_NAME = (errno.EINVAL, errno.EILSEQ, errno.ENAMETOOLONG, errno.EPERM, errno.ENOENT)
"""Windows says of a name that it cannot hold that it is not there."""


def holds_modes(trial: Where) -> bool:
    """Whether executable bits are kept."""
    disk.remove_tree(trial)  # an interrupted process may have left it
    disk.Staged(trial, 0).close()
    is_kept = True
    for on in (True, False):
        disk.set_executable(trial, on)
        is_kept = is_kept and is_executable(trial) == on
    disk.remove(trial)
    return is_kept


def is_executable(where: Where) -> bool:
    """Whether the player may execute a file."""
    found = beneath.status(where)
    return found is not None and bool(found.st_mode & 0o100)


def holds_links(trial: Where) -> bool:
    """Whether symbolic links are kept."""
    disk.remove_tree(trial)
    disk.symlink("nowhere", trial)
    is_kept = beneath.link_target(trial) == "nowhere"
    disk.remove_tree(trial)
    return is_kept


def check_name(trial: Where) -> None:
    """Raises DiskError (disk.unsuitable) when no file can have the name of ``trial``, which must not be taken."""
    try:
        disk.Staged(trial, 0).close()
        disk.remove(trial)
    except DiskError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno in _NO_NAME:
            text = f"This drive holds no file with the name {trial.name}."
            raise DiskError("disk.unsuitable", text, path=trial.name) from error
        raise
