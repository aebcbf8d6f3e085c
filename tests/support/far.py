"""The other end of the cable: a neighbour and the Internet, in a network namespace of their own.

Run as a process, it says ``ready``, waits for its end of the cable, and answers one JSON object a line. It sees every
packet that leaves the player's machine.
"""

import contextlib
import json
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

from patcher.serve.tracker import Tracker

CABLE = "far"
PLAYER, NEIGHBOUR, INTERNET = "192.168.77.2", "192.168.77.1", "45.0.0.5"
PLAYER6, NEIGHBOUR6 = "fe80::2", "fe80::1"
LSD, LSD6, LSD_PORT = "239.192.152.143", "ff15::efc0:988f", 6771
"""The groups and the port of local service discovery (BEP 14)."""
SSDP, SSDP_PORT, NATPMP_PORT = "239.255.255.250", 1900, 5351
"""Where routers are asked to forward a port: by UPnP, and at the gateway by NAT-PMP and PCP."""
TRACKER_PORT = 6969
_ANSWER_S = 2.0
_TRIES = 10
_ALL_PROTOCOLS = 3
_SYN, _ACK = 2, 16
_IPV4, _IPV6 = b"\x08\x00", b"\x86\xdd"
_CHOKED_S = 0.3
_UNCHOKE, _INTERESTED, _HAVE, _BITFIELD, _REQUEST, _PIECE = 1, 2, 4, 5, 6, 7
"""Messages of BEP 3."""
_MARK_BYTES, _MARK_STEP_BYTES = 16, 512
_LOCAL = b"\x88\xb5"
"""An Ethernet type for local experiments (IEEE 802), which nobody answers."""


def ip(*words: str) -> None:
    """Run iproute2's ``ip``."""
    subprocess.run(["ip", *words], check=True)


def add_address(cable: str, address: str, address6: str) -> None:
    """Give an end of the cable its addresses, at once usable, and no others."""
    ip("link", "set", cable, "addrgenmode", "none")
    ip("address", "add", f"{address}/24", "dev", cable)
    ip("link", "set", cable, "up")
    ip("address", "add", f"{address6}/64", "dev", cable, "nodad")


class Capture:
    """What comes in by the cable and was begun at its other end: each UDP packet, first packets and requests of TCP.

    And of which titles any packet carries content, for whom.
    """

    def __init__(self) -> None:
        self._marks: dict[bytes, str] = {}
        self._given: set[tuple[str, str]] = set()
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS))
        self._socket.bind((CABLE, 0))
        self._last = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self._last.bind((CABLE, 0))
        self._is_even = threading.Event()
        self._lock = threading.Lock()
        self._packets: list[tuple[str, str, int, str]] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def take(self) -> list[tuple[str, str, int, str]]:
        """Kind, destination, port and what it carries (as latin-1) of each since the last call."""
        self._catch_up()
        with self._lock:
            packets, self._packets = self._packets, []
        return packets

    def know(self, title: str, content: bytes) -> None:
        """Recognise the content of a title, which nothing compresses."""
        ends = range(_MARK_BYTES, len(content) + 1, _MARK_STEP_BYTES)
        self._marks |= {content[end - _MARK_BYTES : end]: title for end in ends}

    def given(self) -> list[tuple[str, str]]:
        """Title and destination of all content since the last call."""
        self._catch_up()
        with self._lock:
            given, self._given = self._given, set()
        return sorted(given)

    def _catch_up(self) -> None:
        """Return when all that came in has been looked at: a frame of our own is last in the queue."""
        self._is_even.clear()
        for _ in range(_TRIES):  # a full queue takes no more frames
            self._last.send(bytes(12) + _LOCAL)
            if self._is_even.wait(_ANSWER_S):
                return
        raise TimeoutError("the capture does not catch up")

    def _listen(self) -> None:
        while True:
            frame, (_, _, direction, *_) = self._socket.recvfrom(1 << 17)
            if direction == socket.PACKET_OUTGOING:
                if frame[12:14] == _LOCAL:
                    self._is_even.set()
                continue
            packet, carried = _packet(frame), self._carried(frame)
            with self._lock:
                self._given |= carried
                self._packets += [packet] if packet else []

    def _carried(self, frame: bytes) -> set[tuple[str, str]]:
        ends = range(_MARK_BYTES, len(frame) + 1)
        titles = {self._marks.get(frame[end - _MARK_BYTES : end]) for end in ends}
        return {(title, _destination(frame)) for title in titles if title}


def _destination(frame: bytes) -> str:
    kind, packet = frame[12:14], frame[14:]
    if kind == _IPV4:
        return socket.inet_ntop(socket.AF_INET, packet[16:20])
    return socket.inet_ntop(socket.AF_INET6, packet[24:40]) if kind == _IPV6 else kind.hex()


