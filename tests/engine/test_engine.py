"""The engine in this process, without a feed: jobs, commands that wait, and clients that do not listen."""

import contextlib
import json
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from multiprocessing import connection
from pathlib import Path
from queue import SimpleQueue
from typing import Never

import pytest

from patcher import config
from patcher.config import Home
from patcher.content.records import Release
from patcher.engine.client import Client, RemoteError
from patcher.engine.engine import Engine
from patcher.engine.server import Server
from patcher.errors import DiskError, EngineLost
from patcher.feed.pin import PIN_FILE, Pin
from patcher.install.folder import Installed, InstallFolder
from patcher.install.registry import Installation, Registry
from patcher.protocol import commands, events
from patcher.protocol.events import Failed, Finished, Phase, Progress
from patcher.seeding.seeder import Seeder
from patcher.transfer.swarm.session import Session
from patcher.update.command_runner import CommandRunner
from tests.support.waiting import wait_until

_UPDATE = commands.Update("demo/game")


@pytest.fixture
def engine(home: Path) -> Iterator[Engine]:
    made = Engine(Home(home))
    yield made
    made.close()


def _full(*_: object, **__: object) -> Never:
    raise DiskError("disk.home", "The registry cannot be used: the disk is full.")


def _end(engine: Engine, command: commands.Command) -> events.Event:
    """How the job for the command ends."""
    heard: SimpleQueue[events.Event] = SimpleQueue()
    with engine.listening(heard.put):
        engine.submit(command)
        while not isinstance(event := heard.get(timeout=10), Finished | Failed):
            pass
    return event


def test_a_command_that_cannot_be_kept_leaves_no_job_behind(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Registry, "keep_command", _full)
    with pytest.raises(DiskError):
        engine.submit(_UPDATE)
    assert not engine.is_working


def test_the_end_of_a_job_is_heard_although_its_command_stays(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Registry, "drop_command", _full)
    end = _end(engine, _UPDATE)
    assert isinstance(end, Failed) and end.failure
    assert end.failure.code == "usage.not_installed"


@pytest.mark.parametrize(
    "command", [commands.Verify("demo/game"), commands.Play("demo/game"), commands.Update("demo/game", only="plan")]
)
def test_looking_and_playing_let_a_paused_command_wait(engine: Engine, home: Path, command: commands.Command) -> None:
    registry = Registry(Home(home).registry)
    registry.keep_command("demo/game", _UPDATE, paused=True)
    _end(engine, command)
    assert registry.commands() == {"demo/game": (_UPDATE, True)}
    _end(engine, _UPDATE)
    assert registry.commands() == {}


def test_a_command_of_another_version_does_not_stop_the_engine(home: Path) -> None:
    Registry(Home(home).registry)
    with sqlite3.connect(Home(home).registry) as db:
        db.execute("INSERT INTO wishes VALUES ('demo/game', '{\"type\": \"Teleport\"}', 0)")
    db.close()
    engine = Engine(Home(home))
    engine.start()
    assert not engine.is_working
    engine.close()


def _waiting(home: Path, deaths: int) -> Registry:
    """A title whose update began so often, and whose engine died each time."""
    registry = Registry(Home(home).registry)
    registry.put(Installation("demo/game", InstallFolder.at(home / "game")))
    registry.keep_command("demo/game", _UPDATE)
    for _ in range(deaths):
        registry.begin("demo/game")
    return registry


@pytest.mark.parametrize("deaths", [0, 1])
def test_a_job_with_which_the_engine_died_once_goes_on_by_itself(engine: Engine, home: Path, deaths: int) -> None:
    registry = _waiting(home, deaths)
    heard: SimpleQueue[events.Event] = SimpleQueue()
    with engine.listening(heard.put):
        engine.start()
        while not isinstance(event := heard.get(timeout=10), Failed):
            pass
    assert event.failure and event.failure.code == "usage.not_installed"
    assert (registry.commands(), registry.unfinished_jobs()) == ({}, {})


