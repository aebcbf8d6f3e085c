"""An HTTP client that sends exactly the bytes it is given: nothing is normalised, decoded or retried on the way."""

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Client:
    """Asks one server on 127.0.0.1; over TLS when ``ca`` is given."""

    port: int
    ca: Path | None = None

    def connect(self) -> socket.socket:
        """An open connection, handshake done."""
        connection = socket.create_connection(("127.0.0.1", self.port), 10)
        if self.ca is None:
            return connection
        return ssl.create_default_context(cafile=self.ca).wrap_socket(connection, server_hostname="127.0.0.1")

    def send(self, request: bytes) -> bytes:
        """The bytes of the server until it closes the connection."""
        with self.connect() as connection:
            connection.sendall(request)
            answer = bytearray()
            while data := connection.recv(1 << 16):
                answer += data
            return bytes(answer)

    def ask(self, target: str, method: str = "GET", **headers: str) -> Reply:
        """One request on a connection of its own. ``headers``: names with _ for -."""
        lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return read_reply(self.send("\r\n".join([*lines, "", ""]).encode()))


def read_reply(answer: bytes) -> Reply:
    """The one answer that these bytes are."""
    head, _, body = answer.partition(b"\r\n\r\n")
    line, *fields = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
    return Reply(int(line.split(" ")[1]), headers, body)
