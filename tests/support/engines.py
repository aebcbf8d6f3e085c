"""Engines in the test's own process, each behind its real door.

A client finds such an engine by the address in its home and talks to it over its socket, as to any other; only the
process is missing, and with it half a second of CPU time for each start. Tests of what a process does (being killed,
its signals, memory, ports and log) have engines in processes of their own.
"""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from patcher.config import Home
from patcher.engine import client, engine, server
from patcher.engine.engine import Engine
from patcher.engine.server import Server
from patcher.lock import locked
from tests.support.waiting import wait_until

_QUICK = {(server, "_LOOK_S"): 0.05, (engine, "_TEND_S"): 0.2, (client, "_POLL_S"): 0.01}
"""How soon an engine sees that a client left or a title ended, and a client that an engine is there."""


class _Served:
    """One engine, from its start on."""

    def __init__(self, home: Home) -> None:
        """Raises what an engine's process would end with."""
        with contextlib.ExitStack() as stack:
            other = stack.enter_context(locked(home.lock, f"process {os.getpid()}"))
            assert not other, f"{home.root} is served by {other}"
            ours = Engine(home)
            stack.callback(ours.close)
            door = Server(home, ours, keep=True)
            stack.callback(door.close)
            ours.start()
            thread = threading.Thread(target=door.run, name="server")
            thread.start()
            stack.callback(thread.join)
            stack.callback(door.stop)
            self._engine, self._end = ours, stack.pop_all()

    def end(self) -> None:
        """As after a signal; but not while a title plays, whose process is this one's child."""
        wait_until(lambda: not any(title.playing for title in self._engine.snapshot().titles), "the end of the game")
        self._end.close()


_served: dict[Path, _Served] = {}


def stop(home: Path) -> bool:
    """End the engine of a home if it is one of ours."""
    found = _served.pop(home, None)
    if found:
        found.end()
    return found is not None


@contextlib.contextmanager
def here(folder: Path) -> Iterator[None]:
    """Clients start the engine of a home below ``folder`` in this process. Those left at the end are stopped."""

    def start(home: Home) -> None:
        if home.root.is_relative_to(folder):
            _served[home.root] = _Served(home)
        else:
            before(home)

    before = client._spawn
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(client, "_spawn", start)
        for (module, name), seconds in _QUICK.items():
            patched.setattr(module, name, seconds)
        try:
            yield
        finally:
            for root in [root for root in _served if root.is_relative_to(folder)]:
                stop(root)
