"""What holds for every test: no skips but for the platform, no threads left behind, the same examples everywhere."""

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer  # type: ignore[import-untyped]  # it has no types
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # it has no types

settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("local"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")

os.environ["SSL_CERT_FILE"] = os.devnull
"""No test asks a server on the Internet, and reading the system's authorities takes 25 ms for each connection to one.
Programs that tests start inherit this."""

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
"""Tests and programs are compiled once, also where the environment says otherwise: a start would take twice as long."""

_MEMORY = Path("/dev/shm")
_MEMORY_BYTES = 4 << 30
if (
    sys.platform != "win32"
    and os.access(_MEMORY, os.W_OK)
    and shutil.disk_usage(_MEMORY).free > _MEMORY_BYTES
    and not os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC  # tests start programs there
):
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))
"""Tests work in memory where there is room for it, as a third of their time would be waiting for fsync. Those of power
cuts and kills have simulated disks."""

_SECONDS_TO_END = 5.0


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--golden-update`` writes the golden images anew; look at them before you commit them."""
    parser.addoption("--golden-update", action="store_true", help="write the golden images of tests/launcher anew")


def pytest_configure() -> None:
    """A run in the background ignores interrupts, and so would the programs that tests start and interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class _OneByOne(LoadScopeScheduling):  # type: ignore[misc]  # as above
    """Hands out test by test, but all tests of a module together where they share what it makes once."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return module if _makes_once(self.config.rootpath / module) else nodeid


@cache
def _makes_once(module: Path) -> bool:
    return 'fixture(scope="module"' in module.read_text("utf-8")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """A mark for `--dist loadgroup` would do, but xdist 3.8 does not see it with pytest 9.2."""
    return _OneByOne(config, log)


_PLATFORMS = {"posix": sys.platform != "win32", "windows": sys.platform == "win32"}
"""Marks of tests that need a platform, and whether this is one."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what needs Windows elsewhere; there, skips what needs another system, and says why."""
    away = [item for item in items if not _PLATFORMS["windows"] and item.get_closest_marker("windows")]
    config.hook.pytest_deselected(items=away)
    items[:] = [item for item in items if item not in away]
    for item in items:
        for mark in item.iter_markers("posix"):
            (reason,) = mark.args
            if not _PLATFORMS["posix"]:
                item.add_marker(pytest.mark.skip(reason=f"posix: {reason}"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A test that is skipped for another reason fails the run: what is not run is not promised."""
    if _skipped(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says so, since the closing line does not."""
    if count := _skipped(terminalreporter.config):
        terminalreporter.section(f"{count} skipped, so the run failed: a test runs or is removed", red=True)


def _skipped(config: pytest.Config) -> int:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    others = {platform for platform, is_here in _PLATFORMS.items() if not is_here}
    skipped = reporter.stats.get("skipped", ()) if reporter else ()
    return sum(1 for each in skipped if others.isdisjoint(each.keywords))


@pytest.fixture(autouse=True)
def no_thread_is_left_behind() -> Iterator[None]:
    """Fails a test that ends while a thread it started still runs."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + _SECONDS_TO_END
    while left := [t for t in threading.enumerate() if t not in before]:
        if time.monotonic() > deadline:
            pytest.fail(f"threads left behind: {', '.join(t.name for t in left)}")
        left[0].join(0.05)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home folder; its path is short enough for a local socket."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder
