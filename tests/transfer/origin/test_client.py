import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from patcher.content.merkle import ref_of
from patcher.errors import Cancelled, ContentError, OriginError, UsageError
from patcher.transfer.origin.client import Origin
from patcher.transfer.origin.retry import RetryPolicy
from tests.support.certificates import Authority, make_authority
from tests.support.hostile_origin import HostileOrigin, breaks_off, content_path, drips, head, says

DATA = random.Random(7).randbytes(600_000)
REF = ref_of(DATA)
CONTENT = content_path(REF)


def _ignore(seconds: float) -> None:
    """A pause that passes in no time."""


EAGER = RetryPolicy(back_off_s=0, sleep=_ignore)
HURRIED = RetryPolicy(back_off_s=0, stall_s=1e6, clock=lambda: 100 * time.monotonic())
"""Its clock runs a hundred times as fast: the 30 s of a document are 0.3 s."""


@pytest.fixture
def server() -> Iterator[HostileOrigin]:
    with HostileOrigin({"a.json": b"{}", CONTENT: DATA}) as server:
        yield server


@pytest.fixture
def second() -> Iterator[HostileOrigin]:
    with HostileOrigin({"a.json": b"{}", CONTENT: DATA}) as server:
        yield server


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


def _read(origin: Origin, offset: int = 0, length: int = len(DATA)) -> bytes:
    return b"".join(origin.read(REF, offset, length))


def _code(origin: Origin, path: str = "a.json", max_bytes: int = 1000) -> str:
    with pytest.raises(OriginError) as caught:
        origin.get(path, max_bytes)
    return caught.value.code


# ---------------------------------------------------------------- documents


def test_a_document_comes_whole_and_its_bytes_are_counted(server: HostileOrigin) -> None:
    with Origin([server.url]) as origin:
        assert origin.get("a.json", 2) == b"{}"
        assert (origin.metadata_bytes, origin.content_bytes) == (2, 0)


def test_connections_are_kept(server: HostileOrigin) -> None:
    with Origin([server.url]) as origin:
        for _ in range(3):
            origin.get("a.json", 2)
            _read(origin)
        assert server.connections == 1


def test_nothing_about_the_player_is_sent_along(server: HostileOrigin) -> None:
    server.answer("a.json", says(200, b"{}", Set_Cookie="player=7"))
    with Origin([server.url]) as origin:
        origin.get("a.json", 2)
        origin.get("a.json", 2)
    assert set(server.asked[1].headers) == {"host", "accept-encoding", "user-agent"}
    assert server.asked[1].headers["accept-encoding"] == "identity"


def test_a_missing_document_is_missing_at_once(server: HostileOrigin) -> None:
    with Origin([server.url], patience=EAGER) as origin:
        assert _code(origin, "b.json") == "origin.missing"
    assert server.paths == ["b.json"]


def test_another_origin_is_asked_for_what_one_does_not_have(server: HostileOrigin, second: HostileOrigin) -> None:
    del server.files["a.json"]
    with Origin([server.url, second.url], patience=EAGER) as origin:
        assert origin.get("a.json", 2) == b"{}"


def test_an_origin_that_delivered_is_asked_first_from_then_on(server: HostileOrigin, second: HostileOrigin) -> None:
    server.answer("a.json", says(503))
    with Origin([server.url, second.url], patience=EAGER) as origin:
        for _ in range(3):
            assert origin.get("a.json", 2) == b"{}"
    assert (len(server.asked), len(second.asked)) == (1, 3)


def test_the_first_answer_counts_when_asked_so(server: HostileOrigin, second: HostileOrigin) -> None:
    del server.files["a.json"]
    with Origin([server.url, second.url]) as origin, pytest.raises(OriginError) as caught:
        origin.get("a.json", 2, everywhere=False)
    assert caught.value.code == "origin.missing"
    assert second.asked == []


