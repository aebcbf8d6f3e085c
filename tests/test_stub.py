"""The stub in a process of its own, with versions that are a few lines of Python."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from patcher import stub
from patcher.lock import locked
from patcher.stub import STARTED_BY, StartedBy
from patcher.versions import Pointer, Program, ProgramVersion
from tests.support import launchers
from tests.support.launchers import CRASHES, HANDS_OVER, HANGS, SLOW, START, lay_stub, lay_version, start
from tests.support.waiting import wait_until


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program with a stub and its first version, which was started once."""
    folder = tmp_path / "program"
    lay_stub(folder)
    lay_version(folder, "1.0", sequence=1)
    assert start(folder).versions == ("1.0",)
    return folder


IMPATIENT = """
import time
from pathlib import Path
class clock:
    sleep = time.sleep
    def monotonic():
        heard = Path(sys.argv[1])
        return 1000.0 if heard.exists() and heard.read_text().endswith("\\n") else 0.0
stub.time = clock
"""
"""Before a stub for which 30 seconds are over as soon as a version has said who it is."""
FULL = """
from patcher.errors import DiskError
def full(where, *_, **__):
    raise DiskError("disk.full", f"{where}: No space left on device.")
disk.write_atomic = disk.create = full
"""
"""Before a stub on a full drive."""


def test_the_newest_version_starts_and_the_pointer_flips_when_it_is_healthy(program: Path) -> None:
    lay_version(program, "1.1", sequence=2)
    started = start(program)
    assert (started.code, started.said, started.versions) == (0, "", ("1.1",))
    assert Program(program).pointer() == Pointer(current="2-1.1")
    assert not list(program.glob("waiting-*"))


def test_arguments_are_handed_on_and_the_version_learns_who_started_it(program: Path) -> None:
    told = start(program, "--hidden").told
    assert told["program"] == str(program)
    assert (told["name"], told["version"], told["failed"]) == ("1-1.0", "1.0", [])
    assert str(told["stub"]).endswith("start.py']")


@pytest.mark.parametrize("act", [CRASHES, "sys.exit(0)", "os.kill(os.getpid(), 9)"])
def test_a_version_that_crashes_at_start_flips_back_is_told_and_never_tried_again(program: Path, act: str) -> None:
    lay_version(program, "1.1", act, sequence=2)
    first, second = start(program), start(program)
    assert (first.code, first.versions) == (0, ("1.1", "1.0"))
    assert "1.1 did not start: it ended with the code" in first.said
    assert first.told["failed"] == ["1.1"]
    assert (second.versions, second.said, second.told["failed"]) == (("1.0",), "", ["1.1"])
    lay_version(program, "1.2", sequence=3)
    assert start(program).versions == ("1.2",)


def test_a_new_version_that_says_nothing_is_ended_and_the_old_one_starts(program: Path) -> None:
    lay_stub(program, IMPATIENT)
    lay_version(program, "1.1", HANGS, sequence=2)
    started = start(program)
    assert (started.code, started.versions) == (0, ("1.1", "1.0"))
    assert "1.1 did not start: it did not say within" in started.said
    assert Program(program).pointer() == Pointer("1-1.0", failed=("2-1.1",))


def test_a_version_that_was_healthy_before_may_be_slow(program: Path, tmp_path: Path) -> None:
    lay_stub(program, IMPATIENT)
    lay_version(program, "1.0", SLOW, sequence=1)
    try:
        assert start(program).versions == ("1.0",)
        assert Program(program).pointer() == Pointer("1-1.0")
    finally:
        _end_the_slow(tmp_path)


def _end_the_slow(folder: Path) -> None:
    """A `SLOW` version that runs is let go on to its end; fails if there is none."""
    wait_until((folder / "heard.up").exists, "the slow version")
    (folder / "heard.up").unlink()


def test_the_only_version_is_never_ended(tmp_path: Path) -> None:
    lay_stub(tmp_path / "program", IMPATIENT)
    lay_version(tmp_path / "program", "1.0", SLOW)
    started = start(tmp_path / "program")
    assert (started.code, started.said, started.versions) == (0, "", ("1.0",))
    _end_the_slow(tmp_path)


