"""A launcher's own update, killed at its steps: one of the two versions starts after each, and the new one in the end.

The harness forks and therefore is a program of its own; `make prove` has it stand at every step.
"""

import json
import subprocess
import sys

import pytest


@pytest.mark.timeout(300)
@pytest.mark.posix("forks")
def test_a_self_update_that_is_killed_leaves_a_version_that_starts() -> None:
    command = (sys.executable, "-m", "tests.support.launchers", "--every", "60")
    report = json.loads(subprocess.run(command, check=False, stdout=subprocess.PIPE).stdout)
    assert report["faults"] == []
    assert report["kills"] >= 12
    assert set(report["starts"]) == {"1.1", "1.2"}
