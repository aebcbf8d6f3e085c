"""Paths that mean the same file on every system. A bad path is refused, not repaired.

A *path* names a file, link or folder below a release's folder: it is relative, with ``/`` between its names. The rules
are the strictest of Linux, Windows and macOS. A release must not hold two paths that some of these take for one,
because they differ only in case or Unicode form.
"""

import re
import unicodedata
from collections.abc import Iterable

from patcher.errors import ContentError, UsageError

MAX_PATH_BYTES = 1024
MAX_NAME_BYTES = 255
MAX_DEPTH = 64
OWN_FOLDER = ".shoal"

_PLAIN = re.compile(r"[A-Za-z0-9_+-][A-Za-z0-9_+-]*(?:\.[A-Za-z0-9_+-]+)*", re.ASCII)
_SHORT = 2 * MAX_DEPTH - 1
"""No path of so few characters is too long or too deep, nor is a name in it too long."""
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"|?*\\/]')
_SHORT_NAME = re.compile(r"[^.]{1,6}~[0-9]{1,6}(?:\.[^.]{0,3})?")
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$", "clock$"]
    + [device + digit for device in ("com", "lpt") for digit in "0123456789"]
)
_SAFE = re.compile(f"(?!(?i:{'|'.join(sorted(filter(str.isalnum, _DEVICES)))})(?:[.]|$))(?:{_PLAIN.pattern})", re.ASCII)
"""Most names: plain ones but those of devices."""
# Format characters are invisible and some reorder a line; these two join letters in real words and emoji.
_JOINERS = {"\u200c", "\u200d"}
_HIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_ID_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}", re.ASCII)


def check(path: str) -> str:
    """Returns the path if it is safe. Raises ContentError content.unsafe_path."""
    _check_whole(path)
    for name in path.split("/"):
        _check_part(name, path)
    return path


def check_all(paths: Iterable[str]) -> int:
    """Check each path, and that all of them can exist in one folder on every system. Linear in the number of paths.

    ``paths`` are the leaves of a tree: files, links, empty folders. Refused: the same name twice, names that differ
    only in case or Unicode form (folders too), and a leaf that is also a folder. Returns the total length in bytes of
    all paths and of the folders above them, each counted once. Raises ContentError content.unsafe_path.
    """
    folders: dict[str, str] = {"": ""}  # spelling → folded
    taken: dict[str, str] = {}  # folded → spelling
    leaves_bytes = 0
    above, above_folded = "", ""
    for path in paths:
        parent, _, name = path.rpartition("/")
        if len(path) <= _SHORT and _SAFE.fullmatch(name) and path[0] != "/":  # nearly all: many calls less
            folded = name.lower()
        else:
            _check_whole(path)
            _check_part(name, path)
            folded = _fold(name)
        if parent != above:
            above = parent
            above_folded = folders[parent] if parent in folders else _enter_folder(parent, folders, taken)
        _claim(f"{above_folded}/{folded}", path, taken)
        leaves_bytes += len(path) if path.isascii() else len(path.encode())
    return leaves_bytes + sum(len(folder.encode()) for folder in folders)


def _enter_folder(folder: str, folders: dict[str, str], taken: dict[str, str]) -> str:
    parent, _, name = folder.rpartition("/")
    above = folders[parent] if parent in folders else _enter_folder(parent, folders, taken)
    _check_part(name, folder)
    folded = above + "/" + _fold(name)
    _claim(folded, folder, taken)
    folders[folder] = folded
    return folded


def _claim(folded: str, path: str, taken: dict[str, str]) -> None:
    if folded in taken:
        raise _unsafe(path, f"it cannot stand beside {_shown(taken[folded])} on every system")
    taken[folded] = path


def check_name(name: str) -> str:
    """A title, role, part, channel or feed name: ``[a-z0-9][a-z0-9-]{0,40}``. Raises UsageError usage.argument."""
    if not _ID_NAME.fullmatch(name) or name in _DEVICES:
        raise UsageError(
            "usage.argument",
            f"{_shown(name)} is no valid name: use up to 41 of a-z, 0-9 and -, not first a -, and no device name",
            name=_shown(name),
        )
    return name


