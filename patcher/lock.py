"""A lock file: one writer at a time among unrelated processes. The system releases it when its holder ends."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from patcher import beneath
from patcher.beneath import Where

_HOLDER_BYTES = 4096


@contextmanager
def locked(where: Where, holder: str) -> Iterator[str | None]:
    """Hold a lock file during the ``with`` block. ``holder`` names this process in it, for others to read.

    Yields None if the lock is ours, or the name of the process that holds it. On a disk without locks it is always
    ours. Raises DiskError.
    """
    with ExitStack() as stack:
        with beneath.translated(where):
            descriptor = stack.enter_context(beneath.opened(where, os.O_RDWR | os.O_CREAT, 0o644))
            beneath.own(descriptor)
            is_ours = _lock(descriptor) and _is_still_there(where, descriptor)
            if is_ours:
                os.ftruncate(descriptor, 0)
                with suppress(OSError):  # on a full disk it is held without a name
                    os.write(descriptor, holder.encode())
            os.lseek(descriptor, 0, os.SEEK_SET)
            other = "" if is_ours else os.read(descriptor, _HOLDER_BYTES).decode(errors="replace")
        yield None if is_ours else other or "another program"


def _is_still_there(where: Where, descriptor: int) -> bool:
    """Whether the open file is still the one at ``where``: the last holder may have removed it."""
    found = beneath.status(where)
    return found is not None and os.path.samestat(found, os.fstat(descriptor))


def _lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, _HOLDER_BYTES, os.SEEK_SET)  # locked bytes cannot be read
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)
    return True
