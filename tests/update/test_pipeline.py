"""The room that a job needs."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from patcher import disk
from patcher.config import Home, Settings
from patcher.content.merkle import Ref
from patcher.errors import DiskError
from patcher.feed.feeds import Feeds
from patcher.install.folder import InstallFolder
from patcher.install.registry import Registry
from patcher.protocol.events import Totals
from patcher.seeding.pack_cache import Packs
from patcher.seeding.seeder import Seeder
from patcher.seeding.traffic import Ledger
from patcher.update.pipeline import Pipeline, Shared
from patcher.update.planning.plan import Copy, PatchStep, Plan
from patcher.update.progress import Meter


def pipeline_of(folder: Path, packs: Packs) -> Pipeline:
    meter = Meter(1, "game", lambda: False, lambda _: None)
    home, registry, ledger = Home(folder), Registry(folder / "home"), Ledger(folder / "home")
    feeds = Feeds(home)
    seeder = Seeder(Settings(), registry, ledger, packs, feeds)
    return Pipeline(Shared(home, Settings(), registry, ledger, packs, feeds, seeder), 1, meter, lambda _: None)


@pytest.mark.parametrize("is_used", [True, False])
def test_the_previous_release_makes_room_unless_it_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_used: bool
) -> None:
    kept = tmp_path / "game" / ".shoal" / "previous" / "files" / "a"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"12345")
    monkeypatch.setattr(disk, "free_bytes", lambda _: 0 if kept.exists() else 5)
    pipeline = pipeline_of(tmp_path, Packs(tmp_path / "packs", 0))
    folder = InstallFolder.at(tmp_path / "game")
    copies = (Copy(b"r" * 32, kept, 5),) if is_used else ()
    plan = Plan(copies=copies, patches=(), trees=(), files=(), mends=(), totals=Totals(peak_extra_bytes=5))
    if is_used:
        with pytest.raises(DiskError, match="needs 5 B"):
            pipeline._check_room(folder, plan)
    else:
        pipeline._check_room(folder, plan)
    assert kept.exists() == is_used


@pytest.mark.parametrize("is_same", [True, False], ids=["one drive", "two drives"])
def test_cached_packs_make_room_for_the_one_that_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_same: bool
) -> None:
    packs = Packs(tmp_path / "packs", 1 << 30)
    (tmp_path / "packs").mkdir()
    (cached := tmp_path / "packs" / ("ab" * 32)).write_bytes(bytes(4096))
    room_bytes = {tmp_path / "packs": 1000, tmp_path / "game": 3000 if is_same else 2000}
    monkeypatch.setattr(disk, "is_same_volume", lambda *_: is_same)

    def is_short(path: Path) -> bool:
        return cached.exists() and (is_same or path.name == "packs")

    monkeypatch.setattr(disk, "free_bytes", lambda path: 0 if is_short(path) else room_bytes[path])
    window = SimpleNamespace(length=1000)
    index = SimpleNamespace(pack=Ref(b"r" * 32, 5000), has_swarm=True, windows=[window], filters_of=lambda _: {})
    offer: Any = SimpleNamespace(patch=index)
    totals = Totals(peak_extra_bytes=3000, home_bytes=1000)
    plan = Plan((), (PatchStep(offer, (0,)),), (), (), totals=totals)
    pipeline, folder = pipeline_of(tmp_path, packs), InstallFolder.at(tmp_path / "game")
    pipeline._check_room(folder, plan)
    assert not cached.exists()
    room_bytes[tmp_path / "packs"] = room_bytes[tmp_path / "game"] = 999
    with pytest.raises(DiskError) as caught:
        pipeline._check_room(folder, plan)
    assert caught.value.facts["free_bytes"] == 999
