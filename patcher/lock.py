"""One writer at a time, among processes that may not know each other: a lock file, which the system lets go of when its
holder dies.
"""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from patcher import beneath
from patcher.beneath import Where

_WHO_BYTES = 4096


@contextmanager
def locked(where: Where, who: str) -> Iterator[str | None]:
    """Hold a lock file until the end. ``who`` we are is written into it, for others to read.

    Yields None, or who holds it when another does. A disk that knows no locks keeps nobody out. Raises DiskError.
    """
    with beneath.translated(where):
        descriptor = beneath.open_descriptor(where, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        with beneath.translated(where):
            beneath.own(descriptor)
            is_ours = _lock(descriptor) and _is_still_there(where, descriptor)
            if is_ours:
                os.ftruncate(descriptor, 0)
                os.write(descriptor, who.encode())
            os.lseek(descriptor, 0, os.SEEK_SET)
            other = "" if is_ours else os.read(descriptor, _WHO_BYTES).decode(errors="replace")
        yield None if is_ours else other or "another program"
    finally:
        os.close(descriptor)


def _is_still_there(where: Where, descriptor: int) -> bool:
    """Whoever had the lock may have removed it with all else before we got it."""
    found = beneath.status(where)
    return found is not None and os.path.samestat(found, os.fstat(descriptor))


def _lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, _WHO_BYTES, os.SEEK_SET)  # what is locked cannot be read
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)
    return True
