"""Runs tests in Windows' Python under Wine, one process a file, and says of each how many passed, failed, need POSIX.

python packaging/windows/suite.py FOLDER [TEST…]      FOLDER as `build.sh` made it; without tests, the whole suite

As root. What a file prints is in build/windows, in its summary.txt what this program printed, and in its results.jsonl
what became of each test; with `--continue`, a run goes on there, and leaves out the files that have a result. A test
that ends its process (as pytest-timeout does on Windows) has failed, and the rest of its file runs in another one.
Failures that docs/windows.md lists are named with their cause; any other one fails the run, and so does a test that is
listed and passes.
"""

import argparse
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import IO

_ROOT = Path(__file__).resolve().parents[2]
_FILE_S, _TEST_S = 2400, 300
"""How long a file and a test may take: Wine is slow, and the machine may be busy."""
_LOOK_S = 5
_LIVES = 5
"""How often the rest of a file whose process ended is tried."""
_OUTPUT = _ROOT / "build/windows"
_RESULTS = _OUTPUT / "results.jsonl"
"""A `Result` a line, as each file ends."""
_MEMORY_BYTES = 2 << 30
"""Of the disk in memory for what tests write. Wine writes every byte of a sparse file."""
_LISTED = re.compile(r"^\| `(tests/[^`]+)` \| (.+?) \|$", re.MULTILINE)
_OUTCOME = re.compile(r"^(tests/\S+?::.*?) (PASSED|FAILED|ERROR|SKIPPED)\b(?: .*)?$", re.MULTILINE)
_BEGUN = re.compile(r"^(tests/\S+?::.*?)(?: \++ Timeout \++| *)$", re.MULTILINE)
_COLLECTED = re.compile(r"\bcollected (\d+) items?(?: / (\d+) deselected)?", re.MULTILINE)
_WORDS = {"PASSED": "passed", "FAILED": "failed", "ERROR": "failed", "SKIPPED": "posix"}
_COLUMNS = ("passed", "listed", "failed", "posix")
_SKIPPED_WITHOUT_MARK = "skipped, so the run failed"


@dataclass
class Result:
    """What became of the tests of one file."""

    file: str
    asked: list[str]
    """The file, or some of its tests."""
    outcomes: dict[str, str] = field(default_factory=dict)
    """Test to one of the columns."""
    lost: int = 0
    """Tests without an outcome."""
    ended: list[str] = field(default_factory=list)
    """Tests whose process ended before they did: by themselves, or for the time they took."""
    seconds: float = 0.0

    @property
    def counts(self) -> Counter[str]:
        """How many passed, failed as the list says, failed, and need POSIX."""
        return Counter(self.outcomes.values()) + Counter(failed=self.lost)

    def take(self, code: int, output: str) -> bool:
        """Take a process's exit code and what it printed. Whether the rest of the file needs another one."""
        for test, word in _OUTCOME.findall(output):
            if self.outcomes.get(test) != "failed":  # a test may pass and fail to clean up
                self.outcomes[test] = _WORDS[word]
        collected = _COLLECTED.search(output)
        self.lost = max(0, int(collected[1]) - len(self.outcomes)) if collected else 1
        if (collected and not int(collected[1])) or _SKIPPED_WITHOUT_MARK in output:
            self.lost += 1  # it could not be imported, say
        at_work = [test for test in _BEGUN.findall(output) if not _OUTCOME.match(test)]
        if code == 0:  # a program of the test printed something into its line
            self.outcomes |= dict.fromkeys(at_work, "passed")
            self.lost = 0
            return False
        if self.lost and at_work:
            self.outcomes[at_work[-1]] = "failed"
            self.ended.append(at_work[-1])
            self.lost -= 1
        return bool(self.lost and at_work)


def _process(wpython: Path, environment: dict[str, str], result: Result) -> tuple[int, str]:
    """Run the tests of the file that have no outcome yet, and end all Windows processes that they leave behind."""
    without = ("xdist", "cacheprovider", "randomly")
    options = ["-v", "--tb=short", f"--timeout={_TEST_S}", *(f"-pno:{name}" for name in without)]
    rest = _OUTPUT / f"{_name(result.file)}.arguments"
    rest.write_text("\n".join([*result.asked, *(f"--deselect={test}" for test in result.outcomes)]))
    command = [str(wpython), "-m", "pytest", *options, f"@{rest.relative_to(_ROOT)}"]
    with _printed(result.file).open("a+b") as output:
        begin = output.seek(0, os.SEEK_END)
        process = subprocess.Popen(
            command, cwd=_ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            code = _code(process, output, begin)
        finally:
            subprocess.run([wpython, "--kill"], env=environment, check=False, capture_output=True)
            process.kill()  # without Wine's server, some of its threads wait on
            process.wait()
            rest.unlink()
        output.seek(begin)
        return code, output.read().decode(errors="replace").replace("\r\n", "\n")


def _code(process: "subprocess.Popen[bytes]", output: IO[bytes], begin: int) -> int:
    """How the process ends; -1 when it takes too long, or cannot end."""
    until_s = time.monotonic() + _FILE_S
    while time.monotonic() < until_s:
        with suppress(subprocess.TimeoutExpired):
            return process.wait(_LOOK_S)
        output.seek(begin)
        if b"wineserver64: server/" in output.read() or _is_headless(process.pid):
            break
    return -1


def _is_headless(pid: int) -> bool:
    """Whether the first thread ended, as Wine ends one whose stack is full, and others are waited for in vain."""
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2]
    time.sleep(1)
    return state.startswith("Z") and len(list(Path(f"/proc/{pid}/task").iterdir())) > 1


