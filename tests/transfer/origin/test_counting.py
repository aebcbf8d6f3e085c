"""Received bytes are counted, documents and content apart."""

from concurrent.futures import ThreadPoolExecutor

from patcher.transfer.origin.client import Origin
from patcher.transfer.origin.http import Received
from tests.support.hostile_origin import HostileOrigin
from tests.transfer.origin.servers import DATA, read


def test_a_document_comes_whole_and_its_bytes_are_counted(server: HostileOrigin) -> None:
    with Origin([server.url]) as origin:
        assert origin.get("a.json", 2) == b"{}"
        assert (origin.received.metadata_bytes, origin.received.content_bytes) == (2, 0)


def test_a_range_is_asked_for_and_counted_as_content(server: HostileOrigin) -> None:
    with Origin([server.url]) as origin:
        assert read(origin, 1000, 5000) == DATA[1000:6000]
        assert (origin.received.metadata_bytes, origin.received.content_bytes) == (0, 5000)
    assert server.asked[0].headers["range"] == "bytes=1000-5999"


def test_threads_count_together() -> None:
    received = Received()
    with ThreadPoolExecutor(4) as pool:
        for _ in range(1000):
            pool.submit(received.add, 3, as_content=True)
            pool.submit(received.add, 5, as_content=False)
    assert (received.content_bytes, received.metadata_bytes) == (3000, 5000)
