"""What `make package` puts where, checked without making it: what a frozen tree holds, and what a desktop is told."""

import configparser
import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
import zipfile
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import patcher
from patcher.protocol.commands import PIN_SUFFIX
from tests.gates.sources import ROOT

_ID = "org.shoal.Shoal"
_LINUX = ROOT / "packaging" / "linux"
_WHEELS = "/venv/site-packages"


def _xml(kind: str) -> ElementTree.Element:
    return ElementTree.parse(_LINUX / f"{_ID}.{kind}.xml").getroot()


def _entry() -> configparser.SectionProxy:
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as the standard library's documentation has it
    parser.read(_LINUX / f"{_ID}.desktop", "utf-8")
    return parser["Desktop Entry"]


# ---------------------------------------------------------------- the frozen tree


@pytest.fixture(scope="module")
def contents() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "packaging" / "frozen" / "contents.py"))


def test_a_player_gets_no_library_of_an_extra(contents: dict[str, Any]) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    named = {re.split("[<>=]", line)[0].removeprefix("python-") for lines in extras.values() for line in lines}
    assert named <= set(contents["OF_PUBLISHERS"])


@pytest.mark.parametrize(
    ("name", "source", "kept"),
    [
        ("libtorrent/__init__.so", _WHEELS, True),
        ("libpython3.11.so.1.0", "/usr/lib", True),
        ("libstdc++.so.6", "/usr/lib", False),
        ("libGL.so.1", "/usr/lib", False),
        ("PySide6/Qt/lib/libQt6Gui.so.6", _WHEELS, True),
        ("PySide6/Qt/lib/libicudata.so.73", _WHEELS, True),
        ("PySide6/Qt/lib/libQt6Quick.so.6", _WHEELS, False),
        ("PySide6/Qt/plugins/platforms/libqxcb.so", _WHEELS, True),
        ("PySide6/Qt/plugins/platforms/libqlinuxfb.so", _WHEELS, False),
        ("PySide6/Qt/plugins/platformthemes/libqgtk3.so", _WHEELS, False),
        ("PySide6/Qt/plugins/sqldrivers/libqsqlite.so", _WHEELS, False),
        ("PySide6/Qt/translations/qtbase_de.qm", _WHEELS, True),
        ("PySide6/Qt/translations/qtbase_fr.qm", _WHEELS, False),
        ("PySide6\\Qt6Core.dll", "C:\\venv\\site-packages", True),
        ("PySide6\\Qt6Quick.dll", "C:\\venv\\site-packages", False),
        ("PySide6\\opengl32sw.dll", "C:\\venv\\site-packages", False),
        ("numpy-2.4.6.dist-info/RECORD", _WHEELS, False),
    ],
)
def test_of_the_wheels_only_what_runs_is_kept(contents: dict[str, Any], name: str, source: str, *, kept: bool) -> None:
    assert contents["keeps"](name, source) is kept


def test_the_window_finds_its_assets_in_each_kind_of_package(contents: dict[str, Any]) -> None:
    for name in contents["ASSETS"]:
        assert (ROOT / "assets" / name).is_dir() and f"{name}" in (ROOT / "packaging" / "source.sh").read_text("utf-8")


def test_the_program_of_the_tree_is_command_line_and_engine(tmp_path: Path) -> None:
    (tmp_path / "home").write_bytes(b"in the way of a home")
    program = [sys.executable, str(ROOT / "packaging" / "frozen" / "shoal.py")]
    run = partial(subprocess.run, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    said = run([*program, "--version"], check=True).stdout
    assert said == f"shoal {patcher.__version__}\n"
    words = ("--engine", "--home", str(tmp_path / "home"))
    assert '"error"' in run([*program, *words]).stdout


# ---------------------------------------------------------------- the desktop


def test_the_desktop_knows_one_program_by_one_name() -> None:
    assert f'"{_ID}"' in (ROOT / "launcher" / "__main__.py").read_text("utf-8")
    about = _xml("metainfo")
    assert (about.findtext("id"), about.findtext("launchable")) == (_ID, f"{_ID}.desktop")
    assert _entry()["Icon"] == _ID and _entry()["Exec"].split() == ["shoal-launcher", "--", "%u"]


def test_links_and_feed_files_open_the_window() -> None:
    space = {"m": "http://www.freedesktop.org/standards/shared-mime-info"}
    kind = _xml("mime").find("m:mime-type", space)
    assert kind is not None
    glob = kind.find("m:glob", space)
    assert glob is not None and glob.get("pattern") == f"*{PIN_SUFFIX}"
    assert {kind.get("type"), "x-scheme-handler/shoal"} <= set(_entry()["MimeType"].split(";"))


def test_the_software_centre_shows_this_version() -> None:
    release = _xml("metainfo").find("releases/release")
    assert release is not None and release.get("version") == patcher.__version__


@pytest.mark.posix("tools of the desktop")
@pytest.mark.parametrize(
    ("tool", "file"),
    [(("appstreamcli", "validate", "--no-net"), "metainfo.xml"), (("desktop-file-validate",), "desktop")],
    ids=str,
)
def test_the_tools_of_the_desktop_find_nothing(tool: tuple[str, ...], file: str) -> None:
    """Where they are not installed, the tests above must do."""
    if shutil.which(tool[0]):
        done = subprocess.run([*tool, _LINUX / f"{_ID}.{file}"], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


# ---------------------------------------------------------------- .deb and wheel


def test_each_blank_of_the_control_file_is_filled_in() -> None:
    blanks = set(re.findall("@[A-Z_]+@", (ROOT / "packaging" / "debian" / "control").read_text("utf-8")))
    assert blanks == set(re.findall("s/(@[A-Z_]+@)/", (ROOT / "packaging" / "debian" / "build.sh").read_text("utf-8")))


@pytest.mark.posix("a shell script")
def test_the_wheel_has_the_window_whole_and_nothing_of_the_demo(tmp_path: Path) -> None:
    subprocess.run([ROOT / "packaging" / "source.sh", tmp_path / "source"], check=True)
    pip = (sys.executable, "-m", "pip", "wheel", "--no-index", "--no-deps", "--no-build-isolation", "--quiet")
    subprocess.run([*pip, "--wheel-dir", tmp_path, tmp_path / "source"], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
    assert "launcher/assets/theme/launcher.qss" in names and "launcher/assets/i18n/shoal_de.qm" in names
    assert "patcher/engine/server.py" in names and not [name for name in names if "demo/" in name]
