"""Wine's CreateSymbolicLink says yes and does nothing. An ordinary account of Windows gets this error instead."""

import os


def _symlink(src, dst, target_is_directory=False, *, dir_fd=None):  # noqa: ARG001 (the signature of os.symlink)
    raise OSError(22, "A required privilege is not held by the client", src, 1314, dst)


os.symlink = _symlink
