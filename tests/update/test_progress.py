"""Progress is honest: what was transferred adds up over a job, and samples are few."""

import time

import pytest

from patcher.errors import Cancelled
from patcher.protocol.events import Phase, Progress, Sources
from patcher.transfer.sample import Sample
from patcher.update.progress import Meter


def test_the_fetches_of_a_job_add_up() -> None:
    shown: list[Progress] = []
    meter = Meter(1, "game", lambda: False, shown.append)
    first = Sample(Sources(1, 2, 3), 6, 4, peers=2, pieces="lpo")
    second = Sample(Sources(origin_bytes=5), 5, pieces="a.")
    meter.transfer(first)
    meter.transfer(meter.transferred + second)
    meter.begin(Phase.FETCH, 20)
    assert meter.transferred == Sample(Sources(1, 2, 8), 11, 4, peers=0, pieces="a.")
    assert (shown[-1].sources, shown[-1].peers, shown[-1].pieces) == (Sources(1, 2, 8), 0, "a.")


def test_samples_are_at_most_ten_a_second_and_a_phase_shows_at_once() -> None:
    shown: list[Progress] = []
    meter = Meter(1, "game", lambda: False, shown.append)
    begun = time.monotonic()
    meter.begin(Phase.SCAN, 1000)
    for _ in range(1000):
        meter.watch("file", 1)
    assert [progress.phase for progress in shown[:1]] == [Phase.SCAN]
    assert len(shown) <= 1 + 10 * (time.monotonic() - begun)


def test_what_a_server_asks_to_wait_is_shown_until_it_is_over() -> None:
    shown: list[Progress] = []
    meter = Meter(1, "game", lambda: False, shown.append)
    meter.rest(59.2)
    meter.begin(Phase.TRUST)
    meter.rest(0.0)
    meter.begin(Phase.FETCH)
    assert [progress.rest_s for progress in shown] == [60, 60, 0]


class Clock:
    """A clock that only moves when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 100.0
        monkeypatch.setattr("patcher.update.progress.time.monotonic", lambda: self.now_s)


def test_the_rate_is_that_of_the_wire_from_the_first_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a limit of 60 kB/s, pieces of 512 kB that are done all at once show neither 0 nor 512 kB/s."""
    clock, shown = Clock(monkeypatch), list[Progress]()
    meter = Meter(1, "game", lambda: False, shown.append)
    meter.begin(Phase.FETCH, 6_000_000)
    for _ in range(20):  # whoever has the bytes is still being looked for
        clock.now_s += 0.125
        meter.reach(0)
    for tick in range(1, 300):
        clock.now_s += 0.125
        received = tick * 7_500
        meter.transfer(Sample(Sources(1, received // 3, received - received // 3 - 1)))
        meter.reach(received // 512_000 * 512_000)
        rate_bps, eta_s = shown[-1].rate_bps, shown[-1].eta_s
        if tick < 8:
            assert (rate_bps, eta_s) == (0, -1)  # nothing can be said yet
        else:
            assert abs(rate_bps - 60_000) <= 600
            assert abs(eta_s - (6_000_000 - shown[-1].done_bytes) / 60_000) <= 2
        rates = shown[-1].rates
        assert rates.lan_bps + rates.peer_bps + rates.origin_bps == rate_bps


def test_the_rate_follows_a_change_within_five_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, shown, done = Clock(monkeypatch), list[Progress](), 0
    meter = Meter(1, "game", lambda: False, shown.append)
    meter.begin(Phase.VERIFY, 10_000_000)
    for tick in range(160):
        clock.now_s += 0.125
        done += 62_500 if tick < 100 else 1_250
        meter.reach(done)
        if tick in {99, 159}:
            assert shown[-1].rate_bps == (500_000 if tick == 99 else 10_000)
    clock.now_s += 5
    meter.reach(done)
    assert (shown[-1].rate_bps, shown[-1].eta_s) == (0, -1)


def test_a_resumed_download_counts_what_is_here_already() -> None:
    shown: list[Progress] = []
    meter = Meter(1, "game", lambda: False, shown.append)
    assert meter.begin_download(2_200_000) == 0
    meter.reach(1_210_000)
    again = Meter(2, "game", lambda: False, shown.append)
    again.downloaded = meter.downloaded
    assert again.begin_download(722_000) == 1_478_000
    assert (shown[-1].done_bytes, shown[-1].total_bytes) == (1_478_000, 2_200_000)
    late = Meter(3, "game", lambda: False, shown.append)
    late.downloaded = meter.downloaded
    assert late.begin_download(2_200_000) == 0  # what is here will only be found in the pack
    assert (shown[-1].done_bytes, shown[-1].total_bytes) == (1_210_000, 2_200_000)


def test_a_longer_way_than_planned_is_no_progress() -> None:
    shown: list[Progress] = []
    meter = Meter(1, "game", lambda: False, shown.append)
    meter.begin_download(100)
    assert meter.begin_download(500) == 0
    assert (shown[-1].done_bytes, shown[-1].total_bytes) == (0, 500)


def test_every_report_carries_the_cancel() -> None:
    meter = Meter(1, "game", lambda: True, lambda _: None)
    for report in (meter.check, lambda: meter.begin(Phase.SCAN), lambda: meter.watch("a", 1), lambda: meter.reach(1)):
        with pytest.raises(Cancelled):
            report()
