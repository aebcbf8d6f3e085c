"""An update on a disk that loses power, many times: `python -m tests.support.power_cut --states 20000` for a long run.

Each state is one way the disk may look after a power cut; `recover` runs on it, and the install must be the old or the
new release. Some cuts come while a first recovery runs, after a power cut or after a mere kill of the process.
"""

import argparse
import random
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from patcher import disk
from patcher.install import commit
from patcher.install.folder import InstallFolder
from tests.support import crash
from tests.support.lost_writes import Disk, Recording, after_kill, after_ordered_cut, after_power_cut, materialise
from tests.support.windows_like import WindowsLike


class _Killed(BaseException):
    """The process ended here; what it wrote is still in memory."""


Update = Callable[[Path], None]


def straight(folder: Path) -> None:
    """An update in one go, by a stage that syncs each file it wrote."""
    crash.stage(folder, sync=True)
    commit.commit(InstallFolder.at(folder), crash.CHANGE, crash.KEEP_BYTES)


def careless(folder: Path) -> None:
    """The same by a stage that leaves syncing to the commit."""
    crash.update(folder)


def restarted(folder: Path) -> None:
    """An update whose first process dies while it syncs a staged file, which the second finds whole."""
    with _dies_before_sync_of("1"):
        crash.stage(folder, sync=True)
    crash.stage(folder, sync=True)
    commit.commit(InstallFolder.at(folder), crash.CHANGE, crash.KEEP_BYTES)


UPDATES = (straight, careless, restarted)


@contextmanager
def _dies_before_sync_of(name: str) -> Iterator[None]:
    inner = disk.hook
    assert inner

    def outer(step: str, arguments: tuple[object, ...]) -> None:
        if step == "sync_file" and str(arguments[0]).endswith(f"/{name}"):
            raise _Killed
        inner(step, arguments)

    disk.hook = outer
    try:
        yield
    except _Killed:
        pass
    finally:
        disk.hook = inner


class PowerCuts:
    """Cuts the power at random moments of recorded updates; the same seed gives the same cuts.

    With ``near`` the first life always ends right before a step on a path that ends so. ``cut``: what the disk leaves.
    """

    def __init__(
        self,
        room: Path,
        seed: int,
        updates: Sequence[Update] = UPDATES,
        near: str = "",
        cut: Callable[[Recording, int, random.Random], Disk] = after_power_cut,
    ) -> None:
        self._room = room
        self._seed = seed
        self._near = near
        self._after_cut = cut
        self._folders = 0
        self.states = 0
        self.stories = [self._record(update) for update in updates]

    def faults(self, states: int) -> Iterator[str]:
        """Look at ``states`` states and say which are neither old nor new."""
        trials = (self._cut, self._cut, self._cut_in_recovery, self._kill_then_cut)
        number = 0
        while self.states < states:
            number += 1
            dice = random.Random(f"{self._seed} {number}")
            trial = trials[number % len(trials)]
            if fault := trial(dice.choice(self.stories), dice):
                yield f"trial {number} of seed {self._seed}: {fault}"

    def _record(self, update: Update) -> Recording:
        folder = self._new_folder()
        crash.put(folder, crash.OLD)
        recording = Recording(folder)
        with recording.running():
            update(folder)
        return recording

    def _cut(self, story: Recording, dice: random.Random) -> str:
        steps = self._moment(story, dice)
        return self._recovered(self._after_cut(story, steps, dice), finished=steps == len(story.effects))

    def _cut_in_recovery(self, story: Recording, dice: random.Random) -> str:
        folder = self._build(self._after_cut(story, self._moment(story, dice), dice))
        recovery = Recording(folder)
        return self._cut_while_recovering(recovery, folder, 0, dice)

    def _kill_then_cut(self, story: Recording, dice: random.Random) -> str:
        steps = self._moment(story, dice)
        folder = self._build(after_kill(story, steps))
        return self._cut_while_recovering(story.moved(folder, steps), folder, steps, dice)

    def _cut_while_recovering(self, recovery: Recording, folder: Path, first: int, dice: random.Random) -> str:
        with recovery.running():
            try:
                rolled_forward = commit.recover(InstallFolder.at(folder))
            except Exception as error:  # noqa: BLE001 - whatever goes wrong is the finding
                return f"the first recovery failed: {error}"
        shutil.rmtree(folder)
        steps = _moment(first, len(recovery.effects), dice)
        finished = rolled_forward and steps == len(recovery.effects)
        return self._recovered(self._after_cut(recovery, steps, dice), finished)

    def _moment(self, story: Recording, dice: random.Random) -> int:
        if self._near:
            return dice.choice([number for number, step in enumerate(story.steps) if step.endswith(self._near)])
        return _moment(0, len(story.effects), dice)

    def _recovered(self, nodes: Disk, finished: bool) -> str:
        folder = self._build(nodes)
        self.states += 1
        try:
            commit.recover(InstallFolder.at(folder))
            outcome = crash.judge(folder)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong is the finding
            outcome = f"recovery failed: {error}"
        shutil.rmtree(folder)
        if outcome == "old" and finished:
            return "old although the commit had returned"
        return "" if outcome in ("old", "new") else outcome

    def _build(self, nodes: Disk) -> Path:
        folder = self._new_folder()
        materialise(nodes, folder)
        return folder

    def _new_folder(self) -> Path:
        self._folders += 1
        self._room.mkdir(exist_ok=True)
        return self._room / str(self._folders)


def _moment(first: int, last: int, dice: random.Random) -> int:
    """After how many steps the power fails; often at the very end, when all should be safe."""
    return last if dice.random() < 0.1 else dice.randint(first, last)


def main() -> None:
    """The program. Ends with 1 when a state was neither old nor new."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--states", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without-links", action="store_true")
    parser.add_argument("--windows-like", action="store_true")
    arguments = parser.parse_args()
    if arguments.without_links or arguments.windows_like:
        vars(disk)["link"] = lambda source, path: False
    if arguments.windows_like:
        WindowsLike(is_scanned=True).take_over(setattr)
    with crash.room() as room:
        cuts = PowerCuts(room, arguments.seed, cut=after_ordered_cut if arguments.windows_like else after_power_cut)
        faults = list(cuts.faults(arguments.states))
    sys.stdout.write("\n".join([*faults, f"{cuts.states} states, {len(faults)} faults\n"]))
    raise SystemExit(bool(faults))


if __name__ == "__main__":
    main()
