"""Old files put back and damaged ones mended: only right bytes, only those that are missing. And what a window needs of
a pack before it begins: its own bytes, and the maps by which it reads.
"""

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from patcher import disk
from patcher.content import manifest, merkle, records
from patcher.content.file_tree import Entry
from patcher.content.manifest import Manifest, encode
from patcher.content.merkle import BLOCK_BYTES, leaves_of, ref_of
from patcher.errors import ContentError, DiskError
from patcher.install.folder import InstallFolder
from patcher.publish import build
from patcher.seeding.pack_cache import Packs
from patcher.transfer.fetch import Want
from patcher.transfer.origin.readers import PackSource
from patcher.transfer.swarm.torrent import Torrent
from patcher.update.download import Downloader, _Windows
from patcher.update.planning.costs import Rebuild
from patcher.update.planning.plan import Mend, PatchStep, Plan
from patcher.update.progress import Meter
from patcher.update.staging import Stage
from patcher.update.target import Access, Offer
from tests.support.libraries import library
from tests.support.peers import Shelf
from tests.support.publisher import drafted
from tests.support.trees import edited, noise

RIGHT = noise(1, 100_000)
BLOCKS = Rebuild(ref_of(RIGHT), merkle.leaves_of(RIGHT), (), (range(1, 3), range(6, 7)))
WHOLE = Rebuild.of_nothing(ref_of(RIGHT))


def downloader_for(folder: Path, shelf: Shelf) -> tuple[Downloader, Meter]:
    """One without peers, and its meter."""
    meter = Meter(1, "game", lambda: False, lambda _: None)
    feed = SimpleNamespace(origin=shelf, record=SimpleNamespace(trackers=()))
    access = Access(feed)  # type: ignore[arg-type]  # a shelf reads as an origin does
    return Downloader(access, Packs(folder / "packs", 0), meter), meter


def mended(folder: Path, shelf: Shelf, rebuild: Rebuild) -> Meter:
    """What a job does with a file ``game`` of zeros."""
    (folder / "game").write_bytes(bytes(len(RIGHT)))
    downloader, meter = downloader_for(folder, shelf)
    plan = Plan((), (), (), (), mends=(Mend("game", rebuild),))
    downloader.take_steps(plan, Stage(InstallFolder.at(folder), {}, meter.watch), {})
    return meter


def test_missing_blocks_come_and_nothing_else(tmp_path: Path) -> None:
    shelf = Shelf(RIGHT)
    meter = mended(tmp_path, shelf, BLOCKS)
    made = (tmp_path / "game").read_bytes()
    assert made[BLOCK_BYTES : 3 * BLOCK_BYTES] == RIGHT[BLOCK_BYTES : 3 * BLOCK_BYTES]
    assert made[6 * BLOCK_BYTES :] == RIGHT[6 * BLOCK_BYTES :]
    assert not any(made[3 * BLOCK_BYTES : 6 * BLOCK_BYTES])
    assert meter.transferred.sources.origin_bytes == shelf.sent_bytes == BLOCKS.fetch_bytes
    assert (len(shelf.requests), shelf.progress) == (2, 1)


def test_verified_pieces_are_progress_whoever_brings_them(tmp_path: Path) -> None:
    shelf = Shelf(RIGHT)
    downloader, _ = downloader_for(tmp_path, shelf)
    whole = Manifest("game.main", BLOCK_BYTES, (Entry("game", len(RIGHT), ref_of(RIGHT).root),))
    layers = build.layers_document(whole, {ref_of(RIGHT).root: merkle.leaves_of(RIGHT)})
    torrent = Torrent.of_tree(whole, manifest.split_layers(whole, layers), [tmp_path / "game"])
    source = PackSource(shelf.read, torrent.layout)
    downloader._fetch(Want(torrent, frozenset(range(7))), source)
    assert (tmp_path / "game").read_bytes() == RIGHT
    assert shelf.progress > 0


def test_without_leaves_the_whole_file_comes_and_is_checked_as_one(tmp_path: Path) -> None:
    mended(tmp_path, Shelf(RIGHT), WHOLE)
    assert (tmp_path / "game").read_bytes() == RIGHT


@pytest.mark.parametrize("rebuild", [BLOCKS, WHOLE])
def test_a_lying_server_is_found_out(tmp_path: Path, rebuild: Rebuild) -> None:
    shelf = Shelf(RIGHT)
    shelf.lies = True
    with pytest.raises(ContentError) as raised:
        mended(tmp_path, shelf, rebuild)
    assert raised.value.facts["root"] == rebuild.content.hex


