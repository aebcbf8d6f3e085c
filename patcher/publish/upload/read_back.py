"""Asks the feed's web address for what was uploaded, as a player does: by ranges, uncompressed, without credentials."""

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from patcher.closing import Closing
from patcher.content.feed_paths import CONTENT, METADATA, TIMESTAMP
from patcher.content.merkle import Ref
from patcher.errors import Missing, OriginError
from patcher.publish.store import OnProgress, PhaseMeter, in_threads, read_range
from patcher.transfer.origin.client import Origin
from patcher.transfer.origin.retry import RetryPolicy

_END_BYTES = 64 * 1024
"""Of a content its last bytes are read: they are there only if all are."""
_DOCUMENT_BYTES = 1 << 20
_AT_ONCE = 8
_PATIENCE = RetryPolicy(stall_s=20.0, rest_s=20.0, rounds=2)
_LIVE_TRIES = 8
"""A second apart: some stores need a moment until all their servers have a new file."""


class ReadBack(Closing):
    """One of the feed's web addresses. ``ca`` and ``proxy`` as for a player."""

    def __init__(self, folder: Path, url: str, ca: str = "", proxy: str = "") -> None:
        self.url = url
        self._folder = folder
        self._origin = Origin((url,), (), ca, retry=_PATIENCE, proxy=proxy)

    def check(self, paths: Sequence[str], progress: OnProgress) -> bool:
        """Read files of the feed: documents whole, of contents the end.

        Returns False if this machine cannot reach the address, which says nothing of players. Raises OriginError
        (origin.read_back) if players would not get the files as they are in the folder.
        """
        spans = [self._span(path) for path in paths]
        meter = PhaseMeter(progress, "read back", sum(map(len, spans)))
        try:
            in_threads(_AT_ONCE, lambda item: self._check(*item, meter), list(zip(paths, spans, strict=True)), meter)
        except OriginError as error:
            if error.code == "origin.unreachable":
                return False
            raise
        return True

    def check_live(self) -> None:
        """Wait until the address has the new timestamp. Raises OriginError (origin.stale) if it does not get it."""
        path = f"{METADATA}/{TIMESTAMP}"
        new = (self._folder / path).read_bytes()
        for _ in range(_LIVE_TRIES):
            with suppress(Missing):  # a CDN keeps that for a while, too
                if self._origin.get(path, _DOCUMENT_BYTES) == new:
                    return
            time.sleep(1)
        raise OriginError("origin.stale", f"{self.url} does not serve the new {path} yet.", url=self.url)

    def _span(self, path: str) -> range:
        size_bytes = (self._folder / path).stat().st_size
        return range(max(0, size_bytes - _END_BYTES) if path.startswith(CONTENT) else 0, size_bytes)

    def _check(self, path: str, span: range, meter: PhaseMeter) -> None:
        try:
            if path.startswith(CONTENT):
                ref = Ref(bytes.fromhex(Path(path).name[:64]), span.stop)
                data = b"".join(self._origin.read(ref, span.start, len(span)))
            else:
                data = self._origin.get(path, span.stop)
        except OriginError as error:
            if error.code == "origin.unreachable":
                raise
            raise _unreadable(self.url, path, error.message) from error
        if data != read_range(self._folder / path, span.start, len(span)):
            raise _unreadable(self.url, path, "it has other bytes there.")
        meter.add(len(span))

    def close(self) -> None:
        """Close all connections."""
        self._origin.close()


def _unreadable(url: str, path: str, problem: str) -> OriginError:
    message = f"{path} was uploaded, but players cannot read it at {url}: {problem}"
    return OriginError("origin.read_back", message, url=url, path=path)
