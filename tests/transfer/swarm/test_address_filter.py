"""With which addresses torrents may talk, as libtorrent's session has it."""

import libtorrent as lt
import pytest

from patcher.transfer.swarm.address_filter import AddressFilter, home_of


@pytest.mark.parametrize(
    ("address", "first", "last"),
    [
        ("203.0.113.7", "203.0.113.7", "203.0.113.7"),
        ("192.168.1.7", "192.168.1.7", "192.168.1.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::", "2001:db8:1:2:ffff:ffff:ffff:ffff"),
        ("fe80::7%eth0", "fe80::7", "fe80::7"),
        ("fd00::7", "fd00::7", "fd00::7"),
    ],
)
def test_a_home_of_the_internet_has_a_network_of_ipv6_addresses(address: str, first: str, last: str) -> None:
    assert home_of(address) == (first, last)


def test_who_is_banned_stays_out_for_a_minute_and_the_second_time_for_the_fetch() -> None:
    session, now_s = lt.session({"listen_interfaces": ""}), 0.0
    doors = AddressFilter(session, lambda: now_s)

    def is_out(address: str) -> bool:
        return session.get_ip_filter().access(address) == 1

    doors.apply("all", forgives=True)
    assert not is_out("203.0.113.7")
    doors.ban("203.0.113.7")
    doors.ban("203.0.113.7")  # both of its connections
    assert is_out("203.0.113.7") and not is_out("203.0.113.8")
    now_s = 61.0
    doors.apply("all", forgives=False)
    assert not is_out("203.0.113.7")
    doors.ban("203.0.113.7")
    now_s = 1e6
    doors.apply("all", forgives=False)
    assert is_out("203.0.113.7")
    doors.apply("all", forgives=True)
    assert not is_out("203.0.113.7") and not doors.bans


def test_a_ban_does_not_widen_the_scope() -> None:
    session = lt.session({"listen_interfaces": ""})
    doors = AddressFilter(session)
    doors.apply("lan", forgives=True)
    doors.ban("192.168.1.7")
    found = session.get_ip_filter()
    assert [found.access(each) for each in ("192.168.1.7", "192.168.1.8", "203.0.113.7")] == [1, 0, 1]
