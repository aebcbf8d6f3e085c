"""The host policy: which URLs and addresses a feed may use."""

from collections.abc import Collection, Sequence
from urllib.parse import urlsplit

from patcher.errors import OriginError
from patcher.transfer.origin import reach
from patcher.transfer.origin.reach import Reach, is_allowed

_THIS_MACHINE = frozenset({"127.0.0.1", "localhost", "::1"})


class HostPolicy:
    """Listed hosts only, by https only, and nothing nearer to the player than the address of the feed itself.

    ``urls`` are the feed's base addresses; the player named the first one. ``hosts`` are further names that servers may
    redirect to. ``near`` says where the first address led when the player added the feed; None: the player adds it now,
    and the first connection to it decides. Behind a proxy, which looks names up itself, only addresses that are
    written out are judged. Safe for several threads.
    """

    def __init__(self, urls: Sequence[str], hosts: Collection[str] = (), near: Reach | None = None) -> None:
        self._listed = {urlsplit(f"//{host}").hostname for host in hosts} | {urlsplit(url).hostname for url in urls}
        self._pinned = urlsplit(urls[0]).hostname or ""
        self._near = reach.of_host(self._pinned) or near

    @property
    def near(self) -> Reach:
        """Where the address that the player named leads; public as long as that is not known."""
        return self._near or Reach.PUBLIC

    def check(self, url: str) -> None:
        """Raises OriginError (origin.host_refused) for a URL that the feed may not use."""
        parts = urlsplit(url)
        is_listed = bool(parts.hostname) and parts.hostname in self._listed and reach.may_name(url, self.near)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_this_machine(url))
        if not (is_listed and is_safe) or parts.username is not None:
            raise OriginError("origin.host_refused", f"{url} is not an address that this feed may use.", url=url)

    def admits(self, host: str, address: str) -> bool:
        """Whether a connection to ``host`` may lead to this IP address."""
        there = reach.of_address(address)
        return is_allowed(there, there if self._is_first(host) else self.near)

    def connected(self, host: str, address: str) -> None:
        """Note where a connection led: the first one to the address that the player named sets `near`."""
        if self._is_first(host):
            self._near = reach.of_address(address)

    def _is_first(self, host: str) -> bool:
        return self._near is None and host == self._pinned


def is_this_machine(url: str) -> bool:
    """Whether a URL names this machine, in one of the usual spellings."""
    return urlsplit(url).hostname in _THIS_MACHINE
