"""Shoal starts its own programs alike, whether Python runs it or a frozen tree."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from patcher import private, programs
from tests.gates.sources import python_files, tree_of

_SUFFIX = ".exe" if sys.platform == "win32" else ""


@pytest.fixture
def frozen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a frozen tree, from which this process seems to run."""
    for name in ("shoal", "shoal-launcher"):
        (tmp_path / f"{name}{_SUFFIX}").touch()
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / f"shoal{_SUFFIX}"))
    return tmp_path


def test_python_runs_the_engine_as_a_module() -> None:
    assert programs.engine() == [sys.executable, "-m", "patcher"]
    assert programs.python() == {"SHOAL_PYTHON": sys.executable}
    assert not programs.packaged_by()


def test_a_program_that_pip_made_opens_the_window_and_else_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert programs.launcher() == [str(tmp_path / "python"), "-m", "launcher"]
    (tmp_path / f"shoal-launcher{_SUFFIX}").touch()
    assert programs.launcher() == [str(tmp_path / f"shoal-launcher{_SUFFIX}")]


def test_a_frozen_tree_starts_what_lies_beside(frozen: Path) -> None:
    assert programs.engine() == [str(frozen / f"shoal{_SUFFIX}"), "--engine"]
    assert programs.launcher() == [str(frozen / f"shoal-launcher{_SUFFIX}")]
    assert programs.python() == {}


def test_an_appimage_is_started_by_its_own_file(
    frozen: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its tree is mounted under another name each time. One that started a Shoal of another package is none of it."""
    monkeypatch.setenv("APPIMAGE", "/games/Shoal.AppImage")
    monkeypatch.setenv("APPDIR", str(frozen))
    assert programs.launcher() == ["/games/Shoal.AppImage"]
    monkeypatch.setenv("APPDIR", str(tmp_path_factory.mktemp("terminal")))
    assert programs.launcher() == [str(frozen / f"shoal-launcher{_SUFFIX}")]


def test_a_package_manager_that_updates_us_left_its_name(frozen: Path) -> None:
    assert not programs.packaged_by()
    (frozen / "packaged").write_text("dpkg\n")
    assert programs.packaged_by() == "dpkg"


def test_a_title_does_not_load_the_libraries_of_a_frozen_tree(frozen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyInstaller keeps what was set before under another name."""
    monkeypatch.setenv("_PYI_ARCHIVE_FILE", str(frozen / "shoal"))
    monkeypatch.setenv("LD_LIBRARY_PATH", str(frozen / "_internal"))
    assert not {"_PYI_ARCHIVE_FILE", "LD_LIBRARY_PATH"} & private.environment().keys()
    monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", "/usr/local/lib")
    assert private.environment()["LD_LIBRARY_PATH"] == "/usr/local/lib"


def test_the_starter_ends_before_the_engine_does(tmp_path: Path) -> None:
    (tmp_path / "home").write_bytes(b"in the way of a home")
    command = [*programs.engine(), programs.STARTER, "--home", str(tmp_path / "home")]
    done = subprocess.run(command, capture_output=True, text=True, env=private.environment(), check=True)
    assert '"error"' in done.stdout


@pytest.mark.posix("git")
def test_only_one_module_knows_how_shoal_starts_itself() -> None:
    """In a frozen tree `sys.executable` is no Python."""
    users = {
        path.as_posix()
        for path in python_files("patcher", "launcher")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.executable"
    }
    # The demo never runs from a frozen tree; the stub starts itself again, and a brand lies beside its program.
    assert users == {"patcher/programs.py", "patcher/cli/demo.py", "patcher/stub.py", "patcher/brand.py"}
