"""Each planted bug fits the code as it is, and the proof that tests find them can itself fail."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.gates.sources import text_of
from tests.support.planted import PLANTED, Planted, changed, prove

_FOUND = next(bug for bug in PLANTED if bug.name == "JSON of any depth is read")
_MISSED = [
    replace(_FOUND, name="nothing changes", old="MAX_DEPTH = 64\n", new="MAX_DEPTH = 60 + 4\n"),
    replace(_FOUND, name="no test can begin", old="import math\n", new="import no_such_module\n"),
]


def test_there_are_many_planted_bugs_and_no_two_of_a_name() -> None:
    assert len({bug.name for bug in PLANTED}) == len(PLANTED) >= 60


@pytest.mark.parametrize("bug", PLANTED, ids=lambda bug: bug.name)
def test_a_planted_bug_fits_the_code_and_its_test_is_there(bug: Planted) -> None:
    """When this fails, the code has changed and the row in tests/support/planted.py must follow it."""
    text = text_of(Path("patcher", bug.file))
    assert changed(bug, text) != text
    file, _, name = bug.test.partition("[")[0].partition("::")
    assert f"def {name}(" in text_of(Path(file))


def test_a_bug_is_found_and_a_change_without_harm_is_not() -> None:
    assert prove([_FOUND, *_MISSED]) == _MISSED


@pytest.mark.parametrize(
    ("wrong", "why"),
    [({"old": "no such text"}, "stands 0 times"), ({"old": "data"}, "stands [0-9]+ times"),
     ({"test": "tests/test_strict_json.py::test_no_such"}, "fail without a bug")],
)  # fmt: skip
def test_a_row_that_fits_nothing_is_no_proof(wrong: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        prove([replace(_FOUND, **wrong)])
