"""What Windows alone has, as it is there. Linux has a disk that plays Windows (`tests/support/windows_like.py`)."""

import contextlib
import ctypes
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import connection
from pathlib import Path

import psutil
import pytest

from patcher import beneath, disk, private, processes, windows
from patcher.config import Home, default_home
from patcher.engine.client import Client
from patcher.errors import DiskError
from tests.support import idle_program
from tests.support.world import Shoal

if sys.platform == "win32":
    import _winapi


def _path(text: str) -> str:
    return text.replace("/", os.sep)


def test_a_path_that_is_short_is_given_as_it_is(tmp_path: Path) -> None:
    assert windows.system_path(tmp_path) == str(tmp_path)


@pytest.mark.windows("paths of at most 260 characters")
@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("C:/games/" + "x" * 250, "//?/C:/games/" + "x" * 250),
        ("C:/games/../" + "x" * 250, "//?/C:/" + "x" * 250),
        ("//server/share/" + "x" * 250, "//?/UNC/server/share/" + "x" * 250),
        ("//?/C:/" + "x" * 250, "//?/C:/" + "x" * 250),
    ],
)
def test_a_path_that_is_long_is_given_in_the_form_that_has_no_limit(path: str, form: str) -> None:
    assert windows.system_path(_path(path)) == _path(form)


def test_a_deep_install_is_written_read_and_removed(tmp_path: Path) -> None:
    (tmp_path / "game").mkdir()
    game = beneath.below(tmp_path / "game")
    deep = game / "/".join("a" * 40 for _ in range(10))
    disk.make_folder(deep)
    disk.write_atomic(deep / "file", b"deep")
    assert beneath.read(deep / "file") == b"deep"
    assert [name for name, _ in beneath.entries(deep)] == ["file"]
    disk.remove_tree(game / ("a" * 40))
    assert beneath.entries(game) == []


# ---------------------------------------------------------------- files in use


@contextmanager
def _in_use(path: Path, use: str) -> Iterator[None]:
    """Another program has the file open, or the file is one that runs."""
    if use == "open":
        with path.open("rb"):  # Python lets others read and write it, not remove it
            yield
        return
    shutil.copyfile(idle_program.WAITS, path)
    with subprocess.Popen([path, *idle_program.ARGUMENTS], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as program:
        time.sleep(0.5)
        try:
            yield
        finally:
            program.communicate(b"\n")


@pytest.mark.windows("sharing violations")
@pytest.mark.parametrize("use", ["open", "running"])
def test_a_file_in_use_is_neither_replaced_nor_removed_and_told(tmp_path: Path, use: str) -> None:
    (tmp_path / "new.exe").write_bytes(b"new")
    (tmp_path / "old.exe").write_bytes(b"old")
    with _in_use(tmp_path / "old.exe", use):
        before = (tmp_path / "old.exe").read_bytes()
        with pytest.raises(DiskError) as replaced:
            disk.rename(tmp_path / "new.exe", tmp_path / "old.exe")
        with pytest.raises(DiskError) as removed:
            disk.remove(tmp_path / "old.exe")
        assert {replaced.value.code, removed.value.code} == {"disk.in_use"}
        assert (tmp_path / "old.exe").read_bytes() == before
    disk.rename(tmp_path / "new.exe", tmp_path / "old.exe")


@contextmanager
def _opened(path: Path, sharing: int) -> Iterator[None]:
    """Another program reads the file, and lets others do what ``sharing`` says (CreateFile)."""
    handle = 0
    if sys.platform == "win32":
        handle = _winapi.CreateFile(str(path), 0x80000000, sharing, 0, 3, 0, 0)
    yield
    if sys.platform == "win32":
        _winapi.CloseHandle(handle)


@pytest.mark.windows("sharing violations")
@pytest.mark.parametrize(
    "act", [lambda path: disk.append(path, b"x"), lambda path: disk.Staged(path, 9).close(), disk.sync_file]
)
def test_a_file_that_another_program_has_for_itself_is_in_use(tmp_path: Path, act: Callable[[Path], object]) -> None:
    (tmp_path / "file").write_bytes(b"data")
    with _opened(tmp_path / "file", 0), pytest.raises(DiskError) as caught:
        act(tmp_path / "file")
    assert caught.value.code == "disk.in_use"
    act(tmp_path / "file")


@pytest.mark.windows("names of files that are being deleted")
def test_a_name_whose_file_is_still_being_deleted_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "name").write_bytes(b"data")
    with _opened(tmp_path / "name", 7):
        (tmp_path / "name").unlink()
        with pytest.raises(DiskError):
            disk.make_folder(tmp_path / "name")
        with pytest.raises(DiskError):
            disk.remove_folder(tmp_path)
    disk.make_folder(tmp_path / "name")
    assert [path.name for path in tmp_path.iterdir()] == ["name"]


