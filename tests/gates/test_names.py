import re
from pathlib import Path

from tests.gates.sources import ROOT, files, text_of

TOP_LEVEL = {
    ".ci", ".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "SECURITY.md", "assets",
    "bench", "docs", "launcher", "packaging", "patcher", "pyproject.toml", "tests",
}  # fmt: skip
NO_ROOMS = {"utils", "util", "common", "helpers", "helper", "core", "manager", "service", "base", "misc"}
BESIDE_THE_ROOMS = {"gates", "journeys", "net", "scenarios", "support"}
REGISTRIES = (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("debian", "org"), ("crates", "io"))
MACHINE_PATH = re.compile(r"(?<![\w.:$}~-])/(?:work|root|home/\w+|opt|Users/\w+)/[\w.]")
EXCEPTION = re.compile(
    r"#\s*(?:noqa(?::\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*)?|type:\s*ignore(?:\[[\w, -]+\])?|pragma:[\w ]+)(.*)"
)
LINK = re.compile(r"\]\(([^)#\s:]+)(?:#[^)\s]*)?\)")


def _lines() -> list[tuple[str, str]]:
    return [
        (f"{path}:{number}", line)
        for path in files()
        for number, line in enumerate(text_of(path).splitlines(), 1)
    ]  # fmt: skip


def test_the_top_level_is_the_one_of_the_map() -> None:
    assert {path.parts[0] for path in files()} <= TOP_LEVEL


def test_no_room_has_a_name_that_says_nothing() -> None:
    assert [str(path) for path in files() if {Path(part).stem for part in path.parts} & NO_ROOMS] == []


def test_tests_mirror_the_rooms() -> None:
    rooms = {path.parts[1] for path in files() if path.parts[0] == "patcher" and len(path.parts) > 2} | {"launcher"}
    folders = {path.parts[1] for path in files() if path.parts[0] == "tests" and len(path.parts) > 2}
    assert folders - rooms - BESIDE_THE_ROOMS == set()


def test_no_file_names_a_package_registry() -> None:
    needles = [".".join(parts) for parts in REGISTRIES]
    assert [where for where, line in _lines() if any(needle in line.lower() for needle in needles)] == []


def test_no_file_names_a_folder_of_one_machine() -> None:
    assert [where for where, line in _lines() if MACHINE_PATH.search(line)] == []


def test_an_exception_from_a_rule_says_why() -> None:
    python = ((where, line) for where, line in _lines() if ".py:" in where)
    found = ((where, EXCEPTION.search(line)) for where, line in python)
    assert [where for where, match in found if match and len(match[1].strip(" -#:()")) < 8] == []


def test_a_link_between_documents_leads_somewhere() -> None:
    documents = [path for path in files() if path.suffix == ".md"]
    dead = [
        f"{path} -> {target}"
        for path in documents
        for target in LINK.findall(text_of(path))
        if not (ROOT / path.parent / target).exists()
    ]
    assert dead == []