def _name(file: str) -> str:
    return Path(file).relative_to("tests").as_posix().replace("/", ".")


def _printed(file: str) -> Path:
    return _OUTPUT / f"{_name(file)}.txt"


def _run(wpython: Path, prefixes: "queue.Queue[Path]", scratch: Path, result: Result) -> Result:
    prefix = prefixes.get()
    environment = {**os.environ, "WPYTHON_PREFIX": str(prefix), "PYTHONUTF8": "0", "COLUMNS": "200"}
    environment |= {"PYTHONUNBUFFERED": "1", "PYTEST_DEBUG_TEMPROOT": "Z:" + str(scratch).replace("/", "\\")}
    started_s = time.monotonic()
    _printed(result.file).unlink(missing_ok=True)
    for _ in range(_LIVES):
        if not result.take(*_process(wpython, environment, result)):
            break
    prefixes.put(prefix)
    result.seconds = time.monotonic() - started_s
    return result


@contextmanager
def _scratch() -> Iterator[Path]:
    """A disk in memory."""
    folder = Path(tempfile.mkdtemp(prefix="shoal-windows-"))
    mount, umount = (shutil.which(name) or name for name in ("mount", "umount"))
    subprocess.run([mount, "-t", "tmpfs", "-o", f"size={_MEMORY_BYTES}", "shoal", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run([umount, "-l", folder], check=False)
        folder.rmdir()


def _results(folder: Path, files: list[Result], jobs: int) -> Iterator[Result]:
    wpython = folder / "wpython"
    prefixes: queue.Queue[Path] = queue.Queue()
    for number in range(jobs):
        prefixes.put(folder / f"prefix-{number}")
    with _scratch() as scratch, ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(_run, wpython, prefixes, scratch, file) for file in files]
        for future in as_completed(futures):
            yield future.result()


def _row(name: str, counts: Counter[str], seconds: float) -> str:
    return f"{name:<52}" + "".join(f"{counts[column] or '·':>9}" for column in _COLUMNS) + f"{seconds:>8.0f} s"


def _judge(result: Result, causes: dict[str, str]) -> list[str]:
    """What there is to say of the file; marks failures that are listed, by the test with or without its parameters."""
    said = []
    for test, outcome in sorted(result.outcomes.items()):
        cause = causes.get(test) or causes.get(test.partition("[")[0])
        if outcome == "failed" and cause:
            result.outcomes[test] = "listed"
            said.append(f"listed: {test}: {cause}")
        elif outcome == "failed" or (outcome == "passed" and test in causes):
            result.outcomes[test] = "failed"
            why = ", since docs/windows.md says that it would" if cause else ""
            said.append(f"failed: {test}" + (", which ended its process" if test in result.ended else why))
    return said + ([f"failed: {result.lost} more of {result.file}"] if result.lost else [])


def _known() -> list[Result]:
    """What earlier runs found, for `--continue`."""
    lines = _RESULTS.read_text("utf-8").splitlines() if _RESULTS.exists() else []
    return list({(result := Result(**json.loads(line))).file: result for line in lines}.values())


def _asked(tests: list[str]) -> list[Result]:
    """The tests by file; without any, the whole suite."""
    files: dict[str, list[str]] = {}
    for test in tests or ["tests"]:
        folder = _ROOT / test
        # The gates judge the source, which is the same everywhere.
        found = (
            path.relative_to(_ROOT).as_posix()
            for path in sorted(folder.rglob("test_*.py"))
            if path.parent.name != "gates"
        )
        for each in found if folder.is_dir() else [test]:
            files.setdefault(each.partition("::")[0], []).append(each)
    return [Result(file, asked) for file, asked in files.items()]


def _summary(files: int, counts: Counter[str], seconds: float) -> str:
    run = sum(counts[column] for column in _COLUMNS) - counts["posix"]
    return (
        f"{files} files in {seconds / 60:.0f} minutes: {counts['passed']} passed, {counts['listed']} failed as "
        f"docs/windows.md says, {counts['failed']} failed, {counts['posix']} need POSIX: "
        f"{counts['passed'] / max(1, run):.1%} of those that Windows can run passed"
    )


def main() -> int:
    """Run the tests; 0 when nothing failed but what is listed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("tests", nargs="*")
    parser.add_argument("--jobs", type=int, default=2, help="how many files at a time")
    parser.add_argument("--continue", action="store_true", dest="goes_on", help="go on where the last run ended")
    args = parser.parse_args()
    causes = dict(_LISTED.findall((_ROOT / "docs/windows.md").read_text("utf-8")))
    _OUTPUT.mkdir(parents=True, exist_ok=True)
    known = _known() if args.goes_on else []
    had = {result.file for result in known}
    files = [result for result in _asked(args.tests) if result.file not in had]
    said, counts, seconds = [], Counter[str](), sum(result.seconds for result in known)
    with (_OUTPUT / "summary.txt").open("w") as record, _RESULTS.open("a" if args.goes_on else "w") as results:

        def say(line: str) -> None:
            print(line, flush=True)
            print(line, file=record, flush=True)

        say(f"{'':<52}" + "".join(f"{column:>9}" for column in _COLUMNS))
        started_s = time.monotonic()
        for result in chain(known, _results(args.folder.resolve(), files, args.jobs)):
            if result.file not in had:
                print(json.dumps(asdict(result)), file=results, flush=True)
            said += _judge(result, causes)
            counts += result.counts
            say(_row(result.file, result.counts, result.seconds))
        for line in said:
            say(line)
        say(_summary(len(known) + len(files), counts, seconds / args.jobs + time.monotonic() - started_s))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
