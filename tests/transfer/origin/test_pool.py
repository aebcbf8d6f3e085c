"""Requests to the origin at once: what they bring is verified, and what goes wrong is told to the one who asked."""

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from queue import SimpleQueue

import pytest

from patcher.content import merkle
from patcher.content.layout import PieceLayout
from patcher.content.merkle import BLOCK_BYTES
from patcher.errors import Cancelled, DiskError, Mismatch, Missing
from patcher.transfer.origin.pool import OriginPool

DATA = bytes(range(256)) * 64 * 8
PIECES = [DATA[at : at + BLOCK_BYTES] for at in range(0, len(DATA), BLOCK_BYTES)]
LEAVES = merkle.leaves_of(DATA)
ROOT = merkle.root_of(LEAVES)
LAYOUT = PieceLayout(BLOCK_BYTES, (len(DATA),), (ROOT,), {ROOT: LEAVES})


class Pieces:
    """Where the pool reads: all pieces, but for the faults that a test sets."""

    def __init__(self) -> None:
        self.missing: set[int] = set()
        self.wrong: set[int] = set()
        self.gate = threading.Event()
        self.gate.set()

    def pieces(self, first: int, limit: int, is_needed: Callable[[int], bool]) -> Sequence[int]:
        return [piece for piece in range(first, min(first + limit, len(PIECES))) if is_needed(piece)]

    def read(self, pieces: Sequence[int], received: Callable[[int], None]) -> Generator[tuple[int, bytes]]:
        for piece in pieces:
            if piece in self.missing:
                raise Missing("gone")
            assert self.gate.wait(10)
            received(BLOCK_BYTES)
            yield piece, bytes(BLOCK_BYTES) if piece in self.wrong else PIECES[piece]


class Fetch:
    """One who asks: keeps what is delivered, and waits for the end of requests."""

    def __init__(self) -> None:
        self.source = Pieces()
        self.delivered: dict[int, bytes] = {}
        self.problem: Exception | None = None
        self._ended: SimpleQueue[None] = SimpleQueue()
        self.pool = OriginPool(self.source, LAYOUT, self._deliver, lambda: self._ended.put(None))

    def _deliver(self, piece: int, data: bytes) -> None:
        if self.problem:
            raise self.problem
        self.delivered[piece] = data

    def ask(self, first: int, limit: int = 1) -> None:
        self.pool.ask(first, limit, lambda piece: True)

    def wait(self, count: int = 1) -> None:
        for _ in range(count):
            self._ended.get(timeout=10)


@pytest.fixture
def fetch() -> Iterator[Fetch]:
    made = Fetch()
    yield made
    made.source.gate.set()
    made.pool.close()


def test_pieces_of_several_requests_are_delivered_and_counted(fetch: Fetch) -> None:
    fetch.ask(0, 3)
    fetch.ask(3, 5)
    fetch.wait(2)
    assert fetch.delivered == dict(enumerate(PIECES))
    assert (fetch.pool.received_bytes, fetch.pool.running(), fetch.pool.busy()) == (len(DATA), 0, set())
    assert (fetch.pool.take_failed(), fetch.pool.error) == (set(), None)


def test_pieces_are_under_way_until_they_came(fetch: Fetch) -> None:
    fetch.source.gate.clear()
    assert fetch.pool.ask(2, 4, lambda piece: piece != 4) == (2, 3, 5)
    assert (fetch.pool.running(), fetch.pool.busy()) == (1, {2, 3, 5})
    fetch.source.gate.set()
    fetch.wait()
    assert fetch.delivered.keys() == {2, 3, 5}


def test_a_wrong_piece_is_not_delivered_and_after_three_the_origin_is_over(fetch: Fetch) -> None:
    fetch.source.wrong = {1, 4}
    for count, first in enumerate((0, 4, 1)):
        assert not fetch.pool.is_over, count
        fetch.ask(first, 2)
        fetch.wait()
        assert isinstance(fetch.pool.error, Mismatch)
    assert fetch.delivered == {0: PIECES[0]}
    assert fetch.pool.is_over
    assert fetch.pool.take_failed() == {1, 2, 4, 5}
    assert fetch.pool.take_failed() == set(), "each failure is told once"


def test_a_success_forgives_an_error_but_not_wrong_pieces(fetch: Fetch) -> None:
    fetch.source.wrong = {1}
    for first in (1, 0, 1, 0, 1):
        fetch.ask(first)
        fetch.wait()
        assert (fetch.pool.error is None) is (first == 0)
    assert fetch.pool.is_over


def test_pieces_that_a_request_could_not_find_are_refused(fetch: Fetch) -> None:
    fetch.source.missing = {3}
    fetch.ask(2, 3)
    fetch.wait()
    assert fetch.pool.refused == fetch.pool.take_failed() == {3, 4}
    assert (set(fetch.delivered), fetch.pool.is_over) == ({2}, False)


def test_a_request_that_others_serve_for_the_half_is_dropped(fetch: Fetch) -> None:
    fetch.source.gate.clear()
    fetch.ask(0, 4)
    fetch.ask(4, 4)
    fetch.pool.drop(lambda piece: piece in {0, 4, 5})
    fetch.source.gate.set()
    fetch.wait(2)
    assert fetch.delivered.keys() == {0, 1, 2, 3}
    assert (fetch.pool.take_failed(), fetch.pool.error) == ({4, 5, 6, 7}, None)


def test_an_error_that_is_not_the_origins_is_raised_to_the_one_who_asked(fetch: Fetch) -> None:
    fetch.problem = DiskError("disk.full", "full")
    fetch.ask(0)
    fetch.wait()
    assert fetch.pool.error is None
    with pytest.raises(DiskError):
        fetch.pool.check()


def test_closing_waits_for_no_piece(fetch: Fetch) -> None:
    fetch.problem = Cancelled()
    fetch.ask(0, 8)
    fetch.pool.close()
    assert fetch.pool.running() == 0
