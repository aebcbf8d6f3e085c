"""What a window needs of a pack: its own bytes, and the maps by which it reads."""

from pathlib import Path

from patcher.content import records
from patcher.content.manifest import encode
from patcher.content.merkle import leaves_of, ref_of
from patcher.update.gather import _Windows
from patcher.update.meter import Meter
from patcher.update.plan import Offer, PatchStep
from patcher.update.stage import Stage
from tests.support.libraries import library
from tests.support.publisher import drafted
from tests.support.trees import noise

_PIECE_BYTES = 16


def test_a_window_begins_when_its_bytes_and_those_of_its_map_are_here(tmp_path: Path) -> None:
    old = {"a.so": library(85), "b.bin": noise(1, 1_300_000)}
    new = {"a.so": library(85, 2), "b.bin": noise(1, 1_300_000) + b"more"}
    draft = drafted(tmp_path, old, new)
    joined = draft.joined()
    pack = b"".join(joined.chunks())
    (tmp_path / "pack").write_bytes(pack)
    index, m, document = joined.index(leaves_of(pack)), draft.new, encode(draft.new)
    (by,) = index.filters
    part = records.Part("main", (), False, ref_of(document), m.info_hash, None, None)
    step = PatchStep(Offer(part, document, m, draft.old, index), tuple(range(len(index.windows))))
    stage = Stage(tmp_path / "game", draft.places, lambda path, count: None)
    roots = {entry.root for entry in m.entries}
    needs_map = {n for n, window in enumerate(index.windows) if index.filters_of(window)}
    assert {window.is_copy for window in index.windows} == {True, False}
    with _Windows(stage, step, roots, Meter(1, "game", lambda: False, lambda progress: None)) as windows:
        windows.read_from(tmp_path / "pack", _PIECE_BYTES, ())
        assert windows.pieces == frozenset(range(-(-len(pack) // _PIECE_BYTES)))
        assert all(index.windows[n].length for n in windows._todo), "a copy of a file as it is needs nothing"
        maps = frozenset(range(-(-by.length // _PIECE_BYTES)))
        windows.take(sorted(windows.pieces - maps))
        assert set(windows._todo) == needs_map
        windows.take(sorted(maps))
        assert not windows._todo
    for entry in m.entries:
        assert stage.path(entry.root).read_bytes() == new[entry.path]
