"""An update with everything that is hard about one, and a harness that kills it at every step of `patcher.disk`.

Forking is only safe in a process without threads, so the harness is a program of its own:
`python -m tests.support.crash` prints one JSON object, a `Report`.
"""

import argparse
import contextlib
import itertools
import json
import os
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from patcher import disk
from patcher.install import commit
from patcher.install.commit import Change
from patcher.install.folder import InstallFolder
from tests.support.ignore_case import IgnoreCase
from tests.support.windows_like import WindowsLike

Item = tuple[str, bytes, bool]
"""What a path holds: kind (file, link, folder), bytes or target, executable."""
Tree = dict[str, Item]

_BIG = bytes(range(256)) * 160
KEEP_BYTES = 1 << 20


def file(data: bytes, executable: bool = False) -> Item:
    return "file", data, executable and os.name != "nt"


def link(target: str) -> Item:
    return "link", target.encode(), False


FOLDER: Item = ("folder", b"", False)
_HAS_LINKS = os.name != "nt"
"""An ordinary account of Windows may make none, so the update is without them there."""


def _possible(tree: Tree) -> Tree:
    return {path: item for path, item in tree.items() if _HAS_LINKS or item[0] != "link"}


OLD: Tree = _possible({
    "kept.txt": file(b"kept"),
    "bin/game": file(b"game 1", True),
    "bin/tool": file(b"tool"),
    "bin/plain": file(b"plain", True),
    "bin/gone": file(b"gone", True),
    "data/big.bin": file(_BIG),
    "data/moved.pak": file(_BIG[:20000]),
    "Readme.txt": file(b"read me"),
    "Levels/one.lvl": file(b"level 1"),
    "Levels/Deep/two.lvl": file(b"level 2"),
    "Current": link("kept.txt"),
    "swap/inner/x.txt": file(b"x in a folder that becomes a file"),
    "swap/y.txt": file(b"y"),
    "flat": file(b"a file that becomes a folder"),
    "langs/de.txt": file(b"a folder that becomes a link"),
    "pointer": link("kept.txt"),
    "gone-link": link("kept.txt"),
    "file-to-link": file(b"file"),
    "link-to-file": link("kept.txt"),
    "link-to-folder": link("data"),
    "empty-old": FOLDER,
    "new/added.txt": file(b"somebody's file where a new one goes"),
    "mods/mine.txt": file(b"not ours"),
    ".shoal/installed": file(b"release 1"),
    ".shoal/manifests/aa": file(b"manifest 1"),
    ".shoal/manifests/both": file(b"manifest of a part that stays"),
})  # fmt: skip
STAGED: dict[str, bytes] = {
    "0": b"game 2",
    "1": _BIG[::-1],
    "2": _BIG[:20000],
    "3": b"read me",
    "4": b"a file now",
    "5": b"one",
    "6": b"twice",
    "6.1": b"twice",
    "7": b"a file, once a link",
    "8": b"added",
    "9": b"",
    "10": b"below what was a link",
    "11": b"level 1, now harder",
    "12": b"level 2",
    "meta-0": b"release 2",
    "meta-1": b"manifest 2",
}
CHANGE = Change(
    folders=(
        "bin", "data", "flat", "flat/deep", "new", "link-to-folder", "empty-new", "empty-new/inner", "levels",
        "levels/deep",
    ),
    place=(
        ("0", "bin/game", True),
        ("1", "data/big.bin", False),
        ("2", "data/packs/moved.pak", False),
        ("3", "README.txt", False),
        ("4", "swap", False),
        ("5", "flat/deep/one", True),
        ("6", "twice-a", False),
        ("6.1", "twice-b", False),
        ("7", "link-to-file", False),
        ("8", "new/added.txt", False),
        ("9", "new/empty", False),
        ("10", "link-to-folder/file", False),
        ("11", "levels/one.lvl", False),
        ("12", "levels/deep/two.lvl", False),
    ),
    links=(("pointer", "bin/game"), ("file-to-link", "kept.txt"), ("langs", "data/packs"), ("current", "kept.txt"))
    if _HAS_LINKS else (),
    modes=(("bin/tool", True), ("bin/plain", False)),
    remove=(
        "Readme.txt", "bin/gone", "data/moved.pak", "flat", "gone-link", "langs/de.txt", "link-to-folder",
        "swap/inner/x.txt", "swap/y.txt", "Levels/one.lvl", "Levels/Deep/two.lvl", "Current",
    ),
    remove_folders=("swap/inner", "Levels/Deep", "swap", "langs", "empty-old", "Levels"),
    meta=(("meta-0", "installed"), ("meta-1", "manifests/bb"), ("", "manifests/aa")),
)  # fmt: skip
_KEPT = ("kept.txt", "mods/mine.txt", ".shoal/manifests/both", *(() if _HAS_LINKS else ("file-to-link",)))
NEW: Tree = (
    {path: OLD[path] for path in _KEPT}
    | {path: file(STAGED[name], executable) for name, path, executable in CHANGE.place}
    | {path: link(target) for path, target in CHANGE.links}
    | {"bin/tool": file(b"tool", True), "bin/plain": file(b"plain"), "empty-new/inner": FOLDER}
    | {".shoal/installed": file(b"release 2"), ".shoal/manifests/bb": file(b"manifest 2")}
)
_REPLACED = {"bin/game", "data/big.bin", "pointer", "file-to-link", "link-to-file", "new/added.txt", *CHANGE.remove}
PREVIOUS: Tree = {f"files/{path}": OLD[path] for path in _REPLACED - set(_KEPT) if path in OLD} | {
    path.removeprefix(".shoal/"): item for path, item in OLD.items() if path.startswith(".shoal/")
}


