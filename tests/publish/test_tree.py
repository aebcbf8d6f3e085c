"""A folder is read as what it is, or refused."""

import os
import socket
from pathlib import Path

import pytest

from patcher.errors import ContentError, DiskError, UsageError
from patcher.publish import tree
from patcher.publish.tree import PartRule, Tree
from tests.support import trees
from tests.support.native_images import elf_library, pe_library


@pytest.mark.parametrize("name", trees.SCENARIOS)
def test_a_folder_is_read_as_it_was_laid_down(name: str, tmp_path: Path) -> None:
    layout = trees.scenario(name).new
    trees.write(tmp_path, layout)
    m = trees.manifest_of(layout)
    expected = Tree(tuple((e.path, e.size_bytes, e.executable) for e in m.entries), m.links, m.empty_folders)
    assert tree.read(tmp_path, executable=[e.path for e in m.entries if e.executable]) == expected


def test_installers_of_what_a_title_needs_are_found() -> None:
    names = ("_Redist/VC_redist.x64.exe", "dx/DXSETUP.exe", "Engine/Extras/UE4PrereqSetup_x64.exe", "dotNetFx40.msi")
    others = ("bin/vcruntime140.dll", "dxsetup.txt", "bin/dotnet/host.dll")
    assert tree.installers((*names, *others)) == list(names)


_PROGRAMS = {
    "a script": (b"#!/bin/sh\n", True),
    "ELF": (elf_library(), True),
    "PE": (pe_library(), True),
    "Mach-O": (bytes.fromhex("cffaedfe0c000001"), True),
    "Mach-O for two processors": (bytes.fromhex("cafebabe00000002"), True),
    "a class of Java": (bytes.fromhex("cafebabe00000034"), False),
    "words that begin like a program": (b"MZ is no program", False),
    "nothing": (b"", False),
}


@pytest.mark.parametrize("name", _PROGRAMS)
@pytest.mark.parametrize("mode", [0o644, 0o755])
def test_a_file_is_executable_by_its_bytes_whatever_the_publishers_disk_says(
    tmp_path: Path, name: str, mode: int
) -> None:
    data, is_executable = _PROGRAMS[name]
    (tmp_path / "file").write_bytes(data)
    (tmp_path / "file").chmod(mode)
    assert tree.read(tmp_path).files == (("file", len(data), is_executable),)


def test_what_is_executable_by_no_byte_is_named_by_the_publisher(tmp_path: Path) -> None:
    trees.write(tmp_path, {path: trees.File(b"exit 0") for path in ("bin/deep/tool", "bin/run", "data/run")})
    found = tree.read(tmp_path, executable=["bin/**"]).files
    assert [path for path, _, is_executable in found if is_executable] == ["bin/deep/tool", "bin/run"]


def test_our_own_folder_at_the_top_is_no_part_of_a_release(tmp_path: Path) -> None:
    trees.write(tmp_path, {"a": trees.File(b"x"), ".shoal/installed": trees.File(b"x")})
    assert tree.read(tmp_path).files == (("a", 1, False),)
    trees.write(tmp_path / "sub", {".shoal/installed": trees.File(b"x")})
    with pytest.raises(ContentError):
        tree.read(tmp_path)


def test_ignored_files_are_read_by_the_rules_of_gitignore(tmp_path: Path) -> None:
    names = ("a.log", "keep.log", "logs/b.log", "build/x", "sub/build/y", "doc/a.txt", ".shoalignore", "s/.shoalignore")
    trees.write(tmp_path, {name: trees.File(b"") for name in names})
    (tmp_path / ".shoalignore").write_text("# logs\n*.log\n!keep.log\n/build/\n")
    found = tree.read(tmp_path, ("doc/*.txt",))
    assert [path for path, _, _ in found.files] == ["keep.log", "s/.shoalignore", "sub/build/y"]
    assert found.empty_folders == ("doc", "logs")


def test_rules_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    for data in (b"\xff", b"!\n"):
        (tmp_path / ".shoalignore").write_bytes(data)
        with pytest.raises(UsageError, match=r"\.shoalignore"):
            tree.read(tmp_path)


@pytest.mark.posix("named pipes among files")
def test_pipes_sockets_and_devices_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ContentError) as caught:
        tree.read(tmp_path)
    assert caught.value.code == "content.special_file" and caught.value.facts["path"] == "'pipe'"
    (tmp_path / "pipe").unlink()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(tmp_path / "socket"))
        with pytest.raises(ContentError):
            tree.read(tmp_path)


