"""Whole jobs on a disk that loses power, by the harness in a process of its own; `make prove` looks at more states."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.posix("forks")


def cut(*options: str) -> tuple[int, str]:
    """How the harness ends, and what it says."""
    command = (sys.executable, "-m", "tests.support.job_power", *options)
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    return done.returncode, done.stdout


def test_a_power_cut_in_any_job_even_after_an_error_and_a_kill_leaves_old_or_new() -> None:
    assert cut("--states", "60", "--combined", "12") == (0, "14 jobs, 72 states, 0 faults\n")


def test_a_registry_that_is_synced_as_sqlite_does_by_itself_would_be_found_out() -> None:
    code, said = cut("--states", "36", "--combined", "0", "--synchronous", "FULL")
    assert code == 1
    assert " after step " in said
