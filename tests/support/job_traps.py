"""Installs that somebody prepared: planted links, hostile state, folders that are swapped while a job runs.

    python -m tests.support.job_traps [--every N] [--sample] [--only TEXT]

Whatever lies in an install folder, nothing outside it changes, the engine starts, and what is wrong is said with a
code. A `Trap` is laid in the world of a case, before its job; a `Swap` happens right before one of the job's steps, so
between what was checked and what is done. Prints one line a fault and a last one with counts.
"""

import argparse
import itertools
import json
import os
import shutil
import signal
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any

from patcher import beneath
from patcher.content import merkle
from patcher.protocol.events import Failed
from tests.support import crash, jobs, life
from tests.support.jobs import World, hooked
from tests.support.life import Life
from tests.support.trees import File

JOBS = ("update", "repair", "roll back", "move", "locate", "more parts", "uninstall")
LINKS = (
    ".shoal", ".shoal/staging", ".shoal/trash", ".shoal/trash/files", ".shoal/trash/manifests", ".shoal/previous",
    ".shoal/previous/files", ".shoal/previous/manifests", ".shoal/manifests", ".shoal/layers", ".shoal/installed",
    ".shoal/journal",
)  # fmt: skip
SWAPPED = ("data", "bin", ".shoal", ".shoal/staging", ".shoal/trash", ".shoal/manifests")
_TIME_S = 10.0


@dataclass(frozen=True)
class Trap:
    """What somebody does to the install folder of a world."""

    name: str
    lay: Callable[[World], None]


# ---------------------------------------------------------------- planted links


def _planted(path: str, *, with_content: bool) -> Callable[[World], None]:
    """A link to the outside at ``path``; ``with_content``: to what was there, which lies outside now."""

    def lay(world: World) -> None:
        place, target = world.a / path, world.outside / ("held" if with_content else "")
        place.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(place):
            os.rename(place, world.outside / "held")
        elif with_content:
            target.mkdir()
        place.symlink_to(target)

    return lay


def _second_names(world: World) -> None:
    """Whatever may be written in place is a second name of a stranger's file."""
    staging = world.a / ".shoal" / "staging"
    staging.mkdir(parents=True, exist_ok=True)
    wanted = {item.data for tree in jobs.RELEASES for item in tree.values() if isinstance(item, File)}
    for number, root in enumerate(merkle.root_of(merkle.leaves_of(data)).hex() for data in sorted(wanted) if data):
        stranger = world.outside / f"a stranger's {number}"
        stranger.write_bytes(b"not yours")
        os.link(stranger, staging / root)
    for name in ("meta.0", "meta.0.new", "meta.1", "link-0"):
        os.link(world.outside / "letter.txt", staging / name)


# ---------------------------------------------------------------- journals

_UP, _OUT_OF_STAGING, _OUT_OF_STATE = (f"{'../' * up}outside/letter.txt" for up in (2, 4, 3))
_EMPTY: dict[str, Any] = {"format": 1, "state": "PREPARED", "keep_previous": True} | {
    name: []
    for name in (
        "old", "documents", "first", "first_folders", "folders", "place", "modes", "last", "last_folders", "meta",
    )
}  # fmt: skip
RECORDS: dict[str, Any] = {
    **{f"{name}: leads out": {name: [_UP]} for name in ("old", "first", "folders", "last", "last_folders")},
    "documents lead out": {"documents": [_OUT_OF_STATE]},
    "a staged name leads out": {"place": [[_OUT_OF_STAGING, "x"]]},
    "a place leads out": {"place": [["meta.0", _UP]]},
    "a mode leads out": {"modes": [[_UP, True]]},
    "a staged document leads out": {"meta": [[_OUT_OF_STAGING, "installed"]]},
    "a document leads out": {"meta": [["meta.0", _OUT_OF_STATE]]},
    "a document that goes leads out": {"meta": [["", _OUT_OF_STATE]]},
    "a place is absolute": {"place": [["meta.0", "/outside/letter.txt"]]},
    "a place is below a link": {"place": [["meta.0", "way/letter.txt"]]},
    "an old file is below a link": {"old": ["way/letter.txt"], "last": ["way/letter.txt"]},
    "a folder is below a link": {"folders": ["way/new"], "last_folders": ["way/empty"]},
    "a mode is below a link": {"modes": [["way/letter.txt", True]]},
    "a mode is of a link": {"modes": [["mail", True]]},
    "a place is our own": {"place": [["meta.0", ".shoal/installed"]], "folders": [".shoal/x"]},
    "a name holds a NUL": {"old": ["a\0b"], "place": [["meta.0", "a\0b"]]},
    "a name is half a character": {"old": ["\ud800"], "place": [["meta.0", "\ud800"]]},
    "a name is too long": {"old": ["a" * 5000], "place": [["meta.0", "a/" * 3000 + "b"]]},
    "a list is a number": {"old": 5},
    "a list is a table": {"place": {"a": "b"}},
    "a name is a number": {"old": [5], "place": [[1, 2]]},
    "a pair is a triple": {"place": [["a", "b", "c"]], "meta": [["a"]]},
    "another format": {"format": 99},
    "a format of words": {"format": "one"},
    "a field too many": {"more": []},
    "done at once": {"state": "DONE"},
}  # fmt: skip
BYTES: dict[str, bytes] = {
    "a deep list": b"[" * 200_000,
    "a list": b"[]",
    "a number": b"1" * 100,
    "a huge number": b'{"format": ' + b"9" * 5000 + b"}",
    "no field": b"{}",
    "a field is missing": json.dumps({name: value for name, value in _EMPTY.items() if name != "place"}).encode(),
    "no text": b"\xff\xfe",
}


