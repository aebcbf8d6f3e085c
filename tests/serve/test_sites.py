"""The site map of a fleet: read strictly, and how near racks are to each other."""

from pathlib import Path

import pytest

from patcher.errors import UsageError
from patcher.serve.sites import Sites

PORT = b"\x10\x00"


def rack(sites: Sites, *address: int) -> bytes:
    return sites.rack(bytes(address) + PORT)


def test_the_smallest_network_around_an_address_counts() -> None:
    sites = Sites(["10.0.0.0/8 eu", "10.1.0.0/16 eu/fra1", "10.1.1.7/32 eu/fra1/rack7", "0.0.0.0/0 rest"])
    found = [rack(sites, *address) for address in ((10, 1, 1, 7), (10, 1, 1, 8), (10, 9, 9, 9), (192, 0, 2, 1))]
    assert len(set(found)) == 4
    assert all(found)


def test_an_address_outside_all_networks_has_no_rack() -> None:
    sites = Sites(["10.0.0.0/8 eu"])
    assert rack(sites, 192, 0, 2, 1) == b""
    assert sites.rack(bytes(16) + PORT) == b""
    assert sites.rings(b"") == ()


def test_networks_of_one_path_are_one_rack_in_both_families() -> None:
    sites = Sites(["10.1.0.0/24 a/r1", "10.7.0.0/24 a/r1", "2001:db8:7::/48 a/r1", "10.2.0.0/24 a/r2"])
    v6 = bytes.fromhex("20010db80007") + bytes(10) + PORT
    assert rack(sites, 10, 1, 0, 1) == rack(sites, 10, 7, 0, 1) == sites.rack(v6) != rack(sites, 10, 2, 0, 1)


def test_rings_go_from_the_rack_outwards_and_name_each_rack_once() -> None:
    names = ["eu/fra/r1", "eu/fra/r2", "eu/ams/r1", "us/r1", "eu/fra"]
    sites = Sites([f"10.{number}.0.0/16 {name}" for number, name in enumerate(names)])
    r1, r2, ams, _, fra = (rack(sites, 10, number, 0, 1) for number in range(5))
    assert sites.rings(r1) == tuple(map(frozenset, ({r1}, {r2, fra}, {ams})))
    assert sites.rings(fra) == tuple(map(frozenset, ({r1, r2, fra}, {ams})))


@pytest.mark.parametrize(
    "line",
    ["10.0.0.0/8", "10.0.0.0/8 eu fra", "10.0.0.0/33 eu", "10.0.0.1/8 eu", "fra1 10.0.0.0/8", "10.0.0.0/8 eu//r",
     "10.0.0.0/8 /eu", "10.0.0.0/8 a/b/c/d/e/f/g/h/i", "10.0.0.0/8 eu/ü"],
)  # fmt: skip
def test_a_line_that_is_no_network_and_path_is_named(line: str) -> None:
    with pytest.raises(UsageError) as caught:
        Sites(["", "# a comment", line])
    assert caught.value.facts["line"] == 3


def test_a_network_with_two_paths_is_refused() -> None:
    with pytest.raises(UsageError):
        Sites(["10.0.0.0/8 eu", "10.0.0.0/8 us"])


@pytest.mark.parametrize("content", [b"\xff\xfe", None])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content:
        (tmp_path / "sites").write_bytes(content)
    with pytest.raises(UsageError) as caught:
        Sites.read(tmp_path / "sites")
    assert caught.value.code == "usage.sites"
