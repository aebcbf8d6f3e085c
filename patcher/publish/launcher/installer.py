"""`installer`: the installer of a launcher for Windows, which NSIS makes on any system.

`make package` lays side by side what it is made of (docs/packaging.md): the tree ``shoal``, the stub and its libraries
in ``stub``, and the script ``installer.nsi``.
"""

import dataclasses
import re
import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from patcher import disk, private
from patcher.brand import Brand
from patcher.errors import UsageError
from patcher.publish import tree as trees
from patcher.versions import Program, ProgramVersion

PROGRAM = "shoal-launcher.exe"
ICON_SIDE = 256
"""Pixels: Windows shows no larger icon, and draws the smaller ones from it."""
_VERSION = re.compile(r"[0-9][A-Za-z0-9.+]{0,31}(-[A-Za-z0-9.+]{1,31})?")
"""What Debian takes, too."""
_NO_FILE_NAME = re.compile(r'[<>:"/\\|?*$]')
_SAID_LETTERS = 1000


@dataclass(frozen=True, slots=True)
class Parts:
    """What an installer is made of besides a tree: the stub's folder, and NSIS's script."""

    stub: Path
    script: Path

    @classmethod
    def around(cls, tree: Path) -> "Parts | None":
        """The parts that lie beside ``tree``; None if it is no tree of Windows, or lies alone."""
        parts = cls(tree.absolute().with_name("stub"), tree.absolute().with_name("installer.nsi"))
        is_whole = (tree / PROGRAM).is_file() and (parts.stub / PROGRAM).is_file() and parts.script.is_file()
        return parts if is_whole else None


def name_of(brand: Brand) -> str:
    """The installer's file name."""
    return f"{_folder(brand)}-Setup.exe"


def has_nsis() -> bool:
    """Whether NSIS is here."""
    return shutil.which("makensis") is not None


def icon_file(png: bytes) -> bytes:
    """An icon file of Windows, of a PNG with `ICON_SIDE` pixels each way."""
    return struct.pack("<HHH BBBBHHII", 0, 1, 1, 0, 0, 0, 0, 1, 32, len(png), 22) + png


def check_version(version: str) -> None:
    """Raises UsageError (usage.argument)."""
    if not _VERSION.fullmatch(version):
        text = f"The version of an installer is a digit, then letters, digits, . + and one -: not {version!r:.80}."
        raise UsageError("usage.argument", text, version=version)


def make(parts: Parts, tree: Path, brand: Brand, version: str, icon: bytes, out: Path) -> None:
    """Make the installer ``out`` that lays down ``tree`` as the first version. ``icon`` is an icon file of Windows.

    Raises UsageError (usage.argument), DiskError.
    """
    check_version(version)
    files = {name: size_bytes for name, size_bytes, _ in trees.read(tree).files}
    first = dataclasses.replace(ProgramVersion.of(tree, version, 0, (PROGRAM,), files), name=f"0-{version}")
    work = Program(out.absolute().with_name(f"{out.name}.parts"))
    try:
        disk.make_folder(work.place(first.name).parent)
        work.note(first)
        disk.write_atomic(work.root / "launcher.ico", icon)
        laid = [*_laid(parts.stub, "$INSTDIR"), *_laid(tree, f"$INSTDIR\\versions\\{_quoted(first.name)}")]
        disk.write_atomic(work.root / "files.nsh", "".join(f"{line}\n" for line in laid).encode())
        numbers = [str(min(int(number), 0xFFFF)) for number in re.findall(r"\d+", version)[:4]]
        defined = {
            "FILES": work.root / "files.nsh", "FIRST": first.name,
            "ENTRY": f"{work.place(first.name)}.json", "ICON": work.root / "launcher.ico",
            "NAME": brand.name, "FOLDER": _folder(brand), "ID": brand.id, "HOME": brand.home,
            "RUN": "Shoal" if brand.is_shoal else brand.id,
            "VERSION": version, "NUMBERS": ".".join([*numbers, "0", "0", "0", "0"][:4]), "OUT": out.absolute(),
        }  # fmt: skip
        _run(parts.script, {name: _quoted(str(text)) for name, text in defined.items()}, has_links=brand.is_shoal)
    finally:
        disk.remove_tree(work.root)


def _laid(folder: Path, place: str) -> Iterator[str]:
    """What NSIS does to lay a folder down, file by file: by itself it would take them in the order of the disk."""
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    above = None
    for file in sorted(files, key=lambda file: (file.parent.parts, file.name)):
        if file.parent != above:
            above = file.parent
            out = "\\".join([place, *map(_quoted, above.parts)])
            yield f'SetOutPath "{out}"'
        yield f'File "/oname={_quoted(file.name)}" "{_quoted(str(folder.absolute() / file))}"'


def _run(script: Path, defined: dict[str, str], *, has_links: bool) -> None:
    words = [*(f"-D{name}={text}" for name, text in defined.items()), *(["-DLINKS"] if has_links else [])]
    # NSIS reads its arguments as the locale has them, and takes the time of what it makes from SOURCE_DATE_EPOCH.
    command = [shutil.which("makensis") or "makensis", "-V2", "-NOCD", "-INPUTCHARSET", "UTF8", *words, str(script)]
    try:
        done = subprocess.run(
            command, env={**private.environment(), "LC_ALL": "C.UTF-8"}, capture_output=True, text=True,
            errors="replace", check=False,
        )  # fmt: skip
    except OSError as error:
        raise UsageError("usage.argument", f"NSIS cannot be started: {error.strerror}.") from error
    if done.returncode:
        said = (done.stdout + done.stderr).strip()[-_SAID_LETTERS:]
        raise UsageError("usage.argument", f"NSIS made no installer: {said}", path=str(script))


def _folder(brand: Brand) -> str:
    """The name without what Windows takes in no file name."""
    return _NO_FILE_NAME.sub("", brand.name).strip(". ") or brand.id


def _quoted(text: str) -> str:
    """The text as it stands between quotes in a script of NSIS."""
    return text.replace("$", "$$").replace('"', '$\\"')