@pytest.mark.posix("symlinks")
@pytest.mark.parametrize("plant", [Path.symlink_to, Path.hardlink_to])
def test_nothing_is_fetched_into_what_is_not_a_file_of_our_own(
    tmp_path: Path, plant: Callable[[Path, Path], None]
) -> None:
    (tmp_path / "somebodys").write_bytes(b"mine")
    stage = Stage(InstallFolder.at(tmp_path / "game"), {}, lambda *_: None)
    whole = Manifest("game.main", BLOCK_BYTES, (Entry("game", len(RIGHT), ref_of(RIGHT).root),))
    assert stage.torrent_paths(whole, frozenset({0}), {}) == (stage.path(ref_of(RIGHT).root),)
    staged = stage.path(ref_of(RIGHT).root).path
    staged.unlink()
    plant(staged, tmp_path / "somebodys")
    with pytest.raises(DiskError) as caught:
        stage.torrent_paths(whole, frozenset({0}), {})
    assert caught.value.code == "disk.in_the_way"
    assert (tmp_path / "somebodys").read_bytes() == b"mine"


def patching(folder: Path, old: dict[str, bytes], new: dict[str, bytes]) -> tuple[PatchStep, Stage, bytes]:
    """The step from one tree to another, the stage that takes it, and the pack."""
    draft = drafted(folder, old, new)
    joined = draft.joined()
    pack = b"".join(joined.chunks())
    index, document = joined.index(leaves_of(pack)), encode(draft.new)
    part = records.Part("main", (), False, ref_of(document), draft.new.info_hash, None, None)
    entries = (*draft.new.entries, *(draft.old.entries if draft.old else ()))
    places = {entry.root: Path(draft.places[entry.root]) for entry in entries}
    step = PatchStep(Offer(part, document, draft.new, draft.old, index), tuple(range(len(index.windows))))
    return step, Stage(InstallFolder.at(folder / "game"), places, lambda path, count: None), pack


def test_a_window_begins_when_its_bytes_and_those_of_its_map_are_here(tmp_path: Path) -> None:
    old = {"a.so": library(85), "b.bin": noise(1, 1_300_000)}
    new = {"a.so": library(85, 2), "b.bin": noise(1, 1_300_000) + b"more"}
    step, stage, pack = patching(tmp_path, old, new)
    (tmp_path / "pack").write_bytes(pack)
    m, index = step.offer.manifest, step.offer.patch
    assert index
    index = replace(index, piece_bytes=16)
    step = replace(step, offer=replace(step.offer, patch=index))
    (by,) = index.filters
    roots = {entry.root for entry in m.entries}
    needs_map = {n for n, window in enumerate(index.windows) if index.filters_of(window)}
    assert {window.is_copy for window in index.windows} == {True, False}
    windows = _Windows(stage, step, roots)
    with windows.decoders:
        windows.read_from(tmp_path / "pack", ())
        assert windows.pieces == frozenset(range(-(-len(pack) // 16)))
        assert all(index.windows[n].length for n in windows._todo), "a copy of a file as it is needs nothing"
        maps = frozenset(range(-(-by.length // 16)))
        windows.take(sorted(windows.pieces - maps))
        assert set(windows._todo) == needs_map
        windows.take(sorted(maps))
        assert not windows._todo
        downloader_for(tmp_path, Shelf())[0]._decode_rest(windows)
    for entry in m.entries:
        assert stage.path(entry.root).path.read_bytes() == new[entry.path]


def test_a_window_that_fails_after_the_last_piece_arrived_fails_the_step(tmp_path: Path) -> None:
    step, stage, _ = patching(tmp_path, {"a": noise(1, 300_000)}, {"a": edited(noise(1, 300_000), 2)})
    (tmp_path / "old" / "a").write_bytes(bytes(300_000))
    downloader, _ = downloader_for(tmp_path, Shelf())
    with pytest.raises(ContentError) as raised:
        downloader._patch(stage, step, {entry.root for entry in step.offer.manifest.entries})
    assert raised.value.code == "content.window"


@pytest.mark.parametrize("free_bytes", [0, 1 << 40], ids=["full", "another fault"])
def test_a_half_fetched_pack_goes_when_it_filled_the_drive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_bytes: int
) -> None:
    step, _, pack = patching(tmp_path, {"a": noise(1, 1000)}, {"a": noise(2, 300_000)})
    index, writes = step.offer.patch, []

    def write(descriptor: int, data: bytes) -> None:
        writes.append(os.write(descriptor, data))
        if len(writes) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    assert index and index.pack and index.has_swarm
    monkeypatch.setattr(disk, "_write_all", write)
    monkeypatch.setattr(disk, "free_bytes", lambda _: free_bytes)
    downloader, _ = downloader_for(tmp_path, Shelf(pack))
    with pytest.raises(DiskError) as caught:
        downloader.pack(index, "main")
    assert caught.value.code == "disk.full"
    assert (tmp_path / "packs" / index.pack.hex).exists() == bool(free_bytes)
