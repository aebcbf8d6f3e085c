"""A feed leads into the player's network, or to the player's machine, only where the pinned address does."""

import pytest

from patcher.transfer.origin.hosts import Reach

SPELLINGS = {
    Reach.LOOPBACK: (
        "127.0.0.1 127.1 2130706433 0x7f.1 0x7f000001 0177.0.0.1 127.255.255.254 127.0.0.1. localhost LOCALHOST "
        "localhost. a.localhost ::1 0:0:0:0:0:0:0:1 ::ffff:127.0.0.1 ::ffff:7f00:1 ::127.0.0.1 64:ff9b::7f00:1 "
        "2002:7f00:1::"
    ),
    Reach.PRIVATE: (
        "10.0.0.1 10.1 172.16.0.1 172.31.255.255 192.168.1.1 3232235777 169.254.169.254 100.64.0.1 100.127.255.255 "
        "fd00::1 fc00::1 fe80::1 fe80::1%eth0 fec0::1 ::ffff:192.168.1.1 64:ff9b::a00:1 2002:a00:1::"
    ),
    Reach.NOWHERE: (
        "0.0.0.0 0 0x0 :: ::ffff:0.0.0.0 0.1.2.3 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255 ff02::1 ff0e::1 "
        "192.0.2.1 2001:db8::1"
    ),
    Reach.PUBLIC: "8.8.8.8 172.32.0.1 100.128.0.1 11.0.0.1 2606:4700::1 ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808::",
}


@pytest.mark.parametrize(("host", "there"), [(h, there) for there, hosts in SPELLINGS.items() for h in hosts.split()])
def test_every_spelling_of_an_address_is_seen_through(host: str, there: Reach) -> None:
    assert Reach.of_host(host) is there


@pytest.mark.parametrize("host", ["updates.example", "1.2.3.4.5", "", "127.0.0.1.updates.example", "localhost.example"])
def test_a_name_is_for_a_name_server_to_tell(host: str) -> None:
    assert Reach.of_host(host) is None


@pytest.mark.parametrize("pinned", list(Reach))
@pytest.mark.parametrize("there", list(Reach))
def test_each_network_is_open_to_those_who_are_in_it(pinned: Reach, there: Reach) -> None:
    allowed = {(Reach.PRIVATE, Reach.PRIVATE), (Reach.LOOPBACK, Reach.LOOPBACK)}
    assert pinned.allows(there) is (there is Reach.PUBLIC or (there, pinned) in allowed)
