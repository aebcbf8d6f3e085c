"""Worker processes are small, bounded, and quick because they keep what they have."""

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from patcher import processes, programs

if sys.platform != "win32":
    import resource

_MIB = 1 << 20


def _fresh_pages(size_bytes: int) -> int:
    """How many pages the system had to find for one allocation."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    assert len(b"x" * size_bytes) == size_bytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_deep_work_never_has_the_first_threads_stack() -> None:
    def thread(_: bytes) -> int:
        return threading.get_ident()

    assert processes.with_stack(thread, b"") != threading.get_ident()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(processes.with_stack, thread, b"").result() == pool.submit(threading.get_ident).result()


@pytest.mark.posix("glibc")
def test_a_bounded_worker_keeps_its_memory_for_the_next_task() -> None:
    with processes.pool(1, 256 * _MIB) as pool:
        first, *later = [pool.submit(_fresh_pages, 64 * _MIB).result() for _ in range(3)]
    assert first > 64 * _MIB // resource.getpagesize() // 2
    assert max(later) < first // 10


@pytest.mark.posix("a limit of memory: Windows has one, Wine does not keep it")
def test_a_bounded_worker_gets_no_more_than_it_may() -> None:
    with processes.pool(1, 256 * _MIB) as pool:
        error = pool.submit(bytes, 512 * _MIB).exception()
    assert isinstance(error, MemoryError)


def _given_back_bytes() -> int:
    """Of 64 MiB that were freed."""
    process = psutil.Process()
    assert len(b"x" * (64 * _MIB)) == 64 * _MIB
    before = process.memory_info().rss
    processes.trim_heap()
    return int(before - process.memory_info().rss)


@pytest.mark.posix("glibc")
def test_a_bounded_worker_can_give_memory_back() -> None:
    with processes.pool(1, 256 * _MIB) as pool:
        assert pool.submit(_given_back_bytes).result() > 48 * _MIB


def test_a_machine_with_many_cores_has_a_pool_all_the_same() -> None:
    with processes.pool(200) as pool:
        assert pool.submit(abs, -1).result() == 1


_CONSOLE = """
import ctypes
pids = (ctypes.c_uint32 * 100)()
print(pids[: ctypes.windll.kernel32.GetConsoleProcessList(pids, 100)])
"""
_SESSION = "import os; print([os.getsid(0)])"


def test_no_ctrl_c_of_our_terminal_reaches_a_program_that_outlives_us() -> None:
    """A terminal tells those that share its session or, on Windows, its console."""
    command = [sys.executable, "-c", _CONSOLE if sys.platform == "win32" else _SESSION]
    told, ours = (
        json.loads(subprocess.run(command, check=True, capture_output=True, **more).stdout)
        for more in (programs.DETACHED, {})
    )
    assert os.getpid() not in told
    assert set(told).isdisjoint(ours)


_PROBE = """
import importlib, runpy, sys
from patcher import processes

def probe():
    with processes.pool(1) as pool:
        print(pool.submit(eval, "[n for n in __import__('sys').modules if n.startswith('patcher')]").result())

importlib.import_module(sys.argv[1]).main = probe
runpy.run_path(sys.argv[2], run_name="__main__") if "/" in sys.argv[2] else \\
    runpy.run_module(sys.argv[2], run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize(
    ("module", "start"),
    [
        ("patcher.engine.server", "patcher"),
        pytest.param(
            "patcher.cli", str(Path(sys.executable).with_name("shoal")), marks=pytest.mark.posix("programs of a venv")
        ),
    ],
    ids=["engine", "shoal"],
)
def test_a_worker_does_not_carry_the_program_that_started_it(module: str, start: str) -> None:
    command = [sys.executable, "-c", _PROBE, module, start]
    modules = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "patcher.processes" in modules
    assert not any(name in modules for name in ("engine", "feed", "transfer", "publish"))
