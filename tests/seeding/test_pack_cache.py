"""The cache of patch packs keeps what is whole, within its bound."""

import os
from pathlib import Path

import pytest

from patcher import disk
from patcher.content.merkle import Ref, ref_of
from patcher.seeding import pack_cache
from patcher.seeding.pack_cache import Packs
from patcher.transfer.swarm.torrent import Torrent
from tests.support.peers import torrent_of
from tests.support.trees import noise


def put(packs: Packs, folder: Path, seed: int, size: int = 100_000) -> Ref:
    """Fetch a pack, as it were."""
    data = noise(seed, size)
    pack = ref_of(data)
    with packs.open(pack) as path:
        path.write_bytes(data)
        packs.keep(pack, torrent_of(path))
    mark = path.with_name(path.name + ".torrent")
    os.utime(mark, ns=(seed * 10**9, seed * 10**9))
    return pack


def test_only_whole_packs_are_offered(tmp_path: Path) -> None:
    packs = Packs(tmp_path, 1 << 30)
    assert packs.torrents() == [] and packs.to_remove() == []
    whole, half = put(packs, tmp_path, 1), ref_of(noise(2, 100_000))
    with packs.open(half) as path:
        path.write_bytes(noise(2, 100_000)[:50_000])
    assert (packs.has(whole), packs.has(half)) == (True, False)
    [torrent] = packs.torrents(("http://127.0.0.1/announce",))
    assert torrent.paths == (packs.path(whole),) and torrent.trackers == ("http://127.0.0.1/announce",)
    assert torrent.held() == {0, 1}
    packs.path(whole).write_bytes(b"cut short")
    assert packs.torrents() == [] and not packs.has(whole)


def test_the_cache_stays_within_its_bound(tmp_path: Path) -> None:
    packs = Packs(tmp_path, 250_000)
    first, second, third = (put(packs, tmp_path, number) for number in (1, 2, 3))
    assert packs.to_remove() == [first.root]
    with packs.open(first):
        assert packs.to_remove() == [second.root]
    packs.keep(first, torrent_of(packs.path(first)))
    assert packs.to_remove() == [second.root]
    packs.remove([second.root])
    assert packs.to_remove() == []
    assert [t.paths[0] for t in packs.torrents()] == [packs.path(third), packs.path(first)]


def test_only_new_marks_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packs = Packs(tmp_path, 1 << 30)
    first = put(packs, tmp_path, 1)
    assert len(packs.torrents()) == 1
    read: list[str] = []
    parse = Torrent.parse

    def count(data: bytes, paths: list[Path]) -> Torrent:
        read.append(paths[0].name)
        return parse(data, paths)

    monkeypatch.setattr(Torrent, "parse", count)
    second = put(packs, tmp_path, 2)
    assert [len(packs.torrents()) for _ in range(3)] == [2, 2, 2]
    assert read == [second.hex]
    packs.keep(first, torrent_of(packs.path(first)))
    assert len(packs.torrents()) == 2
    assert read == [second.hex, first.hex]


def test_a_pack_that_was_opened_meanwhile_is_not_removed(tmp_path: Path) -> None:
    packs = Packs(tmp_path, 150_000)
    first = put(packs, tmp_path, 1)
    put(packs, tmp_path, 2)
    gone = packs.to_remove()
    assert gone == [first.root]
    with packs.open(first):
        packs.remove(gone)
        assert packs.has(first)
    packs.remove(gone)
    assert not packs.has(first)


def test_what_was_half_fetched_goes_first(tmp_path: Path) -> None:
    packs = Packs(tmp_path, 150_000)
    put(packs, tmp_path, 1)
    half = ref_of(noise(2, 100_000))
    with packs.open(half) as path:
        path.write_bytes(noise(2, 90_000))
    assert packs.to_remove() == [half.root]


def test_packs_make_room_for_shoals_own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packs = Packs(tmp_path, 1 << 30)
    kept, old = put(packs, tmp_path, 2), put(packs, tmp_path, 1)
    half = ref_of(noise(3, 100_000))
    with packs.open(half) as path:
        path.write_bytes(noise(3, 50_000))
    room_bytes = pack_cache._ROOM_BYTES
    monkeypatch.setattr(disk, "free_bytes", lambda _: room_bytes)
    packs.leave_room()
    assert packs.path(half).exists()
    monkeypatch.setattr(disk, "free_bytes", lambda _: room_bytes - 60_000)
    packs.leave_room()
    assert (packs.path(half).exists(), packs.has(old), packs.has(kept)) == (False, False, True)


def test_what_is_here_of_a_pack_needs_no_space(tmp_path: Path) -> None:
    packs = Packs(tmp_path, 1 << 30)
    whole, half, other = put(packs, tmp_path, 1), ref_of(noise(2, 100_000)), ref_of(noise(3, 70_000))
    with packs.open(half) as path:
        path.write_bytes(noise(2, 40_960))
    assert packs.needed_bytes({whole: 100_000, half: 100_000, other: 70_000}) == 59_040 + 70_000
    assert packs.to_remove(1, keep=[half, whole]) == []
