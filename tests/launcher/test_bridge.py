"""Between the window and the engine: commands in, messages out, in order, whatever happens to the engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Slot
from pytestqt.qtbot import QtBot

from launcher.bridge import Bridge
from launcher.state import Accepted, Link, LinkChanged, Message, Refused
from patcher.protocol import commands
from patcher.protocol.events import Failed, Finished, Snapshot
from tests.support.waiting import is_alive, wait_until
from tests.support.world import Shoal

TIMEOUT_MS = 30_000


class Recorder(QObject):
    """Keeps the messages it receives."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Message] = []

    @Slot(object)
    def record(self, message: Message) -> None:
        self.messages.append(message)

    def last_snapshot(self) -> Snapshot | None:
        """The newest one."""
        return next((m for m in reversed(self.messages) if isinstance(m, Snapshot)), None)


@pytest.fixture
def player(home: Path) -> Iterator[Shoal]:
    made = Shoal(home)
    yield made
    made.stop_engine()


@pytest.fixture
def bridge(player: Shoal) -> Iterator[tuple[Bridge, Recorder]]:
    made, recorder = Bridge(player.home), Recorder()
    made.message_received.connect(recorder.record)
    yield made, recorder
    made.close()


def test_a_command_that_comes_before_the_engine_is_kept(bridge: tuple[Bridge, Recorder], qtbot: QtBot) -> None:
    made, recorder = bridge
    command = commands.ChangeSetting("sharing", "lan")
    made.submit(command)
    made.start()
    qtbot.waitUntil(lambda: any(isinstance(m, Finished) for m in recorder.messages), timeout=TIMEOUT_MS)
    kinds = [type(message) for message in recorder.messages]
    assert kinds[:3] == [LinkChanged, Snapshot, Accepted]
    qtbot.waitUntil(
        lambda: (s := recorder.last_snapshot()) is not None and s.settings["sharing"] == "lan", timeout=TIMEOUT_MS
    )


def test_what_the_engine_refuses_or_fails_is_said_with_its_code(bridge: tuple[Bridge, Recorder], qtbot: QtBot) -> None:
    made, recorder = bridge
    made.start()
    made.submit(commands.ChangeSetting("sharing", "perhaps"))
    made.submit(commands.Update("demo/nothing"))
    qtbot.waitUntil(lambda: any(isinstance(m, Failed) for m in recorder.messages), timeout=TIMEOUT_MS)
    refused = [m.failure.code for m in recorder.messages if isinstance(m, Refused)]
    failed = [m.failure.code for m in recorder.messages if isinstance(m, Failed) and m.failure]
    assert (refused, failed) == (["usage.setting"], ["usage.not_installed"])


def test_an_engine_that_dies_again_and_again_is_started_each_time(
    bridge: tuple[Bridge, Recorder], player: Shoal, qtbot: QtBot
) -> None:
    made, recorder = bridge
    made.start()
    for times in (1, 2):
        qtbot.waitUntil(lambda n=times: recorder.messages.count(LinkChanged(Link.UP)) == n, timeout=TIMEOUT_MS)  # type: ignore[misc]  # n is an int
        player.kill_engine()
        qtbot.waitUntil(lambda n=times: _losses(recorder) == n, timeout=TIMEOUT_MS)  # type: ignore[misc]  # n is an int
    qtbot.waitUntil(lambda: recorder.messages.count(LinkChanged(Link.UP)) == 3, timeout=TIMEOUT_MS)


def _losses(recorder: Recorder) -> int:
    return sum(isinstance(message, LinkChanged) and message.link is Link.LOST for message in recorder.messages)


def test_leaving_leaves_the_engine_to_itself(bridge: tuple[Bridge, Recorder], player: Shoal, qtbot: QtBot) -> None:
    made, recorder = bridge
    made.start()
    qtbot.waitUntil(lambda: recorder.last_snapshot() is not None, timeout=TIMEOUT_MS)
    pid = player.engine_pid()
    made.close()
    assert is_alive(pid)
    wait_until(lambda: not is_alive(pid), "the engine that nobody needs")
