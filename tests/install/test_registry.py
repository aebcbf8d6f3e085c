"""The registry, when somebody else wrote into it."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from patcher.content.records import Release
from patcher.install.folder import InstallFolder
from patcher.install.registry import Installation, Registry
from patcher.install.scan import Seen
from patcher.protocol import commands

_UPDATE = commands.Update("demo/whole")
NONSENSE = ["", "{", "7", "null", "[" * 200_000, '{"type":' * 100_000, b"\xff", 7]


def _written(path: Path, statement: str, *values: object) -> Registry:
    registry = Registry(path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(statement, values)
    return registry


@pytest.mark.parametrize("tags", [*NONSENSE, '{"a": [1]}x'], ids=lambda value: repr(value)[:12])
def test_an_install_whose_row_is_nonsense_hides_no_other(tmp_path: Path, tags: object) -> None:
    registry = _written(tmp_path / "db", "INSERT INTO installs VALUES ('demo/broken', '/x', 'live', ?)", tags)
    whole = Installation("demo/whole", InstallFolder.at(tmp_path), "live", ("lang:de",))
    registry.put(whole)
    assert registry.installs() == [whole]


@pytest.mark.parametrize("title", [None, b"\xff"])
def test_a_title_that_is_no_text_hides_no_other(tmp_path: Path, title: object) -> None:
    _written(tmp_path / "db", "INSERT INTO installs VALUES (?, '/x', 'live', '[]')", title)
    _written(tmp_path / "db", "INSERT INTO wishes VALUES (?, '{}', 0)", title)
    registry = _written(tmp_path / "db", "INSERT INTO began VALUES (?, 1)", title)
    assert (registry.installs(), registry.commands(), registry.unfinished_jobs()) == ([], {}, {})


def test_deaths_that_are_no_number_are_none(tmp_path: Path) -> None:
    assert _written(tmp_path / "db", "INSERT INTO began VALUES ('demo/game', 'many')").unfinished_jobs() == {}


@pytest.mark.parametrize("command", NONSENSE, ids=lambda value: repr(value)[:12])
def test_a_command_that_is_nonsense_hides_no_other(tmp_path: Path, command: object) -> None:
    registry = _written(tmp_path / "db", "INSERT INTO wishes VALUES ('demo/broken', ?, 0)", command)
    registry.keep_command("demo/whole", _UPDATE)
    assert registry.commands() == {"demo/whole": (_UPDATE, False)}


def test_a_registry_of_before_counts_deaths_too(tmp_path: Path) -> None:
    registry = _written(tmp_path / "db", "DROP TABLE began")
    assert Registry(tmp_path / "db").unfinished_jobs() == {}
    for _ in range(2):
        registry.begin("demo/game")
    registry.begin("demo/other")
    registry.end("demo/other")
    assert registry.unfinished_jobs() == {"demo/game": 2}


def test_what_is_forgotten_is_signed_no_more(tmp_path: Path) -> None:
    registry, release = Registry(tmp_path / "db"), Release("whole", 1, "1", (), {})
    registry.note_signed("demo/whole", release, placed=True)
    assert registry.is_signed("demo/whole", release)
    registry.forget("demo/whole")
    assert not registry.is_signed("demo/whole", release)


def test_a_file_with_the_largest_number_that_a_disk_gives_is_remembered(tmp_path: Path) -> None:
    found = os.stat_result((0o100644, 2**64 - 1, 0, 1, 0, 0, 5, 0, 0, 0), {"st_mtime_ns": 7})
    registry = Registry(tmp_path / "registry.sqlite")
    registry.note_seen("shop/game", {"pak": Seen.of(found)})
    assert registry.files_seen("shop/game") == {"pak": Seen.of(found)}
