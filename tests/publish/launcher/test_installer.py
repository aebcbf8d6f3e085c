"""What NSIS is given. `make prove-package-windows` has the real one make an installer, and runs it."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from patcher.brand import Brand
from patcher.errors import UsageError
from patcher.publish.launcher import branded, installer
from patcher.publish.launcher.branded import LauncherOrder
from patcher.publish.launcher.installer import Parts
from patcher.versions import Program
from tests.gates.sources import ROOT
from tests.publish.launcher.conftest import NOW, png
from tests.support import trees
from tests.support.publisher import Publisher
from tests.support.trees import File

pytestmark = pytest.mark.usefixtures("few_rounds")
_SCRIPT = ROOT / "packaging" / "windows" / "installer.nsi"
_WRITES_ITS_WORDS = """#!/bin/sh
for word in "$@"; do
    echo "$word"
    case $word in -DOUT=*) out=${word#*=} ;; -DENTRY=*) entry=${word#*=} ;; -DFILES=*) files=${word#*=} ;; esac
done >"$0.said"
cat "$entry" >"$out"
cat "$files" >"$0.laid"
"""


@pytest.fixture
def kit(tmp_path: Path) -> Path:
    """The tree of a kit."""
    for name in ("shoal", "stub"):
        trees.write(tmp_path / "kit" / name, {"shoal-launcher.exe": File(b"MZ", executable=True)})
    (tmp_path / "kit" / "installer.nsi").write_bytes(_SCRIPT.read_bytes())
    return tmp_path / "kit" / "shoal"


@pytest.fixture
def order(tmp_path: Path, kit: Path) -> LauncherOrder:
    (tmp_path / "icon.png").write_bytes(png())
    out = tmp_path / "out"
    return LauncherOrder(
        "game", 'Meadow: "$1"', tmp_path / "icon.png", out, "org.example.meadow", tree=kit, version="2.0"
    )


@pytest.fixture
def makensis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A NSIS that writes down its words; the installer it makes is the entry of the version."""
    program = tmp_path / "bin" / "makensis"
    program.parent.mkdir()
    program.write_text(_WRITES_ITS_WORDS)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    return program


def _defined(makensis: Path) -> dict[str, str]:
    lines = makensis.with_name("makensis.said").read_text("utf-8").splitlines()
    return dict(line[2:].split("=", 1) for line in lines if line.startswith("-D") and "=" in line)


@pytest.mark.posix("a NSIS of a few lines of shell")
def test_the_installer_lies_beside_the_tree_and_lays_down_a_whole_version(
    publisher: Publisher, order: LauncherOrder, makensis: Path, tmp_path: Path
) -> None:
    branded.make(publisher.folder, order, NOW)
    setup = tmp_path / "Meadow 1-Setup.exe"
    program = Program(tmp_path / "program")
    trees.write(program.place("0-2.0"), trees.read(order.out))
    (program.place("0-2.0").parent / "0-2.0.json").write_bytes(setup.read_bytes())
    whole, faults = program.whole()
    assert [(each.version, each.sequence, each.argv) for each in whole] == [("2.0", 0, ("shoal-launcher.exe",))]
    assert not faults and "brand.json" in json.loads(setup.read_text())["files"]
    said = _defined(makensis)
    assert (said["FOLDER"], said["ID"], said["HOME"]) == ("Meadow 1", "org.example.meadow", "org.example.meadow")
    assert (said["NAME"], said["NUMBERS"]) == ('Meadow: $\\"$$1$\\"', "2.0.0.0")


@pytest.mark.posix("a NSIS of a few lines of shell")
def test_files_are_laid_down_in_one_order_whatever_that_of_the_disk(makensis: Path, kit: Path, tmp_path: Path) -> None:
    trees.write(kit, {"b/$1": File(b""), "b/0": File(b""), "a/c/d": File(b""), "z": File(b"")})
    parts = Parts.around(kit)
    assert parts
    installer.make(parts, kit, Brand(), "1", b"icon", tmp_path / "made.exe")
    version = "$INSTDIR\\versions\\0-1"
    laid = [
        ("$INSTDIR", parts.stub, "shoal-launcher.exe"), (version, kit, "shoal-launcher.exe"), (version, kit, "z"),
        (f"{version}\\a\\c", kit / "a/c", "d"), (f"{version}\\b", kit / "b", "$$1"), (f"{version}\\b", kit / "b", "0"),
    ]  # fmt: skip
    lines = makensis.with_name("makensis.laid").read_text().splitlines()
    assert [line for line in lines if line.startswith("File")] == [
        f'File "/oname={name}" "{folder / name}"' for _, folder, name in laid
    ]
    assert [line for line in lines if line.startswith("SetOutPath")] == [
        f'SetOutPath "{place}"' for place in dict.fromkeys(place for place, _, _ in laid)
    ]


@pytest.mark.posix("a NSIS of a few lines of shell")
def test_what_nsis_says_is_told(publisher: Publisher, order: LauncherOrder, makensis: Path) -> None:
    makensis.write_text("#!/bin/sh\necho 'Error in script'\nexit 1\n")
    with pytest.raises(UsageError, match="NSIS made no installer: Error in script"):
        branded.make(publisher.folder, order, NOW)


def test_without_nsis_the_tree_is_made_all_the_same(
    publisher: Publisher, order: LauncherOrder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    branded.make(publisher.folder, order, NOW)
    assert (order.out / "brand.json").exists() and not list(tmp_path.glob("*.exe"))


@pytest.mark.parametrize("version", ["1/2", "", "-S"])
def test_a_version_that_names_no_folder_is_refused(publisher: Publisher, order: LauncherOrder, version: str) -> None:
    with pytest.raises(UsageError, match="The version of an installer"):
        branded.make(publisher.folder, replace(order, version=version), NOW)
    assert not order.out.exists()


def test_an_icon_has_the_size_that_windows_shows(publisher: Publisher, order: LauncherOrder) -> None:
    order.icon.write_bytes(png(512, 512))
    with pytest.raises(UsageError, match="must be a square of 256"):
        branded.make(publisher.folder, order, NOW)
    assert not order.out.exists()


def test_a_tree_that_lies_alone_has_no_parts(kit: Path) -> None:
    assert Parts.around(kit)
    (kit.parent / "installer.nsi").unlink()
    assert Parts.around(kit) is None


@pytest.mark.posix("a NSIS of a few lines of shell")
def test_each_blank_of_the_script_is_filled_in(publisher: Publisher, order: LauncherOrder, makensis: Path) -> None:
    text = _SCRIPT.read_text("utf-8")
    own = set(re.findall(r"^!define (\w+)", text, re.MULTILINE)) | {"un", "NSISDIR"}
    blanks = {name for name in re.findall(r"\$\{([A-Za-z]+)\}", text) if name.isupper() or name == "un"}
    branded.make(publisher.folder, order, NOW)
    assert blanks - own - {"LANG_ENGLISH"} == set(_defined(makensis))
    assert installer.name_of(Brand()) == "Shoal-Setup.exe"
