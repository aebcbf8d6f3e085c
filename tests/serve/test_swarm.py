"""Real clients find each other through the tracker, and only through it."""

import time
from collections.abc import Callable
from pathlib import Path

import libtorrent as lt
import pytest

from patcher.serve.tracker import Tracker

PIECE_BYTES = 16384
CONTENT = bytes(range(251)) * 2000
_PATIENCE_S = 60.0


def session() -> lt.session:
    # ssrf_mitigation: libtorrent asks a tracker on this machine for nothing but /announce, so it would not scrape.
    # stop_tracker_timeout: a session's end holds the interpreter, so the tracker here cannot answer its farewell.
    return lt.session({
        "listen_interfaces": "127.0.0.1:0", "enable_dht": False, "enable_lsd": False, "enable_upnp": False,
        "enable_natpmp": False, "enable_incoming_utp": False, "enable_outgoing_utp": False,
        "allow_multiple_connections_per_ip": True, "ssrf_mitigation": False, "stop_tracker_timeout": 0,
    })  # fmt: skip


def torrent(folder: Path) -> lt.torrent_info:
    """A version 2 torrent of one file."""
    (folder / "file").write_bytes(CONTENT)
    storage = lt.create_torrent([lt.create_file_entry("file", len(CONTENT))], PIECE_BYTES, lt.create_torrent.v2_only)
    lt.set_piece_hashes(storage, str(folder))
    return lt.torrent_info(lt.bencode(storage.generate()))


def add(to: lt.session, info: lt.torrent_info, folder: Path, tracker_url: str) -> lt.torrent_handle:
    command = lt.add_torrent_params()
    command.ti, command.save_path, command.trackers = info, str(folder), [tracker_url]
    return to.add_torrent(command)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("protocol", ["http", "udp"])
def test_two_clients_find_each_other_and_exchange_a_file(tmp_path: Path, protocol: str) -> None:
    (tmp_path / "has").mkdir()
    (tmp_path / "wants").mkdir()
    seed, leecher = session(), session()
    with Tracker() as tracker:
        url = tracker.http_url if protocol == "http" else tracker.udp_url
        info = torrent(tmp_path / "has")
        has = add(seed, info, tmp_path / "has", url)
        until(lambda: has.status().is_seeding and has.status().next_announce.total_seconds() > 60)
        wants = add(leecher, info, tmp_path / "wants", url)
        until(lambda: bool(wants.status().is_seeding))
        until(lambda: wants.status().num_complete == 2)  # the answer to its "completed"
        has.scrape_tracker()
        until(lambda: has.status().num_complete == 2)
        for of, handle in ((seed, has), (leecher, wants)):
            of.remove_torrent(handle)
        del seed, leecher
    assert (tmp_path / "wants/file").read_bytes() == CONTENT
