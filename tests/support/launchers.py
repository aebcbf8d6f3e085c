"""Launchers that are a few lines of Python, released as a title of a real feed, laid down beside a real stub.

As a program, `python -m tests.support.launchers`, it kills a self-update before each step that it does to the disk, and
the stub before each of its own: one of the two versions starts after every kill, and in the end the new one is there.
Prints one JSON object, a `Report`; ends with 1 when there are faults.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from patcher.install import launch
from patcher.protocol import commands
from patcher.stub import Stub
from patcher.versions import Program, ProgramVersion
from tests.support import crash, life, trees
from tests.support.job_faults import finished
from tests.support.jobs import described, hooked
from tests.support.life import ORIGIN, Life
from tests.support.publisher import ORIGIN as URL
from tests.support.publisher import Publisher
from tests.support.trees import File, Layout, edited, noise
from tests.support.waiting import wait_until

TITLE = "shop/launcher"
START = "bin/start.cmd" if os.name == "nt" else "bin/start"
LAUNCH = f"{launch.SYSTEM}={START}"
_FIRST = "#!{python} -IS"
if os.name == "nt":  # a batch file that gives the rest of itself to Python
    _FIRST = '@"{python}" -IS -x "%~f0" %* & exit /b'
SCRIPT = (
    _FIRST
    + """
import json, os, sys, time
with open(sys.argv[1], "a") as heard:
    print({version!r}, os.environ["SHOAL_STUB"], file=heard)
