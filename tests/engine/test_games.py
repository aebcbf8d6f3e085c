"""Games that run, close at once, write too much, or outlive the engine that started them: real processes."""

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import psutil
import pytest

from patcher.config import Home
from patcher.engine.games import Games, _code_text
from patcher.errors import ContentError
from patcher.install.registry import Registry
from tests.support.waiting import wait_until

_TITLE = "demo/game"
_WAITS = "import sys; sys.stdin.read()"


class World:
    """A home, the titles that are withdrawn from the swarm, and the ends of games that an engine would hear of."""

    def __init__(self, home: Path) -> None:
        self.home = Home(home)
        self.registry = Registry(self.home.registry)
        self.withdrawn: list[str] = []
        self.ends: SimpleQueue[bool] = SimpleQueue()
        self.children: list[subprocess.Popen[bytes]] = []

    @contextlib.contextmanager
    def hold(self, title: str) -> Iterator[None]:
        self.withdrawn.append(title)
        yield
        self.withdrawn.remove(title)

    def engine(self) -> Games:
        """The games as the next engine of this home sees them."""
        games = Games(self.home, self.registry, self.hold, lambda: self.ends.put(True))
        games.find()
        return games

    def start(self, games: Games, code: str) -> subprocess.Popen[bytes]:
        """A game that runs Python code until it, or its standard input, ends."""

        def launch(output: int) -> "subprocess.Popen[bytes]":
            command = [sys.executable, "-c", code]
            self.children.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=output))
            return self.children[-1]

        games.start(_TITLE, launch)
        return self.children[-1]

    def played(self, games: Games, code: str) -> ContentError | None:
        """Start a game and wait for its end; what was wrong with it."""
        self.start(games, code)
        assert self.ends.get(timeout=60)
        ended = games.take_ended(lambda _: False)
        assert list(ended) == [_TITLE]
        return ended[_TITLE]


@pytest.fixture
def world(home: Path) -> Iterator[World]:
    made = World(home)
    yield made
    for child in made.children:
        assert child.stdin
        child.stdin.close()
        child.wait(60)


def test_a_game_is_found_again_by_the_next_engine_until_it_ends(world: World) -> None:
    game = world.start(world.engine(), _WAITS)
    later = world.engine()
    assert _TITLE in later
    assert world.withdrawn == [_TITLE, _TITLE]
    assert later.take_ended(lambda _: False) == {}
    game.kill()
    wait_until(lambda: later.take_ended(lambda _: False) == {_TITLE: None}, "the game's end")
    assert (len(later), world.withdrawn, world.registry.games()) == (0, [_TITLE], {})


def test_another_process_with_the_number_of_a_game_that_ended_is_no_game(world: World) -> None:
    began_s = psutil.Process().create_time()
    world.registry.note_game(_TITLE, psutil.Process().pid, began_s - 60)
    assert len(world.engine()) == 0
    assert world.registry.games() == {}
    world.registry.note_game(_TITLE, psutil.Process().pid, began_s)
    assert _TITLE in world.engine()


@pytest.mark.parametrize("number", [-1, 0, 1 << 40, 4194304, "one"])
def test_a_number_that_is_no_process_is_no_game(world: World, number: Any) -> None:
    world.registry.note_game(_TITLE, number, 1.0)
    assert len(world.engine()) == 0


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise SystemExit(3)", "3"),
        pytest.param("import os; os.kill(os.getpid(), 9)", "SIGKILL", marks=pytest.mark.posix("signals")),
        pytest.param("import os; os._exit(-9)", "0xFFFFFFF7", marks=pytest.mark.windows("codes of 32 bits")),
    ],
)
def test_a_game_that_closes_at_once_says_its_code(world: World, code: str, said: str) -> None:
    error = world.played(world.engine(), code)
    assert error is not None and error.code == "content.closed"
    assert error.facts == {"title": _TITLE, "exit_code": said}


@pytest.mark.parametrize(
    ("code", "said"),
    [(3, "3"), (-11, "SIGSEGV"), (-40, "-40"), (0xC0000135, "0xC0000135")],
)
def test_a_code_is_written_as_people_look_it_up(code: int, said: str) -> None:
    assert _code_text(code) == said


def test_what_a_game_wrote_before_it_closed_at_once_is_in_its_log(world: World) -> None:
    games = world.engine()
    error = world.played(games, "import sys; print('to stdout'); sys.exit('no such device')")
    assert error is not None
    assert Path(str(error.facts["log"])).read_text().splitlines() == ["to stdout", "no such device"]
    again = world.played(games, "raise SystemExit('second')")
    assert again is not None
    assert Path(str(again.facts["log"])).read_text() == "second\n"


def test_a_game_that_the_player_closes_is_nothing_to_report(world: World) -> None:
    assert world.played(world.engine(), "print('goodbye')") is None


def test_a_game_that_ends_with_an_error_after_a_while_had_begun(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("patcher.engine.games._AT_ONCE_S", 0.0)
    assert world.played(world.engine(), "raise SystemExit(3)") is None


def test_the_end_of_a_game_is_not_told_before_its_start(world: World) -> None:
    games = world.engine()
    world.start(games, "raise SystemExit(3)")
    assert world.ends.get(timeout=60)
    assert games.take_ended(lambda title: title == _TITLE) == {}
    assert _TITLE in games
    assert list(games.take_ended(lambda _: False)) == [_TITLE]


def _ends(log: Path, last: bytes) -> bool:
    return log.read_bytes().endswith(last)


def test_the_log_of_a_game_keeps_its_end_and_stays_small(world: World) -> None:
    games = world.engine()
    begin = "import sys; sys.stdout.reconfigure(newline='\\n')"
    game = world.start(games, f"{begin}\nfor line in sys.stdin: print(line.strip() * 400_000, flush=True)")
    log = world.home.logs / f"{_TITLE}.log"
    assert game.stdin
    for number in range(20):
        last = b"%d\n" % (number % 10)
        game.stdin.write(last)
        game.stdin.flush()
        wait_until(partial(_ends, log, last), "the line")
        games.take_ended(lambda _: False)
        assert log.stat().st_size <= 1 << 20
    assert log.read_bytes().endswith(b"8\n" + b"9" * 400_000 + b"\n")


@pytest.mark.parametrize(
    "plant", [lambda logs: logs.write_bytes(b""), lambda logs: (logs / "demo/game.log").mkdir(parents=True)]
)
def test_a_game_starts_although_its_log_cannot_be_written(world: World, plant: Callable[[Path], object]) -> None:
    plant(world.home.logs)
    error = world.played(world.engine(), "raise SystemExit('x')")
    assert error is not None
    assert "log" not in error.facts
