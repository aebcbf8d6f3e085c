"""The engine's process when its home is taken away: it ends by itself, and takes nothing with it."""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from patcher import config
from patcher.config import Home, Settings
from patcher.engine import client
from tests.support import trees
from tests.support.installed import install
from tests.support.peers import HOST
from tests.support.sockets import listening
from tests.support.waiting import wait_until

_KEPT = """
import sys
from pathlib import Path
from patcher.engine import server
from patcher.config import Home
sys.exit(server.serve(Home(Path(sys.argv[1])), keep=True))
"""
_LAYOUT: trees.Layout = {"readme.txt": trees.File(b"read me")}


@contextmanager
def kept_engine(home: Path) -> Iterator["subprocess.Popen[str]"]:
    """An engine that stays although nobody needs it."""
    command = [sys.executable, "-c", _KEPT, str(home)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_until((home / "engine.json").exists, "the engine's address")
            yield process
        finally:
            process.kill()


def _remove_with_installs(home: Path) -> None:
    shutil.rmtree(home)
    shutil.rmtree(home.with_name("game"))


def _replace_by_copy(home: Path) -> None:
    shutil.copytree(home, home.with_name("copy"), ignore=shutil.ignore_patterns("*.sock"))
    home.rename(home.with_name("old"))
    home.with_name("copy").rename(home)


def _replace_by_file(home: Path) -> None:
    shutil.rmtree(home)
    home.write_bytes(b"")


_OPEN_INSIDE = pytest.mark.posix("folders removed or moved with open files inside")
_LOSSES: dict[str, Callable[[Path], object]] = {
    "home removed": shutil.rmtree,
    "home and installs removed": _remove_with_installs,
    "home moved away": lambda home: home.rename(home.with_name("old")),
    "a copy in its place": _replace_by_copy,
    "a file in its place": _replace_by_file,
    "address removed": lambda home: (home / "engine.json").unlink(),
}


@pytest.mark.parametrize(
    "loss",
    ["address removed", *(pytest.param(each, marks=_OPEN_INSIDE) for each in _LOSSES if each != "address removed")],
)
def test_an_engine_whose_home_is_gone_ends_with_all_it_offers(home: Path, loss: str) -> None:
    config.save(Home(home), Settings(listen_host=HOST, local_discovery=False, sharing="everyone"))
    install(Home(home), home.with_name("game"), _LAYOUT)
    with kept_engine(home) as engine:
        wait_until(lambda: len(listening(engine.pid)) >= 2, "the offer")
        _LOSSES[loss](home)
        before = sorted(home.parent.rglob("*"))
        wait_until(lambda: engine.poll() is not None, "the engine's end")
        assert engine.returncode == 0
        assert engine.stderr and engine.stderr.read() == ""
    assert {path for path in home.parent.rglob("*") if path not in before} == set()


def test_an_engine_at_home_stays(home: Path) -> None:
    with kept_engine(home) as engine, pytest.raises(subprocess.TimeoutExpired):
        engine.wait(1.5)


def test_an_engine_that_is_asked_to_end_does_so_and_leaves_no_address(home: Path) -> None:
    with kept_engine(home) as process:
        assert client.end_engine(Home(home))
        assert process.wait(60) == 0
    assert not (home / "engine.json").exists()
    assert not client.end_engine(Home(home))


@pytest.mark.parametrize("lack", ["sys.stdout = sys.stderr = None", "sys.stdout = None", "sys.stderr = None"])
def test_an_engine_needs_no_output(home: Path, lack: str) -> None:
    """Windows gives none to a program without a console."""
    program = f"import sys; from patcher.engine import server; {lack}; sys.exit(server.main())"
    command = [sys.executable, "-c", program, "--home", str(home)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        wait_until((home / "engine.json").exists, "the engine's address")
        assert client.end_engine(Home(home))
        assert process.wait(60) == 0


@pytest.mark.parametrize(("version", "serves_others", "retires"), [
    ("0.0.1", True, False), ("0.0.1", False, True), ("999.0", True, True), ("999.0", False, True), ("new", True, False),
])  # fmt: skip
def test_an_older_client_ends_no_engine_that_serves_others_and_a_newer_one_does(
    home: Path, version: str, serves_others: bool, retires: bool
) -> None:
    with kept_engine(home) as engine, contextlib.ExitStack() as others:
        if serves_others:
            others.enter_context(client.Client(Home(home)))
        found = client._try(Home(home))
        assert found
        with found[0] as calls:
            assert client._exchange(calls, {"call": "retire", "version": version}) == {"ok": retires}
        if retires:
            assert engine.wait(30) == 0
