"""The cache of patch packs keeps what is whole, within its bound."""

import os
from pathlib import Path

from patcher.content.merkle import Ref, ref_of
from patcher.seeding.pack_cache import Packs
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
    assert packs.torrents() == [] and packs.surplus() == []
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
    assert packs.surplus() == [first.root]
    with packs.open(first):
        assert packs.surplus() == [second.root]
    packs.keep(first, torrent_of(packs.path(first)))
    assert packs.surplus() == [second.root]
    packs.remove(second.root)
    assert packs.surplus() == []
    assert [t.paths[0] for t in packs.torrents()] == [packs.path(third), packs.path(first)]


def test_what_was_half_fetched_goes_first(tmp_path: Path) -> None:
    packs = Packs(tmp_path, 150_000)
    put(packs, tmp_path, 1)
    half = ref_of(noise(2, 100_000))
    with packs.open(half) as path:
        path.write_bytes(noise(2, 90_000))
    assert packs.surplus() == [half.root]
