"""The download limit: bytes wait until they fit it, together on all connections, and no wait outlasts a cancel."""

import pytest

from patcher.errors import Cancelled
from patcher.transfer.origin import limiter
from patcher.transfer.origin.limiter import RateLimiter


class Clock:
    """Time that passes only in a sleep."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.longest_s = 0.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        self.longest_s = max(self.longest_s, seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(limiter, "time", made)
    return made


def _nothing() -> None:
    """A check that lets everything go on."""


def test_bytes_of_all_connections_take_their_time_together(clock: Clock) -> None:
    shared = RateLimiter(1000)
    for size_bytes in (300, 0, 700, 1000):
        shared.wait(size_bytes, _nothing)
    assert clock.now_s == pytest.approx(1002)


def test_bytes_of_peers_count_under_the_same_limit(clock: Clock) -> None:
    shared = RateLimiter(1000)
    shared.count(2000)
    shared.wait(500, _nothing)
    assert clock.now_s == pytest.approx(1002.5)


def test_time_without_bytes_is_not_saved_up(clock: Clock) -> None:
    shared = RateLimiter(1000)
    shared.wait(1000, _nothing)
    clock.sleep(60)
    shared.wait(1000, _nothing)
    assert clock.now_s == pytest.approx(1062)


def test_without_a_limit_nothing_waits_but_a_cancel_is_still_seen(clock: Clock) -> None:
    def cancelled() -> None:
        raise Cancelled

    RateLimiter().wait(1 << 40, _nothing)
    assert clock.now_s == 1000
    with pytest.raises(Cancelled):
        RateLimiter().wait(1, cancelled)


def test_a_cancel_ends_a_wait_at_the_next_look(clock: Clock) -> None:
    looks = iter([False, False, True])

    def check() -> None:
        if next(looks):
            raise Cancelled

    with pytest.raises(Cancelled):
        RateLimiter(1).wait(3600, check)
    assert clock.now_s < 1001
    assert clock.longest_s <= 0.05


@pytest.mark.parametrize(("limit_bps", "done_s"), [(0, 1010.05), (100_000, 1010.1), (500, 1029.9)])
def test_a_change_of_the_limit_counts_for_what_waits_already(clock: Clock, limit_bps: int, done_s: float) -> None:
    shared = RateLimiter(1000)

    def changed_after_ten_seconds() -> None:
        if clock.now_s >= 1010:
            shared.limit_bps = limit_bps

    shared.wait(20_000, changed_after_ten_seconds)
    assert clock.now_s == pytest.approx(done_s, abs=0.11)
