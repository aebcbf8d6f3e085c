"""A server that writes escapes for a terminal into all that an error could quote of it."""

import socket

import pytest

from patcher.errors import OriginError
from patcher.transfer.origin.client import Origin
from patcher.transfer.origin.retry import RetryPolicy
from tests.support.hostile_origin import HostileOrigin, Request

_ESCAPES = "\x1b]0;root\x07\x1b[2J\x9b31m" * 400


@pytest.mark.parametrize(
    "answer",
    [
        f"HTTP/1.1 200 {_ESCAPES}\r\nContent-Length: zzz{_ESCAPES}\r\nTransfer-Encoding: chunked\r\n\r\n{_ESCAPES}\r\n",
        f"HTTP/1.1 503 {_ESCAPES}\r\nContent-Length: 0\r\n\r\n",
        f"HTTP/1.1 2x0 {_ESCAPES}\r\n\r\n",
        f"{_ESCAPES}\r\n\r\n",
        f"HTTP/1.1 302 x\r\nLocation: https://{_ESCAPES}/\r\n\r\n",
        f"HTTP/1.1 302 x\r\nLocation: {_ESCAPES}\r\n\r\n",
        f"HTTP/1.1 302 x\r\nLocation: //[{_ESCAPES}\r\n\r\n",
        f"HTTP/1.1 302 x\r\nLocation: https://{'a' * 9000}.example/\r\n\r\n",
        f"HTTP/1.1 200 x\r\nContent-Encoding: {_ESCAPES}\r\nContent-Length: 2\r\n\r\n{{}}",
    ],
    ids=["chunk", "reason", "status", "no HTTP", "host", "path", "bracket", "long host", "encoding"],
)
def test_what_a_server_says_is_quoted_plainly_and_shortly(answer: str) -> None:
    def says_it(request: Request, peer: socket.socket) -> None:
        peer.sendall(answer.encode("latin-1"))
        raise ConnectionAbortedError

    with HostileOrigin() as server, Origin([server.url], retry=RetryPolicy(back_off_s=0)) as origin:
        server.answer("a.json", *[says_it] * 9)
        with pytest.raises(OriginError) as caught:
            origin.get("a.json", 2)
    for text in (caught.value.message, *map(str, caught.value.facts.values())):
        assert text.isprintable()
        assert len(text) < 1000
