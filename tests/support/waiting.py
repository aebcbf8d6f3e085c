"""Waiting for what another thread or process does."""

import contextlib
import os
import sys
import time
from collections.abc import Callable

import psutil

PATIENCE_S = 60.0
_FIRST_S, _LONGEST_S = 0.005, 0.05


def wait_until(is_true: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Return as soon as it is true. Fails after a minute, or ``patience_s``."""
    deadline, pause_s = time.monotonic() + patience_s, _FIRST_S
    while not is_true():
        assert time.monotonic() < deadline, f"waited {patience_s:.0f} s for {what}"
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_S)


def is_alive(pid: int) -> bool:
    """Whether the process runs; our own dead children are reaped on the way."""
    if sys.platform != "win32":
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
