"""docs/architecture.md shows the tree and the import rule as they are, and each room has a front page."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.gates.sources import ROOT, python_files, text_of, tree_of

PAGE = Path("docs/architecture.md")
_CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
_TREE_LINE = re.compile(r"(?P<indent> *)(?P<name>[\w./]+)(?: +(?P<text>\S.*))?")


def block(heading: str) -> list[str]:
    """The lines of the first fenced block behind a heading of the page."""
    section = text_of(PAGE).partition(f"\n## {heading}\n")[2]
    return section.split("```")[1].splitlines()[1:]


def contract(name: str) -> dict[str, list[str]]:
    """One of import-linter's contracts, by its name."""
    return next(each for each in _CONTRACTS if each["name"] == name)


def shown() -> Iterator[tuple[str, str]]:
    """Each path of the page's tree, folders with a slash behind, and what the page says of it."""
    above: list[str] = []
    for line in block("The tree"):
        match = _TREE_LINE.fullmatch(line)
        assert match, line
        above[len(match["indent"]) // 2 :] = [match["name"]]
        yield "".join(above), match["text"] or ""


def real() -> set[str]:
    """Each module of patcher/ and launcher/, and each folder with modules."""
    modules = {path for path in python_files("launcher", "patcher") if path.name != "__init__.py"}
    folders = {f"{path.parent.as_posix()}/" for path in python_files("launcher", "patcher")}
    return folders | {path.as_posix() for path in modules}


def test_the_page_shows_each_module_once_and_no_other() -> None:
    """A new module gets its line, a removed one loses it."""
    paths = [path for path, _ in shown()]
    assert (sorted(real() - set(paths)), sorted(set(paths) - real())) == ([], [])
    assert len(paths) == len(set(paths))


def test_each_line_of_the_tree_says_what_the_module_holds() -> None:
    assert [path for path, text in shown() if len(text.split()) < 2] == []


def test_the_import_rule_of_the_page_is_the_one_that_is_checked() -> None:
    first, *layers = block("The import rule")
    checked = contract("Rooms know only the rooms below them")["layers"]
    rule = [each.strip() for line in layers for each in line.split("→")]
    assert [each.replace("patcher.", "") for each in rule] == checked
    allowed = contract("The launcher knows the engine only as its client")["ignore_imports"]
    assert set(re.findall(r"patcher\.[\w.]+", first)) == {line.partition(" -> ")[2] for line in allowed}


def test_each_room_has_a_front_page() -> None:
    rooms = {path.parent: path for path in python_files("launcher", "patcher") if path.name == "__init__.py"}
    missing = {room.as_posix() for room, path in rooms.items() if not ast.get_docstring(tree_of(path))}
    assert missing == set()
