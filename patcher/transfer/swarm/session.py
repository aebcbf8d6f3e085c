"""The libtorrent session of one engine: what is in it, its settings and port, and the thread that reads its alerts.

The player's consent is enforced here. Sharing off means that not one payload byte is uploaded: no unchoke slots, no
allowed-fast set, the same for local peers, and nothing installed is offered. A change of settings cuts all connections
before it applies, because libtorrent goes on to serve earlier requests (3 MB in 2.5 s, measured) and never unchokes
local peers again that it choked once.

Ports, discovery and the filter of addresses follow from what is in the session (`policy.open_ports`) and are set again
each time that changes. An empty session has no socket. Opening or closing one takes under a millisecond.
"""

import logging
import math
import socket
import threading
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import libtorrent as lt

from patcher import beneath
from patcher.beneath import Where
from patcher.config import Settings
from patcher.errors import DiskError
from patcher.transfer.swarm import policy
from patcher.transfer.swarm.policy import Allowances, OpenPorts, PeerScope, Surroundings
from patcher.transfer.swarm.swarm import Counters, Swarm, fetching, offering
from patcher.transfer.swarm.torrent import Torrent

MAX_QUEUED_BYTES = 4 << 20
"""What libtorrent holds in memory before it is on disk. With a short queue of requests (2 MiB a peer) a kill at
230 MB/s costs up to 7 MB, kernel buffers included; with 8 MiB and libtorrent's own 500 requests up to 17 MB."""

_UNCHOKE_SLOTS = 50
_LOOKS = 5_000
"""Files that one call of `changed` looks at, in about 15 ms."""
_ALL4 = "0.0.0.0"  # noqa: S104 (all addresses is the player's command, by an empty `listen_host`)
_EVERYWHERE = ((_ALL4, "255.255.255.255"), ("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"))
_FILTERED = lt.torrent_flags.apply_ip_filter
_CLASS = lt.alert.category_t
_ALERTS = (
    _CLASS.error_notification
    | _CLASS.status_notification
    | _CLASS.storage_notification
    | _CLASS.piece_progress_notification
    | _CLASS.connect_notification
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
    "max_queued_disk_bytes": MAX_QUEUED_BYTES,
    "allowed_fast_set_size": 0,
    "no_connect_privileged_ports": True,
    "connection_speed": 10,  # a tracker or peer that lies can name anybody: so many a second knock there, at most
    "allow_multiple_connections_per_ip": True,
    "unchoke_interval": 1,
    "max_out_request_queue": 128,
    "min_reconnect_time": 3,
    "stop_tracker_timeout": 1,
    "user_agent": "Shoal",
}

Stat = tuple[int, int, int, int]

_log = logging.getLogger("shoal.swarm")


