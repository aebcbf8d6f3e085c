"""The Internet sockets of a process on which it can be reached, as the kernel lists them."""

import contextlib
import ipaddress
import os
import socket
import sys
from pathlib import Path
from typing import NamedTuple

import psutil

_LISTENING = {"tcp": "0A", "udp": "07"}
"""Of a UDP socket: it is connected to nobody in particular."""


class Listening(NamedTuple):
    """A TCP socket that takes connections, or a UDP socket that takes packets from anybody."""

    kind: str
    """tcp or udp."""
    address: str
    port: int


def listening(pid: int) -> set[Listening]:
    """Those of the process ``pid``, in the network namespace it is in."""
    if sys.platform == "win32":
        kinds = {socket.SOCK_STREAM: "tcp", socket.SOCK_DGRAM: "udp"}
        bound = (each for each in psutil.Process(pid).net_connections("inet") if each.laddr and not each.raddr)
        return {Listening(kinds[each.type], each.laddr.ip, each.laddr.port) for each in bound}
    mine = _inodes(pid)
    found = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[9] in mine and words[3] == _LISTENING[table[:3]]:
                host, _, port = words[1].partition(":")
                found.add(Listening(table[:3], _address(host), int(port, 16)))
    return found


def _inodes(pid: int) -> set[str]:
    found = set()
    for name in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            kind, _, number = os.readlink(name).partition(":[")
            if kind == "socket":
                found.add(number.rstrip("]"))
    return found


def _address(words: str) -> str:
    """Words of 32 bits, each in the machine's order of bytes."""
    each = (bytes.fromhex(words[at : at + 8]) for at in range(0, len(words), 8))
    return str(ipaddress.ip_address(b"".join(word[::-1] if sys.byteorder == "little" else word for word in each)))
