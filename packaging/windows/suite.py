"""Runs tests in Windows' Python under Wine, one process a file, and prints what passed, failed and was skipped by file.

python packaging/windows/suite.py FOLDER [FILE…]      FOLDER as `build.sh` made it; without files, the whole suite

What a file with failures printed is in build/windows. A test that ends its process (as pytest-timeout does on Windows)
fails, and so do those of its file that come after it.
"""

import argparse
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
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_FILE_S = 300
_OUTPUT = _ROOT / "build/windows"
_MEMORY = Path("/dev/shm")  # noqa: S108 (a folder of its own is made there)
_OUTCOME = re.compile(r"^(tests/\S+?::.*?) (PASSED|FAILED|ERROR|SKIPPED)\b(?: .*)?$", re.MULTILINE)
_COLLECTED = re.compile(r"\bcollected (\d+) items?(?: / (\d+) deselected)?", re.MULTILINE)
_COLUMNS = ("passed", "failed", "skipped")


@dataclass(frozen=True)
class Result:
    """What became of the tests of one file."""

    file: str
    outcomes: dict[str, str]
    """Test to passed, failed or skipped."""
    lost: int
    """Tests without an outcome, since the process ended before."""
    is_good: bool
    """Whether pytest says so: it fails a test that is skipped for no platform's sake."""
    seconds: float

    @property
    def counts(self) -> Counter[str]:
        """How many passed, failed and were skipped."""
        return Counter(self.outcomes.values()) + Counter(failed=self.lost)


def _result(file: str, code: int, output: str, seconds: float) -> Result:
    words = {"PASSED": "passed", "FAILED": "failed", "ERROR": "failed", "SKIPPED": "skipped"}
    outcomes: dict[str, str] = {}
    for test, word in _OUTCOME.findall(output):
        if outcomes.get(test) != "failed":  # a test may pass and fail to clean up
            outcomes[test] = words[word]
    collected = _COLLECTED.search(output)
    count = int(collected[1]) - int(collected[2] or 0) if collected else 1
    kept = _OUTPUT / f"{Path(file).relative_to('tests').as_posix().replace('/', '.')}.txt"
    if code:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(output)
    else:
        kept.unlink(missing_ok=True)
    return Result(file, outcomes, max(0, count - len(outcomes)), code == 0, seconds)


def _run(wpython: Path, prefixes: "queue.Queue[Path]", scratch: Path, file: str) -> Result:
    """Run one file. All Windows processes that it leaves behind are ended."""
    prefix = prefixes.get()
    environment = {**os.environ, "WPYTHON_PREFIX": str(prefix), "PYTHONUTF8": "0", "COLUMNS": "200"}
    environment["PYTEST_DEBUG_TEMPROOT"] = "Z:" + str(scratch).replace("/", "\\")
    without = ("-p", "no:xdist", "-p", "no:cacheprovider", "-p", "no:randomly")
    command = [str(wpython), "-m", "pytest", "-v", "--tb=short", *without, file]
    started = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, cwd=_ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            code = process.wait(_FILE_S)
        except subprocess.TimeoutExpired:
            code = -1
        finally:
            subprocess.run([str(wpython), "--kill"], env=environment, check=False, capture_output=True)
            process.wait()
            prefixes.put(prefix)
        output.seek(0)
        text = output.read().decode(errors="replace").replace("\r\n", "\n")
    return _result(file, code, text, time.monotonic() - started)


@contextmanager
def _scratch() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="shoal-windows-", dir=_MEMORY if os.access(_MEMORY, os.W_OK) else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _results(folder: Path, files: list[str], jobs: int) -> Iterator[Result]:
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


def main() -> int:
    """Run the files; 0 when nothing failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("files", nargs="*")
    parser.add_argument("--jobs", type=int, default=2, help="how many files at a time")
    args = parser.parse_args()
    files = args.files or sorted(
        path
        for path in (str(path.relative_to(_ROOT)) for path in (_ROOT / "tests").rglob("test_*.py"))
        if not path.startswith("tests/gates/")  # they judge the source, which is the same everywhere
    )
    started = time.monotonic()
    results = []
    print(f"{'':<52}" + "".join(f"{column:>9}" for column in _COLUMNS))
    for result in _results(args.folder.resolve(), files, args.jobs):
        results.append(result)
        print(_row(result.file, result.counts, result.seconds), flush=True)
    bad = [result for result in results if not result.is_good]
    print(_row("all", sum((result.counts for result in results), Counter()), time.monotonic() - started))
    for result in bad:
        failed = [test for test, outcome in result.outcomes.items() if outcome == "failed"]
        print("\n".join(f"failed: {test}" for test in failed) or f"failed: {result.file}")
        if result.lost and failed:
            print(f"failed: {result.lost} more of {result.file}, which ended early")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
