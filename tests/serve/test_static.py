"""The promise of an origin, kept by our server and by nginx with the configuration that we hand out."""

import os
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from patcher.errors import UsageError
from patcher.serve.static import StaticServer, open_inside
from tests.support.certificates import Authority
from tests.support.nginx import nginx
from tests.support.raw_http import Client
from tests.support.watched import WatchedServer

BIG = bytes(range(256)) * 4096 + b"an odd end"
SECRET = b"not yours"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``feed``, what must not be served beside and inside it, and links to that."""
    place = tmp_path_factory.mktemp("origin")
    for folder in ("feed/metadata", "feed/content/ab", "feed/.git", "private"):
        (place / folder).mkdir(parents=True)
    for name in ("private/file", "feed/.hidden", "feed/.git/config", "feed/content/.key"):
        (place / name).write_bytes(SECRET)
    feed = place / "feed"
    (feed / "metadata/timestamp.json").write_bytes(b'{"signed": {}}')
    (feed / "metadata/1.root.json").write_bytes(b"{}")
    (feed / "shop.shoalfeed").write_bytes(b"{}")
    (feed / "below/metadata").mkdir(parents=True)
    for name in ("metadata/timestamp.json", "metadata/1.root.json", "shop.shoalfeed"):
        (feed / "below" / name).write_bytes(b"{}")
    (feed / "content/ab/big").write_bytes(BIG)
    (feed / "content/ab/empty").write_bytes(b"")
    (feed / "content/a name, with ünïcode").write_bytes(b"named")
    if os.name != "nt":  # an ordinary account of Windows may make none
        (feed / "link").symlink_to(place / "private/file")
        (feed / "linked").symlink_to(place / "private")
    return place


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module", params=["ours", pytest.param("nginx", marks=pytest.mark.posix("nginx"))])
def origin(
    request: pytest.FixtureRequest, place: Path, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    cert, key = authority.issue("127.0.0.1")
    if request.param == "ours":
        with StaticServer(place / "feed", cert=cert, key=key) as server:
            yield Client(server.port, authority.ca_file)
    else:
        with nginx(place / "feed", cert, key, tmp_path_factory.mktemp("nginx")) as port:
            yield Client(port, authority.ca_file)


# ---------------------------------------------------------------- the contract


def test_a_file_comes_whole_and_as_it_is(origin: Client) -> None:
    reply = origin.ask("/content/ab/big", Accept_Encoding="gzip, deflate, br, zstd")
    assert reply.status == 200
    assert reply.body == BIG
    assert reply.headers["content-length"] == str(len(BIG))
    assert reply.headers["accept-ranges"] == "bytes"
    assert "content-encoding" not in reply.headers


def test_an_empty_file_is_an_answer_too(origin: Client) -> None:
    reply = origin.ask("/content/ab/empty")
    assert (reply.status, reply.body, reply.headers["content-length"]) == (200, b"", "0")


def test_names_may_be_percent_encoded(origin: Client) -> None:
    assert origin.ask("/content/a%20name%2C%20with%20%C3%BCn%C3%AFcode").body == b"named"
    assert origin.ask("/content/ab/big?from=a+cache").body == BIG


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=5-9", 5, 9),
        ("bytes=262140-524300", 262140, 524300),
        ("bytes=1000-", 1000, len(BIG) - 1),
        (f"bytes={len(BIG) - 1}-", len(BIG) - 1, len(BIG) - 1),
        ("bytes=10-999999999999", 10, len(BIG) - 1),
        ("bytes=-7", len(BIG) - 7, len(BIG) - 1),
        ("bytes=-999999999999", 0, len(BIG) - 1),
    ],
)
def test_a_range_is_served_exactly(origin: Client, asked: str, first: int, last: int) -> None:
    reply = origin.ask("/content/ab/big", Range=asked)
    assert reply.body == BIG[first : last + 1]
    assert reply.headers["content-length"] == str(last + 1 - first)
    if last + 1 - first < len(BIG):
        assert reply.status == 206
        assert reply.headers["content-range"] == f"bytes {first}-{last}/{len(BIG)}"


@pytest.mark.parametrize("asked", [f"bytes={len(BIG)}-", f"bytes={len(BIG)}-{len(BIG) + 5}", "bytes=-0"])
def test_a_range_outside_the_file_is_said_to_be(origin: Client, asked: str) -> None:
    reply = origin.ask("/content/ab/big", Range=asked)
    assert reply.status == 416
    assert reply.headers["content-range"] == f"bytes */{len(BIG)}"


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "lines=1-2"])
def test_other_ranges_get_the_whole_file(origin: Client, asked: str) -> None:
    reply = origin.ask("/content/ab/big", Range=asked)
    assert (reply.status, reply.body) == (200, BIG)


def test_a_range_of_another_version_gets_the_whole_file(origin: Client) -> None:
    reply = origin.ask("/content/ab/big", Range="bytes=5-9", If_Range='"another"')
    assert (reply.status, reply.body) == (200, BIG)


def test_head_says_the_length_and_sends_nothing(origin: Client) -> None:
    reply = origin.ask("/content/ab/big", "HEAD")
    assert (reply.status, reply.body, reply.headers["content-length"]) == (200, b"", str(len(BIG)))
    missing = origin.ask("/content/nothing", "HEAD")
    assert (missing.status, missing.body) == (404, b"")


@pytest.mark.parametrize("folder", ["", "/below"])
@pytest.mark.parametrize("name", ["metadata/timestamp.json", "metadata%2Ftimestamp.json", "shop.shoalfeed"])
def test_what_is_overwritten_is_never_taken_from_a_cache_whatever_was_asked(
    origin: Client, folder: str, name: str
) -> None:
    long_from_now = "Fri, 01 Jan 2100 00:00:00 GMT"
    etag = origin.ask(f"{folder}/{name}").headers.get("etag", '"x"')
    questions: list[dict[str, str]] = [
        {}, {"If_Modified_Since": long_from_now}, {"If_None_Match": etag}, {"If_Match": '"other"'},
        {"Range": "bytes=0-0"}, {"Range": "bytes=99999-"}, {"If_Unmodified_Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
    ]  # fmt: skip
    for headers in questions:
        for method in ("GET", "HEAD", "POST"):
            reply = origin.ask(f"{folder}/{name}", method, **headers)
            assert reply.headers["cache-control"] == "no-cache", (method, headers, reply.status)
    if folder:
        assert origin.ask("/below/metadata/1.root.json").headers["cache-control"].endswith("immutable")


def test_only_what_changes_is_asked_for_again(origin: Client) -> None:
    assert origin.ask("/metadata/timestamp.json").headers["cache-control"] == "no-cache"
    for target in ("/metadata/1.root.json", "/content/ab/big"):
        assert origin.ask(target).headers["cache-control"] == "public, max-age=31536000, immutable"
    assert origin.ask("/content/ab/big", Range="bytes=0-9").headers["cache-control"].endswith("immutable")


@pytest.mark.parametrize("target", ["/metadata/2.root.json", "/content/ab/big/more"])
def test_a_missing_file_may_be_there_later(origin: Client, target: str) -> None:
    reply = origin.ask(target)
    assert (reply.status, reply.headers["cache-control"]) == (404, "no-cache")


@pytest.mark.parametrize(
    "target",
    [
        "/../private/file", "/%2e%2e/private/file", "/..%2fprivate%2ffile", "/content/../../private/file",
        "/content/%2e%2e/%2e%2e/private/file", "/..%5cprivate%5cfile", "//../private/file", "/%2fetc/passwd",
        "//etc/passwd", "/link", "/linked/file", "/.hidden", "/%2ehidden", "/.git/config", "/content/.key",
        "/", "/metadata", "/metadata/", "/content/ab/", "/content/ab/.", "/metadata/timestamp.json/", "/a%00b",
        "/metadata/timestamp.json%00.txt", "/%ff%fe", "/%",
    ],
)  # fmt: skip
def test_nothing_but_the_files_of_the_feed_is_served(origin: Client, target: str) -> None:
    reply = origin.ask(target)
    assert reply.status in (400, 403, 404)
    assert SECRET not in reply.body
    assert b"root:" not in reply.body
    assert b"timestamp" not in reply.body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
def test_nothing_can_be_changed(origin: Client, method: str) -> None:
    assert origin.ask("/content/ab/big", method).status == 405


def test_a_body_does_not_become_the_next_request(origin: Client) -> None:
    hidden = b"GET /content/ab/big HTTP/1.1\r\nHost: h\r\n\r\n"
    asked = b"GET /metadata/1.root.json HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s" % (len(hidden), hidden)
    last = b"GET /metadata/1.root.json HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    assert origin.send(asked + last).count(b"HTTP/1.1 200 OK") == 2


def test_a_connection_serves_many_requests(origin: Client) -> None:
    one = b"GET /content/ab/big HTTP/1.1\r\nHost: h\r\nRange: bytes=%d-%d\r\n\r\n"
    with origin.connect() as connection:
        for first in range(0, 50_000, 1000):
            connection.sendall(one % (first, first + 999))
            answer = b""
            while len(answer.partition(b"\r\n\r\n")[2]) < 1000:
                answer += connection.recv(1 << 16)
            assert answer.startswith(b"HTTP/1.1 206 ")
            assert answer.partition(b"\r\n\r\n")[2] == BIG[first : first + 1000]


def test_many_ask_at_once(origin: Client) -> None:
    def fetch(number: int) -> bool:
        first = number * 20_000
        return origin.ask("/content/ab/big", Range=f"bytes={first}-{first + 300_000}").body == BIG[first:][:300_001]

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(fetch, range(32)))


def test_tls_is_at_least_1_2(origin: Client) -> None:
    context = ssl.create_default_context(cafile=origin.ca)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.deprecated_call():
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.deprecated_call():
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        Client(origin.port).connect() as connection,
        pytest.raises(ssl.SSLError, match=r"(?i)version"),
        context.wrap_socket(connection, server_hostname="127.0.0.1"),
    ):
        pass


def test_a_common_client_is_content(origin: Client) -> None:
    url = f"https://127.0.0.1:{origin.port}/content/ab/big"
    with requests.Session() as session:
        for _ in range(3):
            with session.get(url, verify=str(origin.ca), timeout=10) as answer:
                assert answer.content == BIG


# ---------------------------------------------------------------- ours alone


def test_silent_connections_keep_nobody_waiting(place: Path, authority: Authority) -> None:
    cert, key = authority.issue("127.0.0.1")
    with StaticServer(place / "feed", cert=cert, key=key) as server:
        silent = [Client(server.port).connect() for _ in range(20)]
        assert Client(server.port, authority.ca_file).ask("/metadata/1.root.json").status == 200
        for connection in silent:
            connection.close()


def test_the_server_stops_in_the_middle_of_a_download(tmp_path: Path, authority: Authority) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(1 << 30)
    cert, key = authority.issue("127.0.0.1")
    server = WatchedServer(tmp_path, cert=cert, key=key)
    with Client(server.port, authority.ca_file).connect() as connection:
        connection.sendall(b"GET /huge HTTP/1.1\r\nHost: h\r\n\r\n")
        assert connection.recv(100)
        server.close()
    assert server.log[0][:2] == ("/huge", 200)
    assert server.body_bytes < 1 << 30


def test_what_was_served_is_counted(place: Path) -> None:
    with WatchedServer(place / "feed") as server:
        client = Client(server.port)
        client.ask("/content/ab/big", Range="bytes=0-9")
        client.ask("/content/ab/big", "HEAD")
        client.ask("/none")
        url = server.url
    assert url == f"http://127.0.0.1:{server.port}"
    assert server.log == [("/content/ab/big", 206, 10), ("/content/ab/big", 200, 0), ("/none", 404, 10)]
    assert (server.requests, server.body_bytes) == (3, 20)


@pytest.mark.posix("named pipes among files")
def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with StaticServer(tmp_path) as server:
        assert Client(server.port).ask("/pipe").status == 404


def test_a_file_that_shrinks_ends_the_connection(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        file.truncate(64 << 20)
    with StaticServer(tmp_path) as server, Client(server.port).connect() as connection:
        connection.sendall(b"GET /file HTTP/1.1\r\nHost: h\r\n\r\n")
        received = len(connection.recv(1000))
        os.truncate(tmp_path / "file", 0)
        while data := connection.recv(1 << 20):
            received += len(data)
    assert received < 64 << 20


def test_a_taken_port_is_a_usage_error(tmp_path: Path) -> None:
    with StaticServer(tmp_path) as server, pytest.raises(UsageError) as caught:
        StaticServer(tmp_path, port=server.port)
    assert caught.value.code == "usage.port"


def test_a_missing_folder_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        StaticServer(tmp_path / "none")
    assert caught.value.code == "usage.feed_folder"


def test_plain_http_stays_on_this_machine(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="certificate"):
        StaticServer(tmp_path, host="0.0.0.0")


def test_a_certificate_needs_its_own_key(tmp_path: Path, authority: Authority) -> None:
    (cert, _), (_, key) = authority.issue("localhost"), authority.issue("127.0.0.1")
    for wrong in (key, tmp_path / "none"):
        with pytest.raises(UsageError, match="certificate"):
            StaticServer(tmp_path, cert=cert, key=wrong)


@given(st.lists(st.sampled_from(["..", ".", "", "feed", "private", "file", "%2e%2e", "%2f", "link", "\\", "é"])))
def test_no_path_leads_out(place: Path, parts: list[str]) -> None:
    file = open_inside((place / "feed").resolve(), "/" + "/".join(parts))
    if file is not None:
        with file:
            assert SECRET not in file.read()


@given(st.binary(max_size=300))
def test_no_request_ends_the_server(place: Path, garbage: bytes) -> None:
    with StaticServer(place / "feed") as server:
        client = Client(server.port)
        with client.connect() as connection:
            connection.sendall(garbage)
        assert client.ask("/none").status == 404


def test_threads_end_with_their_connections(tmp_path: Path) -> None:
    before = threading.active_count()
    with StaticServer(tmp_path) as server:
        for _ in range(10):
            Client(server.port).ask("/none")
    assert threading.active_count() == before
