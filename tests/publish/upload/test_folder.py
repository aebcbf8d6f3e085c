"""A folder as a destination: names appear whole, and what another upload did meanwhile is seen."""

from pathlib import Path

import pytest

from patcher.errors import ShoalError
from patcher.publish.store import PhaseMeter
from patcher.publish.upload.destination import SmallFile
from patcher.publish.upload.folder import FolderDestination
from tests.support.publisher import files_below, quiet


def test_a_file_arrives_under_its_name_alone(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"x" * 3_000_000)
    where = FolderDestination(tmp_path / "host")
    (tmp_path / "host/content/ab").mkdir(parents=True)
    (tmp_path / "host/content/ab/name.part").write_bytes(b"y" * 4_000_000)  # of an upload that was cut
    where.put("content/ab/name", tmp_path / "source", PhaseMeter(quiet, "upload", 0))
    assert files_below(tmp_path / "host") == {"content/ab/name": b"x" * 3_000_000}
    assert where.sizes(["content/ab", "content/cd"]) == {"content/ab/name": 3_000_000}


def test_a_file_that_changed_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    where = FolderDestination(tmp_path)
    assert where.read("timestamp.json") is None
    where.replace("timestamp.json", b"one", None)
    for stale in (None, SmallFile(b"zero")):
        with pytest.raises(ShoalError) as refused:
            where.replace("timestamp.json", b"two", stale)
        assert refused.value.code == "usage.newer_feed"
    where.replace("timestamp.json", b"two", where.read("timestamp.json"))
    assert where.read("timestamp.json") == SmallFile(b"two")
