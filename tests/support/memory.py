"""How much memory this process has had at once, on every system."""

import sys

import psutil


def peak_bytes() -> int:
    """The most that was resident since the process began (Linux: and what its parent had when it started it)."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
