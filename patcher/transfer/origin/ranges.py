"""Byte ranges: many spans of one content file in few requests, and the check of an answer's range."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from patcher.content.merkle import Ref

Read = Callable[[Ref, int, int], Iterator[bytes]]
"""Reads a length of a content file from an offset on, in portions, unverified: `Origin.read`. Raises OriginError."""
Span = tuple[int, int]
"""Offset, length."""

_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19}|\*)")
_RUN_BYTES = 16 * 1024 * 1024
"""A request asks for no more than this, unless a single span is longer."""


def read(
    source: Read,
    ref: Ref,
    spans: Iterable[Span],
    received: Callable[[int], None] = lambda count: None,
    *,
    gap_bytes: int = 0,
) -> Iterator[bytes]:
    """The bytes of each span, *unverified*. Spans are in order and do not overlap; neighbours share a request.

    ``received`` is called with the size of every portion. Gaps between spans of at most ``gap_bytes`` are fetched too,
    which saves a request. Raises what ``source`` raises.
    """
    for run in _runs(spans, gap_bytes):
        at, end = run[0][0], sum(run[-1])
        portions = source(ref, at, end - at)
        buffer = bytearray()
        for offset, length in run:
            while at + len(buffer) < offset + length:
                portion = next(portions)
                received(len(portion))
                buffer += portion
            if at + len(buffer) >= end:
                next(portions, None)  # ends the request before its bytes are used
            yield bytes(memoryview(buffer)[offset - at : offset - at + length])
            del buffer[: offset - at + length]
            at = offset + length


def _runs(spans: Iterable[Span], gap_bytes: int) -> Iterator[Sequence[Span]]:
    run: list[Span] = []
    for offset, length in spans:
        if run and (offset - sum(run[-1]) > gap_bytes or offset + length - run[0][0] > _RUN_BYTES):
            yield run
            run = []
        run.append((offset, length))
    if run:
        yield run


def is_range(headers: Mapping[str, str], span: range, size_bytes: int) -> bool:
    """Whether a partial answer is about ``span`` of a file of ``size_bytes``, or about the first of its bytes."""
    if match := _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "")):
        first, last, total = match.groups()
        return int(first) == span.start and int(last) < span.stop and total in {"*", str(size_bytes)}
    return False
