"""Several processes on one port are one tracker."""

import json
import signal
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import requests

from patcher.errors import UsageError
from patcher.serve.tracker import Tracker
from patcher.serve.workers import TrackerPlan, Workers
from tests.serve.test_operator import Running
from tests.serve.test_tracker import HASH, packet
from tests.support.waiting import wait_until

pytestmark = pytest.mark.posix("SO_REUSEPORT")
ANY_PORT = ("127.0.0.1", 0)
PEERS = 24


class Client:
    """A peer that announces over UDP, from a socket of its own."""

    def __init__(self, url: str) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", int(url.rpartition(":")[2].removesuffix("/announce"))))
        self._socket.settimeout(10)
        self._socket.send(struct.pack("!QII", 0x41727101980, 0, 7))
        self._id = self._socket.recv(2048)[8:]
        self.port = self._socket.getsockname()[1]

    def announce(self) -> set[int]:
        """The ports that it is told of; none when it was refused."""
        self._socket.send(packet(self._id, port=self.port))
        told = self._socket.recv(2048)
        flat = told[20:] if told[:4] == bytes([0, 0, 0, 1]) else b""
        return {int.from_bytes(flat[at + 4 : at + 6]) for at in range(0, len(flat), 6)}

    def close(self) -> None:
        self._socket.close()


Join = Callable[[str], Client]


@pytest.fixture
def join() -> Iterator[Join]:
    clients: list[Client] = []

    def begin(url: str) -> Client:
        clients.append(Client(url))
        return clients[-1]

    yield begin
    for client in clients:
        client.close()


def test_all_processes_tell_of_the_same_peers_on_one_port(join: Join) -> None:
    with Workers(TrackerPlan(ANY_PORT, ANY_PORT), 3) as workers:
        clients = [join(workers.udp_url) for _ in range(PEERS)]
        everybody = {client.port for client in clients}
        for client in clients:
            client.announce()
        for client in clients:
            wait_until(lambda: client.announce() == everybody - {client.port}, "the peers of all processes")  # noqa: B023 (called at once)
        tally = workers.tally()
    assert tally.peers == PEERS
    assert tally.announces >= 2 * PEERS


def test_a_list_of_allowed_swarms_reaches_all_processes(join: Join) -> None:
    allowed = frozenset[bytes]()
    with Workers(TrackerPlan(None, ANY_PORT), 2, lambda: allowed) as workers:
        clients = [join(workers.udp_url) for _ in range(PEERS)]
        assert not any(client.announce() for client in clients)
        allowed = frozenset([HASH])
        for client in clients:
            wait_until(lambda: client.announce() != set() or workers.tally().peers == 1, "the new list")  # noqa: B023 (called at once)


def test_a_port_that_another_program_has_is_refused() -> None:
    with Tracker(None, ANY_PORT) as tracker:
        plan = TrackerPlan(None, ("127.0.0.1", int(tracker.udp_url.rpartition(":")[2].removesuffix("/announce"))))
        with pytest.raises(UsageError) as caught:
            Workers(plan, 2)
    assert caught.value.code == "usage.port"


def test_a_store_that_is_none_is_said() -> None:
    with pytest.raises(UsageError) as caught:
        Workers(TrackerPlan(None, ANY_PORT, store="http://localhost"), 2)
    assert caught.value.code == "usage.store"


def test_an_operator_runs_two_and_reads_their_counters(tmp_path: Path, join: Join) -> None:
    running = Running(tmp_path, "tracker", "--udp", "127.0.0.1:0", "--processes", "2", "--stats", "127.0.0.1:0")
    url = running.line().removeprefix("Tracking at ")
    counters = running.line().removeprefix("Counters at ")
    for _ in range(PEERS):
        join(url).announce()
    with requests.get(counters, timeout=10) as answer:
        assert json.loads(answer.content)["announces"] == PEERS
    children = psutil.Process(running.process.pid).children(recursive=True)
    code, _ = running.end(signal.SIGTERM)
    assert code == 0
    wait_until(lambda: not any(child.is_running() for child in children), "their end")