def _journal(text: bytes, *, done: bool = False) -> Callable[[World], None]:
    """A journal whose checksums are right, in a folder with links to the outside and a staged file."""

    def lay(world: World) -> None:
        state = world.a / ".shoal"
        (state / "staging").mkdir(parents=True, exist_ok=True)
        (state / "staging" / "meta.0").write_bytes(b"planted")
        (world.a / "way").symlink_to(world.outside)
        (world.a / "mail").symlink_to(world.outside / "letter.txt")
        records = [text, b'{"state":"DONE"}'] if done else [text]
        (state / "journal").write_bytes(b"\n".join(b"%08x %s\n" % (zlib.crc32(each), each) for each in records))

    return lay


def _no_file(world: World) -> None:
    (world.a / ".shoal").mkdir(exist_ok=True)
    (world.a / ".shoal" / "journal").mkdir()


def _pipe(name: str) -> Callable[[World], None]:
    def lay(world: World) -> None:
        place = world.a / ".shoal" / name
        place.parent.mkdir(exist_ok=True)
        place.unlink(missing_ok=True)
        os.mkfifo(place)

    return lay


def _said(text: bytes) -> Callable[[World], None]:
    def lay(world: World) -> None:
        (world.a / ".shoal").mkdir(exist_ok=True)
        (world.a / ".shoal" / "installed").write_bytes(text)

    return lay


def traps() -> Iterator[Trap]:
    """All of them."""
    for path in LINKS:
        yield Trap(f"{path} is a link to strangers' files", _planted(path, with_content=False))
        yield Trap(f"{path} is a link to what it was", _planted(path, with_content=True))
    yield Trap("staging has second names of strangers' files", _second_names)
    for name, fields in RECORDS.items():
        record = json.dumps(_EMPTY | fields).encode()
        yield Trap(f"journal: {name}", _journal(record))
        yield Trap(f"journal, done: {name}", _journal(record, done=True))
    for name, text in BYTES.items():
        yield Trap(f"journal: {name}", _journal(text))
        yield Trap(f"installed: {name}", _said(text))
    yield Trap("the journal is a folder", _no_file)
    yield Trap("the journal is a pipe", _pipe("journal"))
    yield Trap("installed is a pipe", _pipe("installed"))


# ---------------------------------------------------------------- springing them


class _Hung(BaseException):
    """Nothing happened for too long."""


