"""Whole jobs of a real engine, killed or refused by the disk: each install is old or new, and asked again, all is well.

The harness forks and therefore is a program of its own; `make prove` has it stand at every step.
"""

import json
import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.posix("forks")

PLACES = {
    "install: database home/registry.sqlite": "an install that was noted as done is no error when it goes on",
    "install: create games/a/.shoal/journal": "an install that was interrupted in its commit can be asked for again",
    "update: sync_folder games/a/.shoal": "an update that had swapped all is looked at, and can be rolled back",
    "roll back: rename games/a/bin/game": "a rollback that is interrupted steps back once, not back and forth",
    "roll back: database home/registry.sqlite": "nor when it could not be noted",
    "uninstall: remove games/a/bin/game": "an uninstall that is interrupted can be asked for again",
    "remove feed: remove home/feeds/.shop/root.json": "half a feed is none, and nothing is left of it",
    "move: database home/registry.sqlite": "a title that moves is in one of its folders",
    "adopt: rename games/a/.shoal/installed": "a title that is adopted is there once",
}
"""A step at which something once went wrong, and what holds now."""


def reported(*options: str) -> Any:
    """What the harness reports."""
    command = (sys.executable, "-m", "tests.support.job_faults", *options)
    return json.loads(subprocess.run(command, check=False, stdout=subprocess.PIPE).stdout)


@pytest.fixture(scope="module")
def faults() -> list[str]:
    """Of all `PLACES`, found in one go."""
    found: list[str] = reported(*(word for place in PLACES for word in ("--at", place)))["faults"]
    return found


@pytest.mark.parametrize("place", PLACES, ids=PLACES.values())
def test_where_jobs_once_broke(place: str, faults: list[str]) -> None:
    assert [fault for fault in faults if fault.startswith(place)] == []


def test_a_job_that_is_killed_or_refused_at_any_step_is_done_or_undone_and_can_be_asked_for_again() -> None:
    report = reported("--every", "90")
    assert report["faults"] == []
    assert report["jobs"] == 14
    assert report["points"] >= 20
    assert (report["kills"], report["errors"]) == (report["points"], 4 * report["points"])


def test_without_a_journal_a_killed_job_is_found_half_done() -> None:
    faults = reported("--without-journal", "--at", "update: rename games/a/bin/game")["faults"]
    assert any("kill: recovered, but a is mixed" in fault for fault in faults)
