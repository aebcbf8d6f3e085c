"""Errors: what travels from a worker process arrives whole."""

import copy
from pathlib import Path

import pytest

from patcher.beneath import below
from patcher.errors import DiskError, EngineLost, Mismatch, Missing, NeedsNewer, NotOffered, ShoalError, Unfinished
from patcher.install.journal import ForeignJournal

ERRORS = (
    DiskError("disk.failed", "no", path="x"),
    Missing("no", url="x"),
    EngineLost("no", log="x"),
    Mismatch("no", bytes(range(32)), path="x"),
    NeedsNewer("no"),
    NotOffered("no", record="x"),
    Unfinished("no", path="x"),
    ForeignJournal(below(Path("x")), "no"),
)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_arrives_as_it_was_sent(error: ShoalError) -> None:
    again = copy.copy(error)  # as a worker's result is sent: by what `__reduce__` says
    assert (type(again), str(again), again.as_dict()) == (type(error), str(error), error.as_dict())


def test_a_mismatch_knows_the_root_and_says_it_among_its_facts() -> None:
    root = bytes(range(32))
    error = copy.copy(Mismatch("no", root, path="x"))
    assert (error.root, error.facts) == (root, {"path": "x", "root": root.hex()})
    assert (Mismatch("no").root, Mismatch("no").facts) == (b"", {})
