"""The stub: starts the newest version of a program that starts here, or the one before, and tells which did not.

It is the one part of a program that no update replaces, so it is small and needs the standard library alone. It lies
in the program's folder, and hands its arguments on. A second copy of it, ``shoal``, is the command line, and decides
nothing. What it tells the version is one variable of its environment, `STARTED_BY`; the version answers that it is
healthy by removing the file ``word``.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from patcher import disk, private, programs, strict_json
from patcher.errors import DiskError
from patcher.lock import locked
from patcher.versions import Pointer, Program, ProgramVersion

STARTED_BY = "SHOAL_STUB"
HANDED_OVER = 75
"""The exit code of a version that found another one running. It says nothing of its own health."""
_HEALTHY_S = 30.0
_LOOK_S = 0.05
_LOCK = "stub.lock"
_MAX_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class StartedBy:
    """What the stub tells the version that it starts, as JSON."""

    stub: tuple[str, ...]
    """The command that starts the stub again."""
    program: str
    """The program's folder."""
    name: str
    """Of the version's own folder."""
    version: str
    word: str = ""
    """The file to remove as soon as the version is healthy; empty if nobody waits for that."""
    failed: tuple[str, ...] = ()
    """Newer versions that did not start here."""
    damaged: tuple[str, ...] = ()
    """Versions that are not whole, so that they were not tried."""


def started_by() -> StartedBy | None:
    """What the stub told this process, if one started it. The programs that it starts do not inherit that."""
    with suppress(ValueError, TypeError, KeyError):
        fields = strict_json.loads(os.environ.pop(STARTED_BY, "").encode(), _MAX_BYTES)
        fields |= {name: tuple(map(str, fields[name])) for name in ("stub", "failed", "damaged")}
        return StartedBy(**fields)
    return None


def report_healthy(started_by: StartedBy | None) -> None:
    """Answer the stub, if one waits. Needs no space on the drive."""
    if started_by and started_by.word:
        with suppress(DiskError):  # it was said before, or the stub gave up
            disk.remove(Path(started_by.word))


