"""A feed leads into the player's network, or to the player's machine, only where the pinned address does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from patcher.errors import OriginError
from patcher.transfer.origin import reach
from patcher.transfer.origin.client import Origin
from patcher.transfer.origin.reach import Reach
from patcher.transfer.origin.retry import RetryPolicy
from tests.support import names
from tests.support.certificates import Authority, make_authority
from tests.support.hostile_origin import HostileOrigin, says

EAGER = RetryPolicy(back_off_s=0, rounds=1)

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
    assert reach.of_host(host) is there


@pytest.mark.parametrize("host", ["updates.example", "1.2.3.4.5", "", "127.0.0.1.updates.example", "localhost.example"])
def test_a_name_is_for_a_name_server_to_tell(host: str) -> None:
    assert reach.of_host(host) is None


@pytest.mark.parametrize("pinned", list(Reach))
@pytest.mark.parametrize("there", list(Reach))
def test_each_network_is_open_to_those_who_are_in_it(pinned: Reach, there: Reach) -> None:
    allowed = {(Reach.PRIVATE, Reach.PRIVATE), (Reach.LOOPBACK, Reach.LOOPBACK)}
    assert reach.is_allowed(there, pinned) is (there is Reach.PUBLIC or (there, pinned) in allowed)


# ---------------------------------------------------------------- what an origin does about it


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


def _code(origin: Origin) -> str:
    with pytest.raises(OriginError) as caught:
        origin.get("a.json", 100)
    return caught.value.code


@pytest.mark.parametrize("there", SPELLINGS[Reach.LOOPBACK].split())
def test_a_mirror_on_this_machine_is_never_asked(monkeypatch: pytest.MonkeyPatch, there: str) -> None:
    names.lead(monkeypatch, {"updates.example": ["0.0.0.0"]})
    host = f"[{there}]" if ":" in there else there
    with HostileOrigin({"a.json": b"{}"}) as server:
        urls = ["https://updates.example", f"https://{host}:{server.port}", f"http://{host}:{server.port}"]
        with Origin(urls, patience=EAGER, near=Reach.PUBLIC) as origin:
            assert _code(origin) == "origin.host_refused"
    assert server.connections == 0


@pytest.mark.parametrize(
    "answers",
    [
        ["127.0.0.1"],
        ["10.7.0.1 127.0.0.1 ::1"],
        ["::ffff:127.0.0.1"],
        ["0.0.0.0"],
        ["169.254.169.254"],
        ["224.0.0.1"],
    ],
    ids=lambda answers: answers[0],
)
def test_a_name_that_leads_to_this_machine_is_not_followed(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, answers: list[str]
) -> None:
    asked = names.lead(monkeypatch, {"updates.example": answers})
    server = HostileOrigin({"a.json": b"{}"}, authority.issue("updates.example"))
    url = f"https://updates.example:{server.port}"
    with server, Origin([url], ca=str(authority.ca_file), patience=EAGER, near=Reach.PUBLIC) as origin:
        assert _code(origin) == "origin.host_refused"
    assert server.connections == 0
    assert asked == ["updates.example"]


def test_the_address_that_was_judged_is_the_one_that_is_used(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = names.lead(monkeypatch, {"updates.example": ["127.0.0.1", "10.7.0.1"]})
    server = HostileOrigin({"a.json": b"{}"}, authority.issue("updates.example"))
    url = f"https://updates.example:{server.port}"
    with server, Origin([url], ca=str(authority.ca_file), patience=EAGER, near=Reach.LOOPBACK) as origin:
        assert origin.get("a.json", 2) == b"{}"
    assert asked == ["updates.example"]


def test_a_redirect_to_a_name_that_leads_into_another_network_is_not_followed(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    names.lead(monkeypatch, {"updates.example": ["127.0.0.1"], "inside.example": ["10.7.0.1"]})
    with (
        HostileOrigin({}, authority.issue("updates.example")) as server,
        HostileOrigin({"a.json": b"{}"}, authority.issue("inside.example")) as inside,
    ):
        server.answer("a.json", says(302, Location=f"https://inside.example:{inside.port}/a.json"))
        url = f"https://updates.example:{server.port}"
        with Origin([url], ["inside.example"], str(authority.ca_file), patience=EAGER) as origin:
            assert _code(origin) == "origin.host_refused"
            assert origin.near is Reach.LOOPBACK
    assert server.paths == ["a.json"]
    assert inside.connections == 0


def test_where_the_pinned_address_leads_is_found_out_when_it_is_named(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    names.lead(monkeypatch, {"updates.example": ["127.0.0.1"]})
    server = HostileOrigin({"a.json": b"{}"}, authority.issue("updates.example"))
    with server, Origin([f"https://updates.example:{server.port}"], ca=str(authority.ca_file)) as origin:
        before = origin.near
        assert origin.get("a.json", 2) == b"{}"
        assert (before, origin.near) == (Reach.PUBLIC, Reach.LOOPBACK)


@pytest.mark.parametrize(("host", "connections"), [("10.7.0.1", 0), ("127.1", 0), ("updates.example", 1)])
def test_behind_a_proxy_what_is_written_out_is_judged(
    monkeypatch: pytest.MonkeyPatch, host: str, connections: int
) -> None:
    with HostileOrigin() as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        with Origin(["https://0.0.0.0", f"https://{host}"], patience=EAGER) as origin:
            _code(origin)
    assert proxy.connections == connections


_LAYOUT = "ip link set lo up; ip addr add 8.8.8.8/32 dev lo; ip addr add 10.7.0.1/32 dev lo"


def test_each_feed_reaches_what_its_players_could_reach_without_it(tmp_path: Path, authority: Authority) -> None:
    """In a network of its own, with a public address, a private one and this machine: who may use which mirror."""
    certificate, key = authority.issue("feed.example", "mirror.example")
    words = (sys.executable, "-m", "tests.transfer.networks", authority.ca_file, certificate, key)
    rootless = [] if os.geteuid() == 0 else ["--map-root-user"]
    command = ["unshare", "--net", *rootless, "sh", "-c", f'{_LAYOUT}; exec "$@"', "sh", *map(str, words)]
    found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    same = {(place, place) for place in ("public", "private", "loopback")}
    allowed = same | {("private", "public"), ("loopback", "public")}
    assert {(pinned, mirror) for pinned, mirror, code in found if code == "well"} == allowed
    assert {code for _, _, code in found} == {"well", "origin.host_refused"}
