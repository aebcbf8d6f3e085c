"""Reads a feed from its web servers: small documents whole, content files by ranges, from whichever server answers."""

import threading
from collections.abc import Callable, Collection, Iterator, Sequence

from patcher.closing import Closing
from patcher.content.feed_paths import CONTENT
from patcher.content.merkle import Ref, ref_of
from patcher.errors import Mismatch, Missing, NoRanges, OriginError, TooSlow, never
from patcher.transfer.origin.hosts import HostPolicy, Reach
from patcher.transfer.origin.http import HttpClient, Received
from patcher.transfer.origin.retry import Failover, RetryPolicy, StallTimer
from patcher.transfer.origin.turns import Turns
from patcher.transfer.origin.watchdog import Watchdog

_WHOLE_BYTES = 16 * 1024 * 1024
"""A file up to this size is fetched whole, into memory, from a server that knows no ranges."""
_PORTION_BYTES = 256 * 1024


class Origin(Closing):
    """Reads one feed's servers. Safe for several threads; `close` it in the end.

    ``urls`` are base addresses of equal folders, best first; the player named the first one. For ``hosts`` and
    ``reach`` see `HostPolicy`, for ``ca`` and ``proxy`` `HttpClient`. ``cancel`` is asked at least four times a second
    while something waits. ``received`` counts the bytes. `content` verifies what it returns; the caller verifies the
    rest.

    Raises UsageError (usage.argument) when ``ca`` cannot be read. All methods raise OriginError and Cancelled.
    """

    def __init__(
        self,
        urls: Sequence[str],
        hosts: Collection[str] = (),
        ca: str = "",
        cancel: Callable[[], bool] = never,
        retry: RetryPolicy | None = None,
        reach: Reach | None = None,
        proxy: str = "",
        received: Received | None = None,
    ) -> None:
        self.urls = tuple(url.rstrip("/") + "/" for url in urls)
        self._is_closed = False
        self.received = received or Received()
        policy = retry or RetryPolicy()
        self._stall = StallTimer(policy, lambda: self._is_closed or cancel(), self.received.resting)
        self._turns = Turns(self._stall.policy.clock)
        self._hosts = HostPolicy(self.urls, hosts, reach)
        self._http = HttpClient(self._hosts, ca, self.received, proxy)
        self._first = 0
        self._rangeless = set[str]()
        """The servers that send whole files only."""
        self._whole = ("", b"")
        """URL and bytes, unverified, of the last small file that came whole for the sake of a range."""
        self._whole_lock = threading.Lock()

    def get(self, path: str, max_bytes: int, *, everywhere: bool = True) -> bytes:
        """A small document below the origin's address, of at most ``max_bytes``.

        If a server does not have it, the next one is asked, unless ``everywhere`` is false. Raises OriginError:
        Missing, TooSlow, origin.protocol (too long, cut short, encoded) and what `read` raises.
        """
        failover = Failover(self._order(), self._stall, self._turns, final={TooSlow})
        answer: bytes | Missing | None = None
        while answer is None:
            with failover.turn() as url:
                watchdog = Watchdog(self._stall, failover.share_s, self._stall.policy.document_s)
                try:
                    answer = self._http.document(url + path, max_bytes, watchdog)
                except Missing as error:
                    if everywhere:
                        raise
                    answer = error
                self._prefer(url)
        if isinstance(answer, Missing):
            raise answer
        self.progressed()
        return answer

    def content(self, ref: Ref, *, as_content: bool = False) -> bytes:
        """A whole content file that fits in memory, verified by its root. It counts as metadata by default.

        Raises Mismatch when no server has the right bytes, and what `read` raises.
        """
        attempts = [self._order()]
        if len(self.urls) > 1:  # a read may mix bytes of several servers: if they are wrong, ask each one alone
            attempts += [(url,) for url in self._order()]
        problem: OriginError | None = None
        for urls in attempts:
            try:
                data = b"".join(self.read(ref, 0, ref.size_bytes, as_content=as_content, urls=urls))
            except OriginError as error:
                problem = problem or error
                continue
            if ref_of(data) == ref:
                self.progressed()
                return data
            problem = None
        raise problem or Mismatch(f"No server has the right bytes of {ref.hex}.", ref.root)

    def read(
        self, ref: Ref, offset: int, length: int, *, as_content: bool = True, urls: Sequence[str] = ()
    ) -> Iterator[bytes]:
        """``length`` bytes of a content file from ``offset`` on, in portions, *unverified*; ``urls``: from only these.

        A read that breaks off is resumed at the same byte, by the next server or, after a pause, by the same one.
        Raises OriginError with the root among its facts: Missing (no server has it; WebPage), TooSlow, Busy, NoRanges,
        origin.unreachable, .certificate, .status, .host_refused, .protocol.
        """
        failover, end = Failover(urls or self._order(), self._stall, self._turns), offset + length
        try:
            while offset < end:
                with failover.turn() as url:
                    watchdog = Watchdog(self._stall, failover.share_s)
                    for chunk in self._portions(url, ref, range(offset, end), watchdog, as_content=as_content):
                        offset += len(chunk)
                        failover.progress(len(chunk))
                        yield chunk
                    if offset < end:
                        raise OriginError("origin.protocol", f"{url} sent too few bytes of {ref.hex}.")
                    self._prefer(url)
        except OriginError as error:
            error.facts["root"] = ref.hex
            raise

    def _portions(self, url: str, ref: Ref, span: range, watchdog: Watchdog, *, as_content: bool) -> Iterator[bytes]:
        """The bytes ``span`` of a file from one server; of a small file also from one that sends whole files only."""
        file = f"{url}{CONTENT}/{ref.file}"
        if url not in self._rangeless or ref.size_bytes > _WHOLE_BYTES:
            try:
                yield from self._http.part(file, span, ref.size_bytes, watchdog, as_content=as_content)
                return
            except NoRanges:
                self._rangeless.add(url)
                if ref.size_bytes > _WHOLE_BYTES:
                    raise
        with self._whole_lock:  # the other requests for the file wait for it
            known, data = self._whole
            if known != file:
                everything = range(ref.size_bytes)
                data = b"".join(self._http.part(file, everything, ref.size_bytes, watchdog, as_content=as_content))
                self._whole = (file, data)
        for at in range(span.start, min(span.stop, len(data)), _PORTION_BYTES):
            yield data[at : min(at + _PORTION_BYTES, span.stop)]

    def progressed(self) -> None:
        """Note that verified bytes came in, from here or from peers: the stall timer starts again."""
        self._stall.progressed()

    @property
    def reach(self) -> Reach:
        """Where the address that the player named leads."""
        return self._hosts.reach

    def close(self) -> None:
        """Close all connections. Requests that wait in other threads end with Cancelled."""
        self._is_closed = True
        self._http.close()

    def _order(self) -> tuple[str, ...]:
        return self.urls[self._first :] + self.urls[: self._first]

    def _prefer(self, url: str) -> None:
        """From now on, ask this server first: it delivered."""
        self._first = self.urls.index(url)