class Session:
    """Owns the port and all torrents. Every method may be called from any thread; `close` ends it.

    A torrent is in libtorrent's session while somebody is `fetching` it, or while it stands among the offers (`offer`)
    and the allowances permit that; `_settle` alone decides. While `policy.open_ports` says so it listens at the port of
    the settings (0: any; taken: one of the next ten) on their address ("": all interfaces).
    """

    def __init__(self, settings: Settings, surroundings: Surroundings | None = None) -> None:
        self._settings = settings
        self._allowances = policy.allowances(settings, surroundings)
        self._lock = threading.RLock()
        self._swarms: dict[bytes, Swarm] = {}
        """What is in libtorrent's session."""
        self._fetched: set[bytes] = set()
        """What somebody is fetching."""
        self._offers: dict[bytes, _Offered] = {}
        """What stands among the offers, whether it is in the session, waits, or is being fetched."""
        self._past: dict[bytes, Counters] = {}
        self._ear, self._mouth = socket.socketpair()
        self._mouth.setblocking(False)
        self._is_closing = False
        self._ports: tuple[OpenPorts, str] | None = None
        """What is open, and where."""
        self._session = lt.session(_FIXED | _adjusted(self._allowances))
        self._apply_classes()
        self._apply_ports()
        self._session.set_alert_fd(self._mouth.fileno())
        self._thread = threading.Thread(target=self._listen, name="swarm alerts", daemon=True)
        self._thread.start()

    @property
    def listen_port(self) -> int:
        """The port other players reach us at; 0 when none is open."""
        return int(self._session.listen_port())

    @property
    def allowances(self) -> Allowances:
        """What the session may do at the moment."""
        return self._allowances

    # ------------------------------------------------------------ torrents

    @contextmanager
    def fetching(self, torrent: Torrent, have: Collection[int], wanted: Collection[int]) -> Iterator[Swarm]:
        """Fetch ``wanted`` pieces into the files while this lasts; those that we ``have`` are offered meanwhile.

        All files are closed at the end. An offer of the same torrent waits until then. Raises DiskError, ContentError.
        """
        info_hash, swarm = torrent.info_hash, Swarm(torrent, have, wanted)
        try:
            with self._lock:
                self._leave(info_hash)
                self._fetched.add(info_hash)
                self._enter(swarm)
            yield swarm
        finally:
            with self._lock:
                self._leave(info_hash)
                self._fetched.discard(info_hash)
                self._settle()

    def offer(self, torrents: Iterable[Torrent]) -> None:
        """Offer just these from now on, in place and as far as the allowances go. Never writes their files.

        When this returns, the files of all others are closed. A torrent that stood among the offers at the same paths
        stays as it is. Every piece is hashed again before it is first uploaded.
        """
        with self._lock:
            before = dict(self._offers)
        offers = dict[bytes, _Offered]()
        for info_hash, torrent in {torrent.info_hash: torrent for torrent in torrents}.items():
            known = before.get(info_hash)
            offers[info_hash] = known if known and known.torrent.paths == torrent.paths else _Offered(torrent)
        with self._lock:
            self._offers = offers
            self._settle()

    def offered(self) -> frozenset[bytes]:
        """The info hashes of all offers, those that wait for the allowances to permit them included."""
        with self._lock:
            return frozenset(self._offers)

    def changed(self) -> list[bytes]:
        """Drop the offers whose files are not as they were (size, mtime, ctime, inode), or were wrong from the start.

        To be called every few seconds, by one thread: each call looks at some thousand files and the next goes on from
        there. Returns the info hashes of those dropped: mark them for verify.
        """
        with self._lock:
            settled = self._offers.keys() - self._fetched
            offers = [(self._offers[info_hash], self._swarms.get(info_hash)) for info_hash in settled]
        share = min(1.0, _LOOKS / max(1, sum(len(offered.stats) for offered, _ in offers)))
        found = [each for each, swarm in offers if (swarm and swarm.failures) or not each.looks_the_same(share)]
        with self._lock:  # while we looked, they may have been withdrawn, and offered again as they are now
            changed = [info_hash for info_hash, offered in self._offers.items() if offered in found]
            for info_hash in changed:
                del self._offers[info_hash]
            self._settle()
        return changed

    def counters(self) -> dict[bytes, Counters]:
        """Payload bytes by info hash since the session began, of past torrents too."""
        with self._lock:
            now = dict(self._past)
            for info_hash, swarm in self._swarms.items():
                now[info_hash] = _added(now.get(info_hash, Counters()), swarm.counters())
            return now

    # ------------------------------------------------------------ what is in

    def _settle(self) -> None:
        """Bring the session in line with the offers and allowances."""
        if self._is_closing:
            return
        self._withdraw()
        for info_hash, offered in self._permitted().items():
            if offered.is_good and info_hash not in self._swarms and info_hash not in self._fetched:
                try:
                    self._enter(Swarm(offered.torrent))
                except Exception:  # noqa: BLE001 - one torrent that cannot be offered keeps no other out
                    _log.exception("a torrent of %s cannot be offered", offered.torrent.paths[0])
                    offered.is_good = False
        self._apply_ports()

    def _withdraw(self) -> None:
        """Take out what is offered no more, or at another place, and what may not be offered now."""
        permitted = self._permitted()
        for info_hash in self._swarms.keys() - self._fetched:
            offered = permitted.get(info_hash)
            if offered is None or offered.torrent.paths != self._swarms[info_hash].torrent.paths:
                self._leave(info_hash)

    def _permitted(self) -> dict[bytes, "_Offered"]:
        return {} if self._allowances.upload == "off" else self._offers

    def _enter(self, swarm: Swarm) -> None:
        info_hash = swarm.torrent.info_hash
        self._swarms[info_hash] = swarm  # before the first alert
        try:
            params = fetching(swarm) if info_hash in self._fetched else offering(swarm.torrent)
            if info_hash in self._fetched and self._allowances.peers == "all":
                params.flags &= ~_FILTERED
            self._apply_ports()
            swarm.start(self._session.add_torrent(params))
        except BaseException:
            del self._swarms[info_hash]
            swarm.folders.close()
            self._apply_ports()
            raise

    def _leave(self, info_hash: bytes) -> None:
        """Take a torrent out; returns when its files are closed. One that is not in is fine."""
        swarm = self._swarms.get(info_hash)
        if swarm is None:
            return
        swarm.stop()
        self._session.remove_torrent(swarm.handle)
        swarm.wait_removed()
        del self._swarms[info_hash]
        self._past[info_hash] = _added(self._past.get(info_hash, Counters()), swarm.counters())

    # ------------------------------------------------------------ settings

    def apply(self, settings: Settings, surroundings: Surroundings | None = None) -> None:
        """Obey other settings from now on. When this returns, nothing leaves that they forbid."""
        new = policy.allowances(settings, surroundings)
        with self._lock:
            old, self._allowances, self._settings = self._allowances, new, settings
            self._withdraw()
            is_other = (new.upload, new.peers) != (old.upload, old.peers)
            dialled = self._cut() if is_other else {}
            self._session.apply_settings(_adjusted(new))
            self._apply_classes()
            self._apply_ports()
            self._filter_fetched()
            if is_other:
                self._session.resume()
            for info_hash, addresses in dialled.items():
                for address, port in addresses:
                    self._swarms[info_hash].connect_peer(address, port)
            self._settle()

    def _cut(self) -> dict[bytes, list[tuple[str, int]]]:
        """End all connections at once; returns those to open again."""
        dialled = {info_hash: swarm.dialled() for info_hash, swarm in self._swarms.items()}
        for swarm in self._swarms.values():
            swarm.begin_pause()
        self._session.pause()
        for swarm in self._swarms.values():
            swarm.wait_paused()
        return dialled

    def _apply_classes(self) -> None:
        """Who counts as local, and whether local peers need an unchoke slot."""
        local, everybody = lt.session.local_peer_class_id, lt.session.global_peer_class_id
        facts = self._session.get_peer_class(local)
        facts["ignore_unchoke_slots"] = self._allowances.upload != "off"
        self._session.set_peer_class(local, facts)
        self._session.set_peer_class_filter(_ranges(1 << everybody, 1 << everybody | 1 << local))

    def _apply_ports(self) -> None:
        """Open and close what `policy.open_ports` says, for the torrents that are here now."""
        fetches = len(self._swarms.keys() & self._fetched)
        new = policy.open_ports(self._allowances, fetches=fetches > 0, offers=len(self._swarms) > fetches)
        place = _interfaces(self._settings) if new.listens else ""
        if self._ports != (new, place):
            self._ports = new, place
            scope: PeerScope = new.fetched if new.offered == "none" else new.offered
            self._session.set_ip_filter(_ranges(int(scope != "all"), int(scope == "none")))
            self._session.apply_settings({"listen_interfaces": place, "enable_lsd": new.discovers})
            self._session.listen_port()  # answered only when all this is done

    def _filter_fetched(self) -> None:
        """A torrent that is fetched may speak with more players than what is offered beside it."""
        for info_hash in self._swarms.keys() & self._fetched:
            handle = self._swarms[info_hash].handle
            (handle.unset_flags if self._allowances.peers == "all" else handle.set_flags)(_FILTERED)

    # ------------------------------------------------------------ alerts and the end

    def close(self) -> None:
        """Let go of all torrents and the port; ends the thread. A second call does nothing."""
        with self._lock:
            if self._is_closing:
                return
            self._offers.clear()
            for info_hash in list(self._swarms):
                self._leave(info_hash)
            self._is_closing = True
        self._session.set_alert_fd(-1)
        self._mouth.setblocking(True)
        self._mouth.send(b"\0")
        self._thread.join()
        del self._session
        self._ear.close()
        self._mouth.close()

    def _listen(self) -> None:
        while self._ear.recv(4096) and not self._is_closing:
            for alert in self._session.pop_alerts():
                self._route(alert)

    def _route(self, alert: lt.alert) -> None:
        if isinstance(alert, lt.alerts_dropped_alert):
            for lagging in list(self._swarms.values()):
                lagging.refresh()
        if not isinstance(alert, lt.torrent_alert):
            return
        hashes = alert.info_hashes if isinstance(alert, lt.torrent_removed_alert) else alert.handle.info_hashes()
        swarm = self._swarms.get(hashes.v2.to_bytes())
        if swarm is not None:
            swarm.note(alert)


