"""Between the window and the engine: commands in, messages out, in order, whatever happens to the engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Slot
from pytestqt.qtbot import QtBot

from launcher.bridge import Bridge
from launcher.state import Link, Linked, Message, Refused, Taken
from patcher.protocol import commands
from patcher.protocol.events import Failed, Finished, Snapshot
from tests.support.world import Shoal, is_alive, wait_until

PATIENCE_MS = 30_000


class Ear(QObject):
    """Keeps what it hears."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Message] = []

    @Slot(object)
    def hear(self, message: Message) -> None:
        self.heard.append(message)

    def last_snapshot(self) -> Snapshot | None:
        """The newest one."""
        return next((m for m in reversed(self.heard) if isinstance(m, Snapshot)), None)


@pytest.fixture
def player(home: Path) -> Iterator[Shoal]:
    made = Shoal(home)
    yield made
    made.stop_engine()


@pytest.fixture
def bridge(player: Shoal) -> Iterator[tuple[Bridge, Ear]]:
    made, ear = Bridge(player.home), Ear()
    made.said.connect(ear.hear)
    yield made, ear
    made.close()


def test_a_command_that_comes_before_the_engine_is_kept(bridge: tuple[Bridge, Ear], qtbot: QtBot) -> None:
    link, ear = bridge
    command = commands.ChangeSetting("sharing", "lan")
    link.submit(command)
    link.start()
    qtbot.waitUntil(lambda: any(isinstance(m, Finished) for m in ear.heard), timeout=PATIENCE_MS)
    kinds = [type(message) for message in ear.heard]
    assert kinds[:3] == [Linked, Snapshot, Taken]
    qtbot.waitUntil(
        lambda: (s := ear.last_snapshot()) is not None and s.settings["sharing"] == "lan", timeout=PATIENCE_MS
    )


def test_what_the_engine_refuses_or_fails_is_said_with_its_code(bridge: tuple[Bridge, Ear], qtbot: QtBot) -> None:
    link, ear = bridge
    link.start()
    link.submit(commands.ChangeSetting("sharing", "perhaps"))
    link.submit(commands.Update("demo/nothing"))
    qtbot.waitUntil(lambda: any(isinstance(m, Failed) for m in ear.heard), timeout=PATIENCE_MS)
    refused = [m.failure.code for m in ear.heard if isinstance(m, Refused)]
    failed = [m.failure.code for m in ear.heard if isinstance(m, Failed) and m.failure]
    assert (refused, failed) == (["usage.setting"], ["usage.not_installed"])


def test_an_engine_that_dies_again_and_again_is_started_each_time(
    bridge: tuple[Bridge, Ear], player: Shoal, qtbot: QtBot
) -> None:
    link, ear = bridge
    link.start()
    for times in (1, 2):
        qtbot.waitUntil(lambda n=times: ear.heard.count(Linked(Link.UP)) == n, timeout=PATIENCE_MS)  # type: ignore[misc]  # n is an int
        player.kill_engine()
        qtbot.waitUntil(lambda n=times: _losses(ear) == n, timeout=PATIENCE_MS)  # type: ignore[misc]  # n is an int
    qtbot.waitUntil(lambda: ear.heard.count(Linked(Link.UP)) == 3, timeout=PATIENCE_MS)


def _losses(ear: Ear) -> int:
    return sum(isinstance(message, Linked) and message.link is Link.LOST for message in ear.heard)


def test_leaving_leaves_the_engine_to_itself(bridge: tuple[Bridge, Ear], player: Shoal, qtbot: QtBot) -> None:
    link, ear = bridge
    link.start()
    qtbot.waitUntil(lambda: ear.last_snapshot() is not None, timeout=PATIENCE_MS)
    pid = player.engine_pid()
    link.close()
    assert is_alive(pid)
    wait_until(lambda: not is_alive(pid), "the engine that nobody needs")
