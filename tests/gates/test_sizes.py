import ast

from tests.gates.sources import python_files, text_of, tree_of

ROOMS = ("launcher", "patcher", "tests", "bench")
FILE_LINES = 500
"""From 400 on, ask what could stand elsewhere."""
FUNCTION_LINES = 50


def test_a_file_fits_into_one_sitting() -> None:
    lengths = {str(path): text_of(path).count("\n") for path in python_files(*ROOMS)}
    assert {name: lines for name, lines in lengths.items() if lines > FILE_LINES} == {}


def test_a_function_fits_on_one_screen() -> None:
    lengths = {
        f"{path}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path in python_files(*ROOMS)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES} == {}