class _Offered:
    """A torrent among the offers, and how its files looked when it came there."""

    def __init__(self, torrent: Torrent) -> None:
        self.torrent = torrent
        self.stats = tuple(map(_stat, torrent.paths))
        sizes = (stat and stat[0] for stat in self.stats)
        self.is_good = all(size == known for size, known in zip(sizes, torrent.layout.sizes, strict=True))
        """Every file was there in its right size, and libtorrent did not refuse the torrent."""
        self._next = 0

    def looks_the_same(self, share: float) -> bool:
        """Whether the next files, this share of all, look as they did."""
        count = len(self.stats)
        numbers = [number % count for number in range(self._next, self._next + math.ceil(count * share))]
        self._next += len(numbers)
        return self.is_good and all(_stat(self.torrent.paths[number]) == self.stats[number] for number in numbers)


def _stat(where: Where) -> Stat | None:
    """None also for a file that cannot be looked at."""
    try:
        found = beneath.status(where)
    except DiskError:
        return None
    return (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino) if found else None


def _added(one: Counters, other: Counters) -> Counters:
    return Counters(one.received_bytes + other.received_bytes, one.sent_bytes + other.sent_bytes)


def _ranges(everywhere: int, local: int) -> lt.ip_filter:
    """One value for all addresses but those of the local network."""
    found = lt.ip_filter()
    for first, last in _EVERYWHERE:
        found.add_rule(first, last, everywhere)
    for network in policy.LOCAL_NETWORKS:
        found.add_rule(str(network.network_address), str(network.broadcast_address), local)
    return found


def _interfaces(settings: Settings) -> str:
    host = settings.listen_host
    hosts = [f"[{host}]" if ":" in host else host] if host else [_ALL4, "[::]"]
    return ",".join(f"{name}:{settings.listen_port}" for name in hosts)


def _adjusted(allowed: Allowances) -> Any:
    """The settings that follow from the allowances.

    libtorrent's limiter is bursty: with a limit it ticks faster and holds less ready to send (8 ms of the rate).
    """
    limit = allowed.upload_limit_bps
    watermark = min(max(limit // 125, 4 << 10), 512 << 10) if limit else 3 << 20
    return {
        "unchoke_slots_limit": _UNCHOKE_SLOTS if allowed.upload == "everyone" else 0,
        "upload_rate_limit": limit,
        "download_rate_limit": allowed.download_limit_bps,
        "tick_interval": 10 if limit or allowed.download_limit_bps else 500,
        "send_buffer_watermark": watermark,
        "send_buffer_low_watermark": min(1 << 20, watermark),
    }
