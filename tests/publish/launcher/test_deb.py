"""A publisher's launcher as a Debian package, as dpkg reads it."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from patcher.errors import UsageError
from patcher.publish.launcher import branded
from patcher.publish.launcher.branded import LauncherOrder
from tests.publish.launcher.conftest import NOW
from tests.support import trees
from tests.support.publisher import Publisher
from tests.support.trees import File, Link

ID = "org.example.updates.meadow"
pytestmark = pytest.mark.usefixtures("few_rounds")


@pytest.fixture
def wrapped(order: LauncherOrder, tmp_path: Path) -> LauncherOrder:
    assert order.tree
    (order.tree / "tree.json").write_text(json.dumps({"depends": ["libc6 (>= 2.36)", "libgl1"]}))
    return replace(order, version="1.2")


def _dpkg(*words: object) -> str:
    return subprocess.run(["dpkg-deb", *map(str, words)], stdout=subprocess.PIPE, check=True, text=True).stdout


@pytest.mark.posix("dpkg")
def test_dpkg_lays_down_the_program_a_command_and_a_menu_entry(
    publisher: Publisher, wrapped: LauncherOrder, tmp_path: Path
) -> None:
    made = branded.make(publisher.folder, wrapped, NOW)
    assert made.installer == tmp_path / f"{ID}.deb"
    _dpkg("--extract", made.installer, tmp_path / "root")
    laid = trees.read(tmp_path / "root")
    program = {name: laid.pop(f"usr/lib/{ID}/{name}") for name in trees.read(wrapped.out)}
    assert program == trees.read(wrapped.out)
    assert laid.pop(f"usr/lib/{ID}/packaged") == File(b"dpkg\n")
    assert laid.pop(f"usr/bin/{ID}") == Link(f"../lib/{ID}/shoal-launcher")
    assert laid.pop(f"usr/share/pixmaps/{ID}.png") == File(wrapped.icon.read_bytes())
    entry = laid.pop(f"usr/share/applications/{ID}.desktop")
    assert isinstance(entry, File)
    assert {b"Name=Meadow", f"Exec={ID}".encode(), f"Icon={ID}".encode()} <= set(entry.data.splitlines())
    assert laid == {}


@pytest.mark.posix("dpkg")
def test_the_package_says_what_it_needs_and_all_of_it_is_roots(publisher: Publisher, wrapped: LauncherOrder) -> None:
    old = os.umask(0o077)
    try:
        package = branded.make(publisher.folder, wrapped, NOW).installer
    finally:
        os.umask(old)
    names = ("Package", "Version", "Depends", "Description")
    said = {name: _dpkg("--field", package, name).strip() for name in names}
    assert said["Description"].startswith("launcher of Meadow\n")
    assert (said["Package"], said["Version"], said["Depends"]) == (ID, "1.2", "libc6 (>= 2.36), libgl1")
    lines = [line.split() for line in _dpkg("--contents", package).splitlines()]
    assert {line[1] for line in lines} == {"root/root"}
    modes = {line[5].removeprefix(f"./usr/lib/{ID}/"): line[0] for line in lines}
    assert modes["shoal-launcher"] == modes["_internal/lib.so"] == "-rwxr-xr-x"
    assert (modes["_internal/data.txt"], modes["_internal/"]) == ("-rw-r--r--", "drwxr-xr-x")


def test_the_same_order_makes_the_same_package(publisher: Publisher, wrapped: LauncherOrder, tmp_path: Path) -> None:
    made = [branded.make(publisher.folder, replace(wrapped, out=tmp_path / name / "tree"), NOW) for name in "ab"]
    first, second = (each.installer for each in made)
    assert first and second
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("version", ["v1", "1 2", "", "1-", "1-2-3", "1_0", "1\n"])
def test_a_version_that_no_package_can_have_is_refused(
    publisher: Publisher, wrapped: LauncherOrder, version: str
) -> None:
    with pytest.raises(UsageError, match="The version of an installer"):
        branded.make(publisher.folder, replace(wrapped, version=version), NOW)
    assert not wrapped.out.exists()


@pytest.mark.parametrize("said", ["", "[]", '{"version": "1"}', '{"depends": 3}'])
def test_a_tree_that_does_not_say_what_it_needs_is_refused(
    publisher: Publisher, wrapped: LauncherOrder, said: str
) -> None:
    assert wrapped.tree
    (wrapped.tree / "tree.json").write_text(said)
    with pytest.raises(UsageError, match=r"its tree\.json is damaged"):
        branded.make(publisher.folder, wrapped, NOW)
    assert not wrapped.out.exists()


def test_a_tree_of_another_system_gets_no_package(publisher: Publisher, wrapped: LauncherOrder, tmp_path: Path) -> None:
    assert wrapped.tree
    (wrapped.tree / "tree.json").unlink()
    assert branded.make(publisher.folder, wrapped, NOW).installer is None
    assert list(tmp_path.glob("*.deb")) == []