def test_a_document_longer_than_allowed_is_refused(server: HostileOrigin) -> None:
    server.answer("a.json", says(200, bytes(5_000_000)))
    with Origin([server.url]) as origin:
        assert _code(origin) == "origin.protocol"
        assert origin.metadata_bytes < 1_000_000


def test_an_encoded_body_is_refused_before_it_is_read(server: HostileOrigin) -> None:
    server.answer("a.json", says(200, b"\x1f\x8b", Content_Encoding="gzip"))
    with Origin([server.url]) as origin:
        assert _code(origin) == "origin.protocol"
        assert origin.metadata_bytes == 0


def test_a_document_cut_short_is_asked_for_again(server: HostileOrigin) -> None:
    server.answer("a.json", breaks_off(b"{}", 1))
    with Origin([server.url], patience=EAGER) as origin:
        assert origin.get("a.json", 2) == b"{}"


def test_a_busy_server_is_asked_again(server: HostileOrigin) -> None:
    server.answer("a.json", says(503), says(503))
    with Origin([server.url], patience=EAGER) as origin:
        assert origin.get("a.json", 2) == b"{}"


def test_a_server_that_stays_busy_is_given_up(server: HostileOrigin) -> None:
    server.answer("a.json", *[says(503)] * 9)
    with Origin([server.url], patience=EAGER) as origin:
        assert _code(origin) == "origin.status"
    assert len(server.asked) == EAGER.rounds


def test_a_server_that_says_no_is_not_asked_again(server: HostileOrigin) -> None:
    server.answer("a.json", says(403))
    with Origin([server.url], patience=EAGER) as origin:
        assert _code(origin) == "origin.status"
    assert len(server.asked) == 1


def test_a_server_that_is_not_there_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with Origin([f"http://127.0.0.1:{port}"], patience=EAGER) as origin:
        assert _code(origin) == "origin.unreachable"


# ---------------------------------------------------------------- servers that are slow on purpose


@pytest.mark.parametrize("at_once", [0, 44], ids=["headers", "body"])
def test_a_server_that_drips_bytes_is_given_up(server: HostileOrigin, at_once: int) -> None:
    server.answer("a.json", drips(head(200, 900) + bytes(900), at_once))
    with Origin([server.url], patience=HURRIED) as origin:
        assert _code(origin) == "origin.too_slow"
    assert len(server.asked) == 1


def test_a_document_has_a_deadline_even_at_a_fair_rate(server: HostileOrigin) -> None:
    server.answer("a.json", drips(head(200, 900) + bytes(900), 44))
    patience = RetryPolicy(clock=HURRIED.clock, grace_s=1e6, stall_s=1e6)
    with Origin([server.url], patience=patience) as origin:
        assert _code(origin) == "origin.too_slow"


def test_content_goes_on_at_another_origin_when_one_drips(server: HostileOrigin, second: HostileOrigin) -> None:
    answer = head(200, len(DATA)) + DATA
    server.answer(CONTENT, drips(answer, 100_000))
    with Origin([server.url, second.url], patience=HURRIED) as origin:
        assert _read(origin) == DATA
    assert second.asked[0].headers["range"].startswith("bytes=")


def test_the_time_the_reader_takes_is_not_the_servers(server: HostileOrigin) -> None:
    now = [0.0]
    patience = RetryPolicy(clock=lambda: now[0])
    with Origin([server.url], patience=patience) as origin:
        portions = []
        for portion in origin.read(REF, 0, len(DATA)):
            now[0] += 3600
            portions.append(portion)
    assert b"".join(portions) == DATA
    assert len(server.asked) == 1


def test_a_cancel_ends_the_wait_for_bytes(server: HostileOrigin) -> None:
    server.answer("a.json", drips(head(200, 900) + bytes(900), 44))
    with Origin([server.url], cancel=lambda: bool(server.asked)) as origin, pytest.raises(Cancelled):
        origin.get("a.json", 900)


def test_a_cancel_ends_the_pause_before_a_retry(server: HostileOrigin) -> None:
    server.answer("a.json", says(503))
    patience = RetryPolicy(back_off_s=3600)
    with Origin([server.url], cancel=lambda: bool(server.asked), patience=patience) as origin, pytest.raises(Cancelled):
        origin.get("a.json", 900)


