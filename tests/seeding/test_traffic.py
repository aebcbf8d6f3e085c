"""Bytes by title and month."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from patcher.errors import DiskError
from patcher.protocol.events import Sources
from patcher.seeding.traffic import Ledger, current_month


def test_bytes_add_up_by_title_and_month(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "registry.sqlite")
    assert ledger.totals() == [] and ledger.month_uploaded_bytes() == 0
    ledger.add("feed/game", Sources(1, 2, 3, 4), 5)
    ledger.add("feed/game", Sources(10, 20, 30, 40), 50)
    ledger.add("feed/game", Sources(origin_bytes=7), 9, month="2020-01")
    ledger.add("feed/app", Sources(), 100)
    rows = ledger.totals()
    assert [(row.month, row.title) for row in rows] == [
        ("2020-01", "feed/game"), (current_month(), "feed/app"), (current_month(), "feed/game"),
    ]  # fmt: skip
    assert (rows[2].sources, rows[2].uploaded_bytes) == (Sources(11, 22, 33, 44), 55)
    assert ledger.month_uploaded_bytes() == 155


def test_several_jobs_write_at_once(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "registry.sqlite")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: ledger.add("feed/game", Sources(lan_bytes=1), 1), range(40)))
    assert ledger.totals()[0].sources.lan_bytes == 40


def test_a_file_that_is_no_registry_is_named(tmp_path: Path) -> None:
    (tmp_path / "registry.sqlite").write_bytes(b"not a database at all, but long enough to be looked at" * 20)
    with pytest.raises(DiskError) as raised:
        Ledger(tmp_path / "registry.sqlite").totals()
    assert raised.value.code == "disk.damaged"
