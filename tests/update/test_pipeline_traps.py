"""Whatever somebody prepared in an install folder, nothing outside it changes. The harness is a program of its own."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.posix("symbolic links")


def caught(*options: str) -> list[str]:
    """What the harness says: a line a fault, and how many traps there were."""
    command = (sys.executable, "-m", "tests.support.job_traps", *options)
    return subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True).stdout.splitlines()


def test_planted_links_hostile_state_and_swapped_folders_reach_nothing_outside() -> None:
    *faults, counts = caught("--every", "150", "--sample")
    assert faults == []
    assert int(counts.split()[0]) >= 150


def test_a_shoal_that_follows_links_would_be_caught() -> None:
    faults = caught("--following-links", "--every", "20", "--only", ".shoal/staging is swapped, update")
    assert any("outside changed" in fault for fault in faults)