@contextmanager
def _in_time() -> Iterator[None]:
    def hang(number: int, frame: FrameType | None) -> None:
        raise _Hung

    before = signal.signal(signal.SIGALRM, hang)
    signal.setitimer(signal.ITIMER_REAL, _TIME_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Traps:
    """Springs traps in one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.sprung = 0

    def spring(self, trap: Trap, name: str) -> str:
        """What is wrong when the case is asked for in a world with the trap. Or nothing."""
        world, case = self._world, jobs.case(name)
        world.restore()
        world.put(case.before, case.feed)
        trap.lay(world)
        world.forget_times()
        return self._watched(lambda: Life(world.home).begin().go_on().obey(case.command(world)))

    def swap(self, name: str, folder: str, step: int) -> str:
        """The same when a folder of the install becomes a link to the outside right before a step."""
        world, case, done = self._world, jobs.case(name), 0

        def on_step(*_: object) -> None:
            nonlocal done
            done += 1
            if done == step and (world.a / folder).is_dir():
                os.rename(world.a / folder, world.root.with_name("aside"))
                (world.a / folder).symlink_to(world.outside)

        def act() -> life.End:
            with hooked(on_step):
                return Life(world.home).begin().obey(case.command(world))

        world.put(case.before, case.feed)
        return self._watched(act)

    def race(self, name: str, folder: str, rounds: int) -> str:
        """The same when somebody swaps the folder for a link and back, again and again, while the job runs."""
        world, case, is_over = self._world, jobs.case(name), threading.Event()
        place, aside = world.a / folder, world.root.with_name("aside")

        def writer() -> None:
            for _ in range(rounds):
                if is_over.is_set():
                    return
                try:
                    os.rename(place, aside)
                    place.symlink_to(world.outside)
                    place.unlink()
                    os.rename(aside, place)
                except OSError:
                    pass  # the job was quicker

        def act() -> life.End:
            thread = threading.Thread(target=writer)
            thread.start()
            try:
                return Life(world.home).begin().obey(case.command(world))
            finally:
                is_over.set()
                thread.join()

        world.put(case.before, case.feed)
        return self._watched(act)

    def _watched(self, act: Callable[[], life.End]) -> str:
        self.sprung += 1
        fault = ""
        try:
            with _in_time():
                end = act()
                Life(self._world.home).begin().snapshot()
            if isinstance(end, Failed) and (end.failure is None or end.failure.code.startswith("internal.")):
                fault = f"said {end.failure}"
        except (Exception, _Hung) as error:  # noqa: BLE001 - whatever it is, it is the finding
            fault = f"{type(error).__name__}: {error}"
        if touched := self._world.touched():
            fault = f"{touched} outside changed; {fault}"
            self._world.restore()
        shutil.rmtree(self._world.root.with_name("aside"), ignore_errors=True)
        return fault


Trial = tuple[str, Callable[[], str]]


def trials(sprung: Traps, world: World, every: int, *, sample: bool) -> Iterator[Trial]:
    """All traps, swaps at every ``every``-th step, and races: what each is called, and how to try it.

    With ``sample`` each trap and race waits for one of the jobs, not for all.
    """
    for number, trap in enumerate(traps()):
        for name in JOBS[number % len(JOBS) :][:1] if sample else JOBS:
            yield f"{trap.name}, {name}", partial(sprung.spring, trap, name)
    for folder, name in itertools.product(SWAPPED, JOBS):
        for step in range(1 + (len(name) + len(folder)) % every, len(world.steps[name]) + 1, every):
            what = f"{folder} is swapped, {name} at {world.steps[name][step - 1]}"
            yield what, partial(sprung.swap, name, folder, step)
    for number, folder in enumerate(SWAPPED):
        for name in JOBS[number % len(JOBS) :][:1] if sample else JOBS:
            yield f"{folder} is swapped again and again, {name}", partial(sprung.race, name, folder, 2000)


def main() -> int:
    """The program. Ends with 1 when there are faults."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--only", default="", help="trials whose name holds this text")
    parser.add_argument("--sample", action="store_true", help="each trap for one job only")
    parser.add_argument("--following-links", action="store_true", help="as the careless do: there must be faults")
    arguments = parser.parse_args()
    life.prepare()
    if arguments.following_links:
        vars(beneath)["_NO_LINK"] = 0
    count = 0
    with crash.room() as room:
        world = World(room)
        sprung = Traps(world)
        for what, attempt in trials(sprung, world, arguments.every, sample=arguments.sample):
            if arguments.only in what and (fault := attempt()):
                count += 1
                sys.stdout.write(f"{what}: {fault}\n")
    sys.stdout.write(f"{sprung.sprung} traps, {count} faults\n")
    return int(bool(count))


if __name__ == "__main__":
    sys.exit(main())
