"""What the settings allow, and who counts as a neighbour."""

import pytest

from patcher.config import Settings
from patcher.transfer.policy import Surroundings, allowances, is_local


def test_nothing_is_uploaded_before_the_player_said_so() -> None:
    assert allowances(Settings()).upload == "off"
    assert allowances(Settings()).peers == "all"


def test_who_wants_no_peers_serves_none_and_calls_for_none() -> None:
    allowed = allowances(Settings(sharing="everyone", peers="none"))
    assert (allowed.upload, allowed.discover) == ("off", False)


@pytest.mark.parametrize(("given", "upload"), [(0, "lan"), (999, "lan"), (1000, "off"), (1001, "off")])
def test_a_cap_ends_uploading(given: int, upload: str) -> None:
    settings = Settings(sharing="lan", monthly_upload_cap_bytes=1000)
    assert allowances(settings, Surroundings(uploaded_this_month_bytes=given)).upload == upload


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "169.254.1.1", "::1", "fe80::1%eth0", "fd00::5",
                "::ffff:192.168.1.1"],
)  # fmt: skip
def test_the_local_network(address: str) -> None:
    assert is_local(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "172.32.0.1", "192.169.0.1", "2001:db8::1", "::ffff:8.8.8.8"])
def test_the_internet(address: str) -> None:
    assert not is_local(address)
