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
import yaml  # type: ignore[import-untyped]  # its stubs are a package of their own

import patcher
from patcher.brand import Brand
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


@pytest.mark.posix("a recipe of Linux")
def test_an_appdir_starts_both_programs_and_has_what_appimagetool_looks_for(tmp_path: Path) -> None:
    """The names of icon and metainfo follow that of the menu entry at the top."""
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in ("shoal", "shoal-launcher"):
        (tree / name).write_text('#!/bin/sh\necho "$0" "$@"\n')
        (tree / name).chmod(0o755)
    place = _copied(tmp_path)
    program = place / "packaging" / "appimage" / "build.sh"
    environment = {"PATH": "/usr/bin:/bin", "SOURCE_DATE_EPOCH": "1000000000"}
    subprocess.run([program, tree, tmp_path], env=environment, check=True, capture_output=True)
    made = place / "build" / "package" / "Shoal.AppDir"
    for name in (f"{_ID}.desktop", f"{_ID}.svg", ".DirIcon", f"usr/share/metainfo/{_ID}.appdata.xml"):
        assert (made / name).is_file() and (made / name).resolve().is_relative_to(made)
    assert (made / "usr/lib/shoal/packaged").read_text() == "AppImage\n"
    for called, started in (("Shoal.AppImage", "shoal-launcher"), ("/usr/local/bin/shoal", "shoal")):
        command, variables = (made / "AppRun", "--version"), {**environment, "ARGV0": called}
        said = subprocess.run(command, env=variables, capture_output=True, text=True, check=True).stdout
        assert said == f"{made}/usr/lib/shoal/{started} --version\n"


def _copied(folder: Path) -> Path:
    """What a recipe reads of the project, so that what it makes is not the project's own."""
    for name in ("packaging/appimage", "packaging/linux", "assets/icons"):
        shutil.copytree(ROOT / name, folder / "project" / name)
    return folder / "project"


@pytest.mark.posix("a recipe of Linux")
def test_a_flatpak_is_made_of_the_frozen_tree_and_what_the_desktop_is_told(tmp_path: Path) -> None:
    """Its commands are run as flatpak-builder does it, but for the sandbox."""
    file = ROOT / "packaging" / "flatpak" / f"{_ID}.yaml"
    recipe = yaml.safe_load(file.read_text("utf-8"))
    (module,) = recipe["modules"]
    sources = {source["dest"]: (file.parent / source["path"]).resolve() for source in module["sources"]}
    assert sources.pop("tree") == ROOT / "build" / "frozen" / "shoal"
    for name, source in sources.items():
        shutil.copytree(source, tmp_path / name)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "shoal-launcher").touch()
    for command in module["build-commands"]:
        subprocess.run(["sh", "-c", command.replace("/app", f"{tmp_path}/app")], cwd=tmp_path, check=True)
    made = tmp_path / "app"
    assert (made / "bin" / recipe["command"]).is_file() and (made / "lib/shoal/packaged").read_text() == "flatpak\n"
    assert (made / f"share/applications/{recipe['id']}.desktop").is_file()
    assert (made / f"share/icons/hicolor/scalable/apps/{recipe['id']}.svg").is_file()


@pytest.mark.posix("sed fills it in")
def test_winget_is_told_what_its_schemas_ask_for(tmp_path: Path) -> None:
    """The required fields of version 1.10.0, and how Windows knows what the installer has installed."""
    words = (tmp_path, patcher.__version__, "ab" * 32, "https://updates.example.org/Shoal-Setup.exe")
    subprocess.run([ROOT / "packaging" / "winget" / "fill.sh", *words], check=True)
    made = {path.name: yaml.safe_load(path.read_text("utf-8")) for path in tmp_path.iterdir()}
    kinds = {each["ManifestType"]: each for each in made.values()}
    assert kinds.keys() == {"version", "installer", "defaultLocale"}
    assert {(each["PackageIdentifier"], each["PackageVersion"]) for each in kinds.values()} == {
        ("Shoal.Shoal", patcher.__version__)
    }
    texts = kinds["defaultLocale"]
    assert texts["PackageLocale"] == kinds["version"]["DefaultLocale"]
    assert all(texts[name] for name in ("Publisher", "PackageName", "License", "ShortDescription"))
    installer = kinds["installer"]
    assert installer["ProductCode"] == Brand().id and installer["Scope"] == "user"
    (file,) = installer["Installers"]
    assert file == {"Architecture": "x64", "InstallerUrl": words[3], "InstallerSha256": words[2].upper()}


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