class Stub:
    """One start of a program. ``words`` are for its version."""

    def __init__(self, program: Program, stub: Sequence[str], words: Sequence[str]) -> None:
        self._program, self._stub, self._words = program, tuple(stub), words
        self._whole, self._faults = program.whole()
        self._pointer = program.pointer()
        self._word = program.root / f"waiting-{os.getpid()}"

    def run(self) -> int:
        """Start a version; returns the exit code."""
        for name, fault in self._faults.items():
            tell(f"Version {name} is not whole: {fault}.")
        with ExitStack() as held:
            is_alone = False
            with suppress(DiskError):
                is_alone = held.enter_context(locked(self._program.root / _LOCK, f"process {os.getpid()}")) is None
            if is_alone:
                for left in self._program.root.glob("waiting-*"):  # by stubs that were killed
                    with suppress(DiskError):
                        disk.remove(left)
            versions = self._pointer.order(self._whole)
            if not is_alone:  # another start decides; or nothing can be written here, so nothing new is tried
                versions.sort(key=lambda each: each.name != self._pointer.current)
            if any(self._starts(version, is_alone=is_alone) for version in versions):
                return 0
        tell(
            f"No version in {self._program.root} starts. Install the program again; your titles and settings stay as "
            "they are."
        )
        return 1

    def _starts(self, version: ProgramVersion, *, is_alone: bool) -> bool:
        """Start a version and see whether it runs. Flips the pointer to it, or notes that it does not start."""
        before, is_new = self._pointer, version.name != self._pointer.current
        is_watched = is_alone and (not is_new or self._point(before.trial(version.name))) and self._wait()
        has_current = any(each.name == before.current for each in self._whole)
        if is_new and has_current and not is_watched:
            tell(f"{version.version} is not tried yet: nothing can be written in {self._program.root}.")
            return False
        fault = self._fault(version, is_watched=is_watched, is_new=is_new)
        if fault is None:
            self._point(before)
        elif fault:
            tell(f"{version.version} did not start: {fault}.")
            self._point(self._pointer.failing(version.name))
        elif is_watched:
            self._point(self._pointer.healthy(version.name))
        return not fault

    def _wait(self) -> bool:
        """Lay down the file that a healthy version removes: that needs no space, and so succeeds on a full drive."""
        try:
            disk.create(self._word, b"")
        except DiskError:
            return False
        return True

    def _fault(self, version: ProgramVersion, *, is_watched: bool, is_new: bool) -> str | None:
        """Why a version does not run; empty if it does, None if it handed its words to one that runs."""
        try:
            child = self._started(version, is_watched=is_watched)
        except OSError as error:
            return f"{error.strerror}"
        end_s = time.monotonic() + (_HEALTHY_S if is_watched else 0.0)
        try:
            while time.monotonic() < end_s:
                code = child.poll()
                if not self._word.exists():
                    return ""
                if code is not None:
                    return None if code == HANDED_OVER else f"it ended with the code {code}"
                time.sleep(_LOOK_S)
            if not is_watched or not is_new or len(self._whole) == 1:  # it is only slow, or there is no other
                return ""
            child.kill()
            child.wait()
            return f"it did not say within {_HEALTHY_S:.0f} seconds that it is well"
        finally:
            if self._word.exists():
                with suppress(DiskError):
                    disk.remove(self._word)

    def _started(self, version: ProgramVersion, *, is_watched: bool) -> "subprocess.Popen[bytes]":
        folder = self._program.place(version.name)
        newer = [each for each in self._whole if each.sequence > version.sequence]
        told = StartedBy(
            self._stub,
            str(self._program.root),
            version.name,
            version.version,
            str(self._word) if is_watched else "",
            tuple(each.version for each in newer if self._pointer.has_failed(each.name)),
            tuple(each.version for each in self._program.versions() if each.name in self._faults),
        )
        return subprocess.Popen(
            [str(folder / version.argv[0]), *version.argv[1:], *self._words],
            env={**private.environment(), STARTED_BY: json.dumps(asdict(told))},
            start_new_session=os.name != "nt",
        )

    def _point(self, pointer: Pointer) -> bool:
        if pointer != self._pointer and not self._program.write_pointer(pointer):
            return False
        self._pointer = pointer
        return True


def tell(text: str) -> None:
    """Say something: on the error output, or in a window of Windows where a program has none."""
    if sys.stderr is not None:
        sys.stderr.write(f"{text}\n")
    elif sys.platform == "win32":  # a program without a console
        import ctypes

        ctypes.windll.user32.MessageBoxW(None, text, "Start", 0x30)


def command_line(program: Program, name: str, words: Sequence[str]) -> int:
    """Run the program ``name`` of the version that was healthy last, else of the newest; returns its exit code."""
    whole, _ = program.whole()
    pointer = program.pointer()
    for version in sorted(pointer.order(whole), key=lambda each: each.name != pointer.current):
        path = (program.place(version.name) / version.argv[0]).with_name(name)
        with suppress(OSError):
            child = subprocess.Popen([str(path), *words], env=private.environment())
            while True:
                with suppress(KeyboardInterrupt):  # which it gets as well
                    return child.wait()
    tell(f"No version in {program.root} has {name}. Install the program again.")
    return 1


def main() -> int:
    """Start the program in whose folder this file lies; called ``shoal``, its command line."""
    stub = Path(sys.executable if programs.is_frozen() else sys.argv[0]).resolve()
    program = Program(stub.parent)
    if stub.stem == programs.COMMAND_LINE:
        return command_line(program, stub.name, sys.argv[1:])
    command = [str(stub)] if programs.is_frozen() else [sys.executable, str(stub)]
    return Stub(program, command, sys.argv[1:]).run()


if __name__ == "__main__":
    sys.exit(main())
