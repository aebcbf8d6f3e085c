"""The journal of a commit: torn, of another version, or of strangers, it is not followed."""

import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from patcher.errors import DiskError
from patcher.install import commit, journal
from patcher.install.folder import InstallFolder
from patcher.install.journal import ForeignJournal
from tests.support import crash
from tests.support.crash import CHANGE, KEEP_BYTES, OLD

NO_END = 10**6


def test_a_torn_journal_is_no_journal(game: Path) -> None:
    crash.stage(game)
    (game / ".shoal" / "journal").write_bytes(b'0badcafe {"format":1,"state":"PREPARED"')
    assert commit.pending(InstallFolder.at(game))
    assert not commit.recover(InstallFolder.at(game))
    assert crash.judge(game) == "old"
    assert len(list((game / ".shoal" / "staging").iterdir())) == len(crash.STAGED)


def test_a_journal_of_a_newer_shoal_is_left_alone(game: Path) -> None:
    (game / ".shoal" / "journal").write_bytes(journal._line({"format": 2, "state": "PREPARED"}))
    with pytest.raises(DiskError, match="newer Shoal") as caught:
        commit.recover(InstallFolder.at(game))
    assert caught.value.code == "disk.interrupted"
    assert commit.pending(InstallFolder.at(game))


def _journal(**fields: object) -> bytes:
    names = ["old", "documents", "first", "first_folders", "folders", "place", "modes", "last", "last_folders", "meta"]
    nothing: dict[str, object] = {name: [] for name in names}
    return journal._line({"format": 1, "state": "PREPARED", "keep_previous": True, **nothing, **fields})


@pytest.mark.parametrize("field", ["old", "documents", "folders", "last"])
def test_a_journal_that_leads_out_of_the_folder_is_not_obeyed(game: Path, tmp_path: Path, field: str) -> None:
    (tmp_path / "precious").write_text("mine")
    (game / ".shoal" / "journal").write_bytes(_journal(**{field: ["../precious"]}))
    with pytest.raises(DiskError):
        commit.recover(InstallFolder.at(game))
    assert (tmp_path / "precious").read_text() == "mine"
    assert not (game / ".shoal" / "trash").exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"old": "abc"},
        {"place": ["ab"]},
        {"place": [["0", "no/folder/is/made"]]},
        {"modes": [["pointer", 1]]},
        {"keep_previous": 1},
    ],
    ids=str,
)
def test_a_journal_that_is_not_exactly_as_ours_are_is_not_followed(game: Path, fields: dict[str, object]) -> None:
    (game / ".shoal" / "journal").write_bytes(_journal(**fields))
    before = crash.read(game)
    with pytest.raises(ForeignJournal):
        commit.recover(InstallFolder.at(game))
    assert crash.read(game) == before


def test_a_journal_that_is_all_lines_costs_no_more_than_its_bytes(game: Path) -> None:
    (game / ".shoal" / "journal").write_bytes(b"\n" * (1 << 22))
    tracemalloc.start()
    try:
        assert not commit.recover(InstallFolder.at(game))
        assert tracemalloc.get_traced_memory()[1] < 3 << 22
    finally:
        tracemalloc.stop()


def test_a_journal_that_is_larger_than_strangers_may_write_is_not_parsed(game: Path) -> None:
    text = b'{"format":1,"old":[' + b'"a",' * (1 << 23) + b'"a"]}'
    (game / ".shoal" / "journal").write_bytes(b"%08x %s\n" % (zlib.crc32(text), text))
    with pytest.raises(ForeignJournal, match="Larger than it can be"):
        commit.recover(InstallFolder.at(game))


def test_without_a_journal_there_is_nothing_to_recover(game: Path) -> None:
    assert not commit.pending(InstallFolder.at(game))
    assert not commit.recover(InstallFolder.at(game))
    assert crash.read(game) == OLD


def test_a_large_journal_is_followed_only_if_this_home_wrote_it(game: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "LARGE_BYTES", 500)
    crash.stage(game)
    known: list[bytes] = []
    monkeypatch.setattr(commit, "_go_on", lambda *_, **__: None)  # it ends when the journal stands
    commit.commit(InstallFolder.at(game), CHANGE, KEEP_BYTES, known.append)
    monkeypatch.undo()
    monkeypatch.setattr(journal, "LARGE_BYTES", 500)
    for digest in (b"", b"another"):
        with pytest.raises(ForeignJournal, match="Larger than it can be"):
            commit.recover(InstallFolder.at(game), digest)
    assert commit.recover(InstallFolder.at(game), *known)
    assert crash.judge(game) == "new"


@pytest.mark.parametrize("torn", [lambda line: line[:-1], lambda line: line[:400] + bytes(99) + line[499:]])
def test_a_large_journal_that_is_torn_is_no_journal_either(
    game: Path, monkeypatch: pytest.MonkeyPatch, torn: Callable[[bytes], bytes]
) -> None:
    monkeypatch.setattr(journal, "LARGE_BYTES", 500)
    crash.stage(game)
    known: list[bytes] = []
    monkeypatch.setattr(commit, "_go_on", lambda *_, **__: None)
    commit.commit(InstallFolder.at(game), CHANGE, KEEP_BYTES, known.append)
    written = game / ".shoal" / "journal"
    written.write_bytes(torn(written.read_bytes()))
    assert not commit.recover(InstallFolder.at(game), *known)
    assert not commit.pending(InstallFolder.at(game))
    assert crash.judge(game) == "old"
