"""The threats that docs/threats.md answers are shown by tests that exist."""

import re
from pathlib import Path

from tests.gates.sources import python_files, text_of

_PAGE = Path("docs/threats.md")


def test_every_test_that_the_page_names_is_there() -> None:
    page = _PAGE.read_text()
    known = set(re.findall(r"def (test_\w+)", "\n".join(text_of(path) for path in python_files("tests"))))
    named = set(re.findall(r"`(test_\w+)`", page))
    files = set(re.findall(r"`(tests/[\w/]+\.py)`", page))
    assert named - known == set()
    assert [file for file in files if not Path(file).is_file()] == []
    assert named and files


def test_every_attacker_who_is_stopped_is_stopped_by_a_test() -> None:
    rows = [line for line in _PAGE.read_text().splitlines() if line.startswith("| **")]
    untested = [row.split("|")[1].strip() for row in rows if "test_" not in row]
    assert untested == ["**the network** between", "**whoever steals enough**"]
