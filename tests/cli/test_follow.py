"""Following a job: what Ctrl-C does."""

from typing import Any, Self

import pytest

from patcher.cli import follow
from patcher.cli.output import Output
from patcher.config import Home
from patcher.protocol import commands, events


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

    def submit(self, command: commands.Command) -> int:
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
