"""The libtorrent session of one engine: what is in it, its settings and port, and the thread that reads its alerts.

The player's consent is enforced here. Sharing off means that not one payload byte is uploaded: no unchoke slots, no
allowed-fast set, the same for local peers, and nothing installed is offered. A change of settings cuts all connections
before it applies, because libtorrent goes on to serve earlier requests (3 MB in 2.5 s, measured) and never unchokes
local peers again that it choked once.

Ports, discovery and the filter of addresses follow from what is in the session (`policy.open_ports`) and are set again
each time that changes. An empty session has no socket. Opening or closing one takes under a millisecond.
"""

import contextlib
import logging
import math
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import libtorrent as lt

from patcher import beneath
from patcher.beneath import Where
from patcher.config import Settings
from patcher.errors import DiskError
from patcher.protocol.events import Reachability
from patcher.transfer.swarm import policy
from patcher.transfer.swarm.address_filter import AddressFilter, ranges
from patcher.transfer.swarm.pace import UploadSlots
from patcher.transfer.swarm.policy import CALM, PeerScope, Surroundings
from patcher.transfer.swarm.reach import Evidence
from patcher.transfer.swarm.swarm import Counters, Swarm, fetching, offering
from patcher.transfer.swarm.torrent import Torrent

MAX_QUEUED_BYTES = 4 << 20
"""What libtorrent holds in memory before it is on disk. With a short queue of requests (2 MiB a peer) a kill at
230 MB/s costs up to 7 MB, kernel buffers included; with 8 MiB and libtorrent's own 500 requests up to 17 MB."""

_COUNTED_S = 1.0
_LOOKS = 5_000  # files that one call of `changed` looks at, in about 15 ms
_ALL4 = "0.0.0.0"  # noqa: S104 (all addresses is the player's command, by an empty `listen_host`)
_FILTERED = lt.torrent_flags.apply_ip_filter
_NO_EXCHANGE = lt.torrent_flags.disable_pex
_CLASS = lt.alert.category_t
_ALERTS = (
    _CLASS.error_notification
    | _CLASS.status_notification
    | _CLASS.storage_notification
    | _CLASS.piece_progress_notification
    | _CLASS.connect_notification
    | _CLASS.peer_notification
    | _CLASS.tracker_notification
    | _CLASS.port_mapping_notification
    | _CLASS.port_mapping_log_notification
)
_FIXED: Any = {
    "alert_mask": _ALERTS,
    "alert_queue_size": 100_000,
    "enable_dht": False,
    "enable_lsd": False,
    "listen_interfaces": "",
    "enable_upnp": False,
    "enable_natpmp": False,
    "enable_outgoing_utp": False,
    "enable_incoming_utp": False,
    "utp_target_delay": 5,  # ms: the player's line stays usable while it is full (measured at 2 to 100 Mbit/s)
    "utp_gain_factor": 1000,  # bytes a round trip: RFC 6817 allows one packet; libtorrent's two swing on a thin line
    "peer_connect_timeout": 7,  # s: a hole is punched only after a dial has failed
    "max_queued_disk_bytes": MAX_QUEUED_BYTES,
    "allowed_fast_set_size": 0,
    "no_connect_privileged_ports": True,
    "connection_speed": 10,  # dials a second: a lying tracker or peer may name any address
    "allow_multiple_connections_per_ip": True,
    "unchoke_interval": 1,
    "initial_picker_threshold": 0,  # else all peers share the first pieces, and are blamed for a liar among them
    "max_out_request_queue": 128,
    "request_queue_time": 1,  # s: what is requested early is chosen early, and the end waits for the longest queue
    "min_reconnect_time": 3,
    "stop_tracker_timeout": 1,
    "user_agent": "Shoal",
}

Stat = tuple[int, int, int, int]  # size, mtime, ctime and inode of a file

_log = logging.getLogger("shoal.swarm")


