"""Whole jobs, killed or refused by the disk at each of their steps: `python -m tests.support.job_faults --shares 2`.

After each fault an engine starts as it always does, and the same is asked of it again. In between every install is as
before or as after the job; in the end all is as it would be without the fault. Prints one JSON object, a `Report`; ends
with 1 when there are faults.
"""

import argparse
import errno
import itertools
import json
import multiprocessing
import os
import random
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

from patcher import beneath, disk
from patcher.errors import ShoalError
from patcher.install import commit
from patcher.protocol.events import Failed, Finished
from tests.support import crash, jobs, life
from tests.support.jobs import Case, World, hooked, path_of
from tests.support.life import End, Life

SYSTEM_CALLS = {
    "make_folder": ("mkdir",),
    "create": ("open",),
    "write": ("write",),
    "copy": ("copy_file_range",),
    "mode": ("chmod", "fchmod"),
    "symlink": ("symlink",),
    "link": ("link",),
    "rename": ("replace", "rename"),
    "remove": ("unlink", "remove"),
    "remove_folder": ("rmdir",),
    "sync_file": ("fsync",),
    "sync_folder": ("fsync",),
}
"""Step to the call by which it is done; other steps fail where they are announced."""
CODES = {
    errno.ENOSPC: "disk.full",
    errno.EROFS: "disk.read_only",
    errno.EACCES: "disk.denied",
    errno.EIO: "disk.failed",
}


class Missed(BaseException):
    """A step was not done by the call that `SYSTEM_CALLS` says. Nobody may catch it."""


class Refusing:
    """A disk that refuses one step; ``for_good``: and all that follow on the same volume (home or games)."""

    def __init__(self, root: Path, step: int, number: int, *, for_good: bool) -> None:
        self._root, self._number, self._for_good = root, number, for_good
        self._steps, self._step = itertools.count(1), step
        self._volume = ""
        self._armed: tuple[str, ...] = ()
        self.refused = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """The disk refuses what is done inside."""
        calls = {name: self._refusing(name) for names in SYSTEM_CALLS.values() for name in names}
        for module in (disk, beneath):
            vars(module)["os"] = SimpleNamespace(**{**vars(os), **calls})
        try:
            with hooked(self.on_step):
                yield
        finally:
            for module in (disk, beneath):
                vars(module)["os"] = os

    def on_step(self, name: str, arguments: tuple[object, ...]) -> None:
        """See that the step is refused when its turn has come."""
        if self._armed:
            raise Missed(self._armed)
        here = path_of(arguments).relative_to(self._root).parts[0]
        if next(self._steps) == self._step:
            self._volume = here
        elif not (self._for_good and here == self._volume):
            return
        if name == "write" and not arguments[2]:
            return  # of nothing, so nothing is asked for
        self.refused += 1
        if name == "database":
            raise _database_error(self._number)
        if name not in SYSTEM_CALLS:
            raise self._error()
        self._armed = SYSTEM_CALLS[name]

    def _refusing(self, name: str) -> Callable[..., object]:
        call: Callable[..., object] = getattr(os, name)

        def refusing(*arguments: object, **options: object) -> object:
            if name in self._armed and (name != "open" or int(str(arguments[1])) & os.O_CREAT):
                self._armed = ()
                raise self._error()
            return call(*arguments, **options)

        return refusing

    def _error(self) -> OSError:
        return OSError(self._number, os.strerror(self._number))


def _database_error(number: int) -> sqlite3.Error:
    error = sqlite3.OperationalError(os.strerror(number))
    error.sqlite_errorcode = sqlite3.SQLITE_FULL if number == errno.ENOSPC else sqlite3.SQLITE_IOERR
    return error


@dataclass
class Report:
    """What was tried, and what went wrong."""

    jobs: int = 0
    points: int = 0
    kills: int = 0
    errors: int = 0
    swallowed: dict[str, int] = field(default_factory=dict)
    """Steps whose error nobody heard of, although all was done: how often."""
    faults: list[str] = field(default_factory=list)


