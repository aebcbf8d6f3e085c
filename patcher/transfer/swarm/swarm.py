"""One torrent while it is in the session: its alerts become facts, and pieces from the origin go in.

Measured with libtorrent 2.1.1: data of a finished piece is on disk only after ``flush_cache`` and its alert;
``torrent_paused_alert`` comes when all files are closed, ``torrent_removed_alert`` may come before; a piece added
before ``torrent_checked_alert`` is lost; counters start anew after a pause; pad files count in file numbers; a piece
that was had when adding is "finished" once more.
"""

import os
import threading
import time
from collections.abc import Callable, Collection, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, NamedTuple

import libtorrent as lt

from patcher import beneath
from patcher.content.merkle import BLOCK_BYTES
from patcher.errors import ContentError
from patcher.transfer.swarm import policy
from patcher.transfer.swarm.torrent import Torrent

_LOAD_LIMITS: Any = {"max_buffer_size": 1 << 30, "max_pieces": 8_388_600, "max_decode_tokens": 100_000_000}
_OF_THE_SYSTEM = ("system", "generic", "asio.system")
_PAUSE_S = 0.5
"""A torrent that is just being checked pauses without an alert; then a flush closes its files."""
_PATIENCE_S = 10.0
"""No operation of the disk thread that we wait for takes longer, unless the disk is broken."""


class Counters(NamedTuple):
    """Payload bytes since the torrent was added: as received (waste included) and as uploaded."""

    received_bytes: int = 0
    sent_bytes: int = 0


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
    """It has owed us blocks for long."""
    received_bytes: int
    rate_bps: int
    pieces: bytes
    """One byte a piece, 1 for those it has; empty for a seed."""

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
    params.have_pieces = _marks(layout.count, swarm.have)
    params.piece_priorities = [4 * mark for mark in _marks(layout.count, wanted)]  # the rest is never written
    return params


def offering(torrent: Torrent) -> lt.add_torrent_params:
    """Parameters to offer all files in place, each piece checked at its first request; never writes."""
    params = _parameters(torrent, [str(path) for path in torrent.paths])
    params.flags |= lt.torrent_flags.upload_mode | lt.torrent_flags.seed_mode
    return params


