import ast
from collections import Counter
from pathlib import Path

from tests.gates.sources import python_files, text_of, tree_of

ROOTS = ("launcher", "patcher", "tests", "bench")
LARGE_FILE_LINES = 400
"""From here on a file is named at the end of `make gates`: does it hold two thoughts?"""
FILE_LINES = 500
FUNCTION_LINES = 50
ROOM_LINES = 4500
ROOMS_LINES = {"patcher/update": 2700}
"""Rooms with a bound of their own; a room is a folder with a front page, without the rooms in it."""


def lengths() -> dict[Path, int]:
    """Lines of each Python file."""
    return {path: text_of(path).count("\n") for path in python_files(*ROOTS)}


def test_a_file_fits_into_one_sitting() -> None:
    assert {str(path): lines for path, lines in lengths().items() if lines > FILE_LINES} == {}


def test_a_function_fits_on_one_screen() -> None:
    found = {
        f"{path}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path in python_files(*ROOTS)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: lines for name, lines in found.items() if lines > FUNCTION_LINES} == {}


def test_a_room_is_learnt_in_a_day() -> None:
    rooms: Counter[str] = Counter()
    for path, lines in lengths().items():
        if path.parts[0] in {"launcher", "patcher"}:
            rooms[path.parent.as_posix()] += lines
    assert {name: lines for name, lines in rooms.items() if lines > ROOMS_LINES.get(name, ROOM_LINES)} == {}


def test_a_room_with_a_bound_is_there() -> None:
    assert [name for name in ROOMS_LINES if not Path(name, "__init__.py").is_file()] == []
