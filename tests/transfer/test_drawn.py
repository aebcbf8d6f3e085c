"""Whom a tracker that lies can draw our players to: how fast they knock there, and where they never do."""

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Collection, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Self

import libtorrent as lt
from bencode2 import bencode

from patcher.serve.http import Answer, HttpServer
from patcher.transfer.swarm import session as sessions
from patcher.transfer.swarm.session import Session
from tests.support.peers import HOST, plant, torrent_of, wait_for
from tests.transfer.conftest import Game

VICTIM = "127.9.9.9"
PORTS = 300
AT_ONCE = 30
"""libtorrent dials so many of the first answer without a wait."""
A_SECOND = 10
WATCH_S = 6.0


class Victim:
    """Somebody who never heard of us, with many open ports: counts who knocks, and hangs up. A context manager."""

    def __init__(self, ports: int) -> None:
        self.knocks = 0
        self._doors = [socket.create_server((VICTIM, 0)) for _ in range(ports)]
        self.ports = [door.getsockname()[1] for door in self._doors]
        self._is_over = False
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self._thread.join()
        for door in self._doors:
            door.close()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            for door in self._doors:
                selector.register(door, selectors.EVENT_READ, door)
            while not self._is_over:
                for key, _ in selector.select(0.1):
                    with key.data.accept()[0]:
                        self.knocks += 1


@contextlib.contextmanager
def lying_tracker(victim: str, ports: Collection[int]) -> Iterator[str]:
    """An announce URL that names a victim to everybody."""
    peers = b"".join(socket.inet_aton(victim) + port.to_bytes(2) for port in ports)
    body = bencode({b"interval": 1, b"min interval": 1, b"peers": peers})
    with HttpServer(HOST, 0, lambda _: Answer(HTTPStatus.OK, body=body)) as server:
        yield f"http://{HOST}:{server.port}/announce"


def test_a_lying_tracker_draws_no_flood(game: Game, session: Session) -> None:
    with Victim(PORTS) as victim, lying_tracker(VICTIM, victim.ports) as url:
        began = time.monotonic()
        with session.fetching(game.here(trackers=(url,)), (), game.everything):
            assert wait_for(lambda: victim.knocks >= AT_ONCE)
            wait_for(lambda: victim.knocks == PORTS, WATCH_S)
        assert victim.knocks <= AT_ONCE + A_SECOND * (time.monotonic() - began + 1)


def test_a_port_of_another_service_is_never_dialled(tmp_path: Path) -> None:
    """As its socket would have to be the superuser's, the proof is libtorrent's own word for each."""
    forbidden = {1, 22, 25, 80, 443, 1023}
    mask = sessions._FIXED["alert_mask"] | lt.alert.category_t.ip_block_notification
    dialling = lt.session(sessions._FIXED | {"listen_interfaces": f"{HOST}:0", "enable_lsd": False, "alert_mask": mask})
    params = lt.load_torrent_buffer(torrent_of(plant(tmp_path / "game", {"file": 100_000})))
    params.save_path = str(tmp_path / "player")
    blocked, dialled = set[int](), set[int]()

    def hear() -> bool:
        for alert in dialling.pop_alerts():
            if isinstance(alert, lt.peer_blocked_alert):
                blocked.add(alert.endpoint[1])
            elif isinstance(alert, lt.peer_connect_alert | lt.peer_disconnected_alert):
                dialled.add(alert.endpoint[1])
        return blocked >= forbidden and bool(dialled)

    with Victim(1) as victim, lying_tracker(VICTIM, [*forbidden, *victim.ports]) as url:
        params.trackers = [url]
        dialling.add_torrent(params)
        assert wait_for(hear)
        assert dialled == set(victim.ports)
