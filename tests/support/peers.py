"""Other players, real libtorrent sessions on 127.0.0.1, and an origin in memory.

A `Player` is somebody else's client. It knows nothing of Shoal: it seeds or fetches a folder, by a torrent that
libtorrent's own creator made of it, and counts on its side.
"""

import random
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import libtorrent as lt
from bencode2 import bencode

from patcher.content.merkle import Ref, ref_of
from patcher.errors import Missing, OriginError

HOST = "127.0.0.1"
PIECE_BYTES = 64 * 1024
_PORTION_BYTES = 32 * 1024

_SETTINGS: Any = {
    "listen_interfaces": f"{HOST}:0",
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "enable_outgoing_utp": False,
    "enable_incoming_utp": False,
    "allow_multiple_connections_per_ip": True,
    "stop_tracker_timeout": 0,
    "unchoke_interval": 1,
    "tick_interval": 50,
    "min_reconnect_time": 1,
    "alert_mask": 0,
}


def plant(folder: Path, sizes: dict[str, int], seed: int = 1) -> Path:
    """Make a tree of files of these sizes with bytes that no compression shrinks; returns the folder."""
    dice = random.Random(seed)
    for name, size in sizes.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(dice.randbytes(size))
    return folder


def torrent_of(folder: Path, piece_bytes: int = PIECE_BYTES) -> bytes:
    """The v2 torrent of a folder (or file), by libtorrent's own creator."""
    files = lt.list_files(str(folder))
    creator = lt.create_torrent(files, piece_bytes, lt.create_torrent.v2_only)
    lt.set_piece_hashes(creator, str(folder.parent))
    return bytes(lt.bencode(creator.generate()))


class Player:
    """One other player with one torrent. Use as a context manager."""

    def __init__(self, **settings: object) -> None:
        self._session = lt.session(_SETTINGS | settings)
        self._handle: lt.torrent_handle | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave."""
        if hasattr(self, "_session"):
            self._handle = None
            del self._session

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._session.listen_port())

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens, as `Torrent.peers` takes it."""
        return HOST, self.port

    def seed(self, torrent: bytes, folder: Path, *, lie: bool = False, trackers: Collection[str] = ()) -> "Player":
        """Offer the torrent's content, which lies at ``folder``. ``lie``: it says that the bytes there are right."""
        params = self._params(torrent, folder.parent, trackers)
        if lie:
            assert params.ti
            params.have_pieces = [True] * params.ti.num_pieces()
        else:
            params.flags |= lt.torrent_flags.seed_mode
        self._enter(params)
        return self

    def want(
        self, torrent: bytes, folder: Path, address: tuple[str, int] | None = None, trackers: Collection[str] = ()
    ) -> "Player":
        """Fetch the torrent into ``folder``, asking the peer at ``address``."""
        self._enter(self._params(torrent, folder.parent, trackers))
        if address:
            self.ask(address)
        return self

    def _enter(self, params: lt.add_torrent_params) -> None:
        """Until it has looked at its files it turns everybody away, and is not asked again for seconds."""
        self._handle = self._session.add_torrent(params)
        assert wait_for(lambda: self.is_checked)

    def ask(self, address: tuple[str, int]) -> None:
        """Connect to a peer."""
        self.handle.connect_peer(address)

    def _params(self, torrent: bytes, parent: Path, trackers: Collection[str]) -> lt.add_torrent_params:
        params: lt.add_torrent_params = lt.load_torrent_buffer(torrent)
        params.save_path = str(parent)
        params.flags = lt.torrent_flags.disable_dht
        params.trackers = list(trackers)
        return params

    @property
    def handle(self) -> lt.torrent_handle:
        """Its torrent."""
        assert self._handle
        return self._handle

    @property
    def received_bytes(self) -> int:
        """Payload that reached this side."""
        return int(self.handle.status(0).total_payload_download)

    @property
    def sent_bytes(self) -> int:
        """Payload that left this side."""
        return int(self.handle.status(0).total_payload_upload)

    @property
    def is_complete(self) -> bool:
        """Whether it has all."""
        return bool(self.handle.status(0).is_seeding)

    @property
    def is_checked(self) -> bool:
        """Whether it knows what it has, and talks to others."""
        states = lt.torrent_status
        return self.handle.status(0).state in (states.downloading, states.finished, states.seeding)

    def connected(self) -> list[tuple[str, int]]:
        """The peers it has shaken hands with."""
        busy = lt.peer_info.connecting | lt.peer_info.handshake
        return [info.ip for info in self.handle.get_peer_info() if not info.flags & busy]

    def choke_neighbours(self) -> None:
        """Give no slot to local peers either, who else need none."""
        local = lt.session.local_peer_class_id
        self._session.set_peer_class(local, {**self._session.get_peer_class(local), "ignore_unchoke_slots": False})

    def limit(self, upload_bps: int) -> "Player":
        """Give at most so many bytes a second."""
        self.handle.set_upload_limit(upload_bps)
        return self


