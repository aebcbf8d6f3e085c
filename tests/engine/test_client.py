"""What is written in the home proves nothing: a client finds its engine, starts one, or says what is wrong. Soon."""

import contextlib
import json
import os
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from multiprocessing import connection
from pathlib import Path
from types import SimpleNamespace

import pytest

import patcher
from patcher import private, programs
from patcher.config import Home
from patcher.engine import client
from patcher.engine.client import Client, RemoteError
from patcher.errors import EngineLost, InternalError
from tests.support.world import Shoal

_KEY = b"k" * 32


def _say(home: Path, address: object, key: object = _KEY.hex()) -> None:
    (home / "engine.json").write_text(json.dumps({"address": address, "key": key, "pid": 1}))


@contextlib.contextmanager
def _listening(path: Path, *, backlog: int = 8) -> Iterator[socket.socket]:
    """Somebody who takes calls, and says nothing."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(backlog)
        server.setblocking(False)
        yield server


def _is_called(server: socket.socket) -> bool:
    with contextlib.suppress(BlockingIOError):
        server.accept()[0].close()
        return True
    return False


# ---------------------------------------------------------------- a busy computer


def test_a_client_that_gets_no_turn_while_its_engine_begins_finds_it_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, late_s = client._spawn, 0.0

    def spawn(home: Home) -> None:
        nonlocal late_s
        begin(home)
        late_s += 1000.0

    monkeypatch.setattr(client, "_spawn", spawn)
    monkeypatch.setattr(client, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + late_s, sleep=time.sleep))
    with Client(Home(tmp_path / "home")) as found:
        assert found.snapshot().version == patcher.__version__
    Shoal(tmp_path / "home").stop_engine()


# ---------------------------------------------------------------- what is no engine


@pytest.fixture
def planted(tmp_path: Path) -> Iterator[socket.socket]:
    """A listener in a folder that others may enter."""
    (tmp_path / "shared").mkdir(mode=0o755)
    with _listening(tmp_path / "shared" / "socket") as server:
        yield server


_ADDRESSES: dict[str, Callable[[Path], object]] = {
    "in a folder of others": lambda root: str(root / "shared" / "socket"),
    "behind a link to one": lambda root: str(_linked(root) / "socket"),
    "abstract": lambda root: "\0shoal",
    "relative": lambda root: "shared/socket",
    "a host and port": lambda root: ["127.0.0.1", 9],
    "a host and port in words": lambda root: "127.0.0.1:9",
    "a pipe": lambda root: r"\\.\pipe\shoal",
    "on another machine": lambda root: r"\\server\pipe\shoal",
    "nothing": lambda root: None,
    "a number": lambda root: 7,
    "absent": lambda root: str(root / "home" / "gone"),
    "a loop of links": lambda root: str(_loop(root) / "socket"),
    "too long": lambda root: f"{root / 'home'}/{'x' * 200}",
}


def _linked(root: Path) -> Path:
    (root / "home" / "link").symlink_to(root / "shared")
    return root / "home" / "link"


def _loop(root: Path) -> Path:
    (root / "home" / "loop").symlink_to("loop")
    return root / "home" / "loop"


@pytest.mark.posix("sockets among files")
@pytest.mark.parametrize("name", sorted(_ADDRESSES))
def test_an_address_that_no_engine_of_ours_has_is_never_called(
    home: Path, tmp_path: Path, planted: socket.socket, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    home.chmod(0o700)
    _say(home, _ADDRESSES[name](tmp_path))
    assert client._try(Home(home)) is None
    assert not _is_called(planted)


_DOCUMENTS: dict[str, bytes] = {
    "empty": b"", "a list": b"[]", "a word": b'"x"', "no key": b'{"address": "/x"}',
    "a key that is none": b'{"address": "/x", "key": "x"}', "a key that is a number": b'{"address": "/x", "key": 1}',
    "deep": b"[" * 200_000, "endless": b'{"address": "' + b"x" * 1_000_000,
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(_DOCUMENTS))
def test_a_damaged_address_is_none(home: Path, name: str) -> None:
    (home / "engine.json").write_bytes(_DOCUMENTS[name])
    assert client._try(Home(home)) is None


@pytest.mark.posix("sockets among files")
def test_a_socket_that_another_user_serves_is_left_at_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.chmod(0o700)
    monkeypatch.setattr(private, "is_served_by_user", lambda _: False)
    with _listening(home / "socket"):
        _say(home, str(home / "socket"))
        assert client._try(Home(home)) is None


def _a_pipe(home: Path, tmp_path: Path) -> None:
    os.mkfifo(home / "engine.json")


def _a_listener_of_others(home: Path, tmp_path: Path) -> None:
    _say(home, str(tmp_path / "shared" / "socket"))


def _the_socket_of_a_dead_engine(home: Path, tmp_path: Path) -> None:
    with _listening(home / "engine-1.sock"):
        _say(home, str(home / "engine-1.sock"))


@pytest.mark.posix("sockets among files")
@pytest.mark.usefixtures("planted")
@pytest.mark.parametrize("plant", [_a_pipe, _a_listener_of_others, _the_socket_of_a_dead_engine])
def test_where_no_engine_is_a_new_one_takes_the_place(
    home: Path, tmp_path: Path, plant: Callable[[Path, Path], None]
) -> None:
    plant(home, tmp_path)
    with Client(Home(home)) as client:
        assert client.snapshot().titles == ()
    Shoal(home).stop_engine()


@pytest.mark.posix("symlinks")
@pytest.mark.parametrize("linked", [False, True])
def test_a_home_may_be_named_from_here_and_be_a_link(
    home: Path, tmp_path: Path, linked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(home)
    monkeypatch.chdir(tmp_path)
    with Client(Home(Path("link" if linked else "home"))) as client:
        assert client.snapshot().titles == ()
    Shoal(home).stop_engine()


# ---------------------------------------------------------------- an engine that hangs


@pytest.fixture
def impatient(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.chmod(0o700)
    monkeypatch.setattr(client, "_ANSWER_S", 0.2)
    monkeypatch.setattr(client, "_START_S", 2.0)


def _check_is_silent(home: Path, socket_: Path) -> None:
    _say(home, str(socket_))
    with pytest.raises(InternalError, match="process 1") as caught:
        Client(Home(home))
    assert caught.value.code == "internal.engine_silent"


@pytest.mark.posix("sockets among files")
@pytest.mark.usefixtures("impatient")
def test_an_engine_that_takes_no_call_is_named(home: Path) -> None:
    with _listening(home / "socket", backlog=0), socket.socket(socket.AF_UNIX) as other:
        other.connect(str(home / "socket"))
        _check_is_silent(home, home / "socket")


_Step = Callable[[connection.Connection], object]
_GREETING: dict[str, Sequence[_Step]] = {
    "no word": (),
    "half a word": (lambda call: os.write(call.fileno(), b"\0"),),
    "its question": (lambda call: connection.deliver_challenge(call, _KEY),),
    "its answer": (
        lambda call: connection.deliver_challenge(call, _KEY),
        lambda call: connection.answer_challenge(call, _KEY),
    ),
}


@pytest.mark.posix("sockets among files")
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("words", sorted(_GREETING))
def test_an_engine_that_falls_silent_at_any_word_of_its_greeting_is_named(home: Path, words: str) -> None:
    with connection.Listener(str(home / "socket")) as listener:
        done = threading.Event()

        def greet() -> None:
            with listener.accept() as call, contextlib.suppress(EOFError, OSError):
                for step in _GREETING[words]:
                    step(call)
                done.wait(20)

        greeter = threading.Thread(target=greet)
        greeter.start()
        _check_is_silent(home, home / "socket")
        done.set()
        greeter.join()


@pytest.mark.posix("sockets among files")
@pytest.mark.usefixtures("impatient")
def test_an_engine_that_does_not_answer_a_call_is_lost_and_its_late_answer_too(home: Path) -> None:
    with connection.Listener(str(home / "socket")) as listener:
        asked, done = threading.Event(), threading.Event()

        def serve() -> None:
            with listener.accept() as call, contextlib.suppress(OSError):
                connection.deliver_challenge(call, _KEY)
                connection.answer_challenge(call, _KEY)
                call.send_bytes(json.dumps({"version": patcher.__version__}).encode())
                call.recv_bytes()
                asked.set()
                done.wait(20)
                call.send_bytes(b'{"ok": 1}')

        server = threading.Thread(target=serve)
        server.start()
        _say(home, str(home / "socket"))
        with Client(Home(home)) as client:
            for _ in range(2):
                with pytest.raises(InternalError) as caught:
                    client.snapshot()
                assert caught.value.code == "internal.engine_lost"
                done.set()
        assert asked.is_set()
        server.join()


def test_a_folder_where_the_engine_says_where_it_is_is_kept_beside(home: Path) -> None:
    (home / "engine.json").mkdir()
    player = Shoal(home)
    player.run("status")
    assert (home / "engine.json.damaged").is_dir()
    player.stop_engine()


def test_an_engine_that_cannot_begin_says_why(home: Path) -> None:
    with closing(sqlite3.connect(home / "registry.sqlite")) as other:
        other.executescript("CREATE TABLE other (title); BEGIN EXCLUSIVE")
        with pytest.raises(RemoteError, match="database is locked") as caught:
            Client(Home(home))
    assert (caught.value.code, caught.value.exit_code) == ("disk.in_use", 6)
    player = Shoal(home)
    assert player.run("status")["titles"] == []
    player.stop_engine()


def test_an_engine_that_ends_without_a_word_is_not_waited_for(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "engine", lambda: [sys.executable, "-c", ""])
    monkeypatch.setattr(client, "_RETRY_S", float("inf"))
    with pytest.raises(EngineLost, match="ended before it had begun"):
        Client(Home(home))