@pytest.mark.posix("names that Windows does not have")
@pytest.mark.parametrize("name", [b"con.txt", b"a\\b", b"\xff\xfe", b"end. ", b"a:b", "a\u202eb".encode()])
def test_an_unsafe_name_is_refused(name: bytes, tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/" + name, "wb"):  # a Path takes no bytes
        pass
    with pytest.raises(ContentError) as caught:
        tree.read(tmp_path)
    assert caught.value.code == "content.unsafe_path"


@pytest.mark.posix("names that Windows does not have")
def test_names_that_meet_on_other_systems_are_refused(tmp_path: Path) -> None:
    trees.write(tmp_path, {"Data/a": trees.File(b""), "data/b": trees.File(b"")})
    with pytest.raises(ContentError):
        tree.read(tmp_path)


@pytest.mark.posix("symlinks")
@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "x/../../outside", ".shoal/journal"])
def test_a_link_that_leads_out_is_refused_and_never_followed(target: str, tmp_path: Path) -> None:
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "link").symlink_to(target)
    with pytest.raises(ContentError) as caught:
        tree.read(tmp_path / "release")
    assert caught.value.code == "content.link_outside"


def test_a_folder_that_is_too_deep_is_refused(tmp_path: Path) -> None:
    (tmp_path / "/".join("d" * 70)).mkdir(parents=True)
    with pytest.raises(ContentError):
        tree.read(tmp_path)


def test_a_folder_that_is_not_there_is_the_publishers_to_find(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for missing in (tmp_path / "no", tmp_path / "file"):
        with pytest.raises(DiskError) as caught:
            tree.read(missing)
        assert caught.value.code == "disk.folder_missing"


# ---------------------------------------------------------------- parts

TREE = Tree(
    files=(("bin/game", 1, True), ("lang/de/a.txt", 1, False), ("lang/en/a.txt", 1, False), ("save.cfg", 1, False),
           ("sound/de.pak", 1, False)),
    links=(("lang/de/b.txt", "a.txt"),),
    empty_folders=("lang/de/extra", "mods"),
)  # fmt: skip


def test_the_first_rule_that_matches_takes_a_path_and_main_the_rest() -> None:
    rules = [tree.parse_part("german=lang/de,sound/de.*:lang:de"), tree.parse_part("languages=lang"),
             tree.parse_part("config=*.cfg:defaults")]  # fmt: skip
    parts = tree.split(TREE, rules)
    assert list(parts) == ["german", "languages", "config", "main"]
    assert [path for path, _, _ in parts["german"].files] == ["lang/de/a.txt", "sound/de.pak"]
    assert (parts["german"].links, parts["german"].empty_folders) == (TREE.links, ("lang/de/extra",))
    assert [path for path, _, _ in parts["languages"].files] == ["lang/en/a.txt"]
    assert [path for path, _, _ in parts["config"].files] == ["save.cfg"]
    assert parts["main"] == Tree((("bin/game", 1, True),), (), ("mods",))


def test_without_rules_all_is_main() -> None:
    assert tree.split(TREE, []) == {"main": TREE}


@pytest.mark.parametrize(
    ("glob", "matching", "other"),
    [("*.txt", ["a.txt", "x.txt/y"], ["d/a.txt", "a.txt2"]), ("**/*.txt", ["a.txt", "d/e/a.txt"], ["a.pak"]),
     ("d/**", ["d/a", "d/e/a"], ["d2/a", "e/d/a"]), ("d/", ["d/a", "d"], ["dd/a"]), ("?.x", ["a.x"], ["ab.x", "/.x"]),
     ("a+(b)[c]", ["a+(b)[c]"], ["aab"]), ("d/*/e", ["d/x/e", "d/x/e/f"], ["d/e", "d/x/y/e"])],
)  # fmt: skip
def test_a_glob_means_what_shells_mean(glob: str, matching: list[str], other: list[str]) -> None:
    files = tuple((path, 1, False) for path in sorted({*matching, *other}))
    part = tree.split(Tree(files), [PartRule("p", (glob,))])["p"]
    assert [path for path, _, _ in part.files] == sorted(matching)


def test_a_part_is_written_as_the_command_line_says() -> None:
    assert tree.parse_part("hd=tex/**,*.hd:extra:hd,os:linux,defaults") == PartRule(
        "hd", ("tex/**", "*.hd"), ("extra:hd", "os:linux"), defaults=True
    )
    assert tree.parse_part("a=b") == PartRule("a", ("b",))


@pytest.mark.parametrize(
    "text", ["", "a", "a=", "=b", "A=b", "main=b", "a=b:lang", "a=b:lang:", "a=b:Lang:de", "con=x"]
)
def test_a_part_that_cannot_be_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        tree.parse_part(text)


def test_a_link_stays_in_its_part() -> None:
    split = Tree((("a/x", 1, False), ("b/x", 1, False)), (("a/to", "../b/x"),))
    for rule in (PartRule("p", ("a",)), PartRule("p", ("b",))):
        with pytest.raises(ContentError) as caught:
            tree.split(split, [rule])
        assert caught.value.code == "content.link_outside"
    tree.split(split, [PartRule("p", ("a", "b"))])
    tree.split(Tree((("a/x", 1, False),), (("a/folder", "../a"), ("a/nowhere", "gone"))), [PartRule("p", ("a",))])


def test_a_part_for_windows_holds_no_links() -> None:
    with pytest.raises(ContentError):
        tree.split(TREE, [PartRule("p", ("lang",), ("os:windows",))])
