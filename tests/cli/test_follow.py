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
        return events.Snapshot("", 0, "", 0)

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
