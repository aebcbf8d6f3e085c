"""The progress of a job as samples: at most 10 a second, with a smoothed rate and the time that is left."""

import time
from collections.abc import Callable

from patcher.errors import Cancelled
from patcher.protocol.events import Phase, Progress
from patcher.transfer.sample import Sample

_SAMPLE_S = 0.1
_HALF_LIFE_S = 3.0


class Meter:
    """The progress of one job, and the bytes it transferred. Code that reads or writes files reports to `watch`.

    It carries the cancel of the job: `begin`, `check`, `watch` and `reach` raise Cancelled.
    """

    def __init__(self, job: int, title: str, cancelled: Callable[[], bool], emit: Callable[[Progress], None]) -> None:
        self._job, self._title, self.cancelled, self._emit = job, title, cancelled, emit
        self._phase = Phase.QUEUED
        self._total = self._done = 0
        self._file = ""
        self._last_s, self._last_done, self._rate = time.monotonic(), 0, 0.0
        self._uploaded_bytes, self._uploaded_s, self._upload_rate = 0, time.monotonic(), 0.0
        self.transferred = Sample()
        """The sum of all fetches of the job so far."""
        self.note: Callable[[], None] = lambda: None
        """Called whenever `transferred` has changed."""
        self.latest: Progress | None = None

    def begin(self, phase: Phase, total_bytes: int = 0) -> None:
        """Enter a phase; its first sample goes out at once."""
        self._phase, self._total, self._done, self._file = phase, total_bytes, 0, ""
        self._last_s, self._last_done, self._rate = time.monotonic(), 0, 0.0
        self.check()
        self._send()

    def check(self) -> None:
        """Raises Cancelled when the job was cancelled."""
        if self.cancelled():
            raise Cancelled

    def watch(self, file: str, count: int) -> None:
        """``count`` more bytes of the phase are done."""
        self._file = file
        self.reach(self._done + count)

    def reach(self, done_bytes: int) -> None:
        """``done_bytes`` of the phase are done in all."""
        self.check()
        self._done = done_bytes
        now = time.monotonic()
        passed = now - self._last_s
        if passed >= _SAMPLE_S:
            rate = (self._done - self._last_done) / passed
            weight = 0.5 ** (passed / _HALF_LIFE_S) if self._rate else 0.0
            self._rate = weight * self._rate + (1 - weight) * rate
            self._last_s, self._last_done = now, self._done
            self._send()

    def transfer(self, total: Sample) -> None:
        """The fetches of the job stand at ``total``; the next sample shows it."""
        self.transferred = total
        now = time.monotonic()
        if (passed := now - self._uploaded_s) >= _SAMPLE_S:
            weight = 0.5 ** (passed / _HALF_LIFE_S)
            rate = (total.uploaded_bytes - self._uploaded_bytes) / passed
            self._upload_rate = weight * self._upload_rate + (1 - weight) * rate
            self._uploaded_bytes, self._uploaded_s = total.uploaded_bytes, now
        self.note()

    def _send(self) -> None:
        left = max(0, self._total - self._done)
        eta_s = round(left / self._rate) if self._rate > 1 and self._total else -1
        self.latest = Progress(
            self._job,
            self._title,
            self._phase,
            self._done,
            max(self._total, self._done),
            round(self._rate),
            eta_s,
            self.transferred.sources,
            self.transferred.peers,
            upload_bps=round(self._upload_rate),
            file=self._file,
            pieces=self.transferred.pieces,
        )
        self._emit(self.latest)