def check_link(path: str, target: str) -> None:
    """Check that the target of a symbolic link is relative and stays inside the release.

    ``..`` is allowed only in front. The rest may lead through other links, which stay inside by the same rule.
    Raises ContentError content.unsafe_path for the link's own path, content.link_outside for its target.
    """
    check(path)
    try:
        if target.split("/").count("..") > path.count("/"):
            raise _unsafe(target, "it leads out of the release")
        check(link_target(path, target))
    except ContentError as error:
        message = f"the link {_shown(path)} points to {_shown(target)}, which is not a safe place inside the release"
        raise ContentError("content.link_outside", message, path=_shown(path), target=_shown(target)) from error


def link_target(path: str, target: str) -> str:
    """The path that a link checked by `check_link` points to, below the release's folder."""
    names = target.split("/")
    ups = names.count("..")
    above = path.split("/")[: -1 - ups]
    return "/".join(above + names[ups:])


def order(path: str) -> str:
    """Sort key of every list of paths: the tuple of UTF-8 names (``a/b`` before ``a-b``), as in bencode."""
    return path.replace("/", "\0")


def _check_whole(path: str) -> None:
    if not path or path[0] == "/":
        raise _unsafe(path, "it is empty or absolute")
    if len(path) > MAX_PATH_BYTES // 4 and len(path.encode("utf-8", "surrogatepass")) > MAX_PATH_BYTES:
        raise _unsafe(path, f"it is longer than {MAX_PATH_BYTES} bytes")
    if path.count("/") >= MAX_DEPTH:
        raise _unsafe(path, f"it is deeper than {MAX_DEPTH} folders")


def _check_part(name: str, path: str) -> None:
    plain = _PLAIN.fullmatch(name) and len(name) <= MAX_NAME_BYTES
    if reason := _device_fault(name) if plain else _fault(name):
        raise _unsafe(path, reason)


def _device_fault(name: str) -> str:
    stem = name.partition(".")[0]
    return "it holds a device name of Windows" if len(stem) <= 7 and stem.lower() in _DEVICES else ""


def _fault(name: str) -> str:
    """Why a name is unsafe; empty for a safe one."""
    if name in ("", ".", ".."):
        return "it holds an empty name, '.' or '..'"
    if _FORBIDDEN.search(name):
        return 'it holds a control character or one of < > : " | ? * \\'
    if not name.isascii() and (reason := _unicode_fault(name)):
        return reason
    if name[-1] in ". ":
        return "a name in it ends with a dot or a space"
    if len(name.encode()) > MAX_NAME_BYTES:
        return f"a name in it is longer than {MAX_NAME_BYTES} bytes"
    return _reserved_fault(_fold(name))


def _unicode_fault(name: str) -> str:
    for char in name:
        if unicodedata.category(char) in _HIDDEN_CATEGORIES and char not in _JOINERS:
            return "it holds an invisible or reordering character"
        if ord(char) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(char) <= 0xFDEF:
            return "it holds a code point that is no character"
    return ""


def _reserved_fault(folded: str) -> str:
    if folded in ("", ".", "..", OWN_FOLDER):
        return f"it holds a reserved name such as {OWN_FOLDER}"
    if _SHORT_NAME.fullmatch(folded):
        return "it holds a short (8.3) name of Windows"
    return _device_fault(folded.partition(".")[0].rstrip(" "))


def fold(path: str) -> str:
    """A form that is equal for paths that some system takes for one."""
    return path.lower() if path.isascii() else "/".join(map(_fold, path.split("/")))


def _fold(name: str) -> str:
    """The same of one name, without ``/``."""
    if name.isascii():
        return name.lower()
    for joiner in _JOINERS:
        name = name.replace(joiner, "")
    once = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFKC", once).replace("/", "\0")


def _shown(text: str) -> str:
    return ascii(text if len(text) <= 200 else text[:200] + "…")


def _unsafe(path: str, reason: str) -> ContentError:
    return ContentError("content.unsafe_path", f"the name {_shown(path)} is not safe: {reason}", path=_shown(path))
