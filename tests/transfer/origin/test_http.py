"""One GET and its answer: what a server can do to a plain client, it cannot do to this one."""

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Never

import pytest

from patcher.errors import OriginError, UsageError
from patcher.transfer.origin.client import Origin
from tests.support.certificates import Authority
from tests.support.hostile_origin import HostileOrigin, content_path, drips, head, says
from tests.transfer.origin.servers import CONTENT, DATA, EAGER, HURRIED, REF, code_of, read


def test_connections_are_kept(server: HostileOrigin) -> None:
    with Origin([server.url]) as origin:
        for _ in range(3):
            origin.get("a.json", 2)
            read(origin)
        assert server.connections == 1


def test_nothing_about_the_player_is_sent_along(server: HostileOrigin) -> None:
    server.answer("a.json", says(200, b"{}", Set_Cookie="player=7"))
    with Origin([server.url]) as origin:
        origin.get("a.json", 2)
        origin.get("a.json", 2)
    assert set(server.asked[1].headers) == {"host", "accept-encoding", "user-agent"}
    assert server.asked[1].headers["accept-encoding"] == "identity"


def test_a_document_longer_than_allowed_is_refused(server: HostileOrigin) -> None:
    server.answer("a.json", says(200, bytes(5_000_000)))
    with Origin([server.url]) as origin:
        assert code_of(origin) == "origin.protocol"
        assert origin.received.metadata_bytes < 1_000_000


def test_an_encoded_body_is_refused_before_it_is_read(server: HostileOrigin) -> None:
    server.answer("a.json", says(200, b"\x1f\x8b", Content_Encoding="gzip"))
    with Origin([server.url]) as origin:
        assert code_of(origin) == "origin.protocol"
        assert origin.received.metadata_bytes == 0


def test_a_server_that_is_not_there_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with Origin([f"http://127.0.0.1:{port}"], retry=EAGER) as origin:
        with pytest.raises(OriginError) as caught:
            origin.get("a.json", 1)
    assert (caught.value.code, caught.value.facts.get("refused")) == ("origin.unreachable", 1)


def test_a_name_that_leads_nowhere_is_unreachable_and_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(*_: object, **__: object) -> Never:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    with Origin(["https://nowhere.invalid"], retry=EAGER) as origin, pytest.raises(OriginError) as caught:
        origin.get("a.json", 1)
    assert (caught.value.code, caught.value.facts.get("refused")) == ("origin.unreachable", None)


def test_the_connection_of_a_refused_answer_ends_with_the_client_while_somebody_keeps_the_error() -> None:
    with HostileOrigin({"a.json": b"{}"}) as server:
        with Origin([server.url]) as origin, pytest.raises(OriginError) as caught:
            origin.get("a.json", 1)
        server.wait_for_the_end_of_all_connections()
    assert caught.value.code == "origin.protocol"


# ---------------------------------------------------------------- redirects


def test_a_redirect_to_a_listed_host_is_followed(server: HostileOrigin, second: HostileOrigin) -> None:
    server.answer("a.json", says(302, Location=f"http://localhost:{second.port}/a.json"))
    with Origin([server.url], hosts=["localhost"]) as origin:
        assert origin.get("a.json", 2) == b"{}"
    assert second.paths == ["a.json"]


def test_the_body_of_a_redirect_is_not_waited_for(server: HostileOrigin) -> None:
    start = head(302, 900, Location="/b.json")
    server.answer("a.json", drips(start + bytes(900), len(start)))
    server.files["b.json"] = b"[]"
    with Origin([server.url], retry=HURRIED) as origin:
        assert origin.get("a.json", 2) == b"[]"


def test_redirects_end(server: HostileOrigin) -> None:
    server.answer("a.json", *[says(302, Location="/a.json")] * 9)
    with Origin([server.url]) as origin:
        assert code_of(origin) == "origin.protocol"


def test_a_secure_origin_cannot_send_us_to_a_plain_one(authority: Authority, second: HostileOrigin) -> None:
    with HostileOrigin({}, authority.issue("127.0.0.1")) as server:
        server.answer("a.json", says(302, Location=f"{second.url}/a.json"))
        with Origin([server.url], ca=str(authority.ca_file)) as origin:
            assert code_of(origin) == "origin.web_page"
    assert second.asked == []


# ---------------------------------------------------------------- web pages

_PAGE = b"<!DOCTYPE html><html><title>Welcome to the hotel</title>"


@pytest.mark.parametrize(
    "page",
    [_PAGE, b"\xef\xbb\xbf\r\n <HTML>", b"<script>location='http://10.0.0.1/login'</script>", _PAGE * 1000],
    ids=["page", "marked", "script", "long"],
)
def test_a_web_page_in_place_of_a_document_is_said(server: HostileOrigin, page: bytes) -> None:
    server.answer("a.json", says(200, page))
    with Origin([server.url], retry=EAGER) as origin:
        assert code_of(origin) == "origin.web_page"
    assert len(server.asked) == 1


