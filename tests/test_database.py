"""The registry's file: what goes wrong with it is told by what the player can do."""

from pathlib import Path

import pytest

from patcher.database import opened
from patcher.errors import DiskError


def test_a_full_disk_is_not_taken_for_a_damaged_registry(tmp_path: Path) -> None:
    with pytest.raises(DiskError) as raised, opened(tmp_path / "registry") as db:
        db.execute("PRAGMA max_page_count = 2")
        db.execute("CREATE TABLE big (data BLOB)")
        db.execute("INSERT INTO big VALUES (zeroblob(100000))")
    assert raised.value.code == "disk.full"


def test_what_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "registry").write_bytes(b"no database" * 100)
    with pytest.raises(DiskError) as raised, opened(tmp_path / "registry") as db:
        db.execute("CREATE TABLE big (data BLOB)")
    assert raised.value.code == "disk.home"
