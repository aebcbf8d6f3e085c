"""One window for each home: a second start hands over its words, and no other user can."""

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtNetwork import QLocalSocket
from pytestqt.qtbot import QtBot

from launcher import instance
from launcher.instance import SingleInstance

_IMPORTS = """
import os, sys
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from launcher.instance import SingleInstance, hand_over
app = QCoreApplication([])
"""


@pytest.fixture(autouse=True)
def own_runtime_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))


def test_a_second_start_hands_its_words_to_the_first(qtbot: QtBot, home: Path) -> None:
    first = SingleInstance(home)
    assert not instance.hand_over(home, ["x"])
    assert first.listen()
    code = _IMPORTS + f"sys.exit(not hand_over(Path({str(home)!r}), ['shoal://demo/game', 'ü']))"
    answers: list[int] = []
    with qtbot.waitSignal(first.words_received, timeout=20_000) as received:
        other = threading.Thread(target=lambda: answers.append(subprocess.run([sys.executable, "-c", code]).returncode))
        other.start()
    qtbot.waitUntil(lambda: not other.is_alive(), timeout=20_000)
    assert received.args == [["shoal://demo/game", "ü"]]
    assert answers == [0]
    first.close()


@pytest.mark.posix("modes")
def test_only_its_own_user_can_open_it_and_another_home_is_another_window(home: Path, tmp_path: Path) -> None:
    first = SingleInstance(home)
    assert first.listen()
    mode = os.stat(instance.address(home)).st_mode
    assert stat.S_IMODE(mode) & 0o077 == 0
    assert instance.address(tmp_path) != instance.address(home)
    first.close()


@pytest.mark.posix("modes")
def test_without_a_runtime_folder_the_socket_is_in_the_home_which_is_made_private(
    qtbot: QtBot, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    home = tmp_path_factory.mktemp("i") / "new" / "home"  # a path that is short enough for a socket
    first = SingleInstance(home)
    assert not instance.hand_over(home, ["x"])
    assert first.listen()
    assert instance.address(home).parent == home.resolve()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    _check_that_words_reach(qtbot, first, home)
    first.close()


def _check_that_words_reach(qtbot: QtBot, first: SingleInstance, home: Path) -> None:
    socket = QLocalSocket()
    with qtbot.waitSignal(first.words_received, timeout=20_000) as received:
        socket.connectToServer(str(instance.address(home)))
        assert socket.waitForConnected(5_000)
        socket.write(b'["x"]\n')
    assert received.args == [["x"]]
    socket.abort()


_PLANTED: dict[str, Callable[[Path], object]] = {
    "open to the group": lambda run: run.chmod(0o770),
    "open to all": lambda run: run.chmod(0o701),
    "a link": lambda run: run.symlink_to(run.rename(run.with_name("other"))),
    "a file": lambda run: run.rename(run.with_name("other")).with_name("run").touch(0o600),
    "gone": lambda run: run.rmdir(),
}


@pytest.mark.posix("sockets among files")
@pytest.mark.parametrize("name", sorted(_PLANTED))
def test_a_runtime_folder_that_is_not_ours_alone_is_not_used(home: Path, tmp_path: Path, name: str) -> None:
    _PLANTED[name](tmp_path / "run")
    first = SingleInstance(home)
    assert first.listen()
    assert instance.address(home).parent == home.resolve()
    first.close()


@pytest.mark.posix("users by number")
def test_nothing_is_handed_to_another_user(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As another user sees it who meets our socket where theirs should be."""
    code = _IMPORTS + f"i = SingleInstance(Path({str(home)!r})); i.listen(); print(flush=True); app.exec()"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as other:
        assert other.stdout and other.stdout.readline()
        assert instance.hand_over(home, [])
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
        monkeypatch.setattr(instance, "is_private", lambda _: True)
        assert not instance.hand_over(home, ["x"])
        other.kill()


@pytest.mark.posix("users by number")
def test_in_a_home_of_another_user_no_window_listens(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    first = SingleInstance(home)
    assert not first.listen()
    assert list(home.iterdir()) == []


def test_the_socket_of_a_launcher_that_died_is_taken_over(home: Path) -> None:
    code = _IMPORTS + f"i = SingleInstance(Path({str(home)!r})); i.listen(); os._exit(0)"
    subprocess.run([sys.executable, "-c", code], check=True)
    second = SingleInstance(home)
    assert second.listen()
    second.close()


@pytest.mark.parametrize(
    "line", [b"not json\n", b"{}\n", b"[1, 2]\n", b"[" * 50_000 + b"\n", b'["x"' + b', "x"' * 100 + b"]\n", b"\xff\n"]
)
def test_anything_but_a_few_words_is_thrown_away(qtbot: QtBot, home: Path, line: bytes) -> None:
    first = SingleInstance(home)
    heard: list[object] = []
    first.words_received.connect(heard.append)
    assert first.listen()
    socket = QLocalSocket()
    socket.connectToServer(str(instance.address(home)))
    assert socket.waitForConnected(5_000)
    socket.write(line)
    qtbot.waitUntil(lambda: socket.bytesAvailable() > 0, timeout=10_000)
    assert heard == []
    socket.abort()
    first.close()


def test_a_flood_without_an_end_is_cut_off(qtbot: QtBot, home: Path) -> None:
    first = SingleInstance(home)
    assert first.listen()
    socket = QLocalSocket()
    socket.connectToServer(str(instance.address(home)))
    assert socket.waitForConnected(5_000)
    socket.write(b"x" * 1_000_000)
    qtbot.waitUntil(lambda: socket.state() == QLocalSocket.LocalSocketState.UnconnectedState, timeout=10_000)
    first.close()
