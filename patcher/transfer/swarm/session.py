"""The libtorrent session of one engine: settings, port, and the one thread that turns alerts into facts.

Consent lives here. Sharing off means that not one payload byte leaves: no unchoke slots, no allowed-fast set, local
peers under the same rule, and nothing installed is offered at all. A change of settings cuts all connections before it
applies: libtorrent goes on to serve what was asked for before (3 MB in 2.5 s, measured), and does not look at local
peers again that it choked once.

Ports, discovery and the filter of addresses follow from what is in the session (`policy.doors`) and are set anew each
time that changes. An empty session has no socket; to open or close them takes under a millisecond.
"""

import math
import socket
import threading
from collections.abc import Collection
from typing import Any

import libtorrent as lt

from patcher import beneath
from patcher.beneath import Where
from patcher.config import Settings
from patcher.content.layout import Layout, Torrent
from patcher.errors import DiskError
from patcher.transfer.swarm import policy
from patcher.transfer.swarm.policy import Allowances, Doors, PeerScope, Surroundings
from patcher.transfer.swarm.torrent import Counters, Swarm, fetching, seeding

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


class Session:
    """Owns the port and all torrents. Every method may be called from any thread; `close` ends it.

    `add` and `retain` are for `fetch`; the engine uses `keep`, `release`, `changed`, `counters`, `apply`. While
    `policy.doors` says so it listens at the port of the settings (0: any; taken: one of the next ten) on their address
    ("": all interfaces).
    """

    def __init__(self, settings: Settings, surroundings: Surroundings | None = None) -> None:
        self._settings = settings
        self._allowances = policy.allowances(settings, surroundings)
        self._lock = threading.RLock()
        self._swarms: dict[bytes, Swarm] = {}
        self._kept: dict[bytes, _Kept] = {}
        self._past: dict[bytes, Counters] = {}
        self._ear, self._mouth = socket.socketpair()
        self._mouth.setblocking(False)
        self._is_closing = False
        self._doors: tuple[Doors, str] | None = None
        """What is open, and where."""
        self._session = lt.session(_FIXED | _adjusted(self._allowances))
        self._apply_classes()
        self._apply_doors()
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

    def add(self, torrent: Torrent, have: Collection[int], wanted: Collection[int]) -> Swarm:
        """Begin to fetch. A kept torrent with the same info hash is released first. `release` ends it."""
        layout = Layout.parse(torrent.data)
        self.release(layout.info_hash)
        with self._lock:
            member = Swarm(torrent, layout, wanted)
            return self._enter(member, fetching(member, have, wanted))

    def keep(self, torrent: Torrent, have: Collection[int] | None = None) -> bytes:
        """Offer verified files in place from now on, as far as the allowances go, until `release`; never writes them.

        ``have`` names the pieces that are there; None: all, and each is hashed again before it is first given away.
        Returns the info hash. Raises DiskError (disk.modified) when a file is missing or of the wrong size.
        """
        layout = Layout.parse(torrent.data)
        stats = tuple(_stat(path) for path in torrent.paths)
        for path, size, stat in zip(torrent.paths, layout.sizes, stats, strict=True):
            if have is None and (stat is None or stat[0] != size):
                raise DiskError("disk.modified", f"{path} is not as it was released.", path=str(path))
        self.release(layout.info_hash)
        with self._lock:
            self._kept[layout.info_hash] = _Kept(torrent, layout, have, stats)
            self._offer(layout.info_hash)
        return layout.info_hash

    def retain(self, fetched: Swarm, have: Collection[int]) -> None:
        """Let a fetched torrent stay as a kept one, with its connections. ``have``: the pieces that are on disk."""
        torrent, layout = fetched.torrent, fetched.layout
        stats = tuple(_stat(path) for path in torrent.paths)
        fetched.forgive()
        with self._lock:
            self._kept[layout.info_hash] = _Kept(torrent, layout, frozenset(have), stats)
            fetched.handle.set_flags(_FILTERED)
            if self._allowances.upload == "off":
                self._leave(layout.info_hash)
            self._apply_doors()

    def release(self, info_hash: bytes) -> None:
        """Let go of a torrent, fetched or kept; returns when its files are closed. An unknown one is fine."""
        with self._lock:
            self._kept.pop(info_hash, None)
            self._leave(info_hash)
            self._apply_doors()

    def kept(self) -> frozenset[bytes]:
        """The info hashes of what is offered in place, or would be if the settings allowed it."""
        with self._lock:
            return frozenset(self._kept)

    def changed(self) -> list[bytes]:
        """Look at kept files (size, mtime, ctime, inode) and release the torrents that are not as they were kept.

        To be called every few seconds, by one thread: each call looks at some thousand files and the next goes on from
        there. Returns the info hashes of those released: mark them for verify.
        """
        with self._lock:
            members = [(info_hash, kept, self._swarms.get(info_hash)) for info_hash, kept in self._kept.items()]
        share = min(1.0, _LOOKS / max(1, sum(len(kept.stats) for _, kept, _ in members)))
        found = [each for each in members if (each[2] and each[2].failures) or not each[1].looks_the_same(share)]
        with self._lock:  # while we looked, they may have been released, and kept again as they are now
            changed = [info_hash for info_hash, kept, _ in found if self._kept.get(info_hash) is kept]
            for info_hash in changed:
                self.release(info_hash)
        return changed

    def counters(self) -> dict[bytes, Counters]:
        """Payload bytes by info hash since the session began, of past torrents too."""
        with self._lock:
            now = dict(self._past)
            for info_hash, member in self._swarms.items():
                now[info_hash] = _added(now.get(info_hash, Counters()), member.counters())
            return now

    def _offer(self, info_hash: bytes) -> None:
        kept = self._kept[info_hash]
        if self._allowances.upload != "off" and info_hash not in self._swarms:
            params = seeding(kept.torrent, kept.layout, kept.have)
            self._enter(Swarm(kept.torrent, kept.layout), params)

    def _enter(self, member: Swarm, params: lt.add_torrent_params) -> Swarm:
        info_hash = member.layout.info_hash
        self._swarms[info_hash] = member  # before the first alert
        if info_hash not in self._kept and self._allowances.peers == "all":
            params.flags &= ~_FILTERED
        try:
            self._apply_doors()
            member.start(self._session.add_torrent(params))
        except BaseException:
            del self._swarms[info_hash]
            member.folders.close()
            self._apply_doors()
            raise
        return member

    def _leave(self, info_hash: bytes) -> None:
        member = self._swarms.get(info_hash)
        if member is None:
            return
        member.stop()
        self._session.remove_torrent(member.handle)
        member.wait_removed()
        del self._swarms[info_hash]
        self._past[info_hash] = _added(self._past.get(info_hash, Counters()), member.counters())

    # ------------------------------------------------------------ commands

    def apply(self, settings: Settings, surroundings: Surroundings | None = None) -> None:
        """Obey other settings from now on. When this returns, nothing leaves that they forbid."""
        new = policy.allowances(settings, surroundings)
        with self._lock:
            old, self._allowances, self._settings = self._allowances, new, settings
            self._drop_kept()
            is_other = (new.upload, new.peers) != (old.upload, old.peers)
            dialled = self._cut() if is_other else {}
            self._session.apply_settings(_adjusted(new))
            self._apply_classes()
            self._apply_doors()
            self._filter_fetched()
            if is_other:
                self._session.resume()
            for info_hash, addresses in dialled.items():
                for address, port in addresses:
                    self._swarms[info_hash].connect_peer(address, port)
            for info_hash in self._kept:
                self._offer(info_hash)

    def _drop_kept(self) -> None:
        """Take what is only offered out, when nothing may be offered."""
        if self._allowances.upload == "off":
            for info_hash in self._kept:
                self._leave(info_hash)

    def _cut(self) -> dict[bytes, list[tuple[str, int]]]:
        """End all connections at once; returns those to open again."""
        dialled = {info_hash: member.dialled() for info_hash, member in self._swarms.items()}
        for member in self._swarms.values():
            member.will_pause()
        self._session.pause()
        for member in self._swarms.values():
            member.wait_paused()
        return dialled

    def _apply_classes(self) -> None:
        """Who counts as local, and whether local peers need an unchoke slot."""
        local, everybody = lt.session.local_peer_class_id, lt.session.global_peer_class_id
        facts = self._session.get_peer_class(local)
        facts["ignore_unchoke_slots"] = self._allowances.upload != "off"
        self._session.set_peer_class(local, facts)
        self._session.set_peer_class_filter(_ranges(1 << everybody, 1 << everybody | 1 << local))

    def _apply_doors(self) -> None:
        """Open and close what `policy.doors` says, for the torrents that are here now."""
        offers = len(self._swarms.keys() & self._kept.keys())
        new = policy.doors(self._allowances, fetches=len(self._swarms) > offers, offers=offers > 0)
        place = _interfaces(self._settings) if new.listens else ""
        if self._doors != (new, place):
            self._doors = new, place
            scope: PeerScope = new.fetched if new.offered == "none" else new.offered
            self._session.set_ip_filter(_ranges(int(scope != "all"), int(scope == "none")))
            self._session.apply_settings({"listen_interfaces": place, "enable_lsd": new.discovers})
            self._session.listen_port()  # answered only when all this is done

    def _filter_fetched(self) -> None:
        """A torrent that is fetched may speak with more players than what is offered beside it."""
        for info_hash in self._swarms.keys() - self._kept.keys():
            handle = self._swarms[info_hash].handle
            (handle.unset_flags if self._allowances.peers == "all" else handle.set_flags)(_FILTERED)

    # ------------------------------------------------------------ alerts and the end

    def close(self) -> None:
        """Let go of all torrents and the port; ends the thread. A second call does nothing."""
        with self._lock:
            if self._is_closing:
                return
            self._kept.clear()
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
                lagging.catch_up()
        if not isinstance(alert, lt.torrent_alert):
            return
        hashes = alert.info_hashes if isinstance(alert, lt.torrent_removed_alert) else alert.handle.info_hashes()
        member = self._swarms.get(hashes.v2.to_bytes())
        if member is not None:
            member.hear(alert)


class _Kept:
    """What is offered in place, and how its files looked when that began."""

    def __init__(
        self, torrent: Torrent, layout: Layout, have: Collection[int] | None, stats: tuple[Stat | None, ...]
    ) -> None:
        self.torrent = torrent
        self.layout = layout
        self.have = have
        self.stats = stats
        self._next = 0

    def looks_the_same(self, share: float) -> bool:
        """Whether the next files, this share of all, look as they did."""
        count = len(self.stats)
        numbers = [number % count for number in range(self._next, self._next + math.ceil(count * share))]
        self._next += len(numbers)
        return all(_stat(self.torrent.paths[number]) == self.stats[number] for number in numbers)


def _stat(where: Where) -> Stat | None:
    found = beneath.status(where)
    return (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino) if found else None


def _added(one: Counters, other: Counters) -> Counters:
    return Counters(one.received_bytes + other.received_bytes, one.sent_bytes + other.sent_bytes)


def _ranges(everywhere: int, local: int) -> lt.ip_filter:
    """One value for all addresses but those of the local network."""
    found = lt.ip_filter()
    for ranges, value in ((_EVERYWHERE, everywhere), (policy.LOCAL_RANGES, local)):
        for first, last in ranges:
            found.add_rule(first, last, value)
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