_READ_ONLY = ("data/big.bin", "data/moved.pak", "Readme.txt", "swap/y.txt", "flat", "new/added.txt")
"""Old files that have the read-only attribute on a disk like that of Windows."""


# ---------------------------------------------------------------- trees


def put(folder: Path, tree: Tree) -> None:
    """Write ``tree``, past the door."""
    for path, (kind, data, executable) in tree.items():
        target = folder / path
        (target if kind == "folder" else target.parent).mkdir(parents=True, exist_ok=True)
        if kind == "file":
            target.write_bytes(data)
            target.chmod(0o755 if executable else 0o644)
        elif kind == "link":
            target.symlink_to(data.decode())


def read(folder: Path) -> Tree:
    """What is below ``folder``; a folder is named only when it is empty, and a commit's own things are not."""
    found: Tree = {}
    for at, folders, files in os.walk(folder):
        inner = Path(at).relative_to(folder)
        if inner.name == ".shoal":
            folders[:] = [name for name in folders if name not in ("staging", "trash", "previous")]
        for name in (*files, *folders):
            path = Path(at) / name
            if path.is_symlink():
                found[(inner / name).as_posix()] = link(os.readlink(path))
            elif path.is_file():
                found[(inner / name).as_posix()] = file(path.read_bytes(), bool(path.stat().st_mode & 0o100))
        if not folders and not files:
            found[inner.as_posix()] = FOLDER
    return found


def judge(folder: Path) -> str:
    """``old`` or ``new``, or how the install is neither."""
    found, state = read(folder), folder / ".shoal"
    found.pop(".shoal/journal", None)
    if found not in (OLD, NEW):
        wrong = {p for p in {*found, *NEW} if found.get(p) != NEW.get(p)}
        return f"mixed: {sorted(wrong)} are not as in the new release"
    ours = ("journal", "trash") if found == OLD else ("journal", "trash", "staging")
    if left := [name for name in ours if os.path.lexists(state / name)]:
        return f"left behind: {left}"
    if found == OLD:
        return "old"
    return "new" if read(state / "previous") == PREVIOUS else "previous is not the old release"


# ---------------------------------------------------------------- the update


def stage(folder: Path, sync: bool = False) -> None:
    """Stage the new files; those that are whole already are used again. With ``sync`` each is synced once written."""
    staging = folder / ".shoal" / "staging"
    disk.make_folder(staging)
    for name, data in STAGED.items():
        path = staging / name
        if path.exists() and path.read_bytes() == data:
            continue
        with disk.Staged(path, len(data)) as staged:
            if name == "2":
                with (folder / "data" / "moved.pak").open("rb", buffering=0) as source:
                    disk.copy_range(source, 0, staged, 0, len(data))
            else:
                half = len(data) // 2
                staged.write(half, data[half:])
                staged.write(0, data[:half])
            if sync:
                staged.sync()


def update(folder: Path) -> None:
    """The whole update, as a job does it."""
    stage(folder)
    commit.commit(InstallFolder.at(folder), CHANGE, KEEP_BYTES)


def recover(folder: Path) -> None:
    """What an engine does when it starts."""
    commit.recover(InstallFolder.at(folder))


# ---------------------------------------------------------------- killing


@dataclass
class Report:
    """What a sweep found."""

    steps: int = 0
    trials: int = 0
    outcomes: str = ""
    """One letter a kill point of the first life: o(ld), n(ew) or a fault's first."""
    faults: list[str] = field(default_factory=list)


