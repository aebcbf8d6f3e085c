"""Following a job: what Ctrl-C does, a reader that leaves, and the engine's log."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from patcher.cli import follow
from patcher.cli.output import Output
from patcher.config import Home
from patcher.engine.client import RemoteError
from patcher.plain import json_line
from patcher.protocol import commands, events
from tests.support import engines
from tests.support.world import Shoal


class _Impatient:
    """A client's client for whom every wait ends with Ctrl-C, as the job does not end."""

    def __init__(self, home: Home) -> None:
        self.commands: list[commands.Command] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def snapshot(self) -> events.Snapshot:
        return events.Snapshot("", 0, "", 0, settings={"proxy": ""}, proxy="http://engine.example:1")

    def listen(self, callback: Any) -> None:
        pass

    def submit(self, command: commands.Command, *, again: bool = False) -> int:
        self.commands.append(command)
        return 7


def test_the_first_ctrl_c_cancels_any_job_and_the_second_leaves(monkeypatch: pytest.MonkeyPatch, home: Any) -> None:
    client = _Impatient(Home(home))
    monkeypatch.setattr(follow, "Client", lambda _: client)

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("patcher.cli.follow._next", interrupted)
    command = commands.AddFeed("https://feed.example")
    with pytest.raises(KeyboardInterrupt):
        follow.follow(Home(home), command, Output(quiet=True))
    assert client.commands == [command, commands.Cancel(job=7)]


def test_who_lost_the_engine_asks_the_next_one_how_the_job_ended(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    asked: list[bool] = []

    class Returning(_Impatient):
        """Whose first engine dies, and whose second one had done the job already."""

        def listen(self, callback: Any) -> None:
            callback(events.Finished(7, "demo/game", events.Outcome(version_to="2")) if asked else None)

        def submit(self, command: commands.Command, *, again: bool = False) -> int:
            asked.append(again)
            return 7

    monkeypatch.setattr(follow, "Client", Returning)
    assert follow.follow(Home(home), commands.Install("demo/game"), Output(quiet=True)).version_to == "2"
    assert asked == [False, True]


@pytest.fixture
def player(home: Path) -> Iterator[Shoal]:
    """A player whose engine runs in this process."""
    with engines.here(home):
        yield Shoal(home)


@pytest.mark.parametrize("option", ["--json", "--yes"])
def test_a_reader_that_leaves_early_ends_the_verb_without_a_word(player: Shoal, option: str) -> None:
    player.run("status")
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "patcher.cli", "--home", str(player.home), option, "settings", "listen_port", "7"]
    with os.fdopen(writer, "wb") as pipe:
        ended = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE)
    assert (ended.returncode, ended.stderr) == (1, b"")
    assert player.run("settings", "listen_port")["settings"] == {"listen_port": 7}


def test_a_verbose_verb_shows_what_the_engine_logs_meanwhile(player: Shoal, capsys: pytest.CaptureFixture[str]) -> None:
    player.run("status")
    log = Home(player.home).log
    log.write_text(json_line({"time": "9:00", "level": "ERROR", "text": "long ago"}) + "\n")
    written = json_line({"time": "9:01", "level": "INFO", "text": "verify begins"})

    def next_event(seen: Any) -> Any:
        with log.open("a") as file:
            file.write(f"no JSON\n{written}\n{written[:9]}")
        return wait(seen)

    wait = follow._next
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(follow, "_next", next_event)
        with pytest.raises(RemoteError):
            follow.follow(Home(player.home), commands.Verify("demo/game"), Output(verbose=True))
    said = capsys.readouterr().err
    assert said == "9:01 INFO verify begins\n"


@pytest.mark.parametrize(
    ("mine", "setting", "said"),
    [
        ("", "", "this command's environment says no proxy"),
        ("http://ann:secret@mine.example:2", "", "this command's environment says http://mine.example:2"),
        ("http://engine.example:1", "", ""),
        ("http://mine.example:2", "http://engine.example:1", ""),
    ],
    ids=["none", "another", "the same", "chosen"],
)
def test_a_proxy_of_this_command_that_the_engine_does_not_use_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], mine: str, setting: str, said: str
) -> None:
    monkeypatch.setenv("https_proxy", mine)
    now = events.Snapshot("", 0, "", 0, settings={"proxy": setting}, proxy="http://engine.example:1")
    follow.show_proxy(now, Output(quiet=True))
    told = capsys.readouterr().err
    assert said in told if said else not told
