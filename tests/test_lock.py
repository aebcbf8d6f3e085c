"""A lock file: one holder at a time, whom others can name, and free as soon as its holder ends."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from patcher import beneath, disk
from patcher.beneath import Beneath, below
from patcher.lock import locked

_HOLD = """
import sys, pathlib
from patcher.beneath import below
from patcher.lock import locked
with locked(below(pathlib.Path(sys.argv[1])) / "lock", "another process") as holder:
    print(holder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def where(tmp_path: Path) -> Beneath:
    return below(tmp_path) / "lock"


@pytest.fixture
def another(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process, which holds the lock until its input ends."""
    command = [sys.executable, "-c", _HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "None\n"
        yield process
        process.kill()


def test_the_second_hears_who_is_first(where: Beneath) -> None:
    with locked(where, "the first") as first, locked(where, "the second") as second:
        assert (first, second) == (None, "the first")


def test_the_lock_is_free_when_its_holder_has_let_go(where: Beneath) -> None:
    for name in ("the first", "the second"):
        with locked(where, name) as other:
            assert other is None


def test_the_lock_of_a_process_that_was_killed_is_free(where: Beneath, another: subprocess.Popen[str]) -> None:
    with locked(where, "me") as other:
        assert other == "another process"
    another.kill()
    another.wait()
    with locked(where, "me") as other:
        assert other is None


@pytest.mark.posix("files removed while they are open")
def test_a_lock_file_that_was_removed_meanwhile_locks_nothing(where: Beneath) -> None:
    with locked(where, "the first"):
        disk.remove(where)
        with locked(where, "the second") as second:
            assert second is None
        assert beneath.exists(where)


def test_a_holder_that_wrote_nothing_is_another_program(where: Beneath) -> None:
    with locked(where, ""), locked(where, "me") as other:
        assert other == "another program"