word, up = json.loads(os.environ["SHOAL_STUB"])["word"], sys.argv[1] + ".up"
{act}
"""
)
HEALTHY = "os.unlink(word)"
SLOW = f"""open(up, "w").close()
while os.path.exists(up):
    time.sleep(0.02)
{HEALTHY}"""
CRASHES, HANDS_OVER, HANGS = "sys.exit(3)", "sys.exit(75)", "time.sleep(60)"
_STUB = """import sys
sys.path.insert(0, {here!r})
from patcher import disk, stub
{before}
sys.exit(stub.main())
"""
_BIG = noise(1, 90_000)


def tree(version: str, act: str = HEALTHY) -> Layout:
    """A launcher that says which version it is, and does ``act``."""
    number = int(version.rpartition(".")[2])
    return {
        START: File(SCRIPT.format(python=sys.executable, version=version, act=act).encode(), executable=True),
        "lib/big.so": File(edited(_BIG, number) if number else _BIG),
        "lib/same.so": File(noise(2, 30_000)),
        f"lib/only-{version}.txt": File(version.encode()),
    }


def lay_version(program: Path, version: str, act: str = HEALTHY, sequence: int = 0) -> ProgramVersion:
    """Lay a version down as an installer does, with its entry."""
    place = program / "versions" / f"{sequence}-{version}"
    layout = tree(version, act)
    trees.write(place, layout)
    files = {path: len(item.data) for path, item in layout.items() if isinstance(item, File)}
    noted = ProgramVersion.of(place, version, sequence, (START,), files)
    Program(program).note(noted)
    return noted


def lay_stub(program: Path, before: str = "") -> None:
    """A stub that runs from these sources, and does what ``before`` says first."""
    program.mkdir(parents=True, exist_ok=True)
    here = str(Path(__file__).resolve().parents[2])
    (program / "start.py").write_text(_STUB.format(here=here, before=before))


@dataclass(frozen=True)
class Started:
    """What a start of the stub did."""

    code: int
    said: str
    versions: tuple[str, ...]
    """Those that it started, in this order."""
    told: dict[str, object]
    """What the last of them was told."""


def start(program: Path, *words: str) -> Started:
    """Start the program by its stub, in a process of its own."""
    heard, said = program.parent / "heard", program.parent / "said"
    heard.unlink(missing_ok=True)
    command = [sys.executable, "-S", str(program / "start.py"), str(heard), *words]
    with said.open("w") as errors:  # and no pipe: versions outlive the stub
        done = subprocess.run(command, stderr=errors, check=False)
    if not done.returncode:  # the stub does not always wait for the version's word
        wait_until(lambda: heard.exists() and heard.read_text().endswith("\n"), "a version")
    lines = [line.partition(" ") for line in heard.read_text().splitlines()] if heard.exists() else []
    told = json.loads(lines[-1][2]) if lines else {}
    return Started(done.returncode, said.read_text(), tuple(version for version, _, _ in lines), told)


class Launchers:
    """A feed with the releases of a launcher, and a player who has the first of them from an installer."""

    def __init__(self, room: Path) -> None:
        self.room = room
        self.home, self.program = room / "home", room / "program"
        self.publisher = Publisher(room / "publisher")
        ORIGIN.folder = self.publisher.folder
        life.furnish(self.home)
        lay_stub(self.program)
        self.release("1.0")
        lay_version(self.program, "1.0")
        finished(Life(self.home).begin().obey(commands.AddFeed(URL)))

    def release(self, version: str, act: str = HEALTHY) -> None:
        """Publish a version."""
        folder = self.room / "trees" / version
        trees.write(folder, tree(version, act))
        self.publisher.release(folder, version, title="launcher", launch=(LAUNCH,))

    def update(self) -> life.End:
        """Have an engine that starts do a self-update."""
        return Life(self.home).begin().obey(commands.SelfUpdate(TITLE, str(self.program)))

    def start(self) -> Started:
        """Start the program."""
        return start(self.program)


@dataclass
class Report:
    """What a sweep found."""

    kills: int = 0
    starts: dict[str, int] = field(default_factory=dict)
    """Version to how often it started right after a kill."""
    faults: list[str] = field(default_factory=list)


class Sweep:
    """Kills the same self-update again and again."""

    def __init__(self, room: Path, versions: Sequence[str]) -> None:
        self._room, self._kept = room, room.parent / "kept"
        *before, self._new = versions
        self.report = Report()
        launchers = Launchers(room)
        for version in before[1:]:
            launchers.release(version)
            finished(launchers.update())
            assert launchers.start().versions == (version,)
        launchers.release(self._new)
        self._launchers, self._old = launchers, before[-1]
        shutil.copytree(room, self._kept, symlinks=True)

    def _reset(self) -> None:
        shutil.rmtree(self._room)
        shutil.copytree(self._kept, self._room, symlinks=True)

    def steps(self, work: Callable[[], object]) -> list[str]:
        """What work does to the disk when nothing is in its way."""
        self._reset()
        found: list[str] = []
        with hooked(lambda name, arguments: found.append(described(name, arguments, self._room.parent))):
            work()
        return found

    def updates(self, every: int) -> None:
        """Kill the self-update."""
        for step, what in enumerate(self.steps(lambda: finished(self._launchers.update())), 1):
            if step % every:
                continue
            self._reset()
            crash.dies(step, lambda: finished(self._launchers.update()))
            self._judge(f"update killed at {step} ({what})", {self._old, self._new})

    def stubs(self) -> None:
        """Kill the stub, once the new version is there."""
        self._reset()
        finished(self._launchers.update())
        shutil.rmtree(self._kept)
        shutil.copytree(self._room, self._kept, symlinks=True)
        work = lambda: Stub(Program(self._launchers.program), ["stub"], [os.devnull]).run()  # noqa: E731 - it is handed over
        for step, what in enumerate(self.steps(work), 1):
            self._reset()
            crash.dies(step, work)
            self._judge(f"stub killed at {step} ({what})", {self._new})

    def _judge(self, when: str, may_start: set[str]) -> None:
        self.report.kills += 1
        first = self._launchers.start()
        if first.code or len(first.versions) != 1 or first.versions[0] not in may_start:
            self.report.faults.append(f"{when}: started {first}")
            return
        self.report.starts[first.versions[0]] = self.report.starts.get(first.versions[0], 0) + 1
        for end in Life(self._launchers.home).begin().go_on().ends:
            finished(end)
        finished(self._launchers.update())
        if (last := self._launchers.start()).versions != (self._new,):
            self.report.faults.append(f"{when}: in the end {last}")
        places = sorted(path.name for path in (self._launchers.program / "versions").iterdir())
        if len(places) != 4 or any("waiting" in path.name for path in self._launchers.program.iterdir()):
            self.report.faults.append(f"{when}: left {places}")


def main() -> int:
    """The program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--every", type=int, default=1)
    arguments = parser.parse_args()
    life.prepare()
    with crash.room() as room:
        sweep = Sweep(room / "world", ("1.0", "1.1", "1.2"))
        sweep.updates(arguments.every)
        sweep.stubs()
    json.dump(asdict(sweep.report), sys.stdout, indent=1)
    return int(bool(sweep.report.faults))


if __name__ == "__main__":
    sys.exit(main())