class Faults:
    """Tries faults in one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.report = Report()

    def run(self, case: Case, steps: Iterable[int]) -> None:
        """Kill and refuse at these steps of a case."""
        self.report.jobs += 1
        for step in steps:
            self.report.points += 1
            self.kill(case, step)
            for turn, number in enumerate(CODES):
                self.error(case, step, number, for_good=bool((step + turn) % 2))

    def at(self, case: Case, step: str) -> None:
        """Kill and refuse at the last steps of the case that are described so."""
        steps = [number for number, each in enumerate(self._world.steps[case.name], 1) if each == step][-3:]
        if not steps:
            self.report.faults.append(f"{case.name}: {step}: there is no such step")
        self.run(case, steps)

    def kill(self, case: Case, step: int) -> None:
        """The engine is killed before a step of the job."""
        world = self._world
        world.put(case.before, case.feed)
        self.report.kills += 1
        if not crash.dies(step, lambda: finished(Life(world.home).begin().obey(case.command(world)))):
            self._note(case, step, "kill", "the job ended before it")
        self._note(case, step, "kill", self.after(case))

    def error(self, case: Case, step: int, number: int, *, for_good: bool) -> None:
        """The disk refuses a step of the job. With an odd step the same engine is asked again, else the next one."""
        world = self._world
        world.put(case.before, case.feed)
        self.report.errors += 1
        engine, how = Life(world.home).begin(), f"{errno.errorcode[number]} {'for good' if for_good else 'once'}"
        refusing = Refusing(world.root, step, number, for_good=for_good)
        with refusing.running():
            end = engine.obey(case.command(world))
            if for_good and not step % 2:
                self._note(case, step, how, self._meanwhile())
        if refusing.refused:
            self._note(case, step, how, self._said(case, step, number, end, for_good=for_good))
        self._note(case, step, how, self.after(case, engine if step % 2 else None))

    def _meanwhile(self) -> str:
        """What is wrong with an engine that starts while the disk refuses: it says so, or shows what there is."""
        try:
            Life(self._world.home).begin().go_on().snapshot()
        except ShoalError:
            return ""
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            return f"the next engine meanwhile: {error!r}"
        return ""

    def _said(self, case: Case, step: int, number: int, end: End, *, for_good: bool) -> str:
        """What is wrong with how the job ended."""
        what = self._world.steps[case.name][step - 1]
        if isinstance(end, Finished):
            self.report.swallowed[what] = self.report.swallowed.get(what, 0) + 1
            after = self._world.after[case.name]
            # a command that stays is done again, in vain; a preload that stays goes with the next update
            return replace(self._world.state(), waiting=(), preloads=after.preloads).differs(after)
        codes = {CODES[number], "disk.interrupted", "disk.home"}
        if what.startswith("database") or (for_good and " home" in what):  # then the registry is refused too
            codes.add("disk.failed")  # SQLite says no more of an error than that it is one of input or output
        if end.failure is None or end.failure.code not in codes:
            return f"said {end.failure}"
        return ""

    def after(self, case: Case, engine: Life | None = None) -> str:
        """The next start, or the same engine, and the same command once more. What is wrong then."""
        world, after = self._world, self._world.after[case.name]
        try:
            if engine is None:
                engine = Life(world.home).begin()
                if fault := world.fault(case):
                    return f"recovered, but {fault}"
                for end in engine.go_on().ends:
                    finished(end)
                    return world.state().differs(after)
            if world.state() != after:
                finished(engine.obey(case.command(world)), or_said=("usage.already_installed", "usage.not_installed"))
            return world.state().differs(after)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            return f"{type(error).__name__}: {error}"

    def _note(self, case: Case, step: int, how: str, fault: str) -> None:
        if fault:
            self.report.faults.append(
                f"{case.name}: {self._world.steps[case.name][step - 1]} (step {step}), {how}: {fault}"
            )


def finished(end: End, *, or_said: tuple[str, ...] = ()) -> None:
    """Fails when the job did not come to its end, nor said that there is nothing to do."""
    code = end.failure.code if isinstance(end, Failed) and end.failure else ""
    assert isinstance(end, Finished) or code in or_said, f"failed with {end}"


def sweep(every: int, seed: int, share: int, shares: int) -> Report:
    """Every ``every``-th step of all cases, from a first that the dice choose; of these a share."""
    life.prepare()
    dice = random.Random(seed)
    with crash.room() as room:
        world = World(room)
        faults = Faults(world)
        for case in jobs.CASES:
            first = dice.randint(1, every) + every * share
            faults.run(case, range(first, len(world.steps[case.name]) + 1, every * shares))
    return faults.report


def at(places: Iterable[str]) -> Report:
    """At each of these steps, as ``case: step`` (see `jobs.described`)."""
    life.prepare()
    with crash.room() as room:
        faults = Faults(World(room))
        for place in places:
            name, _, step = place.partition(": ")
            faults.at(jobs.case(name), step)
    return faults.report


def main() -> int:
    """The program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shares", type=int, default=1, help="so many processes")
    parser.add_argument("--at", action="append", metavar="CASE: STEP", help="only at these steps")
    parser.add_argument("--without-journal", action="store_true", help="of a commit; there must be faults")
    arguments = parser.parse_args()
    if arguments.without_journal:
        vars(commit)["_begin"] = lambda folder, record: None
    if arguments.at:
        report = at(arguments.at)
    elif arguments.shares == 1:
        report = sweep(arguments.every, arguments.seed, 0, 1)
    else:
        report = _in_processes(arguments.every, arguments.seed, arguments.shares)
    json.dump(asdict(report), sys.stdout, indent=1)
    return int(bool(report.faults))


def _in_processes(every: int, seed: int, shares: int) -> Report:
    with ProcessPoolExecutor(shares, multiprocessing.get_context("spawn")) as pool:
        reports = list(pool.map(partial(sweep, every, seed, shares=shares), range(shares)))
    first, *more = reports
    for each in more:
        first.points += each.points
        first.kills += each.kills
        first.errors += each.errors
        first.faults += each.faults
        first.swallowed = dict(Counter(first.swallowed) + Counter(each.swallowed))
    return first


if __name__ == "__main__":
    sys.exit(main())