def _held_blocks(torrent: Torrent, piece: int) -> list[bool]:
    missing = set(torrent.partial[piece])
    return [block not in missing for block in range(-(-torrent.layout.span(piece).length // BLOCK_BYTES))]


def _marks(count: int, pieces: Collection[int]) -> list[bool]:
    marks = [False] * count
    for piece in pieces:
        marks[piece] = True
    return marks


def _parameters(torrent: Torrent, paths: Sequence[str]) -> lt.add_torrent_params:
    params: lt.add_torrent_params = lt.load_torrent_buffer(torrent.data, _LOAD_LIMITS)
    info = params.ti
    if info is None or info.num_pieces() != torrent.layout.count:
        raise ContentError("content.invalid", "a torrent was not understood as it was written")
    files = info.layout()
    real = [i for i in range(files.num_files()) if not files.file_flags(i) & lt.file_flags_t.flag_pad_file]
    params.renamed_files = dict(zip(real, paths, strict=True))
    params.save_path = str(torrent.paths[0].parent)  # not used: every file has a path of its own
    params.trackers = list(torrent.trackers)
    params.tracker_tiers = [0] * len(torrent.trackers)
    params.flags = lt.torrent_flags.apply_ip_filter | lt.torrent_flags.disable_dht | lt.torrent_flags.duplicate_is_error
    return params


class Swarm:
    """One torrent while it is in the session, which makes it. Every method may be called from any thread."""

    def __init__(self, torrent: Torrent, have: Collection[int] = (), wanted: Collection[int] = ()) -> None:
        self.torrent = torrent
        self.have = frozenset(have)
        self.wanted = frozenset(wanted)
        self.folders = beneath.OpenFolders()
        self.finished_bytes = 0
        self._facts = threading.Condition()
        self._finished: set[int] = set()
        self._unflushed: list[int] = []
        self._flushing: list[int] = []
        self._readable: list[int] = []
        self._pending: dict[int, float] = {}
        self._flushes = 0
        self._failures = 0
        self._problem: tuple[int, str, str] | None = None
        self._is_news = False
        self._is_ready = False
        self._is_paused = False
        self._is_removed = False
        self._seen: set[bool] = set()
        self._before = Counters()
        self._last = Counters()
        self._handle: lt.torrent_handle | None = None
        self._notes: dict[type[lt.alert], Callable[[Any], None]] = {
            lt.piece_finished_alert: lambda alert: self._finish(alert.piece_index),
            lt.hash_failed_alert: self._note_failed_hash,
            lt.cache_flushed_alert: self._note_flushed,
            lt.torrent_checked_alert: self._note_ready,
            lt.torrent_paused_alert: self._note_paused,
            lt.torrent_resumed_alert: self._note_paused,
            lt.torrent_removed_alert: self._note_removed,
            lt.peer_connect_alert: self._note_peer,
            lt.file_error_alert: self._note_problem,
        }

    # ------------------------------------------------------------ facts

    def note(self, alert: lt.alert) -> None:
        """Note what one alert says of this torrent. Called by the session's alert thread."""
        note = self._notes.get(type(alert))
        if note:
            with self._facts:
                note(alert)
                self._facts.notify_all()

    def _note_failed_hash(self, alert: lt.hash_failed_alert) -> None:
        self._failures += 1
        self._pending.pop(alert.piece_index, None)

    def _note_flushed(self, _: lt.cache_flushed_alert) -> None:
        self._readable += self._flushing
        self._flushing = []
        self._flushes += 1
        self._is_news = True

    def _note_ready(self, _: lt.torrent_checked_alert) -> None:
        self._is_ready = True

    def _note_paused(self, alert: lt.torrent_paused_alert | lt.torrent_resumed_alert) -> None:
        self._is_paused = isinstance(alert, lt.torrent_paused_alert)

    def _note_removed(self, _: lt.torrent_removed_alert) -> None:
        self._is_removed = True

    def _note_peer(self, alert: lt.peer_connect_alert) -> None:
        self._seen.add(policy.is_local(alert.endpoint[0]))

    def _note_problem(self, alert: lt.file_error_alert) -> None:
        number = alert.error.value() if alert.error.category().name() in _OF_THE_SYSTEM else 0
        self._problem = (number, alert.error.message(), alert.filename())

    def _finish(self, piece: int) -> None:
        if piece in self.wanted and piece not in self._finished:
            self._finished.add(piece)
            self.finished_bytes += self.torrent.missing_bytes(piece)
            self._unflushed.append(piece)
            self._pending.pop(piece, None)
            self._is_news |= len(self._finished) == len(self.wanted)

    def refresh(self) -> None:
        """Read the finished pieces from the torrent itself, and flush once more. Called when alerts were lost."""
        pieces = self.handle.status(lt.torrent_handle.query_pieces).pieces
        with self._facts:
            for piece, is_there in enumerate(pieces):
                if is_there:
                    self._finish(piece)
            self._facts.notify_all()
        self.handle.flush_cache()

    def _wait(self, fact: Callable[[], bool], timeout_s: float) -> bool:
        with self._facts:
            return self._facts.wait_for(fact, timeout_s)

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
        """Whether pieces can be added already."""
        return self._is_ready

    @property
    def finished(self) -> AbstractSet[int]:
        """The wanted pieces that passed their hash, as a live view; not all of them are on the disk yet."""
        return self._finished

    @property
    def seen(self) -> AbstractSet[bool]:
        """Holds True once a local peer was connected, however briefly, and False once another one was."""
        return self._seen

    @property
    def failures(self) -> int:
        """How often a piece did not pass its hash."""
        with self._facts:
            return self._failures

    def check(self) -> None:
        """Raises DiskError when a file of the torrent could not be read or written."""
        with self._facts:
            problem = self._problem
        if problem:
            number, text, path = problem
            name = os.path.basename(path)
            paths = self.torrent.paths
            with beneath.translated(next((each for each in paths if each.name == name), paths[0])):
                raise OSError(number, text)

    # ------------------------------------------------------------ network

    @property
    def handle(self) -> lt.torrent_handle:
        """The handle that libtorrent gave, for the session alone."""
        assert self._handle is not None
        return self._handle

    def start(self, handle: lt.torrent_handle) -> None:
        """Take the handle that the session got, and dial the known peers."""
        self._handle = handle
        for address, port in self.torrent.peers:
            self.connect_peer(address, port)

    def connect_peer(self, address: str, port: int) -> None:
        """Dial a player."""
        self.handle.connect_peer((address, port))

    def peers(self) -> list[Peer]:
        """The connections that have finished their handshakes."""
        busy = lt.peer_info.connecting | lt.peer_info.handshake
        return [_peer(info, self.torrent.layout.count) for info in self.handle.get_peer_info() if not info.flags & busy]

    def dialled(self) -> list[tuple[str, int]]:
        """The addresses of connections that we opened: those we can open again."""
        return [info.ip for info in self.handle.get_peer_info() if info.flags & lt.peer_info.outgoing_connection]

    def counters(self) -> Counters:
        """Bytes so far; the last known ones after the torrent was removed."""
        with self._facts:
            if not self._is_removed and self._handle is not None:
                status = self._handle.status(0)
                now = Counters(status.total_payload_download, status.total_payload_upload)
                if now.received_bytes < self._last.received_bytes or now.sent_bytes < self._last.sent_bytes:
                    self._before = self._sum()
                self._last = now
            return self._sum()

    def _sum(self) -> Counters:
        return Counters(*(before + now for before, now in zip(self._before, self._last, strict=True)))

    # ------------------------------------------------------------ disk

    def add_piece(self, piece: int, data: bytes) -> None:
        """Add a verified piece that came from elsewhere; other players can have it from us from now on."""
        with self._facts:
            if piece in self._finished:
                return
            self._pending[piece] = time.monotonic()
        self.handle.add_piece(piece, data, lt.add_piece_flags_t.overwrite_existing)

    def pending(self) -> frozenset[int]:
        """The added pieces that are not finished yet. Keep them few, as libtorrent holds them in memory."""
        with self._facts:
            late = time.monotonic() - _PATIENCE_S
            self._pending = {piece: at for piece, at in self._pending.items() if at > late}
            return frozenset(self._pending)

    def flush(self) -> None:
        """Begin to write finished pieces to their files, unless that is under way; `take_readable` tells the end."""
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

    def stop(self) -> None:
        """Disconnect all peers and close all files; returns when that is done."""
        self.begin_pause()
        if not self.handle.status(0).flags & lt.torrent_flags.paused:
            self.handle.pause()
            self.wait_paused()

    def begin_pause(self) -> None:
        """Call this before the torrent is paused, for `wait_paused` to wait for this pause."""
        with self._facts:
            self._is_paused = False

    def wait_paused(self) -> None:
        """Return when the pause has ended all connections and closed all files, and the last bytes are counted."""
        if not self._wait(lambda: self._is_paused, _PAUSE_S):
            flushes = self._flushes
            self.handle.flush_cache()
            self._wait(lambda: self._flushes > flushes or self._is_paused, _PATIENCE_S)
        self.counters()

    def wait_removed(self) -> None:
        """Return when libtorrent has forgotten the torrent."""
        self._wait(lambda: self._is_removed, _PATIENCE_S)
        self.folders.close()


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
