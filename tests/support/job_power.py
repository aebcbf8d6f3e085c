"""Whole jobs on a disk that loses power: `python -m tests.support.job_power --states 1500 --combined 500`.

A `JobRecording` knows also what changes the disk past `patcher.disk`: transactions of the registry's file, as durable
as SQLite says they are, and python-tuf's files and locks, which are not durable before somebody syncs them. A state is
one way the disk may look after a power cut; a combined one comes after an error, a kill, and a power cut in the
recovery.
"""

import argparse
import errno
import os
import random
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from patcher import database
from patcher.protocol.events import Finished
from tests.support import crash, life, trees
from tests.support.job_faults import CODES, Faults, Refusing
from tests.support.jobs import CASES, OUTSIDE, Case, World, hooked, path_of
from tests.support.life import Life
from tests.support.lost_writes import Disk, Effect, Node, Recording, after_kill, after_power_cut, materialise

_EXTRA = 3
"""Of SQLite's ``PRAGMA synchronous``: the end of a transaction is durable, too, and not only all of it or nothing."""


class JobRecording(Recording):
    """The steps of a job in a world."""

    _ended: Path | None = None
    """The registry's file, while the transaction that was announced last is not looked at."""

    def on_step(self, name: str, arguments: tuple[object, ...]) -> None:
        """Note what was done past the door since the last step, and this step."""
        self.catch_up()
        if name == "database":
            self._ended = path_of(arguments)
        elif name != "persist":
            self._on_step(name, arguments)

    def catch_up(self) -> None:
        """Note what was done past the door."""
        if self._ended:
            self._transaction(self._ended)
            self._ended = None
        for feed in (self._root / "home" / "feeds").glob("*"):
            if "metadata" in self.live[self._at(feed)].names or (feed / "metadata").exists():
                self._compare(feed / "metadata")
        for lock in (self._root / "games").glob("*/.shoal/lock"):
            self._compare(lock)

    def _transaction(self, path: Path) -> None:
        """All or nothing; for good once the folder of SQLite's journal is synced."""
        self._note(self._new(path, Node("file", data=path.read_bytes())), path)
        if _synchronous(path) >= _EXTRA:
            self._note(Effect(self._at(path.parent), sync=True), path.parent)

    def _compare(self, path: Path) -> None:
        """A file that is another one now was written beside, and renamed over the old one: its bytes may come late."""
        known = self.live[self._at(path.parent)].names.get(path.name)
        kind = "link" if path.is_symlink() else "folder" if path.is_dir() else "file"
        data = b"" if kind == "folder" else os.readlink(path).encode() if kind == "link" else path.read_bytes()
        if known is None or (self.live[known].kind, self.live[known].data) != (kind, data):
            self._note(self._new(path, Node(kind, 0o755 if kind == "folder" else 0o644, data * (kind == "link"))), path)
            if kind == "file":
                self._note(Effect(self._at(path), data, 0), path)
        if kind == "folder":
            for inner in sorted(path.iterdir()):
                self._compare(inner)

    def _note(self, effect: Effect, path: Path) -> None:
        self._do(effect)
        self.steps.append(f"beside {path.relative_to(self._root)}")


def held_by(folder: Path) -> dict[str, bytes | str | None]:
    """What is at each path below ``folder``: bytes of a file, target of a link, or None."""
    places = {place.relative_to(folder).as_posix(): place for place in folder.rglob("*")}
    return {
        name: os.readlink(place) if place.is_symlink() else place.read_bytes() if place.is_file() else None
        for name, place in places.items()
    }


def _synchronous(path: Path) -> int:
    with database.opened(path) as db:
        return int(db.execute("PRAGMA synchronous").fetchone()[0])


