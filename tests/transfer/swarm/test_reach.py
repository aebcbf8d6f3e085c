"""Whether players of the Internet reach this one, by what routers and other players were heard to say."""

import pytest

from patcher.protocol.events import Reachability
from patcher.transfer.swarm.reach import Heard, is_private, judge

_HOME = frozenset({"127.0.0.1", "::1", "fe80::1%eth0", "192.168.1.7"})
_LATE_S = 60.0


@pytest.mark.parametrize(
    ("heard", "waited_s", "reach"),
    [
        (Heard(7000, _HOME), 1, Reachability("asking", 7000)),
        (Heard(7000, _HOME), _LATE_S, Reachability("private", 7000, "192.168.1.7")),
        (Heard(7000, _HOME, refusal="not authorised"), 1, Reachability("asking", 7000)),
        (
            Heard(7000, _HOME, refusal="not authorised"),
            _LATE_S,
            Reachability("refused", 7000, problem="not authorised"),
        ),
        (Heard(7000, _HOME, mapped=7001), 1, Reachability("mapped", 7001)),
        (Heard(7000, _HOME, "45.0.0.1", 7001), 1, Reachability("mapped", 7001, "45.0.0.1")),
        (Heard(7000, _HOME, "10.0.0.2", 7001), 1, Reachability("double", 7001, "10.0.0.2")),
        (Heard(7000, _HOME, "100.64.3.4", 7001), 1, Reachability("double", 7001, "100.64.3.4")),
        (Heard(7000, _HOME, "10.0.0.2", 7001, is_seen=True), 1, Reachability("seen", 7001, "10.0.0.2")),
        (Heard(7000, _HOME, is_seen=True), 1, Reachability("seen", 7000)),
        (Heard(7000, _HOME | {"45.0.0.9"}), 1, Reachability("public", 7000, "45.0.0.9")),
        (Heard(7000, _HOME | {"2a00::9"}), 1, Reachability("public", 7000, "2a00::9")),
    ],
)
def test_what_is_heard_says_whether_we_are_reached(heard: Heard, waited_s: float, reach: Reachability) -> None:
    assert judge(heard, waited_s) == reach
    assert reach.is_reachable == (reach.why in {"seen", "mapped", "public"})


@pytest.mark.parametrize(
    ("address", "private"),
    [("192.168.1.1", True), ("100.100.1.1", True), ("127.0.0.1", True), ("fe80::1%eth0", True), ("fd00::1", True),
     ("0.0.0.0", True), ("45.0.0.1", False), ("100.128.0.1", False), ("2a00::1", False)],
)  # fmt: skip
def test_addresses_that_nobody_in_the_internet_can_dial(address: str, private: bool) -> None:
    assert is_private(address) == private
