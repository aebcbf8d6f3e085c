"""Several servers as one: each request ends with the right bytes, or with the error that says most."""

import random

import pytest

from patcher.errors import ContentError, OriginError
from patcher.transfer.origin import ranges
from patcher.transfer.origin.client import Origin
from tests.support.hostile_origin import HostileOrigin, breaks_off, content_path, says
from tests.transfer.origin.servers import CONTENT, DATA, EAGER, REF, code_of, read

# ---------------------------------------------------------------- documents


def test_a_missing_document_is_missing_at_once(server: HostileOrigin) -> None:
    with Origin([server.url], retry=EAGER) as origin:
        assert code_of(origin, "b.json") == "origin.missing"
    assert server.paths == ["b.json"]


def test_another_origin_is_asked_for_what_one_does_not_have(server: HostileOrigin, second: HostileOrigin) -> None:
    del server.files["a.json"]
    with Origin([server.url, second.url], retry=EAGER) as origin:
        assert origin.get("a.json", 2) == b"{}"


def test_an_origin_that_delivered_is_asked_first_from_then_on(server: HostileOrigin, second: HostileOrigin) -> None:
    server.answer("a.json", says(503))
    with Origin([server.url, second.url], retry=EAGER) as origin:
        for _ in range(3):
            assert origin.get("a.json", 2) == b"{}"
    assert (len(server.asked), len(second.asked)) == (1, 3)


def test_the_first_answer_counts_when_asked_so(server: HostileOrigin, second: HostileOrigin) -> None:
    del server.files["a.json"]
    with Origin([server.url, second.url]) as origin, pytest.raises(OriginError) as caught:
        origin.get("a.json", 2, everywhere=False)
    assert caught.value.code == "origin.missing"
    assert second.asked == []


def test_a_document_cut_short_is_asked_for_again(server: HostileOrigin) -> None:
    server.answer("a.json", breaks_off(b"{}", 1))
    with Origin([server.url], retry=EAGER) as origin:
        assert origin.get("a.json", 2) == b"{}"


def test_a_busy_server_is_asked_again(server: HostileOrigin) -> None:
    server.answer("a.json", says(503), says(503))
    with Origin([server.url], retry=EAGER) as origin:
        assert origin.get("a.json", 2) == b"{}"


def test_a_server_that_stays_busy_is_given_up(server: HostileOrigin) -> None:
    server.answer("a.json", *[says(503)] * 9)
    with Origin([server.url], retry=EAGER) as origin:
        assert code_of(origin) == "origin.busy"
    assert len(server.asked) == EAGER.rounds


def test_a_server_that_says_no_is_not_asked_again(server: HostileOrigin) -> None:
    server.answer("a.json", says(403))
    with Origin([server.url], retry=EAGER) as origin:
        assert code_of(origin) == "origin.status"
    assert len(server.asked) == 1


# ---------------------------------------------------------------- content


def test_a_broken_read_resumes_where_it_was(server: HostileOrigin) -> None:
    server.answer(CONTENT, breaks_off(DATA, 400_000))
    with Origin([server.url], retry=EAGER) as origin:
        assert read(origin) == DATA
        assert origin.received.content_bytes == len(DATA)
    assert server.asked[1].headers["range"] == f"bytes=400000-{len(DATA) - 1}"


def test_a_long_read_survives_any_number_of_breaks_while_it_gets_on(server: HostileOrigin) -> None:
    data = random.Random(8).randbytes(3_000_000)
    ref = server.put(data)
    starts = range(0, len(data), 300_000)
    server.answer(content_path(ref), *[breaks_off(data, 300_000, start) for start in starts])
    with Origin([server.url], retry=EAGER) as origin:
        assert b"".join(origin.read(ref, 0, len(data))) == data
    assert len(server.asked) == len(starts) > EAGER.rounds


def test_the_second_origin_helps_out(server: HostileOrigin, second: HostileOrigin) -> None:
    server.answer(CONTENT, breaks_off(DATA, 100_000))
    with Origin([server.url, second.url], retry=EAGER) as origin:
        assert read(origin) == DATA
        assert read(origin) == DATA
    assert len(server.asked) == 1, "an origin that delivered is preferred"


def test_an_origin_that_delivered_pieces_is_asked_first_from_then_on(
    server: HostileOrigin, second: HostileOrigin
) -> None:
    server.answer(CONTENT, says(500))
    with Origin([server.url, second.url], retry=EAGER) as origin:
        for _ in range(3):
            assert list(ranges.read(origin.read, REF, [(0, 1000), (1000, 500)])) == [DATA[:1000], DATA[1000:1500]]
    assert (len(server.asked), len(second.asked)) == (1, 3)


def test_content_that_no_origin_has_is_missing(server: HostileOrigin, second: HostileOrigin) -> None:
    server.files.clear()
    second.files.clear()
    with Origin([server.url, second.url], retry=EAGER) as origin, pytest.raises(OriginError) as caught:
        read(origin)
    assert caught.value.code == "origin.missing"


def test_a_content_document_is_folded_to_its_root(server: HostileOrigin) -> None:
    with Origin([server.url]) as origin:
        assert origin.content(REF) == DATA
        assert (origin.received.metadata_bytes, origin.received.content_bytes) == (len(DATA), 0)
        assert origin.content(REF, as_content=True) == DATA
        assert (origin.received.metadata_bytes, origin.received.content_bytes) == (len(DATA), len(DATA))


def test_wrong_bytes_are_replaced_by_another_origins(server: HostileOrigin, second: HostileOrigin) -> None:
    server.files[CONTENT] = bytes(len(DATA))
    with Origin([server.url, second.url], retry=EAGER) as origin:
        assert origin.content(REF) == DATA


def test_wrong_bytes_everywhere_are_an_error(server: HostileOrigin) -> None:
    server.files[CONTENT] = bytes(len(DATA))
    with Origin([server.url], retry=EAGER) as origin, pytest.raises(ContentError) as caught:
        origin.content(REF)
    assert caught.value.code == "content.mismatch"
