"""The files of the project, as the gates see them."""

import ast
import functools
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@functools.cache
def files() -> tuple[Path, ...]:
    """Every file that is committed or would be, relative to the project's folder."""
    listing = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return tuple(sorted(path for name in set(names) if name and (ROOT / (path := Path(name))).is_file()))


def python_files(*rooms: str) -> Iterator[Path]:
    """The Python files below the folders ``rooms``."""
    return (path for path in files() if path.suffix == ".py" and path.parts[0] in rooms)


def text_of(path: Path) -> str:
    """The file as text; empty when it is none."""
    try:
        return (ROOT / path).read_text("utf-8")
    except UnicodeDecodeError:
        return ""


@functools.cache
def tree_of(path: Path) -> ast.Module:
    """The file's syntax tree."""
    return ast.parse(text_of(path), str(path))
