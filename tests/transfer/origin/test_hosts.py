"""What a feed may use: its own hosts by https, and the player's network or machine only if the feed itself is there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from patcher.transfer.origin.client import Origin
from patcher.transfer.origin.hosts import Reach
from patcher.transfer.origin.retry import RetryPolicy
from tests.support import names
from tests.support.certificates import Authority
from tests.support.hostile_origin import HostileOrigin, says
from tests.transfer.origin.servers import code_of
from tests.transfer.origin.test_reach import SPELLINGS

ONCE = RetryPolicy(back_off_s=0, rounds=1)


@pytest.mark.parametrize(
    "target",
    [
        "http://localhost:{port}/a.json",
        "http://169.254.169.254/",
        "file:///etc/passwd",
        "http://x@127.0.0.1:{port}/",
        "//[",
        "",
    ],
)
def test_a_redirect_anywhere_else_is_not(server: HostileOrigin, second: HostileOrigin, target: str) -> None:
    server.answer("a.json", *[says(302, Location=target.format(port=second.port))] * 9)
    with Origin([server.url]) as origin:
        assert code_of(origin) in {"origin.web_page", "origin.protocol"}
    assert second.asked == []


def test_plain_http_is_for_this_machine_only() -> None:
    with Origin(["http://updates.example"]) as origin:
        assert code_of(origin) == "origin.host_refused"


@pytest.mark.parametrize("there", SPELLINGS[Reach.LOOPBACK].split())
def test_a_mirror_on_this_machine_is_never_asked(monkeypatch: pytest.MonkeyPatch, there: str) -> None:
    names.lead(monkeypatch, {"updates.example": ["0.0.0.0"]})
    host = f"[{there}]" if ":" in there else there
    with HostileOrigin({"a.json": b"{}"}) as server:
        urls = ["https://updates.example", f"https://{host}:{server.port}", f"http://{host}:{server.port}"]
        with Origin(urls, retry=ONCE, reach=Reach.PUBLIC) as origin:
            assert code_of(origin) == "origin.host_refused"
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
    with server, Origin([url], ca=str(authority.ca_file), retry=ONCE, reach=Reach.PUBLIC) as origin:
        assert code_of(origin) == "origin.host_refused"
    assert server.connections == 0
    assert asked == ["updates.example"]


def test_the_address_that_was_judged_is_the_one_that_is_used(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = names.lead(monkeypatch, {"updates.example": ["127.0.0.1", "10.7.0.1"]})
    server = HostileOrigin({"a.json": b"{}"}, authority.issue("updates.example"))
    url = f"https://updates.example:{server.port}"
    with server, Origin([url], ca=str(authority.ca_file), retry=ONCE, reach=Reach.LOOPBACK) as origin:
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
        with Origin([url], ["inside.example"], str(authority.ca_file), retry=ONCE) as origin:
            assert code_of(origin) == "origin.host_refused"
            assert origin.reach is Reach.LOOPBACK
    assert server.paths == ["a.json"]
    assert inside.connections == 0


def test_where_the_pinned_address_leads_is_found_out_when_it_is_named(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    names.lead(monkeypatch, {"updates.example": ["127.0.0.1"]})
    server = HostileOrigin({"a.json": b"{}"}, authority.issue("updates.example"))
    with server, Origin([f"https://updates.example:{server.port}"], ca=str(authority.ca_file)) as origin:
        before = origin.reach
        assert origin.get("a.json", 2) == b"{}"
        assert (before, origin.reach) == (Reach.PUBLIC, Reach.LOOPBACK)


@pytest.mark.parametrize(("host", "connections"), [("10.7.0.1", 0), ("127.1", 0), ("updates.example", 1)])
def test_behind_a_proxy_what_is_written_out_is_judged(
    monkeypatch: pytest.MonkeyPatch, host: str, connections: int
) -> None:
    with HostileOrigin() as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        with Origin(["https://0.0.0.0", f"https://{host}"], retry=ONCE) as origin:
            code_of(origin)
    assert proxy.connections == connections


_LAYOUT = "ip link set lo up; ip addr add 8.8.8.8/32 dev lo; ip addr add 10.7.0.1/32 dev lo"


@pytest.mark.posix("users by number")
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


@pytest.mark.parametrize(
    ("pinned", "kept"),
    [
        (Reach.PUBLIC, {"outside", "nowhere"}),
        (Reach.PRIVATE, {"outside", "nowhere", "inwards"}),
        (Reach.LOOPBACK, {"outside", "nowhere", "machine"}),
    ],
)
def test_a_tracker_whose_name_leads_inwards_is_left_out(
    monkeypatch: pytest.MonkeyPatch, pinned: Reach, kept: set[str]
) -> None:
    table = {"outside": ["8.8.8.8"], "inwards": ["8.8.8.8 192.168.1.1"], "machine": ["127.0.0.1"], "nowhere": [""]}
    names.lead(monkeypatch, {f"{name}.example": answers for name, answers in table.items()})
    with Origin(["https://updates.example"], reach=pinned) as origin:
        assert {name for name in table if origin.allows_tracker(f"udp://{name}.example:6969/announce")} == kept
        assert not origin.allows_tracker("udp://0.0.0.0:6969/announce")
