"""All files of a volume made durable by one call, where that is as safe as one for each file (Linux)."""

import os
import re
import sys

_WHOLE_VOLUMES = (0xEF53, 0x58465342, 0x9123683E, 0xF2F52010, 0x01021994)
"""ext4, xfs, btrfs, f2fs and tmpfs: where syncfs(2) empties the drive's write cache, too. FAT, FUSE and network disks
do not promise that."""
_STATFS_BYTES = 256
"""More than any struct statfs has; its first field is the number of the file system."""
_SYNCFS_REPORTS = (5, 8)
"""The first Linux whose syncfs(2) reports a write that failed."""


def has_sync(descriptor: int) -> bool:
    """Whether one call makes all files of a volume durable, and tells of those that could not be written."""
    if sys.platform != "linux" or tuple(map(int, re.findall(r"\d+", os.uname().release)[:2])) < _SYNCFS_REPORTS:
        return False
    import ctypes  # takes 10 ms, which a start need not spend

    facts = ctypes.create_string_buffer(_STATFS_BYTES)
    kind = ctypes.c_long.from_buffer(facts)
    return not ctypes.CDLL(None).fstatfs(descriptor, facts) and kind.value in _WHOLE_VOLUMES


def sync(descriptor: int) -> None:
    """Make all files of the volume durable that the descriptor is open on (syncfs(2)). Raises OSError."""
    import ctypes

    if ctypes.CDLL(None, use_errno=True).syncfs(descriptor):
        raise OSError(ctypes.get_errno(), "Not everything could be written")