# ---------------------------------------------------------------- hosts and certificates


def test_a_redirect_to_a_listed_host_is_followed(server: HostileOrigin, second: HostileOrigin) -> None:
    server.answer("a.json", says(302, Location=f"http://localhost:{second.port}/a.json"))
    with Origin([server.url], hosts=["localhost"]) as origin:
        assert origin.get("a.json", 2) == b"{}"
    assert second.paths == ["a.json"]


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
        assert _code(origin) in {"origin.host_refused", "origin.protocol"}
    assert second.asked == []


def test_the_body_of_a_redirect_is_not_waited_for(server: HostileOrigin) -> None:
    start = head(302, 900, Location="/b.json")
    server.answer("a.json", drips(start + bytes(900), len(start)))
    server.files["b.json"] = b"[]"
    with Origin([server.url], patience=HURRIED) as origin:
        assert origin.get("a.json", 2) == b"[]"


def test_redirects_end(server: HostileOrigin) -> None:
    server.answer("a.json", *[says(302, Location="/a.json")] * 9)
    with Origin([server.url]) as origin:
        assert _code(origin) == "origin.protocol"


def test_plain_http_is_for_this_machine_only() -> None:
    with Origin(["http://updates.example"]) as origin:
        assert _code(origin) == "origin.host_refused"


def test_our_own_authority_is_trusted_when_named(authority: Authority) -> None:
    certificate = authority.issue("127.0.0.1")
    with HostileOrigin({"a.json": b"{}"}, certificate) as server:
        with Origin([server.url], ca=str(authority.ca_file)) as origin:
            assert origin.get("a.json", 2) == b"{}"
        with Origin([server.url], patience=EAGER) as origin:
            assert _code(origin) == "origin.certificate"
    assert server.paths == ["a.json"]


def test_a_certificate_for_another_host_is_refused(authority: Authority) -> None:
    ca = str(authority.ca_file)
    server = HostileOrigin({"a.json": b"{}"}, authority.issue("updates.example"))
    with server, Origin([server.url], ca=ca, patience=EAGER) as origin:
        assert _code(origin) == "origin.certificate"
    assert server.asked == []


def test_a_secure_origin_cannot_send_us_to_a_plain_one(authority: Authority, second: HostileOrigin) -> None:
    with HostileOrigin({}, authority.issue("127.0.0.1")) as server:
        server.answer("a.json", says(302, Location=f"{second.url}/a.json"))
        with Origin([server.url], ca=str(authority.ca_file)) as origin:
            assert _code(origin) == "origin.host_refused"
    assert second.asked == []


def test_the_environment_does_not_change_whom_we_trust(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.ca_file))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    server = HostileOrigin({"a.json": b"{}"}, authority.issue("127.0.0.1"))
    with server, Origin([server.url], patience=EAGER) as origin:
        assert _code(origin) == "origin.certificate"