class Session:
    """Owns the port and all torrents. Every method may be called from any thread; `close` ends it.

    A torrent is in libtorrent's session while it is fetched (`fetching`), or while it is among the offers (`offer`) and
    the settings permit that; `_settle` alone decides. While `policy.open_ports` says so, the session listens at the
    port of the settings (0: any; taken: one of the next ten) on their address ("": all interfaces).
    """

    def __init__(self, settings: Settings, month_uploaded_bytes: int = 0, around: Surroundings = CALM) -> None:
        self.settings = policy.allowed(settings, month_uploaded_bytes, around)
        """The settings in force (`policy.allowed`)."""
        self._lock = threading.RLock()
        self._swarms: dict[bytes, Swarm] = {}
        """What is in libtorrent's session."""
        self._offers: dict[bytes, _Offer] = {}
        """All offers, including those that wait for the settings to permit them or for a fetch to end.

        No entry is added or removed in place, so that it can be read without the lock.
        """
        self._past = defaultdict[bytes, Counters](Counters)
        self._uploaded = (-math.inf, 0)
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._is_closing = False
        self.listen_port = 0
        """The port other players reach us at; 0 when none is open."""
        self._evidence = Evidence()
        self._place = ""
        self._drawn = 0
        """The port that is used while the player names none."""
        self._session = lt.session(_FIXED)
        self._filter = AddressFilter(self._session)
        self._is_mixed = False
        """What is fetched may come from more addresses than what is offered may go to."""
        self._left_bps = 0
        self._slots = UploadSlots()
        self._apply_settings()
        self._apply_ports()
        self._session.set_alert_fd(self._writer.fileno())
        self._thread = threading.Thread(target=self._listen, name="swarm alerts", daemon=True)
        self._thread.start()

    # ------------------------------------------------------------ torrents

    @contextmanager
    def fetching(self, torrent: Torrent, have: Collection[int], wanted: Collection[int]) -> Iterator[Swarm]:
        """Fetch ``wanted`` pieces into the files while this lasts, and offer those that we ``have``.

        All files are closed at the end. An offer of the same torrent waits until then. Raises DiskError, ContentError.
        """
        info_hash, swarm = torrent.info_hash, Swarm(torrent, have, wanted)
        try:
            with self._lock:
                self._leave(info_hash)
                self._enter(swarm)
            yield swarm
        finally:
            with self._lock:
                self._leave(info_hash)
                if offer := self._offers.get(info_hash):
                    self._offers[info_hash] = _Offer(offer.torrent)  # the fetch may have written its files
                self._settle()

    def offer(self, torrents: Iterable[Torrent]) -> None:
        """Offer just these from now on, in place and as far as the settings go. Never writes their files.

        When this returns, the files of all others are closed. An offer with the same paths stays as it is. Every piece
        is hashed again before it is first uploaded.
        """
        before, offers = self._offers, dict[bytes, _Offer]()
        for torrent in torrents:
            known = before.get(torrent.info_hash)
            offers[torrent.info_hash] = known if known and known.torrent.paths == torrent.paths else _Offer(torrent)
        with self._lock:
            self._offers = offers
            self._settle()

    def offered(self) -> frozenset[bytes]:
        """The info hashes of all offers, including those that wait for the settings to permit them."""
        return frozenset(self._offers)

    def changed(self) -> list[bytes]:
        """Drop the offers whose files are not as they were (size, mtime, ctime, inode), or were wrong from the start.

        Call this every few seconds, from one thread: each call looks at some thousand files, and the next one at those
        that follow. Returns the info hashes of the dropped offers: their files need to be verified.
        """
        with self._lock:
            offers = [(offer, self._swarms.get(info_hash)) for info_hash, offer in self._offers.items()]
        idle = [(offer, swarm) for offer, swarm in offers if not (swarm and swarm.is_fetched)]
        share = min(1.0, _LOOKS / max(1, sum(len(offer.stats) for offer, _ in idle)))
        found = [each for each, swarm in idle if (swarm and swarm.has_failed) or not each.looks_the_same(share)]
        with self._lock:  # meanwhile, offers may have been withdrawn and made anew
            changed = [info_hash for info_hash, offer in self._offers.items() if offer in found]
            self._offers = {info_hash: offer for info_hash, offer in self._offers.items() if offer not in found}
            self._settle()
        return changed

    def counters(self) -> defaultdict[bytes, Counters]:
        """Payload bytes by info hash since the session began, of past torrents too; 0 for any other."""
        with self._lock:
            now = self._past.copy()
            for info_hash, swarm in self._swarms.items():
                now[info_hash] += swarm.counters()
            return now

    def uploaded_bytes(self) -> int:
        """Payload bytes that all torrents uploaded since the session began, as of the last second.

        Fetches ask for it many times a second, and libtorrent takes a moment for each torrent.
        """
        with self._lock:
            asked_s, found = self._uploaded
            if time.monotonic() - asked_s >= _COUNTED_S:
                found = sum(each.sent_bytes for each in self.counters().values())
                self._uploaded = time.monotonic(), found
            return found

    # ------------------------------------------------------------ what is in

    def _settle(self) -> None:
        """Bring the session in line with the offers and settings."""
        if self._is_closing:
            return
        self._withdraw()
        for info_hash, offer in self._permitted().items():
            if offer.is_good and info_hash not in self._swarms:
                try:
                    self._enter(Swarm(offer.torrent))
                except Exception:  # noqa: BLE001 - one torrent that cannot be offered keeps no other out
                    _log.exception("a torrent of %s cannot be offered", offer.torrent.paths[0])
                    offer.is_good = False
        self._apply_ports()

    def _withdraw(self) -> None:
        """Take out what is no longer offered, or at other paths, or not permitted."""
        permitted = self._permitted()
        for info_hash, swarm in list(self._swarms.items()):
            offer = permitted.get(info_hash)
            if not (swarm.is_fetched or (offer and offer.torrent.paths == swarm.torrent.paths)):
                self._leave(info_hash)

    def _permitted(self) -> dict[bytes, "_Offer"]:
        """While anybody is banned from what is fetched, nothing may be offered that needs a narrower filter."""
        would_mix = (self.settings.sharing, self.settings.peers) == ("lan", "all")
        is_rest = self.settings.sharing == "off" or (would_mix and self._filter.bans)
        return {} if is_rest else self._offers

    def _enter(self, swarm: Swarm) -> None:
        info_hash = swarm.torrent.info_hash
        self._swarms[info_hash] = swarm  # before the first alert
        try:
            params = fetching(swarm) if swarm.is_fetched else offering(swarm.torrent)
            if not self.settings.peer_exchange:
                params.flags |= _NO_EXCHANGE
            self._apply_ports()
            if swarm.is_fetched and self._is_mixed:
                params.flags &= ~_FILTERED
            swarm.handle = self._session.add_torrent(params)
        except BaseException:
            del self._swarms[info_hash]
            swarm.folders.close()
            raise

    def _leave(self, info_hash: bytes) -> None:
        """Take a torrent out, if it is in; returns when its files are closed."""
        if swarm := self._swarms.get(info_hash):
            swarm.pause()
            swarm.wait_paused()
            self._session.remove_torrent(swarm.handle)
            swarm.wait_removed()
            del self._swarms[info_hash]
            self._past[info_hash] += swarm.counters()

    # ------------------------------------------------------------ settings

    def apply(self, settings: Settings, month_uploaded_bytes: int = 0, around: Surroundings = CALM) -> None:
        """Obey other settings from now on, as things are. When this returns, nothing leaves that they forbid."""
        with self._lock:
            old, new = self.settings, policy.allowed(settings, month_uploaded_bytes, around)
            self.settings = new
            self._withdraw()
            with nullcontext() if _bounds(new) == _bounds(old) else self._cut():
                self._apply_settings()
                self._apply_ports()
                for swarm in self._swarms.values():
                    (swarm.handle.unset_flags if new.peer_exchange else swarm.handle.set_flags)(_NO_EXCHANGE)
            self._settle()

    def leave(self, share_bps: int) -> None:
        """Leave a share of the download limit to the origin, which delivers beside the peers. 0: none any more."""
        if share_bps != self._left_bps:
            with self._lock:
                self._left_bps = share_bps
                limit: Any = {"download_rate_limit": self._download_bps()}
                self._session.apply_settings(limit)

    def pace(self) -> None:
        """Upload to more peers at a time, or to fewer, as the line has room. Call this every second."""
        with self._lock:
            if self._swarms and self.settings.sharing == "everyone":
                self._apply_settings()
                self._session.post_session_stats()

    def _download_bps(self) -> int:
        """The limit of what peers bring; 0 is none."""
        limit_bps = self.settings.download_limit_bps
        return max(1, limit_bps - self._left_bps) if limit_bps else 0

    @contextmanager
    def _cut(self) -> Iterator[None]:
        """End all connections while this lasts. Those that we had opened are opened again at the end."""
        dialled = [(swarm, swarm.dialled()) for swarm in self._swarms.values()]
        for swarm, _ in dialled:
            swarm.pause()
        for swarm, _ in dialled:
            swarm.wait_paused()
        yield
        for swarm, addresses in dialled:
            swarm.handle.resume()
            for address in addresses:
                swarm.handle.connect_peer(address)

    def _apply_settings(self) -> None:
        """Set limits and unchoke slots, which peers are local, and whether those need a slot.

        libtorrent's limiter is bursty: with a limit it ticks faster and holds less ready to send (8 ms of the rate).
        """
        settings, limit_bps = self.settings, self.settings.upload_limit_bps
        is_fetching = any(swarm.is_fetched for swarm in self._swarms.values())
        watermark_bytes = min(max(limit_bps // 125, 4 << 10), 512 << 10) if limit_bps else 3 << 20
        adjusted: Any = {
            "unchoke_slots_limit": self._slots.limit(is_fetching=is_fetching) if settings.sharing == "everyone" else 0,
            "upload_rate_limit": limit_bps,
            "download_rate_limit": self._download_bps(),
            "tick_interval": 10 if limit_bps or settings.download_limit_bps else 500,
            "send_buffer_watermark": watermark_bytes,
            "send_buffer_low_watermark": min(1 << 20, watermark_bytes),
        }
        self._session.apply_settings(adjusted)
        local, everybody = lt.session.local_peer_class_id, lt.session.global_peer_class_id
        facts = self._session.get_peer_class(local)
        facts["ignore_unchoke_slots"] = settings.sharing != "off"
        self._session.set_peer_class(local, facts)
        limited = 0 if settings.exempt_lan else 1 << everybody
        self._session.set_peer_class_filter(ranges(1 << everybody, limited | 1 << local))

    def _apply_ports(self) -> None:
        """Open and close ports as `policy.open_ports` says, for the torrents that are in the session now."""
        kinds = {swarm.is_fetched for swarm in self._swarms.values()}
        ports = policy.open_ports(self.settings, fetches=True in kinds, offers=False in kinds)
        scope: PeerScope = ports.fetched if ports.offered == "none" else ports.offered
        self._is_mixed = scope != ports.fetched and True in kinds
        self._set_filtered(is_wanted=False)
        self._filter.apply(scope, forgives=True not in kinds)
        self._set_filtered(is_wanted=True)
        if not ports.listens:
            self._drawn = 0
        elif not self._drawn:
            self._drawn = _free_port(self.settings.listen_host)
        place = _interfaces(self.settings, self._drawn) if ports.listens else ""
        paces = ports.goes_outside and any(map(policy.stands_outside, self._trackers()))
        if place != self._place:
            self._place = place
            self._evidence.forget()
        self._session.apply_settings({
            "listen_interfaces": place,
            "enable_lsd": ports.discovers,
            "enable_upnp": ports.maps,
            "enable_natpmp": ports.maps,
            "enable_incoming_utp": paces,
            "enable_outgoing_utp": paces,
        })  # fmt: skip
        self.listen_port = int(self._session.listen_port())  # returns after all this is done
        self._evidence.ask(is_wanted=ports.maps and self.listen_port > 0)

    def _set_filtered(self, *, is_wanted: bool) -> None:
        """Free what is fetched from the filter before that becomes too narrow, or bind it after that has become fit."""
        if is_wanted is not self._is_mixed:
            for swarm in self._swarms.values():
                if swarm.is_fetched and swarm.handle.is_valid():
                    (swarm.handle.set_flags if is_wanted else swarm.handle.unset_flags)(_FILTERED)

    def _trackers(self) -> set[str]:
        return {url for swarm in self._swarms.values() for url in swarm.torrent.trackers}

    @property
    def reach(self) -> Reachability:
        """Whether players of the Internet can reach this one, and why."""
        return self._evidence.judged()

    # ------------------------------------------------------------ alerts and the end

    def close(self) -> None:
        """Remove all torrents, close the port and end the thread. A second call does nothing."""
        with self._lock:
            if self._is_closing:
                return
            self._offers = {}
            for info_hash in list(self._swarms):
                self._leave(info_hash)
            self._is_closing = True
        with contextlib.suppress(BlockingIOError):  # so much is unread that it wakes up
            self._writer.send(b"\0")
        self._thread.join()
        # libtorrent writes to the socket as long as it lives. To a closed one, that would end the process on Windows.
        del self._filter, self._session
        self._reader.close()
        self._writer.close()

    def _listen(self) -> None:
        """Read alerts when libtorrent writes to the socket.

        A process that ends without `close` would abort if this thread waited in libtorrent (`wait_for_alert`).
        """
        while self._reader.recv(4096) and not self._is_closing:
            for alert in self._session.pop_alerts():
                self._route(alert)

    def _route(self, alert: lt.alert) -> None:
        if isinstance(alert, lt.session_stats_alert):
            self._slots.note(alert.values)
        if self._evidence.note(alert):
            for mapped in list(self._swarms.values()):
                mapped.announce()
        if isinstance(alert, lt.peer_ban_alert):
            _log.warning("%s sent a bad block and is banned", alert.endpoint[0])
            self._filter.ban(alert.endpoint[0])
        if isinstance(alert, lt.alerts_dropped_alert):
            for lagging in list(self._swarms.values()):
                lagging.refresh()
        if isinstance(alert, lt.torrent_alert):
            self._pass_on(alert)

    def _pass_on(self, alert: lt.torrent_alert) -> None:
        hashes = alert.info_hashes if isinstance(alert, lt.torrent_removed_alert) else alert.handle.info_hashes()
        if swarm := self._swarms.get(hashes.v2.to_bytes()):
            swarm.note(alert)


class _Offer:
    """A torrent to offer, and the state of its files when the offer began."""

    def __init__(self, torrent: Torrent) -> None:
        self.torrent = torrent
        self.stats = [_stat(path) for path in torrent.paths]
        self.is_good = [stat and stat[0] for stat in self.stats] == list(torrent.layout.sizes)
        """Every file had the right size, and libtorrent took the torrent."""
        self._next = 0

    def looks_the_same(self, share: float) -> bool:
        """Whether the next files, this share of all, look as they did."""
        count = len(self.stats)
        numbers = [number % count for number in range(self._next, self._next + math.ceil(count * share))]
        self._next += len(numbers)
        return self.is_good and all(_stat(self.torrent.paths[number]) == self.stats[number] for number in numbers)


def _bounds(settings: Settings) -> tuple[str, str, bool]:
    """What each connection was judged by when it began."""
    return settings.sharing, settings.peers, settings.exempt_lan


def _stat(where: Where) -> Stat | None:
    try:
        found = beneath.status(where)
    except DiskError:
        return None  # it counts as gone, and the other offers are watched on
    return (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino) if found else None


def listen_problem(settings: Settings, port: int) -> str:
    """Why other players cannot reach us where the settings say; empty if they can. ``port``: the open one, or 0."""
    host = settings.listen_host
    if host and not _is_here(host):
        return f"This computer has no address {host} (listen_host): it offers nothing and finds no other player."
    if port and settings.listen_port not in {0, port}:
        return f"Port {settings.listen_port} (listen_port) is taken: port {port} is used instead."
    return ""


def _is_here(host: str) -> bool:
    """Whether this computer has an IP address."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((host, 0))
    except OSError:
        return False
    return True


def _free_port(host: str) -> int:
    """A port that nobody uses; 0 if there is none.

    libtorrent would draw one for each address, and tell all peers only the first of them: others told of us by peer
    exchange would dial, and punch holes, in vain.
    """
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as sock:
            sock.bind((host, 0))
            return int(sock.getsockname()[1])
    except OSError:
        return 0


def _interfaces(settings: Settings, drawn: int) -> str:
    host, port = settings.listen_host, settings.listen_port or drawn
    hosts = [f"[{host}]" if ":" in host else host] if host else [_ALL4, "[::]"]
    return ",".join(f"{name}:{port}" for name in hosts)
