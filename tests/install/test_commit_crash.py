"""Killed at any step of an update, and again at any step of its recovery: the old or the new release is there."""

import json
import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.posix("fork")


def killed_at_every_step(*options: str) -> Any:
    """The report of the harness, which forks and therefore is a program of its own."""
    command = (sys.executable, "-m", "tests.support.crash", *options)
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def test_killed_at_any_step_an_update_is_done_or_undone() -> None:
    report = killed_at_every_step()
    assert report["faults"] == []
    assert report["outcomes"].strip("o").strip("n") == "", "there is one point of no return"
    assert report["steps"] > 150
    assert report["trials"] > 2 * report["steps"]


def test_nor_does_a_kill_harm_on_a_windows_like_disk() -> None:
    assert killed_at_every_step("--windows-like")["faults"] == []


def test_nor_on_a_disk_that_takes_old_and_new_names_for_one() -> None:
    report = killed_at_every_step("--ignore-case", "--windows-like", "--alone")
    assert report["faults"] == []
    assert report["steps"] > 150


def test_without_its_journal_a_killed_update_is_found_half_done() -> None:
    faults = killed_at_every_step("--without-journal")["faults"]
    assert any("mixed" in fault for fault in faults)
