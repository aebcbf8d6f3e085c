"""The progress of a job as samples: at most 10 a second, with the one rate that is shown everywhere."""

import math
import time
from collections.abc import Callable
from dataclasses import astuple

from patcher.errors import Cancelled
from patcher.protocol.events import Phase, Progress, Rates
from patcher.transfer.sample import RateMeter, Sample, time_left_s

_SAMPLE_S = 0.1


class Meter:
    """The progress of one job, and the bytes it transferred. Code that reads or writes files reports to `watch`.

    It carries the cancel of the job: `begin`, `check`, `watch` and `reach` raise Cancelled.
    """

    def __init__(self, job: int, title: str, cancelled: Callable[[], bool], emit: Callable[[Progress], None]) -> None:
        self._job, self._title, self.cancelled, self._emit = job, title, cancelled, emit
        self._phase = Phase.QUEUED
        self._total = self._done = 0
        self._file = ""
        self._rest_s = 0
        self._sent_s = 0.0
        self.transferred = Sample()
        """The sum of all fetches of the job so far."""
        self.note: Callable[[], None] = lambda: None
        """Called whenever `transferred` has changed."""
        self.downloaded = (0, 0)
        """Bytes of the job's download that are here, and in all, those of its earlier runs included."""
        self.latest: Progress | None = None
        self._rate_meter = RateMeter(*self._counts())

    def begin(self, phase: Phase, total_bytes: int = 0, done_bytes: int = 0) -> None:
        """Enter a phase; its first sample goes out at once."""
        self._phase, self._total, self._done, self._file = phase, total_bytes, done_bytes, ""
        self._rate_meter = RateMeter(*self._counts())
        self.check()
        self._send()

    def begin_download(self, left_bytes: int) -> int:
        """Enter the download, of which ``left_bytes`` are left. Returns how many bytes count as done.

        An earlier run of the same job may have brought more: pieces that are only found when their torrent is opened.
        """
        here, total = self.downloaded
        total = max(total, left_bytes)
        self.downloaded = (max(here, total - left_bytes), total)
        self.begin(Phase.FETCH, total, self.downloaded[0])
        return total - left_bytes

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
        if self._phase is Phase.FETCH:
            self.downloaded = (done_bytes, max(self._total, done_bytes))
        if time.monotonic() - self._sent_s >= _SAMPLE_S:
            self._send()

    def rest(self, left_s: float) -> None:
        """The servers ask to be left alone for so long. Called by any thread that waits for that, and with 0 after."""
        self._rest_s = math.ceil(left_s)
        if time.monotonic() - self._sent_s >= _SAMPLE_S:
            self._send()

    def transfer(self, total: Sample) -> None:
        """The fetches of the job stand at ``total``; the next sample shows it."""
        self.transferred = total
        self.note()

    def _counts(self) -> tuple[int, ...]:
        came = self.transferred.sources
        return self._done, came.lan_bytes, came.peer_bytes, came.origin_bytes, self.transferred.uploaded_bytes

    def _send(self) -> None:
        self._sent_s = time.monotonic()
        done_bps, lan_bps, peer_bps, origin_bps, upload_bps = self._rate_meter.at(*self._counts())
        rates = Rates(lan_bps, peer_bps, origin_bps)
        rate_bps = sum(astuple(rates)) if self._phase is Phase.FETCH else done_bps
        self.latest = Progress(
            self._job,
            self._title,
            self._phase,
            self._done,
            max(self._total, self._done),
            rate_bps,
            time_left_s(max(0, self._total - self._done), rate_bps) if self._total else -1,
            self.transferred.sources,
            self.transferred.peers,
            upload_bps,
            self._file,
            self.transferred.pieces,
            rates,
            self._rest_s,
        )
        self._emit(self.latest)
