"""Feeds at a public, a private and a loopback address, each with a mirror at each of them, by names.

    python -m tests.transfer.networks CA CERTIFICATE KEY

To be run in a network namespace that has the addresses. Prints JSON: a list of [pinned at, mirror at, code or "well"].
"""

import contextlib
import json
import sys
from pathlib import Path

import pytest

from patcher.errors import OriginError
from patcher.transfer.origin.client import Origin
from patcher.transfer.origin.retry import RetryPolicy
from tests.support import names
from tests.support.hostile_origin import HostileOrigin, says

_PLACES = {"public": "8.8.8.8", "private": "10.7.0.1", "loopback": "127.0.0.1"}


def main(ca: str, certificate: str, key: str) -> None:
    """Add a feed at each place, which then sends its player to a mirror."""
    found = []
    with contextlib.ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        paths = (Path(certificate), Path(key))
        servers = {place: stack.enter_context(HostileOrigin(None, paths, host)) for place, host in _PLACES.items()}
        for place, server in servers.items():  # each request needs a connection of its own
            server.answer("a.json", *[says(200, place.encode(), Connection="close")] * 99)
        ports = {place: server.port for place, server in servers.items()}
        for pinned, host in _PLACES.items():
            for mirror, other in _PLACES.items():
                names.lead(patch, {"feed.example": [host, "0.0.0.0"], "mirror.example": [other]})
                found.append((pinned, mirror, _tried(ca, ports[pinned], ports[mirror])))
    sys.stdout.write(json.dumps(found))


def _tried(ca: str, pinned: int, mirror: int) -> str:
    urls = (f"https://feed.example:{pinned}", f"https://mirror.example:{mirror}")
    with Origin(urls, ca=ca, retry=RetryPolicy(back_off_s=0, rounds=1)) as origin:
        origin.get("a.json", 100)
        try:
            origin.get("a.json", 100)  # finds the feed's own address gone
        except OriginError as error:
            return error.code
    return "well"


if __name__ == "__main__":
    main(*sys.argv[1:])