def test_a_file_that_holds_no_authority_is_a_wrong_argument(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("none")
    with pytest.raises(UsageError):
        Origin(["https://updates.example"], ca=str(tmp_path / "ca.pem"))


# ---------------------------------------------------------------- content


def test_a_range_is_asked_for_and_counted_as_content(server: HostileOrigin) -> None:
    with Origin([server.url]) as origin:
        assert _read(origin, 1000, 5000) == DATA[1000:6000]
        assert (origin.metadata_bytes, origin.content_bytes) == (0, 5000)
    assert server.asked[0].headers["range"] == "bytes=1000-5999"


def test_a_broken_read_resumes_where_it_was(server: HostileOrigin) -> None:
    server.answer(CONTENT, breaks_off(DATA, 400_000))
    with Origin([server.url], patience=EAGER) as origin:
        assert _read(origin) == DATA
        assert origin.content_bytes == len(DATA)
    assert server.asked[1].headers["range"] == f"bytes=400000-{len(DATA) - 1}"


def test_a_long_read_survives_any_number_of_breaks_while_it_gets_on(server: HostileOrigin) -> None:
    data = random.Random(8).randbytes(3_000_000)
    ref = server.put(data)
    starts = range(0, len(data), 300_000)
    server.answer(content_path(ref), *[breaks_off(data, 300_000, start) for start in starts])
    with Origin([server.url], patience=EAGER) as origin:
        assert b"".join(origin.read(ref, 0, len(data))) == data
    assert len(server.asked) == len(starts) > EAGER.rounds


def test_the_second_origin_helps_out(server: HostileOrigin, second: HostileOrigin) -> None:
    server.answer(CONTENT, breaks_off(DATA, 100_000))
    with Origin([server.url, second.url], patience=EAGER) as origin:
        assert _read(origin) == DATA
        assert _read(origin) == DATA
    assert len(server.asked) == 1, "an origin that delivered is preferred"


def test_content_that_no_origin_has_is_missing(server: HostileOrigin, second: HostileOrigin) -> None:
    server.files.clear()
    second.files.clear()
    with Origin([server.url, second.url], patience=EAGER) as origin, pytest.raises(OriginError) as caught:
        _read(origin)
    assert caught.value.code == "origin.missing"


def test_a_server_without_ranges_is_read_over_when_that_is_cheap(server: HostileOrigin) -> None:
    server.answer(CONTENT, says(200, DATA))
    with Origin([server.url]) as origin:
        assert _read(origin, 100_000, 50_000) == DATA[100_000:150_000]


def test_a_server_without_ranges_is_not_read_over_for_long(server: HostileOrigin) -> None:
    ref = server.put(bytes(3_000_000))
    server.answer(content_path(ref), says(200, bytes(3_000_000)))
    with Origin([server.url], patience=EAGER) as origin, pytest.raises(OriginError) as caught:
        next(origin.read(ref, 2_000_000, 1000))
    assert caught.value.code == "origin.protocol"
    assert origin.content_bytes == 0


@pytest.mark.parametrize(
    "content_range",
    ["bytes 0-499/600000", "bytes 1000-1999/600000", "bytes 1000-1499/7", "pages 1-2", "", f"bytes {'1' * 5000}-1/1"],
    ids=lambda text: text[:20],
)
def test_another_range_than_asked_for_is_refused(server: HostileOrigin, content_range: str) -> None:
    server.answer(CONTENT, says(206, DATA[:500], Content_Range=content_range))
    with Origin([server.url], patience=EAGER) as origin, pytest.raises(OriginError) as caught:
        _read(origin, 1000, 500)
    assert caught.value.code == "origin.protocol"


def test_a_file_of_another_size_is_refused(server: HostileOrigin) -> None:
    server.answer(CONTENT, says(200, DATA[:500]))
    with Origin([server.url], patience=EAGER) as origin, pytest.raises(OriginError) as caught:
        _read(origin)
    assert caught.value.code == "origin.protocol"


def test_a_content_document_is_folded_to_its_root(server: HostileOrigin) -> None:
    with Origin([server.url]) as origin:
        assert origin.content(REF) == DATA
        assert (origin.metadata_bytes, origin.content_bytes) == (len(DATA), 0)
        assert origin.content(REF, as_content=True) == DATA
        assert (origin.metadata_bytes, origin.content_bytes) == (len(DATA), len(DATA))


def test_wrong_bytes_are_replaced_by_another_origins(server: HostileOrigin, second: HostileOrigin) -> None:
    server.files[CONTENT] = bytes(len(DATA))
    with Origin([server.url, second.url], patience=EAGER) as origin:
        assert origin.content(REF) == DATA


def test_wrong_bytes_everywhere_are_an_error(server: HostileOrigin) -> None:
    server.files[CONTENT] = bytes(len(DATA))
    with Origin([server.url], patience=EAGER) as origin, pytest.raises(ContentError) as caught:
        origin.content(REF)
    assert caught.value.code == "content.mismatch"
