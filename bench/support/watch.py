"""What a process and those it starts take while something runs: CPU time and memory."""

import contextlib
import threading
from pathlib import Path
from typing import Self

import psutil

_SAMPLE_S = 0.05


def peak_bytes(pid: int) -> int:
    """The most memory (RSS) that a process ever had. Raises OSError when it is gone."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)


class Watch:
    """Use as a context manager; it looks twenty times a second."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.cpu_s = 0.0
        """Of the process, and of all it started that have ended."""
        self.pss_bytes = 0
        """The most that all had together, shared pages counted once."""
        self.own_bytes = 0
        """The most the process had by itself."""
        self.child_bytes = 0
        """The most one of those it started had."""

    def __enter__(self) -> Self:
        self._before_s = self._cpu_s()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._end.wait(_SAMPLE_S):
            self._look()

    def _look(self) -> None:
        with contextlib.suppress(psutil.Error, OSError):
            self.cpu_s = self._cpu_s() - self._before_s
            children = self._process.children(recursive=True)
            self.own_bytes = max(self.own_bytes, peak_bytes(self._process.pid))
            self.child_bytes = max([self.child_bytes, *(peak_bytes(child.pid) for child in children)])
            together = sum(each.memory_full_info().pss for each in (self._process, *children))
            self.pss_bytes = max(self.pss_bytes, together)

    def _cpu_s(self) -> float:
        """user, system, and both of ended children: the first four times that psutil gives."""
        return float(sum(self._process.cpu_times()[:4]))