@pytest.mark.posix("the exit code of a batch file")
def test_a_version_that_hands_over_to_a_running_one_says_nothing_of_itself(program: Path) -> None:
    lay_version(program, "1.1", HANDS_OVER, sequence=2)
    before = Program(program).pointer()
    assert (started := start(program)).versions == ("1.1",)
    assert (started.code, started.said, Program(program).pointer()) == (0, "", before)


def test_a_current_version_that_crashes_gives_way_to_the_one_before(program: Path) -> None:
    lay_version(program, "1.1", sequence=2)
    start(program)
    shutil.rmtree(program / "versions" / "2-1.1")
    lay_version(program, "1.1", CRASHES, sequence=2)
    assert start(program).versions == ("1.1", "1.0")


def test_a_version_that_a_power_cut_met_is_tried_once_more_and_then_no_more(program: Path) -> None:
    lay_version(program, "1.1", sequence=2)
    pointer = Program(program).pointer()
    for tries, version in ((1, "1.1"), (2, "1.0")):
        assert Program(program).write_pointer(replace(pointer, trying="2-1.1", tries=tries))
        assert start(program).versions == (version,)


@pytest.mark.posix("a program called shoal.py")
def test_a_stub_called_shoal_is_the_command_line_of_the_version_that_was_healthy_last(program: Path) -> None:
    lay_version(program, "1.1", sequence=2)
    for name in ("1-1.0", "2-1.1"):
        line = program / "versions" / name / "bin" / "shoal.py"
        line.write_text(f'#!/bin/sh\necho "{name} $*"\nexit 6\n')
        line.chmod(0o755)
    shutil.copy(program / "start.py", program / "shoal.py")

    def said() -> str:
        command = [sys.executable, "-S", str(program / "shoal.py"), "status", "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return f"{done.returncode} {done.stdout}{done.stderr}"

    assert said() == "6 1-1.0 status --json\n", "1.1 never said that it is healthy"
    start(program)
    assert said() == "6 2-1.1 status --json\n"
    (program / "versions" / "2-1.1" / START).unlink()
    assert said() == "6 1-1.0 status --json\n"
    shutil.rmtree(program / "versions")
    assert said().startswith("1 No version in")


# ---------------------------------------------------------------- what lies there


def _no_entry(program: Path, version: ProgramVersion) -> None:
    (program / "versions" / f"{version.name}.json").unlink()


def _half_written(program: Path, version: ProgramVersion) -> None:
    (program / "versions" / version.name / "lib" / "big.so").write_bytes(b"half")


def _file_missing(program: Path, version: ProgramVersion) -> None:
    (program / "versions" / version.name / "lib" / "same.so").unlink()


def _no_folder(program: Path, version: ProgramVersion) -> None:
    shutil.rmtree(program / "versions" / version.name)


def _other_program(program: Path, version: ProgramVersion) -> None:
    path = program / "versions" / version.name / START
    path.write_bytes(path.read_bytes()[:-1] + b"#")


def _entry(change: Callable[[dict[str, object]], object]) -> Callable[[Path, ProgramVersion], None]:
    def changed(program: Path, version: ProgramVersion) -> None:
        path = program / "versions" / f"{version.name}.json"
        fields = json.loads(path.read_bytes())
        path.write_text(json.dumps(change(fields) or fields))

    return changed


def _elsewhere(named: Callable[[Path], str]) -> Callable[[Path, ProgramVersion], None]:
    """An entry for a program outside, which is the one that it describes and would start."""

    def changed(program: Path, version: ProgramVersion) -> None:
        outside = program.parent / Path(START).name
        shutil.copy(Program(program).place(version.name) / START, outside)
        name, size_bytes = named(outside), outside.stat().st_size
        _entry(lambda fields: fields.update(argv=[name], files={name: size_bytes}))(program, version)

    return changed


DAMAGE: dict[str, Callable[[Path, ProgramVersion], None]] = {
    "a folder without an entry": _no_entry,
    "a half-written file": _half_written,
    "a missing file": _file_missing,
    "a missing folder": _no_folder,
    "another program": _other_program,
    "an entry that is a list": _entry(lambda _: [1]),
    "an entry of a newer format": _entry(lambda fields: fields.update(format=2)),
    "an entry without a command": _entry(lambda fields: fields.update(argv=[])),
    "an entry whose program is elsewhere": _elsewhere(str),
    "an entry that leads out": _elsewhere(lambda outside: f"../../../{outside.name}"),
    "an entry of another name": _entry(lambda fields: fields.update(name="1-1.0")),
    "an entry whose sizes are words": _entry(lambda fields: fields.update(files={START: "many"})),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_nothing_starts_because_it_lies_there(program: Path, damage: Callable[[Path, ProgramVersion], None]) -> None:
    damage(program, lay_version(program, "1.1", sequence=2))
    assert (started := start(program)).versions == ("1.0",)
    assert started.told["failed"] == []
    assert started.code == 0


POINTERS = {
    "empty": b"",
    "garbage": b"\x00\xff\x17",
    "a list": b"[]",
    "of numbers": b'{"format": 1, "current": 7, "trying": "", "tries": 0, "failed": []}',
    "of a version that is not there": b'{"format": 1, "current": "9", "trying": "x", "tries": 9, "failed": ["y"]}',
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("garbage", POINTERS.values(), ids=POINTERS)
def test_a_pointer_that_is_garbage_is_written_anew(program: Path, garbage: bytes) -> None:
    lay_version(program, "1.1", sequence=2)
    start(program)
    (program / "current.json").write_bytes(garbage)
    assert start(program).versions == ("1.1",)
    assert Program(program).pointer().current == "2-1.1"


def test_a_folder_in_the_pointers_place_is_set_aside(program: Path) -> None:
    (program / "current.json").unlink()
    (program / "current.json").mkdir()
    assert start(program).versions == ("1.0",)
    assert Program(program).pointer() == Pointer("1-1.0")


def test_a_version_hears_of_newer_ones_only(program: Path) -> None:
    _file_missing(program, lay_version(program, "1.2", sequence=3))
    lay_version(program, "1.1", sequence=2)
    pointer = Pointer("1-1.0", failed=("1-1.0",))
    assert Program(program).write_pointer(pointer)
    told = start(program).told
    assert (told["version"], told["failed"], told["damaged"]) == ("1.1", [], ["1.2"])


def test_a_program_without_a_whole_version_says_so(program: Path) -> None:
    _file_missing(program, lay_version(program, "1.0", sequence=1))
    assert (started := start(program)).code == 1
    assert "lib/same.so is missing or not whole" in started.said
    assert "Install the program again; your titles and settings stay as they are." in started.said


def test_on_a_full_drive_the_version_that_is_known_starts(program: Path) -> None:
    lay_stub(program, FULL)
    lay_version(program, "1.1", sequence=2)
    started = start(program)
    assert (started.code, started.versions) == (0, ("1.0",))
    assert "1.1 is not tried yet: nothing can be written in" in started.said


def test_while_another_start_decides_nothing_new_is_tried(program: Path) -> None:
    lay_version(program, "1.1", CRASHES, sequence=2)
    with locked(program / "stub.lock", "another"):
        assert start(program).versions == ("1.0",)


def test_what_the_stub_tells_is_read_once_and_not_inherited(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    word = tmp_path / "waiting-1"
    word.touch()
    fields = {
        "stub": ["a"],
        "program": "p",
        "name": "1",
        "version": "1.0",
        "word": str(word),
        "failed": [],
        "damaged": [],
    }
    monkeypatch.setenv(STARTED_BY, json.dumps(fields))
    told = stub.started_by()
    assert told == StartedBy(("a",), "p", "1", "1.0", str(word))
    assert stub.started_by() is None
    stub.report_healthy(told)
    assert not word.exists()
    stub.report_healthy(told)
    for garbage in ("", "[]", "{}", "x", '{"stub": 1}'):
        monkeypatch.setenv(STARTED_BY, garbage)
        assert stub.started_by() is None


def test_the_stub_needs_nothing_but_the_standard_library(program: Path) -> None:
    """`-S` leaves out what is installed."""
    assert launchers.start(program).code == 0