@pytest.mark.windows("programs that run are renamed away")
def test_a_program_that_runs_makes_room_for_its_successor(tmp_path: Path) -> None:
    with _in_use(tmp_path / "game.exe", "running"):
        disk.check_replaceable(tmp_path / "game.exe")
        disk.rename(tmp_path / "game.exe", tmp_path / "kept.exe")
        disk.write_atomic(tmp_path / "game.exe", b"new")
    assert (tmp_path / "game.exe").read_bytes() == b"new"


@pytest.mark.windows("the read-only attribute")
def test_a_read_only_folder_is_removed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder").chmod(stat.S_IREAD)
    disk.remove_folder(tmp_path / "folder")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.windows("links that need a privilege")
def test_a_link_is_made_or_said_to_be_impossible(tmp_path: Path) -> None:
    assert disk.symlink("target", tmp_path / "link") == os.path.lexists(tmp_path / "link")


# ---------------------------------------------------------------- access lists


@pytest.mark.windows("access lists")
def test_a_folder_that_is_closed_to_others_stays_open_to_us(tmp_path: Path) -> None:
    """That others are kept out cannot be seen under Wine, which has one user."""
    (tmp_path / "home" / "inner").mkdir(parents=True)
    if sys.platform == "win32":
        windows.make_private(str(tmp_path / "home"))
    disk.write_atomic(tmp_path / "home" / "inner" / "file", b"ours")
    disk.check_writable(tmp_path / "home")
    assert (tmp_path / "home" / "inner" / "file").read_bytes() == b"ours"


@pytest.mark.windows("access lists")
def test_a_folder_is_private_once_its_list_names_nobody_else(tmp_path: Path) -> None:
    if sys.platform == "win32":
        folder = tmp_path / "home"
        folder.mkdir()
        assert not windows.is_private(str(folder)), "it lies outside the profile"
        disk.set_private(folder)
        assert windows.is_private(str(folder))
        assert windows.foreign_owner(str(folder)) == ""


# ---------------------------------------------------------------- pipes


@pytest.mark.windows("named pipes")
def test_the_pipe_of_an_engine_is_open_to_its_user_alone() -> None:
    if sys.platform == "win32":
        with contextlib.closing(connection.Listener(family="AF_PIPE")) as usual:
            assert not windows.is_private(str(usual.address)), "what Python makes, everyone may read"
        with contextlib.closing(windows.PrivatePipe()) as pipe:
            assert windows.is_private(pipe.address)


@pytest.mark.windows("named pipes")
def test_a_pipe_is_served_by_whoever_made_it() -> None:
    if sys.platform == "win32":
        with contextlib.closing(windows.PrivatePipe()) as pipe, connection.Client(pipe.address) as client:
            assert windows.pipe_server(client.fileno()) == os.getpid()
            assert private.is_served_by_user(client.fileno())


# ---------------------------------------------------------------- folders of the system


@pytest.mark.windows("known folders")
def test_the_home_is_where_windows_keeps_what_stays_on_this_computer() -> None:
    """Not where a profile roams, and not among the player's documents, which OneDrive may take away."""
    if sys.platform == "win32":
        place = ctypes.create_unicode_buffer(260)
        local_app_data, current = 0x1C, 0
        assert ctypes.windll.shell32.SHGetFolderPathW(None, local_app_data, None, current, place) == 0
        assert default_home().root == Path(place.value) / "shoal"


# ---------------------------------------------------------------- the connection


@pytest.mark.windows("the cost of a connection")
def test_windows_says_what_the_network_costs() -> None:
    """A cost is never 0: that would mean that nobody was asked. Wine says 1, unrestricted."""
    if sys.platform == "win32":
        assert windows.network_cost()
        assert windows.is_metered() == bool(windows.network_cost() & 6)


# ---------------------------------------------------------------- jobs


def _is_in_job() -> bool:
    found = ctypes.c_int()
    if sys.platform == "win32":
        assert ctypes.windll.kernel32.IsProcessInJob(ctypes.c_void_p(-1), None, ctypes.byref(found))
    return bool(found)


@pytest.mark.windows("job objects")
def test_a_bounded_worker_is_in_a_job_and_works() -> None:
    """That the job's limit is kept cannot be seen under Wine, which keeps none."""
    assert not _is_in_job()
    with processes.pool(1, 64 << 20) as pool:
        assert pool.submit(_is_in_job).result()


# ---------------------------------------------------------------- the engine


_CLIENT = """
import sys
from pathlib import Path
from patcher.config import Home, default_home
from patcher.engine.client import Client

with Client(Home(Path(sys.argv[1]))) as client:
    print("connected", flush=True)
    sys.stdin.read()
"""


@pytest.mark.windows("processes that outlive the one that started them")
def test_an_engine_outlives_the_client_that_started_it_and_ends_on_request(home: Path) -> None:
    command = [sys.executable, "-c", _CLIENT, str(home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
        assert client.stdout
        assert client.stdout.readline().strip() == b"connected"
        player = Shoal(home)
        engine = psutil.Process(player.engine_pid())
        with Client(Home(home)) as other:
            client.kill()
            client.wait()
            assert other.snapshot().titles == ()
            assert engine.is_running()
    player.stop_engine()
    engine.wait(20)
    assert not (home / "engine.json").exists()
