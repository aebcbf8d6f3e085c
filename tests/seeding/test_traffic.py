"""Bytes by title and month."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from patcher.errors import Cancelled, DiskError
from patcher.protocol.events import Sources
from patcher.seeding import traffic
from patcher.seeding.traffic import Ledger, Tally, current_month


def test_bytes_add_up_by_title_and_month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(tmp_path / "registry.sqlite")
    assert ledger.totals() == [] and ledger.month_uploaded_bytes() == 0
    ledger.add("feed/game", Sources(1, 2, 3, 4), 5)
    ledger.add("feed/game", Sources(10, 20, 30, 40), 50)
    with monkeypatch.context() as patched:
        patched.setattr(traffic, "current_month", lambda: "2020-01")
        ledger.add("feed/game", Sources(origin_bytes=7), 9)
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


# ---------------------------------------------------------------- one job


class _Job:
    """What a job has received so far."""

    sources = Sources()


def _rows(ledger: Ledger) -> dict[str, Sources]:
    return {row.title: row.sources for row in ledger.totals()}


@pytest.mark.parametrize("end", [Cancelled(), DiskError("disk.full", "full"), RuntimeError("a bug")], ids=repr)
def test_the_bytes_of_a_job_count_however_it_ends(tmp_path: Path, end: Exception) -> None:
    ledger, job = Ledger(tmp_path / "registry.sqlite"), _Job()
    tally = Tally(ledger, lambda: job.sources)

    def fails() -> None:
        with tally.counting("feed/game"):
            job.sources = Sources(1, 2, 3, 4)
            raise end

    with pytest.raises(type(end)):
        fails()
    assert _rows(ledger) == {"feed/game": Sources(1, 2, 3, 4)}


def test_the_bytes_of_a_job_are_written_as_they_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, job = Ledger(tmp_path / "registry.sqlite"), _Job()
    monkeypatch.setattr(traffic, "_WRITE_S", 0.0)
    tally = Tally(ledger, lambda: job.sources)
    with tally.counting("feed/game"):
        for size in (100, 250, 250):
            job.sources = Sources(peer_bytes=size)
            tally.note()
            assert _rows(ledger) == {"feed/game": Sources(peer_bytes=size)}
    assert _rows(ledger) == {"feed/game": Sources(peer_bytes=250)}


def test_the_ledger_is_not_written_at_every_byte(tmp_path: Path) -> None:
    ledger, job = Ledger(tmp_path / "registry.sqlite"), _Job()
    tally = Tally(ledger, lambda: job.sources)
    with tally.counting("feed/game"):
        job.sources = Sources(origin_bytes=1)
        tally.note()
        assert _rows(ledger) == {}


def test_a_job_for_several_titles_counts_each_ones_bytes(tmp_path: Path) -> None:
    ledger, job = Ledger(tmp_path / "registry.sqlite"), _Job()
    tally = Tally(ledger, lambda: job.sources)
    job.sources = Sources(metadata_bytes=5)
    for title, size in (("feed/a", 10), ("feed/b", 30)):
        with tally.counting(title):
            job.sources += Sources(origin_bytes=size)
    assert _rows(ledger) == {"feed/a": Sources(0, 0, 10, 5), "feed/b": Sources(0, 0, 30, 0)}


def test_what_cannot_be_written_now_is_written_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, job = Ledger(tmp_path / "registry.sqlite"), _Job()
    tally = Tally(ledger, lambda: job.sources)

    def full(*_: object) -> None:
        raise DiskError("disk.home", "full")

    with monkeypatch.context() as broken, tally.counting("feed/game"):
        broken.setattr(ledger, "add", full)
        job.sources = Sources(origin_bytes=7)
    with tally.counting("feed/game"):
        pass
    assert _rows(ledger) == {"feed/game": Sources(origin_bytes=7)}
