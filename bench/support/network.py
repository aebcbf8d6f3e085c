"""A star of network namespaces: each place has a line of its own, with its two rates and its delay.

A line is two ends of a cable, each shaped where it sends (tc's `tbf`, 100 ms of queue). Without a delay a bridge joins
the cables. With one a program of ours does, since kernels may lack `netem`: it holds every frame for half of the round
trip. Frames pass as the kernel hands them over, several segments in one, so that a few thousand a second are enough.

    python -m bench.support.network MILLISECONDS CABLE…     the program, in the namespace of the hub
"""

import contextlib
import os
import selectors
import socket
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

from tests.support.homes import ROOT, Place

_BURST = "64kb"
_QUEUE_MS = 100
_END_S = 2.0
_ALL_FRAMES = 0x0003
_SOL_PACKET, _PACKET_IGNORE_OUTGOING, _PACKET_VNET_HDR = 263, 23, 15
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE = 32, 33
_HEADER_BYTES = 10
"""Of virtio: what is left to do for checksum and segments."""
_FRAME_BYTES = 1 << 17
_BUFFER_BYTES = 16 << 20


class Star:
    """Places around a hub. Addresses lie in 10.77.0.0/16; places reach each other and nobody else."""

    def __init__(self, stack: contextlib.ExitStack, round_trip_ms: float = 0.0) -> None:
        self._stack, self._round_trip_ms = stack, round_trip_ms
        self._hub = Place(stack)
        self._cables: list[str] = []

    def place(self, address: str, up_bps: int = 0, down_bps: int = 0) -> Place:
        """A place with an address and the rates of its line in bytes a second; 0: as fast as the machine."""
        place, cable = Place(self._stack), f"to{len(self._cables)}"
        self._hub.plug(cable, place, "cable")
        self._cables.append(cable)
        place.run("ip", "address", "add", f"{address}/16", "dev", "cable")
        place.run("ip", "route", "add", "default", "via", address)  # libtorrent announces nothing without one
        for inside, device, rate_bps in ((place, "cable", up_bps), (self._hub, cable, down_bps)):
            if rate_bps:
                shape = (
                    f"tc qdisc add dev {device} root tbf rate {8 * rate_bps}bit burst {_BURST} latency {_QUEUE_MS}ms"
                )
                inside.run(*shape.split())
        return place

    def join(self) -> None:
        """Every place is there: let their frames pass."""
        join(self._stack, self._hub, self._round_trip_ms, *self._cables)


def join(stack: contextlib.ExitStack, hub: Place, round_trip_ms: float, *cables: str) -> None:
    """Let frames pass between the cables that end in a place."""
    if round_trip_ms:
        line = start(stack, hub, "bench.support.network", str(round_trip_ms / 2), *cables)
        assert line.stdout and line.stdout.readline() == "ready\n"
        return
    hub.run("ip", "link", "add", "street", "type", "bridge")
    for cable in cables:
        hub.run("ip", "link", "set", cable, "master", "street")
    hub.run("ip", "link", "set", "street", "up")


def start(stack: contextlib.ExitStack, place: Place, *words: str) -> "subprocess.Popen[str]":
    """Start a module of ours in a place; at the stack's end its input ends, and then, if need be, the process."""
    command = place.command(sys.executable, "-m", *words)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd="/", env=environment)
    stack.callback(_end, process)
    return process


def _end(process: "subprocess.Popen[str]") -> None:
    try:
        process.communicate(timeout=_END_S)
    except subprocess.TimeoutExpired:
        process.terminate()
        process.communicate()


def sent_bytes(place: Place) -> int:
    """Bytes that a place sent, by its network card: headers included."""
    lines = Path(f"/proc/{place.pid}/net/dev").read_text().splitlines()
    return next(int(line.split()[9]) for line in lines if line.strip().startswith("cable:"))


class _Cable:
    """The hub's end of a cable."""

    def __init__(self, name: str) -> None:
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        for option in (_PACKET_VNET_HDR, _PACKET_IGNORE_OUTGOING):
            self.socket.setsockopt(_SOL_PACKET, option, 1)
        for option in (_SO_SNDBUFFORCE, _SO_RCVBUFFORCE):
            self.socket.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
        self.socket.bind((name, _ALL_FRAMES))
        self.socket.setblocking(False)


def switch(delay_s: float, names: list[str]) -> None:
    """Pass every frame on to the cable of its receiver, as often as it has one, after a delay. Never returns."""
    cables = [_Cable(name) for name in names]
    places: dict[bytes, _Cable] = {}
    line: deque[tuple[float, _Cable, bytes]] = deque()
    selector = selectors.DefaultSelector()
    for cable in cables:
        selector.register(cable.socket, selectors.EVENT_READ, cable)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        for key, _ in selector.select(max(0.0, line[0][0] - time.monotonic()) if line else None):
            _take(key.data, places, line, delay_s)
        while line and line[0][0] <= time.monotonic():
            _, source, frame = line.popleft()
            receiver = places.get(frame[_HEADER_BYTES : _HEADER_BYTES + 6])
            for cable in [receiver] if receiver else cables:
                if cable is not source:
                    with contextlib.suppress(BlockingIOError, OSError):  # the shaped queue is full: the frame is lost
                        cable.socket.send(frame)


def _take(cable: _Cable, places: dict[bytes, _Cable], line: deque[tuple[float, _Cable, bytes]], delay_s: float) -> None:
    """Take in the frames that came by a cable."""
    with contextlib.suppress(BlockingIOError):
        while True:
            frame = cable.socket.recv(_FRAME_BYTES)
            places[frame[_HEADER_BYTES + 6 : _HEADER_BYTES + 12]] = cable
            line.append((time.monotonic() + delay_s, cable, frame))


if __name__ == "__main__":
    switch(float(sys.argv[1]) / 1000, sys.argv[2:])