@pytest.mark.parametrize("length", [DATA[:500], DATA], ids=["a range", "the whole"])
def test_a_web_page_in_place_of_content_is_said(server: HostileOrigin, length: bytes) -> None:
    server.answer(CONTENT, says(200, _PAGE, Content_Type="text/html; charset=utf-8"))
    with Origin([server.url], retry=EAGER) as origin, pytest.raises(OriginError) as caught:
        read(origin, 0, len(length))
    assert caught.value.code == "origin.web_page"


def test_content_is_no_web_page_because_a_server_calls_it_so(server: HostileOrigin) -> None:
    server.answer(CONTENT, says(200, DATA, Content_Type="text/html"))
    with Origin([server.url]) as origin:
        assert read(origin) == DATA


def test_another_server_is_asked_for_what_came_as_a_web_page(server: HostileOrigin, second: HostileOrigin) -> None:
    server.answer("a.json", says(200, _PAGE))
    with Origin([server.url, second.url], retry=EAGER) as origin:
        assert origin.get("a.json", 2) == b"{}"


# ---------------------------------------------------------------- certificates


def test_our_own_authority_is_trusted_when_named(authority: Authority) -> None:
    certificate = authority.issue("127.0.0.1")
    with HostileOrigin({"a.json": b"{}"}, certificate) as server:
        with Origin([server.url], ca=str(authority.ca_file)) as origin:
            assert origin.get("a.json", 2) == b"{}"
        with Origin([server.url], retry=EAGER) as origin:
            assert code_of(origin) == "origin.certificate"
    assert server.paths == ["a.json"]


def test_a_certificate_for_another_host_is_refused(authority: Authority) -> None:
    ca = str(authority.ca_file)
    server = HostileOrigin({"a.json": b"{}"}, authority.issue("updates.example"))
    with server, Origin([server.url], ca=ca, retry=EAGER) as origin:
        assert code_of(origin) == "origin.certificate"
    assert server.asked == []


def test_the_environment_does_not_change_whom_we_trust(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.ca_file))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    server = HostileOrigin({"a.json": b"{}"}, authority.issue("127.0.0.1"))
    with server, Origin([server.url], retry=EAGER) as origin:
        assert code_of(origin) == "origin.certificate"


def test_a_file_that_holds_no_authority_is_a_wrong_argument(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("none")
    with pytest.raises(UsageError):
        Origin(["https://updates.example"], ca=str(tmp_path / "ca.pem"))


# ---------------------------------------------------------------- ranges


def test_a_small_file_comes_whole_and_once_from_a_server_without_ranges(server: HostileOrigin) -> None:
    server.answer(CONTENT, *[says(200, DATA)] * 9)
    with Origin([server.url]) as origin, ThreadPoolExecutor(3) as pool:
        parts = pool.map(lambda at: read(origin, at, 50_000), range(0, 600_000, 50_000))
        assert b"".join(parts) == DATA
        assert origin.received.content_bytes == len(DATA)
    assert sum("range" not in request.headers for request in server.asked) == 1


def test_a_large_file_does_not_come_from_a_server_without_ranges_and_it_says_why(server: HostileOrigin) -> None:
    ref = server.put(bytes(17 << 20))
    server.answer(content_path(ref), says(200, bytes(17 << 20)))
    with Origin([server.url], retry=EAGER) as origin, pytest.raises(OriginError) as caught:
        next(origin.read(ref, 2_000_000, 1000))
    assert caught.value.code == "origin.no_ranges"
    assert origin.received.content_bytes == 0
    assert len(server.asked) == 1


def test_wrong_bytes_that_came_whole_are_not_kept_for_another_server(
    server: HostileOrigin, second: HostileOrigin
) -> None:
    server.answer(CONTENT, *[says(200, bytes(len(DATA)))] * 9)
    with Origin([server.url, second.url], retry=EAGER) as origin:
        assert read(origin, 1000, 500) == bytes(500)
        assert origin.content(REF) == DATA


@pytest.mark.parametrize(
    "content_range",
    ["bytes 0-499/600000", "bytes 1000-1999/600000", "bytes 1000-1499/7", "pages 1-2", "", f"bytes {'1' * 5000}-1/1"],
    ids=lambda text: text[:20],
)
def test_another_range_than_asked_for_is_refused(server: HostileOrigin, content_range: str) -> None:
    server.answer(CONTENT, says(206, DATA[:500], Content_Range=content_range))
    with Origin([server.url], retry=EAGER) as origin, pytest.raises(OriginError) as caught:
        read(origin, 1000, 500)
    assert caught.value.code == "origin.protocol"


def test_a_file_of_another_size_is_refused(server: HostileOrigin) -> None:
    server.answer(CONTENT, says(200, DATA[:500]))
    with Origin([server.url], retry=EAGER) as origin, pytest.raises(OriginError) as caught:
        read(origin)
    assert caught.value.code == "origin.protocol"
