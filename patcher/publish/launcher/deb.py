"""A publisher's launcher as a Debian package (deb(5)), made from the tree that `branded` wrote, on any system.

The program lies in ``/usr/lib/ID``, a command of that name starts it, and the desktop's menu has an entry. The package
has no scripts. Removing it leaves titles and the player's folder.
"""

import io
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from patcher import programs
from patcher.brand import Brand
from patcher.errors import UsageError
from patcher.publish import tree
from patcher.strict_json import load

NEEDS = "tree.json"
"""A file of a frozen tree for Linux: the packages of Debian that it needs."""
PROGRAM = "shoal-launcher"
_MAX_BYTES = 1 << 16
_ENTRY = """[Desktop Entry]
Type=Application
Name={name}
Comment=Play {name}, and keep it up to date
Exec={id}
Icon={id}
Terminal=false
Categories=Game;
StartupNotify=true
"""
_CONTROL = """Package: {id}
Version: {version}
Architecture: amd64
Maintainer: {name} <{url}>
Installed-Size: {size_kib}
Depends: {depends}
Recommends: ca-certificates, xdg-utils
Section: games
Priority: optional
Description: launcher of {name}
 Installs {name} and keeps it up to date. It fetches only what has changed:
 from other players as far as they help, and from its publisher's own web
 server for the rest. Nothing is uploaded before the player says so.
"""


@dataclass(frozen=True, slots=True)
class _Member:
    """A file (``data``, or the bytes of ``source``), a link to ``target``, or a folder, by its path below ``/``."""

    path: str
    data: bytes = b""
    source: Path | None = None
    target: str = ""
    is_folder: bool = False
    is_executable: bool = False

    @property
    def size_bytes(self) -> int:
        return self.source.stat().st_size if self.source else len(self.data)


def needs(frozen: Path) -> str:
    """The packages of Debian that a frozen tree needs, as a control file names them; nothing if it is not for Linux.

    Raises UsageError (usage.argument).
    """
    if not (frozen / NEEDS).exists():
        return ""
    try:
        return ", ".join(map(str, load(frozen / NEEDS, _MAX_BYTES)["depends"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        text = f"{frozen} does not say what it needs: its {NEEDS} is damaged."
        raise UsageError("usage.argument", text, path=str(frozen)) from error


def package(folder: Path, made: Brand, version: str, depends: str, time_s: int) -> bytes:
    """The package of the launcher ``made`` in ``folder``. ``time_s``: of all its files, as Unix time.

    The same arguments make the same bytes. Raises ContentError, DiskError.
    """
    members = list(_members(folder, made))
    size_kib = sum(member.size_bytes for member in members) // 1024
    control = _CONTROL.format(
        id=made.id, version=version, name=made.name, url=made.url, size_kib=size_kib, depends=depends
    )
    parts = (
        ("debian-binary", b"2.0\n"),
        ("control.tar.xz", _archive([_Member("control", control.encode())], time_s)),
        ("data.tar.xz", _archive(members, time_s)),
    )
    return b"!<arch>\n" + b"".join(_part(name, data, time_s) for name, data in parts)


def _members(folder: Path, made: Brand) -> Iterator[_Member]:
    home, content = f"usr/lib/{made.id}", tree.read(folder)
    for name in content.empty_folders:
        yield _Member(f"{home}/{name}", is_folder=True)
    for name, _, is_executable in content.files:
        yield _Member(f"{home}/{name}", source=folder / name, is_executable=is_executable)
    for name, target in content.links:
        yield _Member(f"{home}/{name}", target=target)
    yield _Member(f"{home}/{programs.PACKAGED}", b"dpkg\n")
    yield _Member(f"usr/bin/{made.id}", target=f"../lib/{made.id}/{PROGRAM}")
    yield _Member(f"usr/share/applications/{made.id}.desktop", _ENTRY.format(id=made.id, name=made.name).encode())
    yield _Member(f"usr/share/pixmaps/{made.id}.png", source=folder / made.icon)


def _archive(members: Iterable[_Member], time_s: int) -> bytes:
    """The members as tar.xz, each folder before what is in it, all of root."""
    by_path = {member.path: member for member in members}
    for path in list(by_path):
        for parent in PurePosixPath(path).parents:
            by_path.setdefault(str(parent), _Member(str(parent), is_folder=True))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz", format=tarfile.GNU_FORMAT) as archive:
        for path in sorted(by_path):
            _add(archive, by_path[path], time_s)
    return packed.getvalue()


def _add(archive: tarfile.TarFile, member: _Member, time_s: int) -> None:
    about = tarfile.TarInfo("./" if member.path == "." else f"./{member.path}")
    about.mtime, about.uname, about.gname = time_s, "root", "root"
    if member.is_folder:
        about.type, about.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(about)
    elif member.target:
        about.type, about.mode, about.linkname = tarfile.SYMTYPE, 0o777, member.target
        archive.addfile(about)
    else:
        about.size, about.mode = member.size_bytes, 0o755 if member.is_executable else 0o644
        with member.source.open("rb") if member.source else io.BytesIO(member.data) as file:
            archive.addfile(about, file)


def _part(name: str, data: bytes, time_s: int) -> bytes:
    """A member of the outer archive (ar(5)); its data has an even length."""
    head = f"{name:<16}{time_s:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n"
    return head.encode() + data + b"\n" * (len(data) % 2)
