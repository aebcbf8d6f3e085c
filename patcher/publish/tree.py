"""The tree of a release's folder, sorted, and its division into parts.

A file is executable if its first bytes say so, or if the publisher does. The modes of the publisher's disk do not
count: Windows has none, and the same folder must make the same release everywhere.
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain
from pathlib import Path
from typing import TypeVar

from pathspec import GitIgnoreSpec

from patcher.content import paths
from patcher.content.records import check_tag
from patcher.errors import ContentError, DiskError, UsageError

IGNORE_FILE = ".shoalignore"
"""At the top of a release's folder: what is not released, as lines of a `.gitignore`."""
MAIN_PART = "main"
_SUSPECTS = (
    *(".git", ".hg", ".svn", ".bzr", "CVS", ".gitignore", ".gitattributes", ".gitmodules"),
    *(".env", ".env.*", ".netrc", ".npmrc", ".pypirc", ".ssh", ".aws", "id_rsa", "id_ed25519", "*.pfx", "*.keystore"),
    *(".DS_Store", "._*", "__MACOSX", "Thumbs.db", "desktop.ini", "$RECYCLE.BIN", ".Trash-*", ".directory"),
    *(".idea", ".vs", ".vscode", "*.swp", "*~"),
    *("*.pdb", "*.ilk", "*.dSYM"),
)
"""Names of what version control, secrets, desktops, editors and compilers leave: hardly ever meant for players."""
_INSTALLERS = re.compile(
    r"(?:^|/)(?:vc_?redist[^/]*|dxsetup|dxwebsetup|directx[^/]*|dotnet[^/]*|ndp[0-9][^/]*|windowsdesktop-runtime[^/]*"
    r"|ue[345]?prereq[^/]*|oalinst|physx[^/]*|xnafx[^/]*)\.(?:exe|msi)$",
    re.IGNORECASE,
)
"""What games for Windows bring to install the libraries of others."""
_INSTALLER_SUFFIXES = (".exe", ".msi")
_DEFAULTS = "defaults"
Noted = TypeVar("Noted", str, tuple[str, str])
_HEAD_BYTES = 4096
_MACHO = (0xFEEDFACE, 0xFEEDFACF, 0xCEFAEDFE, 0xCFFAEDFE)
_FAT_MACHO, _MAX_FAT = b"\xca\xfe\xba\xbe", 30
"""A program for several processors of macOS, and how many at most: the classes of Java begin alike."""


@dataclass(frozen=True)
class Tree:
    """All paths are relative and safe; each list is in the order of `paths.order`."""

    files: tuple[tuple[str, int, bool], ...] = ()
    """Path, size in bytes, executable."""
    links: tuple[tuple[str, str], ...] = ()
    """Path, target."""
    empty_folders: tuple[str, ...] = ()
    stamp: int = field(default=0, compare=False)
    """Another number when a path, a target, or a file's size, time of change or inode is another; 0 in a part."""


def read(folder: Path, ignore: Sequence[str] = (), executable: Sequence[str] = (), *, by_content: bool = True) -> Tree:
    """The tree of a folder, without a `.shoal` at its top, and without what its `IGNORE_FILE` or ``ignore`` match.

    ``executable``: globs of files that are executable, besides those whose first bytes say so. ``by_content``: whether
    to open the files for that.

    Raises ContentError content.special_file for anything that is neither file, link nor folder, content.unsafe_path,
    content.link_outside; DiskError disk.folder_missing, disk.denied, disk.failed; UsageError usage.argument.
    """
    found = _walk(folder, ignore, _Walk(_pattern(executable), by_content=by_content))
    tree = Tree(
        tuple(sorted(found.files, key=lambda file: paths.order(file[0]))),
        tuple(sorted(found.links, key=lambda link: paths.order(link[0]))),
        tuple(sorted(found.empty_folders, key=paths.order)),
        found.stamp,
    )
    paths.check_all(_paths(tree))
    for path, target in tree.links:
        paths.check_link(path, target)
    return tree


def has_changed(folder: Path, tree: Tree, ignore: Sequence[str]) -> bool:
    """Whether anything in the folder was written since it was read. Opens no file. Raises what `read` raises."""
    return _walk(folder, ignore, _Walk()).stamp != tree.stamp


def _walk(folder: Path, ignore: Sequence[str], walk: "_Walk") -> "_Walk":
    try:
        walk.through(str(folder), "", _spec(_ignored(folder, ignore)))
    except OSError as error:
        raise _disk_error(error, folder) from error
    return walk


