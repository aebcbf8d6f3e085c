"""What is ours alone: a folder is judged by owner and mode, whoever serves a socket by their user."""

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from patcher import private, processes
from patcher.cli.__main__ import main
from patcher.config import Home
from patcher.engine.client import Client
from patcher.errors import DiskError
from tests.support.world import Shoal


@pytest.fixture
def as_another_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything on this machine belongs to somebody else."""
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)


_FOLDERS: dict[str, tuple[Callable[[Path], object], bool]] = {
    "ours alone": (lambda path: path.mkdir(0o700), True),
    "for others to enter": (lambda path: path.mkdir(0o711), False),
    "for the group": (lambda path: _made(path).chmod(0o770), False),
    "a link to one of ours": (lambda path: path.symlink_to(_made(path.with_name("real"))), False),
    "a file": (lambda path: path.touch(0o600), False),
    "absent": (lambda path: None, False),
}


def _made(path: Path) -> Path:
    path.mkdir(0o700)
    return path


@pytest.mark.posix("modes")
@pytest.mark.parametrize("name", sorted(_FOLDERS))
def test_a_folder_is_private_when_nobody_else_may_enter_it(tmp_path: Path, name: str) -> None:
    make, is_private = _FOLDERS[name]
    make(tmp_path / "folder")
    assert private.is_private(tmp_path / "folder") is is_private


def test_a_path_that_is_none_is_no_private_folder() -> None:
    assert not private.is_private(Path("\0x"))


@pytest.mark.posix("users by number")
@pytest.mark.usefixtures("as_another_user")
def test_the_private_folder_of_another_user_is_not_ours(tmp_path: Path) -> None:
    assert not private.is_private(_made(tmp_path / "folder"))


@pytest.mark.posix("sockets among files")
def test_who_serves_a_socket_is_known_by_their_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(tmp_path / "socket"))
        server.listen()
        client.connect(str(tmp_path / "socket"))
        assert private.is_served_by_user(client.fileno())
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
        assert not private.is_served_by_user(client.fileno())


# ---------------------------------------------------------------- secrets

_SECRET = ("SHOAL_PASSPHRASE", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "pgpassword", "OPENAI_API_KEY")
_OPEN = ("PATH", "HOME", "DISPLAY", "XAUTHORITY", "SSH_AUTH_SOCK", "https_proxy", "SHOAL_HOME")
if sys.platform == "win32":  # where names have no case
    _SECRET, _OPEN = (tuple(map(str.upper, names)) for names in (_SECRET, _OPEN))


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _SECRET:
        monkeypatch.setenv(name, "told to nobody")
    for name in _OPEN[1:]:
        monkeypatch.setenv(name, "told to all")


def _told(pid: int = 0) -> dict[str, str]:
    """The environment that a process was started with."""
    return psutil.Process(pid or os.getpid()).environ()


@pytest.mark.usefixtures("secrets")
def test_a_program_that_we_start_knows_no_secret_and_all_else() -> None:
    assert not set(_SECRET) & private.environment().keys()
    assert set(_OPEN) <= private.environment().keys()
    assert set(_SECRET) <= os.environ.keys()  # who needs one may still read it


@pytest.mark.usefixtures("secrets")
def test_a_worker_process_is_told_no_secret() -> None:
    with processes.pool(1) as pool:
        told = pool.submit(_told).result()
    assert not set(_SECRET) & told.keys()
    assert set(_OPEN) <= told.keys()


@pytest.mark.usefixtures("secrets")
def test_an_engine_is_told_no_secret_by_the_client_that_starts_it(home: Path) -> None:
    with Client(Home(home)) as client:
        told = _told(client.snapshot().pid)
    assert not set(_SECRET) & told.keys()
    assert set(_OPEN) <= told.keys()
    Shoal(home).stop_engine()


# ---------------------------------------------------------------- the home


@pytest.mark.posix("modes")
@pytest.mark.usefixtures("as_another_user")
@pytest.mark.parametrize("verb", [("status",), ("settings",), ("publish", "status", "feed"), ("doctor",)])
def test_a_home_of_another_user_is_refused_by_every_verb(
    home: Path, verb: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    home.chmod(0o755)
    assert main(["--home", str(home), "--json", *verb]) == 6
    assert '"disk.home_owner"' in capsys.readouterr().out
    assert list(home.iterdir()) == []
    assert home.stat().st_mode & 0o777 == 0o755  # its owner is not locked out


@pytest.mark.posix("modes")
@pytest.mark.usefixtures("as_another_user")
def test_an_engine_does_not_close_the_home_of_another_user_to_its_owner(home: Path) -> None:
    home.chmod(0o755)
    with pytest.raises(DiskError) as caught:
        Home(home).make()
    assert caught.value.code == "disk.home_owner"
    assert home.stat().st_mode & 0o777 == 0o755


@pytest.mark.posix("modes")
def test_a_home_that_we_made_for_others_too_is_closed_to_them(home: Path) -> None:
    home.chmod(0o777)
    Home(home).make()
    assert home.stat().st_mode & 0o777 == 0o700


@pytest.mark.posix("modes")
def test_a_home_on_a_drive_without_permissions_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.chmod(0o777)
    monkeypatch.setattr(os, "fchmod", lambda *_: None)  # as FAT does it
    with pytest.raises(DiskError) as caught:
        Home(home).make()
    assert caught.value.code == "disk.home_owner"
