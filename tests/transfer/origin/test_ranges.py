"""Many spans in few requests: each byte as it is, whatever the portions, and no more than asked for."""

from collections.abc import Iterator
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from patcher.content.merkle import Ref, ref_of
from patcher.transfer.origin import ranges

DATA = bytes(range(256)) * 20
REF = ref_of(DATA)


class Server:
    def __init__(self, portion: int) -> None:
        self.portion = portion
        self.requests: list[tuple[int, int]] = []

    def read(self, ref: Ref, offset: int, length: int) -> Iterator[bytes]:
        assert ref == REF
        self.requests.append((offset, length))
        for at in range(offset, offset + length, self.portion):
            yield DATA[at : min(at + self.portion, offset + length)]


@st.composite
def spans(draw: st.DrawFn) -> list[tuple[int, int]]:
    at, found = 0, []
    for gap, length in draw(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 400)), max_size=7)):
        found.append((at + gap, length))
        at += gap + length
    return found


@given(spans(), st.integers(1, 700), st.integers(0, 200))
def test_every_span_arrives_and_only_small_gaps_are_read_over(
    wanted: list[tuple[int, int]], portion: int, gap: int
) -> None:
    server, counts = Server(portion), [0]
    got = list(ranges.read(server.read, REF, wanted, counts.append, gap_bytes=gap))
    assert got == [DATA[offset : offset + length] for offset, length in wanted]
    asked = sum(length for _, length in server.requests)
    assert sum(counts) == asked
    gaps = [offset - sum(before) for before, (offset, _) in pairwise(wanted)]
    assert asked == sum(length for _, length in wanted) + sum(each for each in gaps if each <= gap)
    assert len(server.requests) == bool(wanted) + sum(each > gap for each in gaps)


def test_a_request_is_bounded() -> None:
    size = 1 << 40
    whole, asked = Ref(bytes(32), size), []

    def read(ref: Ref, offset: int, length: int) -> Iterator[bytes]:
        asked.append(length)
        yield bytes(length)

    some = ((offset, 1 << 20) for offset in range(0, 40 << 20, 1 << 20))
    assert sum(len(data) for data in ranges.read(read, whole, some)) == 40 << 20
    assert max(asked) == 16 << 20
