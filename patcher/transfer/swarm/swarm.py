"""One torrent while it is in the session: its alerts become facts, and pieces from the origin go in.

Measured with libtorrent 2.1.1: data of a finished piece is on disk only after ``flush_cache`` and its alert;
``torrent_paused_alert`` comes when all files are closed, ``torrent_removed_alert`` may come before; a piece added
before ``torrent_checked_alert`` is lost; counters start anew after a pause; pad files count in file numbers; pieces of
``have_pieces`` are reported as finished once more.
"""

import itertools
import os
import threading
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import libtorrent as lt

from patcher import beneath
from patcher.beneath import Where
from patcher.content.merkle import BLOCK_BYTES
from patcher.errors import ContentError
from patcher.transfer.swarm import policy
from patcher.transfer.swarm.torrent import Torrent

_LOAD_LIMITS: Any = {"max_buffer_size": 1 << 30, "max_pieces": 8_388_600, "max_decode_tokens": 100_000_000}
_SYSTEM = ("system", "generic", "asio.system")
"""libtorrent's categories of errors that have an errno."""
_PAUSE_S = 0.5
"""A torrent that is being checked pauses without an alert; then a flush closes its files."""
_DISK_S = 10.0
"""The operations of the disk thread that we wait for take longer only if the disk is broken."""


@dataclass(frozen=True, slots=True)
class Counters:
    """Payload bytes since the torrent was added: as received (waste included) and as uploaded."""

    received_bytes: int = 0
    sent_bytes: int = 0

    def __add__(self, other: "Counters") -> "Counters":
        return Counters(self.received_bytes + other.received_bytes, self.sent_bytes + other.sent_bytes)


@dataclass(frozen=True, slots=True)
class Peer:
    """One connection past its handshake."""

    address: str
    port: int
    is_local: bool
    is_seed: bool
    chokes: bool
    """It does not serve us, although we are interested in what it has."""
    is_snubbed: bool
    """It has not sent the blocks that we requested for a long time."""
    received_bytes: int
    rate_bps: int
    pieces: bytes
    """One byte a piece, 1 if it has it; empty for a seed."""

    def has(self, piece: int) -> bool:
        """Whether it says that it has the piece."""
        return self.is_seed or (piece < len(self.pieces) and self.pieces[piece] == 1)


def fetching(swarm: "Swarm") -> lt.add_torrent_params:
    """Parameters to fetch the wanted pieces into the files and to offer those that are here; all else is left alone.

    Of pieces that are there in part (read_resume_data's ``unfinished_pieces``) only the missing blocks are fetched.
    """
    torrent, layout, wanted = swarm.torrent, swarm.torrent.layout, swarm.wanted
    paths = [
        swarm.folders.path(path) if not size or not wanted.isdisjoint(layout.pieces(file)) else str(path)
        for file, (path, size) in enumerate(zip(torrent.paths, layout.sizes, strict=True))
    ]
    params = _parameters(torrent, paths)
    params.unfinished_pieces = {piece: _held_blocks(torrent, piece) for piece in torrent.partial}
    params.have_pieces = [piece in swarm.have for piece in range(layout.count)]
    params.piece_priorities = [4 if piece in wanted else 0 for piece in range(layout.count)]  # 0: never written
    return params


def offering(torrent: Torrent) -> lt.add_torrent_params:
    """Parameters to offer all files in place, each piece checked at its first request; never writes."""
    params = _parameters(torrent, [str(path) for path in torrent.paths])
    params.flags |= lt.torrent_flags.upload_mode | lt.torrent_flags.seed_mode
    return params


