"""What the launcher's process costs: start to first paint, memory, idle, and while it shows an update.

A real window under Xvfb where that is installed, else offscreen; the demo's feed; the engine is a process of its own
and is not counted. CPU seconds of the launcher alone: ``python -m bench.launcher``.
"""

import contextlib
import dataclasses
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from PySide6.QtWidgets import QApplication

from launcher.prefs import Prefs
from launcher.state import Link, LinkChanged
from launcher.views.window import MainWindow
from patcher import programs
from patcher.cli import demo
from patcher.cli.playground import Machine, Playground
from patcher.config import Home
from patcher.engine.client import Client
from patcher.protocol import commands, events
from patcher.protocol.commands import Verb

SECONDS = 20.0
STARTS = 5
RATE_BPS = 130_000
TITLES, REFRESHES = 1_000, 200
LIMITS = {"start": 0.5, "memory": 110.0, "idle": 0.5, "updating": 4.0, "refresh": 5.0}
_CHILD = """
import sys, time
from PySide6.QtCore import QEvent, QObject, QTimer
from launcher import __main__ as launcher

class FirstPaint(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint:
            watched.removeEventFilter(self)
            QTimer.singleShot(0, lambda: print(time.process_time(), flush=True))
        return False

start = launcher.Launcher.start
def watched(self, **options):
    self.first = FirstPaint()
    self.window.installEventFilter(self.first)
    start(self, **options)
launcher.Launcher.start = watched
sys.exit(launcher.main())
"""


@contextlib.contextmanager
def screen() -> Iterator[dict[str, str]]:
    """The environment of a process with a screen."""
    if not shutil.which("Xvfb"):
        yield {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
        return
    command = ["Xvfb", "-displayfd", "1", "-screen", "0", "1240x780x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout
        yield {**os.environ, "DISPLAY": f":{server.stdout.readline().strip()}", "QT_QPA_PLATFORM": "xcb"}
        server.terminate()


@contextlib.contextmanager
def launcher(world: Playground, player: Machine, env: dict[str, str]) -> Iterator[tuple[psutil.Process, float]]:
    """The launcher's process, and the CPU seconds until its first paint."""
    words = demo.launcher(world, player)[len(programs.launcher()) :]
    command = [sys.executable, "-c", _CHILD, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout
        yield psutil.Process(process.pid), float(process.stdout.readline())
        process.terminate()


def cpu_s(process: psutil.Process) -> float:
    """CPU seconds it has used."""
    times = process.cpu_times()
    return float(times.user + times.system)


def share(process: psutil.Process, seconds: float) -> float:
    """Percent of a core over the next seconds."""
    before, started = cpu_s(process), time.perf_counter()
    time.sleep(seconds)
    return 100 * (cpu_s(process) - before) / (time.perf_counter() - started)


def row(name: str, figure: float, unit: str, limit: float) -> None:
    """One line of the table."""
    print(f"{name:36} {figure:8.2f} {unit:12} limit {limit:g} {'' if figure <= limit else 'MISSED'}")


def refresh_ms() -> tuple[float, float]:
    """Medians at 1,000 titles: a refresh for a sample of progress, and one for a new snapshot in which one changed."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    app = QApplication.instance() or QApplication([])
    about = events.About(summaries={"en": "A journey."}, notes="# News\n" * 200, licence="MIT")
    titles = [
        events.TitleSnapshot(f"demo/title-{n}", f"Title {n}", about, n % 3 == 0, version="1", offered_version="1")
        for n in range(TITLES)
    ]
    took: tuple[list[float], list[float]] = ([], [])
    with tempfile.TemporaryDirectory() as folder:
        prefs = Prefs(Path(folder))
        prefs.welcomed = True
        window = MainWindow(prefs)
        window.show()
        window.handle_message(LinkChanged(Link.UP))
        for number in range(2 * REFRESHES):
            is_snapshot = number % 2 == 0
            if is_snapshot:  # as it comes from the engine: nothing is the same object as before
                titles = [dataclasses.replace(title, about=dataclasses.replace(about)) for title in titles]
                titles[0] = dataclasses.replace(titles[0], job=1, verb=Verb.UPDATE, uploaded_bytes=number)
                window.handle_message(events.Snapshot("", 1, folder, 0, (), tuple(titles), {"sharing": "off"}))
            else:
                window.handle_message(events.Progress(1, titles[0].title, events.Phase.FETCH, number, 2 * REFRESHES))
            started_s = time.process_time()
            window.refresh()
            took[not is_snapshot].append(1e3 * (time.process_time() - started_s))
            app.processEvents()
        window.deleteLater()
    return statistics.median(took[1]), statistics.median(took[0])


def main() -> None:
    for name, figure in zip(("progress", "a new snapshot"), refresh_ms(), strict=True):
        row(f"refresh at {TITLES:,} titles, {name}", figure, "CPU ms", LIMITS["refresh"])
    with tempfile.TemporaryDirectory() as name, screen() as env, Playground(Path(name)) as world:
        player = demo.prepare(world)
        player.run("settings", "download_limit_bps", str(RATE_BPS))
        starts = []
        for _ in range(STARTS):
            with launcher(world, player, env) as (process, first_paint_s):
                starts.append(first_paint_s)
                time.sleep(1)
        row(f"start to first paint, median of {STARTS}", sorted(starts)[STARTS // 2], "CPU s", LIMITS["start"])
        with launcher(world, player, env) as (process, _):
            time.sleep(10)
            row("idle, an update is ready", share(process, SECONDS), "% of a core", LIMITS["idle"])
            row("memory, idle (RSS)", process.memory_info().rss / 1e6, "MB", LIMITS["memory"])
            with Client(Home(player.home)) as client:
                client.submit(commands.Update(f"demo/{demo.GAME}", network=commands.Network(ca=str(world.ca))))
                time.sleep(3)
                updating = share(process, SECONDS * 0.6)
                job = client.snapshot().find(demo.GAME).progress
            assert job and job.total_bytes, "the update ended before it was measured"
            row(f"updating at {job.rate_bps / 1e3:.0f} kB/s", updating, "% of a core", LIMITS["updating"])
            row("memory, updating (RSS)", process.memory_info().rss / 1e6, "MB", LIMITS["memory"])


if __name__ == "__main__":
    main()