def suspects(folder: Path, released: Iterable[str], ignore: Sequence[str]) -> list[str]:
    """Files and whole folders, of the paths ``released``, that are hardly meant for players.

    A line such as ``!.env`` says that they are.
    """
    spec = _spec([*_SUSPECTS, *_ignored(folder, ignore)])
    names = "|".join(map(_regex_of_name, _SUSPECTS))  # all at once: quicker than one pattern after the other
    likely = re.compile(f"(?:^|/)(?:{names})(?:/|$)").search
    found = dict[str, None]()
    for path in filter(likely, released):
        if spec.match_file(path):
            folders = (f"{each}/" for each in accumulate(path.split("/")[:-1], lambda above, name: f"{above}/{name}"))
            found[next(filter(spec.match_file, folders), path)] = None
    return list(found)


def installers(released: Iterable[str]) -> list[str]:
    """Files, of the paths ``released``, that would install libraries of others for the title, if anybody ran them."""
    programs = (path for path in released if path[-4:].lower() in _INSTALLER_SUFFIXES)  # of a million few are left
    return list(filter(_INSTALLERS.search, programs))


def _ignored(folder: Path, ignore: Sequence[str]) -> list[str]:
    """The lines that say what is ignored; later ones win."""
    try:
        lines = (folder / IGNORE_FILE).read_text("utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return list(ignore)
    except (OSError, ValueError) as error:
        raise UsageError("usage.argument", f"{folder / IGNORE_FILE} cannot be read: {error}.") from error
    return [f"/{IGNORE_FILE}", *lines, *ignore]


def _spec(lines: Sequence[str]) -> GitIgnoreSpec:
    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError as error:
        raise UsageError("usage.argument", f"A line of {IGNORE_FILE} or --ignore is no pattern: {error}.") from error


class _Walk:
    """What a folder holds, in any order and not yet checked. Without ``executable`` only its stamp."""

    def __init__(self, executable: re.Pattern[str] | None = None, *, by_content: bool = False) -> None:
        self._executable, self._by_content = executable, by_content
        self.files: list[tuple[str, int, bool]] = []
        self.links: list[tuple[str, str]] = []
        self.empty_folders: list[str] = []
        self.stamp = 0

    def through(self, folder: str, prefix: str, ignored: GitIgnoreSpec) -> None:
        with os.scandir(folder) as listing:
            children = [
                child
                for child in listing
                if (prefix or child.name != paths.OWN_FOLDER)
                and not ignored.match_file(f"{prefix}{child.name}{'/' * child.is_dir(follow_symlinks=False)}")
            ]
        if prefix and not children:
            self._note(self.empty_folders, prefix[:-1])
        if prefix.count("/") > paths.MAX_DEPTH:
            paths.check(prefix + "x")  # too deep: let the rule say so before the stack does
        for child in children:
            path = prefix + child.name
            if child.is_symlink():
                self._note(self.links, (path, os.readlink(child.path).replace(os.sep, "/")))
            elif child.is_dir(follow_symlinks=False):
                self.through(child.path, path + "/", ignored)
            else:
                self._file(child, path)

    def _file(self, child: "os.DirEntry[str]", path: str) -> None:
        status = child.stat(follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            message = f"{path[:200]!a} is neither a file nor a folder"
            raise ContentError("content.special_file", message, path=ascii(path))
        self.stamp += hash((path, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino))
        if self._executable:
            runs = bool(self._executable.fullmatch(path)) or (self._by_content and _is_program_file(child.path))
            self.files.append((path, status.st_size, runs))

    def _note(self, where: list[Noted], found: Noted) -> None:
        self.stamp += hash(found)
        if self._executable:
            where.append(found)


def _is_program_file(path: str) -> bool:
    with open(path, "rb", buffering=0) as file:
        return is_program(file.read(_HEAD_BYTES))


def is_program(data: bytes) -> bool:
    """Whether a file begins like a script, or a program or library of Linux, Windows or macOS."""
    head = data[:_HEAD_BYTES]
    if head[:2] == b"MZ":
        return head[int.from_bytes(head[60:64], "little") :][:4] == b"PE\0\0"
    if head[:4] == _FAT_MACHO:
        return int.from_bytes(head[4:8]) <= _MAX_FAT
    return head[:2] == b"#!" or head[:4] == b"\x7fELF" or int.from_bytes(head[:4]) in _MACHO


def _disk_error(error: OSError, folder: Path) -> DiskError:
    where = str(error.filename or folder)
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return DiskError("disk.folder_missing", f"{where} is no folder that can be read", path=where)
    code = "disk.denied" if isinstance(error, PermissionError) else "disk.failed"
    return DiskError(code, f"{where} cannot be read: {error.strerror}", path=where)


def _paths(tree: Tree) -> Iterator[str]:
    return chain((path for path, _, _ in tree.files), (path for path, _ in tree.links), tree.empty_folders)


@dataclass(frozen=True)
class PartRule:
    """A part: all paths that one of ``globs`` matches."""

    name: str
    globs: tuple[str, ...]
    tags: tuple[str, ...] = ()
    defaults: bool = False

    @property
    def text(self) -> str:
        """The rule as `parse_part` reads it."""
        words = [*self.tags, *([_DEFAULTS] if self.defaults else [])]
        return f"{self.name}={','.join(self.globs)}" + (f":{','.join(words)}" if words else "")


def parse_part(text: str) -> PartRule:
    """Read ``NAME=GLOB[,GLOB…][:tags]``; tags are ``group:value`` by commas, and the word ``defaults``.

    In a glob ``*`` and ``?`` stay within one name, ``**`` crosses folders, and a folder stands for all that is in it.
    Raises UsageError usage.argument.
    """
    name, equals, rest = text.partition("=")
    globs, _, tags = rest.partition(":")
    patterns = tuple(glob for glob in globs.split(",") if glob)
    if not equals or not patterns:
        raise UsageError("usage.argument", f"a part is written NAME=GLOB[,GLOB…][:tags], not {text[:200]!a}")
    if paths.check_name(name) == MAIN_PART:
        raise UsageError("usage.argument", f"{MAIN_PART} is what no other part takes; it needs no rule")
    words = [tag for tag in tags.split(",") if tag]
    named = tuple(sorted(check_tag(word) for word in words if word != _DEFAULTS))
    return PartRule(name, patterns, named, _DEFAULTS in words)


def split(tree: Tree, rules: Sequence[PartRule]) -> dict[str, Tree]:
    """Part name → its tree: the first rule that matches takes a path, "main" (always there, last) takes the rest.

    Raises ContentError content.link_outside for a link that leads to another part, or that stands in a Windows part.
    """
    patterns = [(rule.name, _pattern(rule.globs)) for rule in rules]
    part_of = {p: next((name for name, pattern in patterns if pattern.fullmatch(p)), MAIN_PART) for p in _paths(tree)}
    parts = {
        name: Tree(
            tuple(file for file in tree.files if part_of[file[0]] == name),
            tuple(link for link in tree.links if part_of[link[0]] == name),
            tuple(folder for folder in tree.empty_folders if part_of[folder] == name),
        )
        for name in (*(rule.name for rule in rules), MAIN_PART)
    }
    _check_links(tree, parts, {rule.name for rule in rules if "os:windows" in rule.tags})
    return parts


def _check_links(tree: Tree, parts: dict[str, Tree], windows: set[str]) -> None:
    everywhere = _with_folders(_paths(tree))
    for name, part in parts.items():
        here = _with_folders(_paths(part)) if part.links else set()
        for path, target in part.links:
            aim = paths.link_target(path, target)
            if name in windows or (aim in everywhere and aim not in here):
                reason = "is a link in a Windows part" if name in windows else f"leads out of the part {name!r}"
                raise ContentError("content.link_outside", f"{path!a} {reason}", path=path, target=target)


def _with_folders(listed: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for path in listed:
        while path and path not in found:
            found.add(path)
            path = path.rpartition("/")[0]  # noqa: PLW2901 -- climbing is what this loop does
    return found


def _pattern(globs: Iterable[str]) -> re.Pattern[str]:
    """Matches a path that one of the globs stands for; nothing when there is none."""
    return re.compile("|".join(_regex(glob.strip("/")) for glob in globs) or r"(?!)")


def _regex(glob: str) -> str:
    """A glob as a pattern over whole paths. ``**/`` also stands for no folder at all."""
    return _regex_of_name(glob) + "(?:/.*)?"


def _regex_of_name(glob: str) -> str:
    wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    tokens = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    return "".join(wild.get(token, re.escape(token)) for token in tokens)
