"""A program's versions side by side, and which of them starts (docs/formats/program.md).

``versions/NAME/`` holds a version, and ``versions/NAME.json`` says that the engine verified and committed it: what has
no such entry is never started. The engine alone writes entries, the stub alone writes the pointer.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from patcher import disk, strict_json
from patcher.errors import DiskError

FOLDER = "versions"
_POINTER = "current.json"
_SUFFIX = ".json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
_MAX_BYTES = 1 << 24
_MOST_TRIES = 2
"""A version that was started so often, and never said that it is healthy, does not start here: the power may have
failed once."""


@dataclass(frozen=True, slots=True)
class ProgramVersion:
    """One committed version. ``files`` are paths below its folder and their sizes, ``argv[0]`` is one of them."""

    name: str
    """Of its folder."""
    version: str
    """As the publisher calls it."""
    sequence: int
    """Of its release; 0 for what an installer laid down."""
    argv: tuple[str, ...]
    digest: str
    """SHA-256 of the file ``argv[0]``, in hex."""
    files: Mapping[str, int]

    @classmethod
    def of(cls, folder: Path, version: str, sequence: int, argv: Sequence[str], files: Mapping[str, int]) -> Self:
        """The version that was just committed into ``folder``. Raises OSError."""
        return cls(folder.name, version, sequence, tuple(argv), _digest(folder / argv[0]), dict(files))

    def problem(self, folder: Path) -> str:
        """What is wrong with the files in ``folder``, by their sizes and the bytes of the program; or nothing."""
        for path, size_bytes in self.files.items():
            with contextlib.suppress(OSError, ValueError):
                if os.lstat(folder / path).st_size == size_bytes:
                    continue
            return f"{path} is missing or not whole"
        try:
            is_right = _digest(folder / self.argv[0]) == self.digest
        except OSError:
            is_right = False
        return "" if is_right else f"{self.argv[0]} is not the program that was installed"


@dataclass(frozen=True, slots=True)
class Pointer:
    """Which version starts. Names are those of `ProgramVersion`."""

    current: str = ""
    """The last that said it is healthy."""
    trying: str = ""
    """One that was started and has not said so yet, …"""
    tries: int = 0
    """… and how often."""
    failed: tuple[str, ...] = ()
    """Those that did not start here."""

    def order(self, whole: Sequence[ProgramVersion]) -> list[ProgramVersion]:
        """The versions in the order in which to try them: the newest first, those that failed last."""
        return sorted(whole, key=lambda each: (not self.has_failed(each.name), each.sequence), reverse=True)

    def has_failed(self, name: str) -> bool:
        """Whether a version is known not to start here."""
        return name in self.failed or (name == self.trying and self.tries >= _MOST_TRIES)

    def trial(self, name: str) -> Self:
        """The pointer before a version that is not the current one is started."""
        return dataclasses.replace(self, trying=name, tries=self.tries + 1 if name == self.trying else 1)

    def healthy(self, name: str) -> Self:
        """The pointer once a version said that it is healthy."""
        failed = tuple(each for each in self.failed if each != name)
        return dataclasses.replace(self, current=name, trying="", tries=0, failed=failed)

    def failing(self, name: str) -> Self:
        """The pointer once a version did not start."""
        failed = (*(each for each in self.failed if each != name), name)
        return dataclasses.replace(self, trying="", tries=0, failed=failed)


class Program:
    """The folder of a program: ``versions/``, and the stub with its pointer."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._versions = root / FOLDER

    @classmethod
    def around(cls, folder: Path) -> Self | None:
        """The program among whose versions ``folder`` lies; None if it lies elsewhere."""
        program = cls(folder.parent.parent)
        return program if folder.parent.name == FOLDER and program.versions() else None

    def place(self, name: str) -> Path:
        """The folder of a version."""
        return self._versions / name

    def versions(self) -> list[ProgramVersion]:
        """The committed versions, oldest first, whole or not. An entry that cannot be read is none."""
        found = (_read(path) for path in sorted(self._versions.glob(f"*{_SUFFIX}")))
        return sorted((each for each in found if each), key=lambda each: each.sequence)

    def whole(self) -> tuple[list[ProgramVersion], dict[str, str]]:
        """The versions that may be started, oldest first; and what is wrong with the others, by name."""
        found = self.versions()
        faults = {each.name: each.problem(self.place(each.name)) for each in found}
        return [each for each in found if not faults[each.name]], {n: text for n, text in faults.items() if text}

    def note(self, version: ProgramVersion) -> None:
        """Say that a version is committed and verified. Raises DiskError."""
        document = {"format": 1, **dataclasses.asdict(version)}
        disk.write_atomic(self._entry(version.name), json.dumps(document).encode())

    def forget(self, name: str) -> None:
        """Say so no more, durably, before its folder changes. Raises DiskError."""
        if self._entry(name).exists():
            disk.remove(self._entry(name))
            disk.sync_folder(self._versions)

    def remove_old(self) -> None:
        """Keep two versions: the newest, and the one that starts now or else the one before. Raises DiskError."""
        whole, _ = self.whole()
        names = [each.name for each in reversed(whole)]
        current = self.pointer().current
        keep = {*names[:1], *([current] if current in names[1:] else names[1:2])}
        for version in self.versions():
            if version.name not in keep:
                self.forget(version.name)
        for folder in self._versions.iterdir():
            if folder.is_dir() and folder.name not in keep:
                disk.remove_tree(folder)

    def pointer(self) -> Pointer:
        """What the stub wrote; an empty pointer if it is missing or cannot be read."""
        try:
            fields = strict_json.load(self.root / _POINTER, _MAX_BYTES)
            names = [fields["current"], fields["trying"], *fields["failed"]]
            is_right = fields["format"] == 1 and all(isinstance(name, str) for name in names)
            tries = int(fields["tries"])
        except (OSError, ValueError, KeyError, TypeError):
            return Pointer()
        return Pointer(fields["current"], fields["trying"], tries, tuple(fields["failed"])) if is_right else Pointer()

    def write_pointer(self, pointer: Pointer) -> bool:
        """Write the pointer. Returns whether that succeeded: the drive may be full, or the folder somebody else's."""
        try:
            document = {"format": 1, **dataclasses.asdict(pointer)}
            disk.write_atomic(self.root / _POINTER, json.dumps(document).encode())
        except DiskError:
            return False
        return True

    def _entry(self, name: str) -> Path:
        return self._versions / (name + _SUFFIX)


def _read(path: Path) -> ProgramVersion | None:
    try:
        fields = strict_json.load(path, _MAX_BYTES)
        files = {str(name): int(size_bytes) for name, size_bytes in fields["files"].items()}
        argv = tuple(str(word) for word in fields["argv"])
        names = (str(fields["name"]), str(fields["version"]))
        version = ProgramVersion(*names, int(fields["sequence"]), argv, str(fields["digest"]), files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    is_right = fields["format"] == 1 and path.name == version.name + _SUFFIX and _NAME.fullmatch(version.name)
    return version if is_right and argv and argv[0] in files and all(map(_is_inside, files)) else None


def _is_inside(path: Any) -> bool:
    return ".." not in Path(path).parts and not Path(path).is_absolute()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
