"""The room that a job needs."""

from pathlib import Path

import pytest

from patcher import disk
from patcher.config import Home, Settings
from patcher.errors import DiskError
from patcher.feed.feeds import Feeds
from patcher.install.folder import InstallFolder
from patcher.install.registry import Registry
from patcher.protocol.events import Totals
from patcher.seeding.pack_cache import Packs
from patcher.seeding.seeder import Seeder
from patcher.seeding.traffic import Ledger
from patcher.update.pipeline import Pipeline, Shared
from patcher.update.plan import Copy, Plan
from patcher.update.progress import Meter


@pytest.mark.parametrize("is_used", [True, False])
def test_the_previous_release_makes_room_unless_it_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_used: bool
) -> None:
    kept = tmp_path / "game" / ".shoal" / "previous" / "files" / "a"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"12345")
    monkeypatch.setattr(disk, "free_bytes", lambda _: 0 if kept.exists() else 5)
    meter = Meter(1, "game", lambda: False, lambda _: None)
    registry, ledger, packs = Registry(tmp_path / "home"), Ledger(tmp_path / "home"), Packs(tmp_path / "packs", 0)
    home, feeds = Home(tmp_path), Feeds(Home(tmp_path))
    seeder = Seeder(Settings(), registry, ledger, packs, feeds)
    shared = Shared(home, Settings(), registry, ledger, packs, feeds, seeder)
    pipeline = Pipeline(shared, 1, meter, lambda _: None)
    folder = InstallFolder.at(tmp_path / "game")
    copies = (Copy(b"r" * 32, kept, 5),) if is_used else ()
    plan = Plan(copies=copies, patches=(), trees=(), files=(), mends=(), totals=Totals(peak_extra_bytes=5))
    if is_used:
        with pytest.raises(DiskError, match="needs 5 bytes"):
            pipeline._check_room(folder, plan)
    else:
        pipeline._check_room(folder, plan)
    assert kept.exists() == is_used