def _held_blocks(torrent: Torrent, piece: int) -> list[bool]:
    missing = set(torrent.partial[piece])
    return [block not in missing for block in range(-(-torrent.layout.span(piece).length // BLOCK_BYTES))]


def _parameters(torrent: Torrent, paths: Sequence[str]) -> lt.add_torrent_params:
    params: lt.add_torrent_params = lt.load_torrent_buffer(torrent.data, _LOAD_LIMITS)
    info = params.ti
    if info is None or info.num_pieces() != torrent.layout.count:
        raise ContentError("content.invalid", "libtorrent reads a torrent in another way than it was written")
    files = info.layout()
    real = [i for i in range(files.num_files()) if not files.file_flags(i) & lt.file_flags_t.flag_pad_file]
    params.renamed_files = dict(zip(real, paths, strict=True))
    params.save_path = str(torrent.paths[0].parent)  # not used: every file has a path of its own
    params.trackers = list(torrent.trackers)
    params.tracker_tiers = [0] * len(torrent.trackers)
    params.peers = list(torrent.peers)
    params.flags = lt.torrent_flags.apply_ip_filter | lt.torrent_flags.disable_dht | lt.torrent_flags.duplicate_is_error
    return params


class Swarm:
    """One torrent while it is in the session. Every method may be called from any thread."""

    def __init__(self, torrent: Torrent, have: Collection[int] = (), wanted: Collection[int] | None = None) -> None:
        self.torrent = torrent
        self.handle = lt.torrent_handle()
        """The session sets it when it has added the torrent."""
        self.have = frozenset(have)
        self.wanted = frozenset(wanted or ())
        self.is_fetched = wanted is not None
        """Otherwise it is only offered."""
        self.folders = beneath.OpenFolders()
        self.finished: set[int] = set()
        """The wanted pieces that passed their hash. Not all of them are on the disk yet."""
        self.finished_bytes = 0
        self.seen: set[bool] = set()
        """Holds True once a local peer was connected, however briefly, and False once another one was."""
        self.named_peers: int | None = None
        """The most players that a tracker named; None before the first answer."""
        self._facts = threading.Condition()
        self._heard: set[type[lt.alert]] = set()
        self._unflushed: list[int] = []
        self._flushing: list[int] = []
        self._readable: list[int] = []
        self._pending: dict[int, float] = {}
        self._problem: tuple[Where, OSError] | None = None
        self._is_news = False
        self._before = Counters()
        self._last = Counters()

    # ------------------------------------------------------------ facts

    def note(self, alert: lt.alert) -> None:
        """Take in an alert of this torrent. Called by the session's alert thread."""
        with self._facts:
            self._heard.add(type(alert))
            match alert:
                case lt.piece_finished_alert():
                    self._finish(alert.piece_index)
                case lt.hash_failed_alert():
                    self._pending.pop(alert.piece_index, None)
                case lt.cache_flushed_alert():
                    self._readable += self._flushing
                    self._flushing = []
                    self._is_news = True
                case lt.peer_connect_alert():
                    self.seen.add(policy.is_local(alert.endpoint[0]))
                case lt.tracker_reply_alert():
                    self.named_peers = max(self.named_peers or 0, alert.num_peers)
                case lt.file_error_alert():
                    self._problem = self._problem_of(alert)
            self._facts.notify_all()

    def _problem_of(self, alert: lt.file_error_alert) -> tuple[Where, OSError]:
        number = alert.error.value() if alert.error.category().name() in _SYSTEM else 0
        name, paths = os.path.basename(alert.filename()), self.torrent.paths
        where = next((path for path in paths if path.name == name), paths[0])
        return where, OSError(number, alert.error.message())

    def _finish(self, piece: int) -> None:
        if piece in self.wanted and piece not in self.finished:
            self.finished.add(piece)
            self.finished_bytes += self.torrent.missing_bytes(piece)
            self._unflushed.append(piece)
            self._pending.pop(piece, None)
            self._is_news |= len(self.finished) == len(self.wanted)

    def refresh(self) -> None:
        """Read the finished pieces from the torrent itself, and flush once more. Called when alerts were lost."""
        with suppress(RuntimeError):  # the session has not added the torrent yet, or has removed it
            pieces = self.handle.status(lt.torrent_handle.query_pieces).pieces
            with self._facts:
                for piece in itertools.compress(range(len(pieces)), pieces):
                    self._finish(piece)
                self._facts.notify_all()
            self.handle.flush_cache()

    def wait(self, timeout_s: float) -> None:
        """Sleep until something is worth a look (`end_wait`, all finished, more readable), at most ``timeout_s``."""
        with self._facts:
            self._facts.wait_for(lambda: self._is_news, timeout_s)
            self._is_news = False

    def end_wait(self) -> None:
        """End `wait`."""
        with self._facts:
            self._is_news = True
            self._facts.notify_all()

    @property
    def is_ready(self) -> bool:
        """Whether pieces can be added."""
        return lt.torrent_checked_alert in self._heard

    @property
    def has_failed(self) -> bool:
        """Whether a piece did not pass its hash."""
        return lt.hash_failed_alert in self._heard

    def check(self) -> None:
        """Raises DiskError when a file of the torrent could not be read or written."""
        if self._problem:
            where, error = self._problem
            with beneath.translated(where):
                raise error

    # ------------------------------------------------------------ network

    def peers(self) -> list[Peer]:
        """The connections that have finished their handshakes."""
        busy = lt.peer_info.connecting | lt.peer_info.handshake
        return [_peer(info, self.torrent.layout.count) for info in self.handle.get_peer_info() if not info.flags & busy]

    @property
    def is_punching(self) -> bool:
        """Whether somebody is being dialled, while a connected peer could tell them to dial us (BEP 55)."""
        busy = [bool(info.flags & lt.peer_info.connecting) for info in self.handle.get_peer_info()]
        return any(busy) and not all(busy)

    def announce(self) -> None:
        """Tell the trackers anew where we are."""
        with suppress(RuntimeError):  # the session has not added the torrent yet, or has removed it
            self.handle.force_reannounce(0, -1, lt.reannounce_flags_t.ignore_min_interval)

    def dialled(self) -> list[tuple[str, int]]:
        """The addresses of connections that we opened: those we can open again."""
        return [info.ip for info in self.handle.get_peer_info() if info.flags & lt.peer_info.outgoing_connection]

    def counters(self) -> Counters:
        """Bytes so far; after the torrent was removed, the last known ones."""
        with self._facts:
            if lt.torrent_removed_alert not in self._heard:
                status = self.handle.status(0)
                now = Counters(status.total_payload_download, status.total_payload_upload)
                if now.received_bytes < self._last.received_bytes or now.sent_bytes < self._last.sent_bytes:
                    self._before += self._last
                self._last = now
            return self._before + self._last

    # ------------------------------------------------------------ disk

    def add_piece(self, piece: int, data: bytes) -> None:
        """Add a verified piece that came from elsewhere. It is offered to other players from now on."""
        with self._facts:
            if piece in self.finished:
                return
            self._pending[piece] = time.monotonic()
        self.handle.add_piece(piece, data, lt.add_piece_flags_t.overwrite_existing)

    def pending(self) -> frozenset[int]:
        """The added pieces that are not finished yet. Keep them few, as libtorrent holds them in memory."""
        with self._facts:
            late = time.monotonic() - _DISK_S
            self._pending = {piece: at for piece, at in self._pending.items() if at > late}
            return frozenset(self._pending)

    def flush(self) -> None:
        """Begin to write finished pieces to their files, unless that is under way. Then `take_readable` has them."""
        with self._facts:
            if self._flushing or not self._unflushed:
                return
            self._flushing, self._unflushed = self._unflushed, []
        self.handle.flush_cache()

    def take_readable(self) -> list[int]:
        """The pieces that became readable on disk since the last call."""
        with self._facts:
            readable, self._readable = self._readable, []
            return readable

    def pause(self) -> None:
        """Begin to disconnect all peers and to close all files; `wait_paused` waits until that is done."""
        if not self.handle.status(0).flags & lt.torrent_flags.paused:
            self._heard.discard(lt.torrent_paused_alert)
            self.handle.pause()

    def wait_paused(self) -> None:
        """Return when all connections have ended, all files are closed and the last bytes are counted."""
        if not self._wait_for(lt.torrent_paused_alert, _PAUSE_S):
            self._heard.discard(lt.cache_flushed_alert)
            self.handle.flush_cache()
            self._wait_for(lt.cache_flushed_alert, _DISK_S)
        self.counters()

    def wait_removed(self) -> None:
        """Return when libtorrent has forgotten the torrent."""
        self._wait_for(lt.torrent_removed_alert, _DISK_S)
        self.folders.close()

    def _wait_for(self, alert: type[lt.alert], timeout_s: float) -> bool:
        with self._facts:
            return self._facts.wait_for(lambda: alert in self._heard, timeout_s)


def _peer(info: lt.peer_info, count: int) -> Peer:
    flags = info.flags
    is_seed = bool(flags & lt.peer_info.seed) or info.num_pieces == count
    return Peer(
        address=info.ip[0],
        port=info.ip[1],
        is_local=policy.is_local(info.ip[0]),
        is_seed=is_seed,
        chokes=bool(flags & lt.peer_info.interesting and flags & lt.peer_info.remote_choked),
        is_snubbed=bool(flags & lt.peer_info.snubbed),
        received_bytes=info.total_download,
        rate_bps=info.payload_down_speed,
        pieces=b"" if is_seed else bytes(info.pieces),
    )