class PowerCuts:
    """Cuts the power in recorded jobs of one world; the same seed gives the same cuts."""

    def __init__(self, world: World, seed: int) -> None:
        self._world, self._seed = world, seed
        self._faults = Faults(world)
        self.states = 0
        self._stories = {case.name: self._record(case) for case in CASES}

    def cuts(self, states: int) -> Iterator[str]:
        """The faults of so many states, each after one power cut."""
        for number in range(states):
            dice = random.Random(f"{self._seed} {number}")
            case = CASES[number % len(CASES)]
            story = self._stories[case.name]
            steps = len(story.effects) if dice.random() < 0.1 else dice.randint(0, len(story.effects))
            if fault := self._recovered(case, after_power_cut(story, steps, dice), steps == len(story.effects)):
                yield f"cut {number} of seed {self._seed}: {case.name} after step {steps}: {fault}"

    def combined(self, states: int) -> Iterator[str]:
        """The faults of so many states, each after an error, a kill, and a power cut while that is recovered from."""
        for number in range(states):
            dice = random.Random(f"{self._seed} combined {number}")
            case = CASES[number % len(CASES)]
            step = dice.randint(1, len(self._world.steps[case.name]))
            story = self._record(case, step, dice.choice(list(CODES)))
            killed = dice.randint(0, len(story.effects))
            self._lay(after_kill(story, killed))
            recovery = story.moved(self._world.root, killed)
            with self._recording(recovery):
                Life(self._world.home).begin().go_on()
            steps = dice.randint(killed, len(recovery.effects))
            if fault := self._recovered(case, after_power_cut(recovery, steps, dice), False):
                where = f"{case.name}, error at {step}, killed after {killed}, cut after {steps}"
                yield f"combined {number} of seed {self._seed}: {where}: {fault}"

    def _record(self, case: Case, step: int = 0, number: int = errno.EIO) -> JobRecording:
        """The job's story; with a ``step`` at which the disk refuses once, and the same is asked again."""
        world = self._world
        world.put(case.before, case.feed)
        story, refusing = JobRecording(world.root), Refusing(world.root, step, number, for_good=False)
        with refusing.running(), self._recording(story, refusing):
            engine = Life(world.home).begin()
            if not isinstance(engine.obey(case.command(world)), Finished):
                engine.obey(case.command(world))
        self._check(story)
        return story

    def _check(self, story: JobRecording) -> None:
        """The story is the whole one: told to its end, it leaves what is on the disk."""
        model = self._world.root.with_name("model")
        materialise(after_kill(story, len(story.effects)), model)
        different = {p for p, held in held_by(self._world.root).items() ^ held_by(model).items()}
        assert not different, f"the model does not know of {sorted(different)[:5]}"
        shutil.rmtree(model)

    @contextmanager
    def _recording(self, story: JobRecording, refusing: Refusing | None = None) -> Iterator[None]:
        def on_step(name: str, arguments: tuple[object, ...]) -> None:
            before = refusing.refused if refusing else 0
            if refusing:
                refusing.on_step(name, arguments)
            if not refusing or refusing.refused == before:
                story.on_step(name, arguments)

        with hooked(on_step):
            yield
        story.catch_up()

    def _recovered(self, case: Case, nodes: Disk, has_ended: bool) -> str:
        """What is wrong at the next start; the job's end, once said, is for good."""
        self.states += 1
        self._lay(nodes)
        self._world.serve(case.feed)
        self._world.recognise()
        if has_ended and (fault := self._world.state().differs(self._world.after[case.name])):
            return f"it had ended, but {fault}"
        return self._faults.after(case)

    def _lay(self, nodes: Disk) -> None:
        shutil.rmtree(self._world.root)
        materialise(nodes, self._world.root)
        assert trees.read(self._world.outside) == OUTSIDE
        self._world.forget_times()


def _synchronised(opened: Callable[..., Any], how: str) -> Callable[..., Any]:
    @contextmanager
    def synchronised(path: Path, *timeout_s: float) -> Iterator[sqlite3.Connection]:
        with opened(path, *timeout_s) as db:
            db.execute(f"PRAGMA synchronous = {how}")
            yield db

    return synchronised


def main() -> int:
    """The program. Ends with 1 when there are faults."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--states", type=int, default=1500)
    parser.add_argument("--combined", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--synchronous", help="another one for the registry's file; with FULL there must be faults")
    arguments = parser.parse_args()
    life.prepare()
    if arguments.synchronous:
        vars(database)["opened"] = _synchronised(database.opened, arguments.synchronous)
    with crash.room() as room:
        cuts = PowerCuts(World(room), arguments.seed)
        faults = [*cuts.cuts(arguments.states), *cuts.combined(arguments.combined)]
    sys.stdout.write("\n".join([*faults, f"{len(CASES)} jobs, {cuts.states} states, {len(faults)} faults\n"]))
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
