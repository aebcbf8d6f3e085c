"""Which paths are one is what the disk says, folder by folder."""

import os
import unicodedata
from pathlib import Path

import pytest

from patcher.beneath import below
from patcher.install.names import Names
from tests.support import crash
from tests.support.crash import file
from tests.support.ignore_case import IgnoreCase


@pytest.fixture
def game(tmp_path: Path) -> Path:
    crash.put(tmp_path / "game", {"Data/One.bin": file(b"1"), "Data/Deep/two": file(b"2")})
    return tmp_path / "game"


def test_names_of_the_same_spelling_are_one_on_every_disk(game: Path) -> None:
    names = Names(below(game), ["Data/One.bin", "gone"])
    assert "Data/One.bin" in names
    assert "gone" in names
    assert "Data/Deep/two" not in names
    assert not names.respelled("Data/One.bin")


def test_another_spelling_is_the_same_file_where_the_disk_ignores_case(
    game: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = ["Data/One.bin", "Data/Deep/two"]
    spelled = ["data/one.BIN", "data/deep/two"]
    if os.name != "nt":  # whose disks ignore it themselves
        assert not any(path in Names(below(game), known) for path in spelled)
        IgnoreCase(game).take_over(monkeypatch.setattr)
    assert all(path in Names(below(game), known) for path in spelled)
    assert all(Names(below(game), known).respelled(path) for path in spelled)


@pytest.mark.posix("plays folders that mind case")
def test_each_folder_is_asked_as_each_may_decide_for_itself(game: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    IgnoreCase(game, minds="Deep").take_over(monkeypatch.setattr)
    names = Names(below(game), ["Data/One.bin", "Data/Deep/two"])
    assert "DATA/ONE.BIN" in names
    assert "data/deep/two" in names
    assert "data/deep/TWO" not in names


@pytest.mark.posix("disks that mind case")
def test_two_files_stay_two_where_case_counts_be_they_the_same_bytes_or_one_file_with_two_names(game: Path) -> None:
    (game / "Data" / "one.bin").write_bytes(b"1")
    os.link(game / "Data" / "One.bin", game / "Data" / "ONE.BIN")
    names = Names(below(game), ["Data/One.bin"])
    assert "Data/one.bin" not in names
    assert "Data/ONE.BIN" not in names


def test_what_is_not_there_is_nobodys_other_spelling(game: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    IgnoreCase(game).take_over(monkeypatch.setattr)
    assert "data/GONE" not in Names(below(game), ["Data/gone"])


@pytest.mark.posix("plays a disk for which forms of Unicode are one")
def test_a_name_in_another_form_of_unicode_is_the_same_where_the_disk_says_so(
    game: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    IgnoreCase(game).take_over(monkeypatch.setattr)
    composed, decomposed = (unicodedata.normalize(form, "Straßé") for form in ("NFC", "NFD"))
    (game / decomposed).write_bytes(b"x")
    assert composed != decomposed
    assert composed in Names(below(game), [decomposed])


def test_a_disk_that_shows_every_name_in_lower_case_is_understood(game: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As lowntfs-3g with ``ignore_case``."""
    IgnoreCase(game).take_over(monkeypatch.setattr)
    (game / "Data" / "One.bin").rename(game / "Data" / "one.bin")
    (game / "Data").rename(game / "data")
    assert "DATA/ONE.bin" in Names(below(game), ["Data/One.bin"])
