"""The host policy: which URLs and addresses a feed may use."""

from collections.abc import Collection, Sequence
from urllib.parse import urlsplit

from patcher.errors import OriginError
from patcher.transfer.origin.reach import Reach, is_allowed, may_name, of_address, of_host

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class HostPolicy:
    """Listed hosts only, by https only, and nothing nearer to the player than the address of the feed itself.

    ``urls`` are the feed's base addresses; the player named the first one. ``hosts`` are further names that servers may
    redirect to. ``reach`` says where the first address led when the player added the feed. None: the player adds it
    now, and the first connection to it decides. A proxy looks names up itself; behind one, only URLs that contain an
    IP address are judged. Safe for several threads.
    """

    def __init__(self, urls: Sequence[str], hosts: Collection[str] = (), reach: Reach | None = None) -> None:
        self._listed = {urlsplit(f"//{host}").hostname for host in hosts} | {urlsplit(url).hostname for url in urls}
        self._pinned = urlsplit(urls[0]).hostname or ""
        self._reach = of_host(self._pinned) or reach

    @property
    def reach(self) -> Reach:
        """Where the address that the player named leads; public as long as that is not known."""
        return self._reach or Reach.PUBLIC

    def check(self, url: str) -> None:
        """Raises OriginError (origin.host_refused) for a URL that the feed may not use."""
        parts = urlsplit(url)
        is_listed = bool(parts.hostname) and parts.hostname in self._listed and may_name(url, self.reach)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url))
        if not (is_listed and is_safe) or parts.username is not None:
            raise OriginError("origin.host_refused", f"{url} is not an address that this feed may use.", url=url)

    def allows(self, host: str, address: str) -> bool:
        """Whether a connection to ``host`` may lead to this IP address."""
        there = of_address(address)
        return is_allowed(there, there if self._is_first(host) else self.reach)

    def connected(self, host: str, address: str) -> None:
        """Note where a connection led: the first one to the address that the player named sets `reach`."""
        if self._is_first(host):
            self._reach = of_address(address)

    def _is_first(self, host: str) -> bool:
        return self._reach is None and host == self._pinned


def is_loopback(url: str) -> bool:
    """Whether a URL names this machine, in one of the usual spellings."""
    return urlsplit(url).hostname in _LOOPBACK
