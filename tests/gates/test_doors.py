"""Everything that changes a file goes through `patcher.disk`, so that a crash test can stand at each step."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gates.sources import python_files, text_of, tree_of

NOT_LOOKED_AT = {
    Path("patcher/disk.py"),  # the door itself
    Path("patcher/cli/demo.py"),  # plays in a temporary world of its own
}
ALLOWED = {
    "patcher/beneath.py": {"os.open"},  # holds folders, and opens files for the door
    "patcher/engine/server.py": {"unlink", "os.open"},  # the socket and its address; the null device for output
    "patcher/lock.py": {"os.ftruncate", "os.write"},  # who holds a lock, which nobody relies on
    "patcher/engine/games.py": {"open", "os.open"},  # what titles write, while they write it
    "patcher/engine/client.py": {"open"},  # the log into which a starting engine says why it cannot
    "patcher/cli/output.py": {"os.open"},  # the null device, in place of a terminal that is gone
    "patcher/publish/upload/sftp.py": {"chmod", "mkdir"},  # on the server
    "patcher/strict_json.py": {"os.open"},  # opens to read, without waiting for the other end of a pipe
}
"""File → the calls it may make although they change files, each with its reason beside it."""

OF_MODULES = {
    "os": {
        "chmod", "chown", "copy_file_range", "fchmod", "fdatasync", "fsync", "ftruncate", "link", "lchmod",
        "makedirs", "mkdir", "mkfifo", "mknod", "open", "posix_fallocate", "pwrite", "pwritev", "remove",
        "removedirs", "rename", "renames", "replace", "rmdir", "sendfile", "setxattr", "symlink", "sync",
        "truncate", "unlink", "utime", "write", "writev",
    },
    "shutil": {
        "chown", "copy", "copy2", "copyfile", "copyfileobj", "copymode", "copystat", "copytree", "move",
        "rmtree",
    },
    "tempfile": {
        "NamedTemporaryFile", "SpooledTemporaryFile", "TemporaryDirectory", "TemporaryFile", "mkdtemp",
        "mkstemp",
    },
}  # fmt: skip
OF_PATHS = {
    "chmod", "hardlink_to", "lchmod", "mkdir", "rmdir", "symlink_to", "touch", "unlink", "write_bytes", "write_text",
}  # fmt: skip


def changes(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The calls in ``tree`` that change files: line and name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (name := _changing(node)):
            yield node.lineno, name


def _changing(call: ast.Call) -> str:
    function = call.func
    if isinstance(function, ast.Name):
        return "open" if function.id == "open" and _writes(call.args[1:2], call) else ""
    if not isinstance(function, ast.Attribute):
        return ""
    name = function.attr
    if isinstance(function.value, ast.Name) and function.value.id in {*OF_MODULES, "disk"}:
        module = function.value.id
        return f"{module}.{name}" if name in OF_MODULES.get(module, ()) else ""
    if name == "open":
        return "open" if _writes(call.args[:1], call) else ""
    is_path_replace = name in {"rename", "replace"} and len(call.args) == 1 and not call.keywords
    return name if name in OF_PATHS or is_path_replace else ""


def _writes(positional: list[ast.expr], call: ast.Call) -> bool:
    modes = positional + [keyword.value for keyword in call.keywords if keyword.arg == "mode"]
    texts = [mode.value for mode in modes if isinstance(mode, ast.Constant) and isinstance(mode.value, str)]
    return any(set(text) & set("wax+") and len(text) <= 3 for text in texts)


def test_what_an_install_folder_says_of_itself_is_judged_before_anybody_reads_it() -> None:
    readers = {str(path) for path in python_files("patcher") if ".installed()" in text_of(path)}
    assert readers == {"patcher/install/genuine.py"}


def test_only_the_disk_changes_files() -> None:
    found = [
        f"{path}:{line} {name}"
        for path in python_files("patcher", "launcher")
        if path not in NOT_LOOKED_AT
        for line, name in changes(tree_of(path))
        if name not in ALLOWED.get(str(path), set())
    ]
    assert found == []


def test_whoever_starts_a_program_says_what_it_may_know() -> None:
    """Programs inherit secrets unless told otherwise; the demo's secrets are none."""
    started = [
        (f"{path}:{node.lineno}", node)
        for path in python_files("patcher", "launcher")
        if path not in (Path("patcher/cli/demo.py"), Path("patcher/cli/playground.py"))
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("subprocess.")
    ]
    told = {where: [ast.unparse(k.value) for k in node.keywords if k.arg == "env"] for where, node in started}
    assert told
    assert [where for where, words in told.items() if "private.environment()" not in "".join(words)] == []


def test_every_allowance_is_still_used() -> None:
    used = {(str(path), name) for path in python_files("patcher", "launcher") for _, name in changes(tree_of(path))}
    assert {(path, name) for path, names in ALLOWED.items() for name in names} - used == set()


@pytest.mark.parametrize(
    "line",
    [
        "open(path, 'wb')", "open(path, mode='a')", "path.open('r+b')", "path.write_bytes(b'')",
        "path.replace(other)", "os.replace(a, b)", "shutil.rmtree(folder)", "path.mkdir(parents=True)",
        "tempfile.mkdtemp()",
    ],
)  # fmt: skip
def test_the_gate_sees(line: str) -> None:
    assert [name for _, name in changes(ast.parse(line))] != []


@pytest.mark.parametrize(
    "line",
    [
        "open(path, 'rb')", "path.open()", "text.replace('a', 'b')", "replace(part, name='x')",
        "when.replace(tzinfo=None)", "disk.rename(a, b)", "path.read_bytes()", "names.remove(name)",
    ],
)  # fmt: skip
def test_the_gate_lets_pass(line: str) -> None:
    assert list(changes(ast.parse(line))) == []