def wait_for(fact: Callable[[], bool], timeout_s: float = 20.0) -> bool:
    """Wait until ``fact`` holds; whether it came to hold in time."""
    until = time.monotonic() + timeout_s
    while not fact():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


@contextmanager
def tracker() -> Iterator[str]:
    """The smallest HTTP tracker (BEP 3, 23): everybody who announced, to everybody. Yields its announce URL."""
    members: dict[str, set[tuple[str, int]]] = {}

    class Announce(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query, encoding="latin-1")
            mine = members.setdefault(query["info_hash"][0], set())
            address = (self.client_address[0], int(query["port"][0]))
            if query.get("event") == ["stopped"]:
                mine.discard(address)
            else:
                mine.add(address)
            peers = b"".join(bytes(map(int, host.split("."))) + port.to_bytes(2, "big") for host, port in mine)
            body = bencode({b"interval": 1800, b"peers": peers})
            with suppress(ConnectionError):  # who leaves does not wait for the answer
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *args: object) -> None: ...

    with ThreadingHTTPServer((HOST, 0), Announce) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://{HOST}:{server.server_port}/announce"
        finally:
            server.shutdown()
            thread.join()


class Shelf:
    """An origin in memory, as `sources` reads one: content by root, with the faults of a real one.

    ``missing`` roots are 404, ``is_down`` is unreachable, ``lies`` turns every first byte over, ``rate_bps`` is slow,
    ``drips`` gives a byte and is too slow for more.
    """

    def __init__(self, *contents: bytes, rate_bps: int = 0) -> None:
        self.contents = {ref_of(data).root: data for data in contents if data}
        self.missing: set[bytes] = set()
        self.is_down = False
        self.lies = False
        self.drips = False
        self.progress = 0
        self.rate_bps = rate_bps
        self.requests: list[tuple[bytes, int, int]] = []
        self.sent_bytes = 0
        self._lock = threading.Lock()
        self._free_at = 0.0

    def progressed(self) -> None:
        """As `Origin` hears of verified bytes."""
        self.progress += 1

    def read(self, ref: Ref, offset: int, length: int) -> Iterator[bytes]:
        """Raises OriginError."""
        self.requests.append((ref.root, offset, length))
        if self.is_down:
            raise OriginError("origin.unreachable", "The server is down.")
        if ref.root in self.missing or ref.root not in self.contents:
            raise Missing("The server does not have it.")
        data = self.contents[ref.root][offset : offset + length]
        assert len(data) == length
        if self.drips:
            yield data[:1]
            raise OriginError("origin.too_slow", "The server drips.")
        for at in range(0, length, _PORTION_BYTES):
            portion = data[at : at + _PORTION_BYTES]
            self._wait_turn(len(portion))
            yield bytes([portion[0] ^ 255]) + portion[1:] if self.lies else portion

    def _wait_turn(self, size_bytes: int) -> None:
        """All requests share the one line of the server."""
        with self._lock:
            self.sent_bytes += size_bytes
            now = time.monotonic()
            self._free_at = max(self._free_at, now) + (size_bytes / self.rate_bps if self.rate_bps else 0)
            wait_s = self._free_at - now
        time.sleep(wait_s)
