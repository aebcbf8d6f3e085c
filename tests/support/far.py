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
_ALL_PROTOCOLS = 3
_SYN, _ACK = 2, 16


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
    """What comes in by the cable and was begun at its other end: each UDP packet, first packets and requests of TCP."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS))
        self._socket.bind((CABLE, 0))
        self._lock = threading.Lock()
        self._packets: list[tuple[str, str, int, str]] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def take(self) -> list[tuple[str, str, int, str]]:
        """Kind, destination, port and what it carries (as latin-1) of each since the last call."""
        with self._lock:
            packets, self._packets = self._packets, []
        return packets

    def _listen(self) -> None:
        while True:
            frame, (_, _, direction, *_) = self._socket.recvfrom(1 << 16)
            packet = _packet(frame) if direction != socket.PACKET_OUTGOING else None
            if packet:
                with self._lock:
                    self._packets.append(packet)


def _packet(frame: bytes) -> tuple[str, str, int, str] | None:
    kind, packet = frame[12:14], frame[14:]
    if kind == b"\x08\x00":
        protocol, to, body = packet[9], socket.inet_ntop(socket.AF_INET, packet[16:20]), packet[4 * (packet[0] & 15) :]
    elif kind == b"\x86\xdd":
        protocol, to, body = packet[6], socket.inet_ntop(socket.AF_INET6, packet[24:40]), packet[40:]
    else:
        return None
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

    def dial(self, source: str, port: int, info_hash: str) -> bool:
        """Whether the player answers the handshake (BEP 3) of a peer at the address ``source``."""
        hello = b"\x13BitTorrent protocol" + bytes(8) + bytes.fromhex(info_hash)[:20] + b"-XX0000-" + bytes(12)
        with contextlib.suppress(OSError), socket.create_connection((PLAYER, port), _ANSWER_S, (source, 0)) as peer:
            peer.sendall(hello)
            return peer.recv(68, socket.MSG_WAITALL)[28:48] == hello[28:48]
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
