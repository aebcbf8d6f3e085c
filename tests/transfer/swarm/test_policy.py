"""What the settings allow, which doors that opens, and who counts as a neighbour."""

import pytest

from patcher.config import Settings
from patcher.protocol.events import Held
from patcher.transfer.swarm.policy import OpenPorts, Surroundings, allowed, held, is_local, open_ports, stands_outside
from tests.support.doors import ROWS, Row
from tests.transfer.conftest import settings


def test_nothing_is_uploaded_before_the_player_said_so() -> None:
    assert allowed(Settings()).sharing == "off"
    assert allowed(Settings()).peers == "all"


def test_who_wants_no_peers_serves_none_and_calls_for_none() -> None:
    settings = allowed(Settings(sharing="everyone", peers="none"))
    assert (settings.sharing, settings.local_discovery) == ("off", False)


@pytest.mark.parametrize(("given", "upload"), [(0, "lan"), (999, "lan"), (1000, "off"), (1001, "off")])
def test_a_cap_ends_uploading(given: int, upload: str) -> None:
    commands = Settings(sharing="lan", monthly_upload_cap_bytes=1000)
    assert allowed(commands, month_uploaded_bytes=given).sharing == upload


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_which_doors_are_open(row: Row) -> None:
    found = open_ports(
        allowed(settings(sharing=row.sharing, peers=row.peers, local_discovery=True)),
        fetches=row.fetches,
        offers=True,
    )
    assert found == OpenPorts(row.is_open, row.is_open, row.fetched, row.offered, row.is_mapped)
    assert found.goes_outside == ("all" in (row.fetched, row.offered))


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_who_has_nothing_to_give_and_nothing_to_fetch_opens_no_door(row: Row) -> None:
    assert open_ports(
        allowed(settings(sharing=row.sharing, peers=row.peers, local_discovery=True)), fetches=False, offers=False
    ) == OpenPorts(False, False, "none", "none", False)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_without_discovery_nothing_is_sent_by_multicast(row: Row) -> None:
    assert not open_ports(
        allowed(settings(sharing=row.sharing, peers=row.peers)), fetches=row.fetches, offers=True
    ).discovers


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "169.254.1.1", "::1", "fe80::1%eth0", "fd00::5",
                "::ffff:192.168.1.1"],
)  # fmt: skip
def test_the_local_network(address: str) -> None:
    assert is_local(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "172.32.0.1", "192.169.0.1", "2001:db8::1", "::ffff:8.8.8.8"])
def test_the_internet(address: str) -> None:
    assert not is_local(address)


@pytest.mark.parametrize(
    ("tracker", "outside"),
    [("udp://tracker.example:6969/announce", True), ("https://8.8.8.8/announce", True), ("udp://[2001:db8::1]:1", True),
     ("http://127.0.0.1:6969/announce", False), ("http://localhost:1", False), ("udp://192.168.1.9:1", False),
     ("udp://[fd00::1]:1", False), ("http://nas.local/announce", False), ("nonsense", False)],
)  # fmt: skip
def test_players_of_a_tracker_in_the_local_network_are_neighbours(tracker: str, outside: bool) -> None:
    assert stands_outside(tracker) == outside


@pytest.mark.parametrize(
    ("around", "permit", "reason"),
    [
        (Surroundings(), {}, Held.NONE),
        (Surroundings(is_playing=True, minute=1439), {}, Held.NONE),
        (Surroundings(on_battery=True), {}, Held.BATTERY),
        (Surroundings(on_battery=True), {"share_on_battery": True}, Held.NONE),
        (Surroundings(is_metered=True), {}, Held.METERED),
        (Surroundings(is_metered=True), {"share_on_metered": True}, Held.NONE),
        (Surroundings(by_vpn=True), {}, Held.VPN),
        (Surroundings(by_vpn=True), {"share_over_vpn": True}, Held.NONE),
        (Surroundings(on_battery=True, is_metered=True, by_vpn=True), {"share_on_battery": True}, Held.METERED),
    ],
)
@pytest.mark.parametrize(
    ("sharing", "exempt", "left"),
    [("everyone", False, "off"), ("everyone", True, "lan"), ("lan", False, "off"), ("lan", True, "lan")],
)
def test_sharing_rests_for_a_reason_unless_the_player_permits_it(
    around: Surroundings, permit: dict[str, bool], reason: Held, sharing: str, exempt: bool, left: str
) -> None:
    commands = settings(sharing=sharing, exempt_lan=exempt, **permit)
    if (sharing, exempt) == ("lan", True):
        reason = Held.NONE  # the local network is exempt, and nobody else was to get anything
    assert held(commands, 0, around) == reason
    assert allowed(commands, 0, around).sharing == (left if reason else sharing)


def test_who_shares_nothing_needs_no_reason() -> None:
    around = Surroundings(on_battery=True)
    assert not held(settings(), 10**15, around)
    assert not held(settings(sharing="everyone", peers="none"), 10**15, around)


def test_a_spent_cap_is_said_and_may_leave_the_local_network() -> None:
    commands = settings(sharing="everyone", monthly_upload_cap_bytes=1000)
    assert [held(commands, given, Surroundings()) for given in (0, 999, 1000)] == [Held.NONE, Held.NONE, Held.CAP]
    assert allowed(settings(sharing="everyone", monthly_upload_cap_bytes=1000, exempt_lan=True), 1000).sharing == "lan"


@pytest.mark.parametrize(
    ("limit", "low", "then"), [(0, 0, 0), (0, 300, 300), (500, 0, 500), (500, 300, 300), (200, 300, 200)]
)
def test_the_lower_limits_count_while_a_game_runs(limit: int, low: int, then: int) -> None:
    commands = settings(
        upload_limit_bps=limit, low_upload_limit_bps=low, download_limit_bps=2 * limit, low_download_limit_bps=2 * low
    )
    calm, playing = allowed(commands), allowed(commands, 0, Surroundings(is_playing=True))
    assert (calm.upload_limit_bps, calm.download_limit_bps) == (limit, 2 * limit)
    assert (playing.upload_limit_bps, playing.download_limit_bps) == (then, 2 * then)


def test_a_game_lowers_nothing_if_the_player_says_so() -> None:
    commands = settings(low_upload_limit_bps=300, low_while_playing=False)
    assert allowed(commands, 0, Surroundings(is_playing=True)).upload_limit_bps == 0


@pytest.mark.parametrize(
    ("hours", "low"),
    [
        ("", ()),
        ("18:00-23:30", ("18:00", "23:29")),
        ("22:00-06:00", ("22:00", "23:59", "00:00", "05:59")),
        ("06:00-07:00, 18:00-19:00", ("06:00", "06:59", "18:00")),
        ("00:00-00:00", ("00:00", "12:00", "23:59")),
    ],
)
def test_the_lower_limits_count_at_their_times(hours: str, low: tuple[str, ...]) -> None:
    times = {"00:00", "05:59", "06:00", "06:59", "07:00", "12:00", "18:00", "22:00", "23:29", "23:30", "23:59"}
    commands = settings(low_upload_limit_bps=300, low_hours=hours)

    def is_low(time: str) -> bool:
        minute = 60 * int(time[:2]) + int(time[3:])
        return allowed(commands, 0, Surroundings(minute=minute)).upload_limit_bps > 0

    found = {time for time in times if is_low(time)}
    assert found >= set(low)
    if low:
        assert ("07:00" in found) == (hours == "00:00-00:00")
