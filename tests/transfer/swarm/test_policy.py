"""What the settings allow, which doors that opens, and who counts as a neighbour."""

import pytest

from patcher.config import Settings
from patcher.transfer.swarm.policy import OpenPorts, allowed, is_local, open_ports
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
    assert found == OpenPorts(row.is_open, row.is_open, row.fetched, row.offered)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_who_has_nothing_to_give_and_nothing_to_fetch_opens_no_door(row: Row) -> None:
    assert open_ports(
        allowed(settings(sharing=row.sharing, peers=row.peers, local_discovery=True)), fetches=False, offers=False
    ) == OpenPorts(False, False, "none", "none")


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
