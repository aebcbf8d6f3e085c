"""An origin: the web servers that hold one feed. Small documents come whole, content by ranges, from any of them."""

from collections.abc import Callable, Collection, Iterator, Sequence

from patcher.closing import Closing
from patcher.content.feed_paths import CONTENT
from patcher.content.merkle import Ref, ref_of
from patcher.errors import Mismatch, Missing, OriginError, TooSlow, never
from patcher.transfer.origin.counting import Received
from patcher.transfer.origin.hosts import HostPolicy, Reach
from patcher.transfer.origin.http import HttpClient
from patcher.transfer.origin.retry import Failover, RetryPolicy
from patcher.transfer.origin.watchdog import StallTimer


class Origin(Closing):
    """Reads one feed's servers. Safe for several threads; `close` it in the end.

    ``urls`` are base addresses of equal folders, best first; the player named the first one. For ``hosts`` and
    ``reach`` see `HostPolicy`, for ``ca`` `HttpClient`. ``cancel`` is asked at least four times a second while
    something waits. ``received`` counts the bytes. `content` verifies what it returns; the caller verifies the rest.

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
    ) -> None:
        self.urls = tuple(url.rstrip("/") + "/" for url in urls)
        self.received = Received()
        self._retry = retry or RetryPolicy()
        self._stall = StallTimer(self._retry, cancel)
        self._hosts = HostPolicy(self.urls, hosts, reach)
        self._http = HttpClient(self._hosts, ca, self._retry)
        self._first = 0

    def get(self, path: str, max_bytes: int, *, everywhere: bool = True) -> bytes:
        """A small document below the origin's address, of at most ``max_bytes``.

        A server that does not have it is followed by the next one, unless ``everywhere`` is false. Raises OriginError:
        Missing, TooSlow, origin.protocol (too long, cut short, encoded) and what `read` raises.
        """
        failover = self._failover(self._order())
        while True:
            try:
                watchdog = failover.watchdog(self._retry.document_s)
                url = failover.url + path
                data = b"".join(self._http.document(url, max_bytes, watchdog, self.received.add_metadata))
            except OriginError as error:
                if isinstance(error, Missing) and not everywhere:
                    self._prefer(failover.url)
                    raise
                failover.failed(error, final=isinstance(error, TooSlow))
            else:
                self._prefer(failover.url)
                self.progressed()
                return data

    def content(self, ref: Ref, *, as_content: bool = False) -> bytes:
        """A whole content file that fits in memory, verified by its root. It counts as metadata by default.

        Raises Mismatch when no server has the right bytes, and what `read` raises.
        """
        attempts = [self._order()]
        if len(self.urls) > 1:  # wrong bytes from several servers do not tell whose fault it is: ask each one alone
            attempts += [(url,) for url in self._order()]
        problem: OriginError | None = None
        for urls in attempts:
            try:
                data = b"".join(self._read(urls, ref, 0, ref.size_bytes, as_content=as_content))
            except OriginError as error:
                problem = problem or error
                continue
            if ref_of(data) == ref:
                self.progressed()
                return data
            problem = None
        if problem:
            raise problem
        raise Mismatch(f"No server has the right bytes of {ref.hex}.", ref.root)

    def read(self, ref: Ref, offset: int, length: int, *, as_content: bool = True) -> Iterator[bytes]:
        """``length`` bytes of a content file from ``offset`` on, in portions, *unverified*.

        A read that breaks off is resumed at the same byte, by the next server or, after a pause, by the same one.
        Raises OriginError with the root among its facts: Missing (no server has it), TooSlow, origin.unreachable,
        .certificate, .status, .host_refused, .protocol.
        """
        return self._read(self._order(), ref, offset, length, as_content=as_content)

    def progressed(self) -> None:
        """Note that verified bytes came in, from here or from peers: the wait for our servers begins anew."""
        self._stall.progressed()

    @property
    def reach(self) -> Reach:
        """Where the address that the player named leads."""
        return self._hosts.reach

    def close(self) -> None:
        """Close all connections. The origin stays usable and opens new ones when asked."""
        self._http.close()

    def _read(self, urls: Sequence[str], ref: Ref, offset: int, length: int, *, as_content: bool) -> Iterator[bytes]:
        received = self.received.add_content if as_content else self.received.add_metadata
        failover, end = self._failover(urls), offset + length
        while offset < end:
            url, span = f"{failover.url}{CONTENT}/{ref.file}", range(offset, end)
            try:
                for chunk in self._http.part(url, span, ref.size_bytes, failover.watchdog(), received):
                    offset += len(chunk)
                    failover.progress(len(chunk))
                    yield chunk
                if offset < end:
                    text = f"{failover.url} sent too few bytes of {ref.hex}."
                    raise OriginError("origin.protocol", text, root=ref.hex)
            except OriginError as error:
                error.facts["root"] = ref.hex
                failover.failed(error)
        self._prefer(failover.url)

    def _failover(self, urls: Sequence[str]) -> Failover:
        return Failover(urls, self._retry, self._stall)

    def _order(self) -> tuple[str, ...]:
        return self.urls[self._first :] + self.urls[: self._first]

    def _prefer(self, url: str) -> None:
        """Ask a server that delivered first from now on."""
        self._first = self.urls.index(url)
