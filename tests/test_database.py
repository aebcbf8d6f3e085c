"""The registry's file: what goes wrong with it is told by what the player can do."""

from pathlib import Path

import pytest

from patcher.database import opened
from patcher.errors import DiskError


def _grow(path: Path, pages: int = 1000) -> None:
    with opened(path) as db:
        db.execute(f"PRAGMA max_page_count = {pages}")
        db.execute("CREATE TABLE big (data BLOB)")
        db.execute("INSERT INTO big VALUES (zeroblob(100000))")


def test_a_full_disk_is_not_taken_for_a_damaged_registry(tmp_path: Path) -> None:
    with pytest.raises(DiskError) as raised:
        _grow(tmp_path / "registry", pages=2)
    assert raised.value.code == "disk.full"


def test_what_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "registry").write_bytes(b"no database" * 100)
    with pytest.raises(DiskError) as raised:
        _grow(tmp_path / "registry")
    assert raised.value.code == "disk.damaged"
