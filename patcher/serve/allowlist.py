"""The swarms that a tracker of certain feeds serves: the trees and packs of their releases, and no others."""

import logging
import threading
from collections.abc import Iterator, Sequence

from patcher.closing import Closing
from patcher.content import patch_index
from patcher.errors import ShoalError, never
from patcher.feed.feeds import Feeds, Opened
from patcher.protocol.commands import Network
from patcher.serve.peers import INFO_HASH_BYTES

_REFRESH_S = 60.0
_log = logging.getLogger("shoal.tracker")


class Allowlist(Closing):
    """Tells whether a release of the feeds has a 20-byte info hash. Use as a context manager.

    The feeds are added to the operator's home, and each is read again every minute. While one cannot be read, its last
    known swarms stay allowed. Raises the errors of `Feeds.add`.
    """

    def __init__(self, feeds: Feeds, urls: Sequence[str], network: Network) -> None:
        self._feeds, self._network = feeds, network
        self._known = {name: self._read(name) for name in [feeds.add(url, "", network, never) for url in urls]}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._refresh, name="admitted", daemon=True)
        self._thread.start()

    def __call__(self, info_hash: bytes) -> bool:
        """Whether the swarm may exist."""
        return any(info_hash in known for known in self._known.values())

    def swarms(self) -> frozenset[bytes]:
        """All of them."""
        return frozenset[bytes]().union(*self._known.values())

    def close(self) -> None:
        """Stop reading the feeds."""
        self._end.set()
        self._thread.join()

    def _refresh(self) -> None:
        while not self._end.wait(_REFRESH_S):
            for name in self._known:
                try:
                    self._known[name] = self._read(name)
                except ShoalError as error:
                    _log.warning("the feed %s cannot be read: %s", name, error.message)

    def _read(self, name: str) -> frozenset[bytes]:
        with self._feeds.open(name, self._network, never) as opened:
            titles = opened.record.titles
            return frozenset(info_hash[:INFO_HASH_BYTES] for title in titles for info_hash in _hashes(title, opened))


def _hashes(title: str, opened: Opened) -> Iterator[bytes]:
    """The info hashes of all releases of a title and of the packs that lead to them."""
    for number in opened.reader.releases(title):
        release = opened.reader.release(title, number)
        yield from (part.info_hash for part in release.parts)
        for part, index in opened.packs(release):
            if index.has_swarm:
                yield patch_index.pack_manifest(index, part).info_hash
