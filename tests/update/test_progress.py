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


def test_every_report_carries_the_cancel() -> None:
    meter = Meter(1, "game", lambda: True, lambda _: None)
    for report in (meter.check, lambda: meter.begin(Phase.SCAN), lambda: meter.watch("a", 1), lambda: meter.reach(1)):
        with pytest.raises(Cancelled):
            report()