def _packet(frame: bytes) -> tuple[str, str, int, str] | None:
    kind, packet = frame[12:14], frame[14:]
    if kind == _IPV4:
        protocol, body = packet[9], packet[4 * (packet[0] & 15) :]
    elif kind == _IPV6:
        protocol, body = packet[6], packet[40:]
    else:
        return None
    to = _destination(frame)
    if protocol not in (socket.IPPROTO_TCP, socket.IPPROTO_UDP):
        return None
    port = struct.unpack_from("!H", body, 2)[0]
    if protocol == socket.IPPROTO_UDP:
        return "udp", to, port, body[8:].decode("latin-1")
    content = body[4 * (body[12] >> 4) :]
    is_first = body[13] & (_SYN | _ACK) == _SYN
    return ("tcp", to, port, content.decode("latin-1")) if is_first or content.startswith(b"GET ") else None


class Far:
    """The calls; info hashes come as hex and are cut to the 20 bytes of the protocols."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture

    def seen(self) -> list[tuple[str, str, int, str]]:
        """What left the player's machine since the last call."""
        return self._capture.take()

    def know(self, title: str, path: str) -> None:
        """The content of a title, to be recognised in packets."""
        self._capture.know(title, Path(path).read_bytes())

    def given(self) -> list[tuple[str, str]]:
        """Of which title content left the player's machine since the last call, and for which address."""
        return self._capture.given()

    def dial(self, source: str, port: int, info_hash: str) -> bool:
        """Whether the player answers the handshake (BEP 3) of a peer at the address ``source``, who then asks for more.

        The peer says that it is interested, and asks for a block of each piece that the player has, choked or not.
        """
        hello = b"\x13BitTorrent protocol" + bytes(8) + bytes.fromhex(info_hash)[:20] + b"-XX0000-" + bytes(12)
        with contextlib.suppress(OSError), socket.create_connection((PLAYER, port), _ANSWER_S, (source, 0)) as peer:
            peer.sendall(hello + _message(_INTERESTED))
            if peer.recv(68, socket.MSG_WAITALL)[28:48] == hello[28:48]:
                _ask(peer)
                return True
        return False

    def call(self, port: int, info_hash: str) -> None:
        """As a neighbour that has the torrent, at ``port``, makes itself known by multicast (BEP 14)."""
        lines = ("BT-SEARCH * HTTP/1.1", f"Host: {LSD}:{LSD_PORT}", f"Port: {port}", f"Infohash: {info_hash[:40]}")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(NEIGHBOUR))
            sender.sendto("\r\n".join((*lines, "cookie: far", "", "", "")).encode(), (LSD, LSD_PORT))

    def announce(self, port: int, info_hash: str) -> None:
        """As a peer in the Internet that has the torrent, at ``port``, tells the tracker (BEP 3)."""
        peer = f"info_hash={quote_from_bytes(bytes.fromhex(info_hash)[:20])}&peer_id={port:020}&port={port}"
        request = f"GET /announce?{peer}&left=0&event=started HTTP/1.1\r\nHost: {INTERNET}\r\nConnection: close\r\n\r\n"
        with socket.create_connection((INTERNET, TRACKER_PORT), _ANSWER_S, (INTERNET, 0)) as tracker:
            tracker.sendall(request.encode())
            assert b"failure" not in b"".join(iter(lambda: tracker.recv(4096), b""))


def _message(kind: int, *numbers: int) -> bytes:
    return struct.pack(f"!IB{len(numbers)}I", 1 + 4 * len(numbers), kind, *numbers)


def _ask(peer: socket.socket) -> None:
    """Ask for a block of each piece until one comes, or for as long as a choked peer waits."""
    peer.settimeout(_CHOKED_S)
    held = set[int]()
    with contextlib.suppress(OSError), peer.makefile("rb") as heard:
        while head := heard.read(4):
            message = heard.read(int.from_bytes(head, "big"))
            kind, body = int.from_bytes(message[:1], "big"), message[1:]
            more = held if kind == _UNCHOKE else _held(kind, body)
            held |= more
            peer.sendall(b"".join(_message(_REQUEST, piece, 0, 1 << 14) for piece in more))
            if kind == _PIECE:
                return


def _held(kind: int, body: bytes) -> set[int]:
    """The pieces that a message says are there."""
    if kind == _HAVE:
        return {int.from_bytes(body, "big")}
    bits = body if kind == _BITFIELD else b""
    return {8 * at + bit for at, byte in enumerate(bits) for bit in range(8) if byte << bit & 128}


def main() -> None:
    """Serve until the input ends."""
    _say("ready")
    sys.stdin.readline()  # the cable is here
    ip("link", "set", "lo", "up")
    ip("address", "add", f"{INTERNET}/32", "dev", "lo")
    add_address(CABLE, NEIGHBOUR, NEIGHBOUR6)
    far = Far(Capture())
    with Tracker((INTERNET, TRACKER_PORT), None, interval_s=2):
        for line in sys.stdin:
            question: dict[str, Any] = json.loads(line)
            answer: Callable[..., object] = getattr(far, question.pop("call"))
            _say(json.dumps(answer(**question)))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