@pytest.mark.parametrize("deaths", [2, 3])
def test_a_job_with_which_the_engine_died_twice_waits_for_the_player(engine: Engine, home: Path, deaths: int) -> None:
    registry = _waiting(home, deaths)
    engine.start()
    assert not engine.is_working
    shown = engine.snapshot().find("game")
    assert shown.paused and shown.failure
    assert (shown.failure.code, registry.commands()) == ("internal.job_died", {"demo/game": (_UPDATE, True)})
    _end(engine, _UPDATE)
    assert (registry.commands(), registry.unfinished_jobs()) == ({}, {})
    assert not engine.snapshot().find("game").paused


def test_a_job_that_waits_is_forgotten_when_it_is_cancelled(engine: Engine, home: Path) -> None:
    registry = _waiting(home, 2)
    engine.start()
    engine.submit(commands.Cancel("demo/game"))
    shown = engine.snapshot().find("game")
    assert (shown.paused, shown.failure, registry.commands(), registry.unfinished_jobs()) == (False, None, {}, {})


def test_an_engine_that_closes_did_not_die_with_its_job(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()

    def work(fulfil: CommandRunner, _: commands.Command) -> Never:
        begun.set()
        while True:
            fulfil._meter.check()

    monkeypatch.setattr(CommandRunner, "run", work)
    engine, registry = Engine(Home(home)), Registry(Home(home).registry)
    engine.submit(_UPDATE)
    has_begun, at_work = begun.wait(10), registry.unfinished_jobs()
    engine.close()
    assert has_begun and at_work == {"demo/game": 1}
    assert (registry.unfinished_jobs(), registry.commands()) == ({}, {"demo/game": (_UPDATE, False)})


@pytest.mark.parametrize("error", [DiskError("disk.failed", "no"), RecursionError(), KeyError("x"), AssertionError()])
def test_an_install_that_cannot_be_recovered_stops_no_other(
    engine: Engine, home: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    recovered: list[str] = []

    def recover(install: Installation, *_: object) -> None:
        if install.title == "demo/broken":
            raise error
        recovered.append(install.title)

    for name in ("broken", "whole"):
        Registry(Home(home).registry).put(Installation(f"demo/{name}", InstallFolder.at(home / name)))
    monkeypatch.setattr("patcher.engine.engine.recover_install", recover)
    engine.start()
    failures = {title.title: title.failure and title.failure.code for title in engine.snapshot().titles}
    code = error.code if isinstance(error, DiskError) else "internal.failure"
    assert (recovered, failures) == (["demo/whole"], {"demo/broken": code, "demo/whole": None})


@pytest.mark.parametrize("place", ["installed", "previous/installed"])
def test_an_install_folder_that_holds_nonsense_is_shown_and_hides_no_other(
    engine: Engine, home: Path, place: str
) -> None:
    for name in ("broken", "whole"):
        Registry(Home(home).registry).put(Installation(f"demo/{name}", InstallFolder.at(home / name)))
    written = Installed("", "demo/broken", "live", (), Release("game", 1, "1", (), {})).encode()
    for name, data in {"installed": written, place: b"[" * 200_000}.items():
        file = home / "broken" / ".shoal" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    engine.start()
    broken, whole = engine.snapshot().titles
    assert (bool(broken.failure), whole.failure) == (True, None)


@pytest.mark.posix("names that are too long to look at: Windows says that there is no such file")
def test_an_install_folder_that_cannot_be_looked_at_is_shown_and_hides_no_other(engine: Engine, home: Path) -> None:
    for name, folder in {"broken": "x" * 300, "whole": "whole"}.items():
        Registry(Home(home).registry).put(Installation(f"demo/{name}", InstallFolder.at(home / folder)))
    broken, whole = engine.snapshot().titles
    assert (broken.failure and broken.failure.code, whole.failure) == ("disk.failed", None)


def test_a_feed_that_is_damaged_hides_no_other_and_can_be_removed(engine: Engine, home: Path) -> None:
    for name, data in {"broken": b"[" * 200_000, "whole": Pin("http://a.example", "ab" * 32).encode()}.items():
        (home / "feeds" / name).mkdir(parents=True)
        (home / "feeds" / name / PIN_FILE).write_bytes(data)
    shown = {feed.name: bool(feed.problem) for feed in engine.snapshot().feeds}
    assert shown == {"broken": True, "whole": False}
    assert isinstance(_end(engine, commands.RemoveFeed("broken")), Finished)
    assert [feed.name for feed in engine.snapshot().feeds] == ["whole"]


def test_a_job_without_a_title_is_cancelled_by_its_number(engine: Engine) -> None:
    heard: SimpleQueue[events.Event] = SimpleQueue()
    with socket.create_server(("127.0.0.1", 0)) as silent, engine.listening(heard.put):
        job = engine.submit(commands.AddFeed(f"http://127.0.0.1:{silent.getsockname()[1]}"))
        assert engine.is_working
        engine.submit(commands.Cancel(job=job))
        while (event := heard.get(timeout=5)) != Failed(job, "", None):
            assert not isinstance(event, Failed)


def test_a_setting_that_is_not_valid_is_said_and_costs_no_other(home: Path) -> None:
    (home / "settings.toml").write_text('sharing = "maybe"\npeers = "none"\n')
    shown = Engine(Home(home)).snapshot()
    (problem,) = shown.problems
    assert (shown.settings["sharing"], shown.settings["peers"]) == ("off", "none")
    assert "settings.toml: sharing takes off, lan, everyone" in problem.message


def test_a_client_that_comes_at_the_end_is_not_let_in(
    engine: Engine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Server, "_watch", lambda _: None)
    server = Server(Home(home), engine, keep=True)
    serving = threading.Thread(target=server.run)
    serving.start()
    with connection.Client(server._listener.address, authkey=server._authkey) as early:
        assert early.recv_bytes()
        server.stop()
        with pytest.raises((EOFError, OSError)):
            connection.Client(server._listener.address, authkey=server._authkey).recv_bytes()
    serving.join()


@contextlib.contextmanager
def _serving(home: Path, engine: Engine) -> Iterator[Server]:
    """A server in a thread, until the test is over, however it ends."""
    server = Server(Home(home), engine, keep=True)
    serving = threading.Thread(target=server.run)
    serving.start()
    try:
        yield server
    finally:
        server.stop()
        serving.join()


def test_a_caller_that_says_nothing_keeps_no_client_waiting(engine: Engine, home: Path) -> None:
    server = Server(Home(home), engine, keep=True)
    serving = threading.Thread(target=server.run)
    serving.start()
    with connection.Client(server._listener.address), Client(Home(home)) as client:
        assert client.snapshot().titles == ()
        assert len(server._clients) == 1
    server.stop()
    serving.join()


@pytest.mark.parametrize(
    "request_", [b"[" * 200_000, b"[]", b"{}", b"\xff", b'{"call": NaN}', b"x" * (2 << 20)], ids=lambda data: data[:8]
)
def test_a_client_that_talks_nonsense_is_shown_out_and_no_other(engine: Engine, home: Path, request_: bytes) -> None:
    with _serving(home, engine) as server, Client(Home(home)) as client:
        with connection.Client(server._listener.address, authkey=server._authkey) as other:
            other.recv_bytes()
            with contextlib.suppress(OSError):  # the door may close before all of it is said
                other.send_bytes(request_)
            with pytest.raises((EOFError, OSError)):
                other.recv_bytes()
        assert client.snapshot().titles == ()


@pytest.mark.parametrize(
    "error", [RecursionError("deep"), KeyError("x"), MemoryError(), OverflowError(), ValueError("?")]
)
def test_whatever_a_call_dies_of_is_its_answer(
    engine: Engine, home: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def die(*_: object) -> Never:
        raise error

    with _serving(home, engine), Client(Home(home)) as client:
        with monkeypatch.context() as patched:
            patched.setattr(Engine, "snapshot", die)
            with pytest.raises(RemoteError, match=type(error).__name__) as caught:
                client.snapshot()
        assert caught.value.code == "internal.failure"
        assert client.snapshot().titles == ()


@pytest.mark.parametrize(
    "data", [b"[" * 200_000, b"[]", b"7", b"\xff", b'{"address": 7, "key": "00"}', b'{"address": "x", "key": 7}']
)
def test_an_address_that_is_none_is_replaced_by_that_of_an_engine(home: Path, data: bytes) -> None:
    (home / "engine.json").write_bytes(data)
    with Client(Home(home)) as client:
        assert client.snapshot().titles == ()


def _started(home: Path) -> "subprocess.Popen[bytes]":
    code = "import sys; from patcher.engine import server; server._LINGER_S = 1; sys.exit(server.main())"
    process = subprocess.Popen([sys.executable, "-c", code, "--home", str(home)], stdout=subprocess.DEVNULL)
    wait_until((home / "engine.json").exists, "the engine's address")
    return process


@pytest.mark.posix("sockets among files")
def test_an_engine_whose_socket_is_gone_ends_all_the_same(home: Path) -> None:
    with _started(home) as process:
        Path(json.loads((home / "engine.json").read_text())["address"]).unlink()
        assert process.wait(60) == 0


@pytest.mark.posix("folders renamed with open files inside")
def test_an_engine_whose_home_was_replaced_leaves_the_next_one_alone(home: Path) -> None:
    with _started(home) as first:
        Client(Home(home)).close()  # lets nobody in before it has begun
        home.rename(home.with_name("elsewhere"))
        with _started(home) as second, Client(Home(home)):
            assert first.wait(60) == 0
            with Client(Home(home)) as late:
                assert (late.snapshot().feeds, second.poll()) == ((), None)
    assert second.returncode == 0


def test_a_client_that_was_away_misses_samples_and_not_the_end(engine: Engine, home: Path) -> None:
    server = Server(Home(home), engine, keep=True)
    serving = threading.Thread(target=server.run)
    serving.start()
    back, heard = threading.Event(), SimpleQueue[events.Event | None]()

    def callback(event: events.Event | None) -> None:
        back.wait()
        heard.put(event)

    with Client(Home(home)) as client:
        client.listen(callback)
        for number in range(20_000):
            engine._emit(Progress(1, "demo/game", Phase.FETCH, number, file="a rather long name " * 4))
        engine._emit(Finished(1, "demo/game", events.Outcome()))
        back.set()
        count = 0
        while not isinstance(heard.get(timeout=10), Finished):
            count += 1
    assert count < 20_000
    server.stop()
    serving.join()


def test_a_command_for_silence_is_obeyed_whatever_the_tender_is_about(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in {"listen_host": "127.0.0.1", "local_discovery": "off", "sharing": "everyone"}.items():
        engine.submit(commands.ChangeSetting(key, value))
    monkeypatch.setattr(Seeder, "_count_uploads", lambda *_: engine.submit(commands.ChangeSetting("sharing", "off")))
    engine._tend_once()
    assert engine._seeder.session
    assert engine._seeder.session.settings.sharing == "off"


def test_a_title_that_a_job_took_while_the_tender_looked_is_not_offered(
    engine: Engine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in {"listen_host": "127.0.0.1", "local_discovery": "off", "sharing": "everyone"}.items():
        engine.submit(commands.ChangeSetting(key, value))
    for name in ("game", "other"):
        Registry(Home(home).registry).put(Installation(f"demo/{name}", InstallFolder.at(Path(name))))
    looked: list[str] = []
    job = contextlib.ExitStack()

    def begin_job(seeder: Seeder, _: Session) -> None:
        job.enter_context(seeder.holding("demo/game"))

    def look(_: Seeder, install: Installation) -> bool:
        looked.append(install.title)
        return False

    monkeypatch.setattr(Seeder, "_looks_verified", look)
    monkeypatch.setattr(Seeder, "_count_uploads", begin_job)
    engine._tend_once()
    assert looked == ["demo/other"]
    monkeypatch.setattr(Seeder, "_count_uploads", lambda *_: None)
    job.close()
    engine._tend_once()
    assert looked == ["demo/other", "demo/game", "demo/other"]


def test_the_engine_says_where_it_cannot_be_reached_once(engine: Engine) -> None:
    heard: SimpleQueue[events.Event] = SimpleQueue()
    with engine.listening(heard.put):
        engine.submit(commands.ChangeSetting("listen_host", "192.0.2.1"))
        for _ in range(3):
            engine._tend_once()
    told: list[str] = []
    while not heard.empty():
        event = heard.get()
        told += [event.text] if isinstance(event, events.Notice) else []
    assert len(told) == 1 and "192.0.2.1" in told[0]
    assert engine.snapshot().listen_problem == told[0]


def test_the_engines_own_proxy_is_used_and_told(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://env.example:1")
    assert engine.snapshot().proxy == "http://env.example:1"
    engine.submit(commands.ChangeSetting("proxy", "http://ann:secret@own.example:2"))
    assert engine.snapshot().proxy == "http://own.example:2"
    assert engine._feeds.proxy == "http://ann:secret@own.example:2"


def test_the_pack_cache_keeps_to_its_bound_without_sharing_too(home: Path) -> None:
    (home / "packs").mkdir()
    (home / "packs" / ("ab" * 32)).write_bytes(b"pack")
    config.save(Home(home), config.Settings(pack_cache_bytes=1))
    engine = Engine(Home(home))
    engine._tend_once()
    assert list((home / "packs").iterdir()) == []
    engine.close()


_EDITED = """# mine
sharing = "off"  # never again
download_limit_bps = 7
shade = "green"
"""


def _shares_with_the_network(engine: Engine) -> None:
    for key, value in {"listen_host": "127.0.0.1", "local_discovery": "off", "sharing": "lan"}.items():
        engine.submit(commands.ChangeSetting(key, value))


def test_settings_that_were_edited_while_the_engine_runs_are_obeyed(engine: Engine, home: Path) -> None:
    _shares_with_the_network(engine)
    Home(home).settings.write_text(_EDITED)
    engine._tend_once()
    settings = engine.snapshot().settings
    assert (settings["sharing"], settings["download_limit_bps"]) == ("off", 7)


def test_a_change_writes_its_own_key_and_leaves_what_was_edited(engine: Engine, home: Path) -> None:
    _shares_with_the_network(engine)
    Home(home).settings.write_text(_EDITED)
    engine.submit(commands.ChangeSetting("upload_limit_bps", "9"))
    assert Home(home).settings.read_text() == f"{_EDITED}upload_limit_bps = 9\n"
    assert engine.snapshot().settings["sharing"] == "off"


def test_silence_that_could_not_be_saved_is_kept_all_the_same(
    engine: Engine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _shares_with_the_network(engine)
    monkeypatch.setattr(config, "save", _full)
    with pytest.raises(DiskError):
        engine.submit(commands.ChangeSetting("sharing", "off"))
    engine._tend_once()
    assert engine.snapshot().settings["sharing"] == "off"


def test_settings_that_cannot_be_read_take_nothing_back(engine: Engine, home: Path) -> None:
    _shares_with_the_network(engine)
    Home(home).settings.write_text("sharing = ")
    with pytest.raises(DiskError):
        engine.submit(commands.ChangeSetting("sharing", "off"))
    engine._tend_once()
    assert engine.snapshot().settings["sharing"] == "off"


def test_nobody_waits_while_settings_are_applied(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    applying, applied = threading.Event(), threading.Event()

    def apply(*_: object) -> None:
        applying.set()
        applied.wait(10)

    monkeypatch.setattr(Seeder, "apply", apply)
    changing = threading.Thread(target=engine.submit, args=(commands.ChangeSetting("peers", "none"),))
    changing.start()
    assert applying.wait(10)
    end = _end(engine, commands.Play("demo/game"))
    assert isinstance(end, Failed) and end.failure and end.failure.code == "usage.not_installed"
    assert engine.snapshot().titles == ()
    assert changing.is_alive()
    applied.set()
    changing.join()


def test_an_engine_that_ends_takes_no_command_and_sends_clients_to_the_next_one(engine: Engine, home: Path) -> None:
    with _serving(home, engine), Client(Home(home)) as client:
        engine.close()
        with pytest.raises(EngineLost):
            client.submit(_UPDATE)
    assert Registry(Home(home).registry).commands() == {}