def dies(step: int, work: Callable[[], object]) -> bool:
    """Run ``work`` in a child that is killed before its ``step``-th step (from 1); False when it ends before that."""
    child = os.fork()  # noqa: TID251 - this process has one thread; a kill needs a process to die
    if not child:
        try:
            steps = itertools.count(1)
            disk.hook = lambda *_: os.kill(os.getpid(), signal.SIGKILL) if next(steps) == step else None
            work()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - whatever it is, the child must end here
            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise RuntimeError(f"failed by itself before step {step}")
    return os.WIFSIGNALED(status)


class Sweep:
    """Kills the update at every step and each recovery at some."""

    def __init__(self, room: Path, read_only: Iterable[str] = ()) -> None:
        self.report = Report()
        self._folder = room / "game"
        self._read_only = tuple(read_only)

    def once(self, *steps: int) -> str | None:
        """Kill the update at the first step, then recoveries at the others, then recover. None: it ended before."""
        shutil.rmtree(self._folder, ignore_errors=True)
        put(self._folder, OLD)
        for path in self._read_only:
            (self._folder / path).chmod(0o444)
        works = itertools.chain([update], itertools.repeat(recover))
        for step, work in zip(steps, works, strict=False):
            if not dies(step, lambda work=work: work(self._folder)):  # type: ignore[misc]  # mypy: no default in lambda
                return None
        self.report.trials += 1
        try:
            recover(self._folder)
            outcome = judge(self._folder)
            if outcome == "old":
                update(self._folder)
                outcome = "old" if (retried := judge(self._folder)) == "new" else f"tried again: {retried}"
        except Exception as error:  # noqa: BLE001 - any fault is one to report
            outcome = f"recovery failed: {error}"
        if outcome not in ("old", "new"):
            self.report.faults.append(f"killed at {steps}: {outcome}")
        return outcome

    def run(self, every_pair: bool, alone: bool = False) -> Report:
        """First each step alone; then also each step of the longest recovery, and one step (or each) of the others."""
        outcomes = list(self._until_the_end())
        self.report.steps = len(outcomes)
        self.report.outcomes = "".join(outcome[0] for outcome in outcomes)
        longest = self.report.outcomes.find("n") + 1
        for step in range(1, len(outcomes) + 1):
            if alone:
                break
            if every_pair or step == longest:
                self.report.faults += self._changed_its_mind(step, outcomes, list(self._until_the_end(step)))
            elif step > longest:
                self.once(step, 1 + step % max(1, len(outcomes) - step))
        return self.report

    def _until_the_end(self, *before: int) -> Iterator[str]:
        for step in itertools.count(1):
            if (outcome := self.once(*before, step)) is None:
                return
            yield outcome

    @staticmethod
    def _changed_its_mind(step: int, alone: list[str], again: list[str]) -> list[str]:
        return [f"killed at {step}: {alone[step - 1]}, then {other}" for other in again if other != alone[step - 1]]


@contextlib.contextmanager
def room() -> Iterator[Path]:
    """A folder to work in, in memory where the system has one."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


class DeadDisk(Exception):
    """No step is done any more."""


def is_cut_off(step: int, work: Callable[[], object]) -> bool:
    """Do ``work``; from its ``step`` on nothing reaches the disk, as after a kill. False when it ended before."""
    steps = itertools.count(1)

    def hook(name: str, arguments: tuple[object, ...]) -> None:
        if next(steps) >= step:
            raise DeadDisk

    disk.hook = hook
    try:
        work()
    except DeadDisk:
        return True
    finally:
        disk.hook = None
    return False


def main() -> None:
    """The program: ``--every-pair`` takes a while, ``--alone`` kills once; ``--without-journal`` must find faults."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--every-pair", action="store_true")
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--windows-like", action="store_true")
    parser.add_argument("--ignore-case", action="store_true")
    parser.add_argument("--without-journal", action="store_true")
    arguments = parser.parse_args()
    if arguments.windows_like:
        WindowsLike(is_scanned=True).take_over(setattr)
    if arguments.without_journal:
        vars(commit)["_begin"] = lambda folder, record: None
    with room() as folder:
        if arguments.ignore_case:
            IgnoreCase(folder).take_over(setattr)
        read_only = _READ_ONLY if arguments.windows_like else ()
        report = Sweep(folder, read_only).run(arguments.every_pair, arguments.alone)
    json.dump(asdict(report), sys.stdout)


if __name__ == "__main__":
    main()
