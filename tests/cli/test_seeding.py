"""Verbs that upload: whom `shoal share` asks for, what `shoal seed` waits for, and what it leaves behind."""

import io
import json
import time
from pathlib import Path

import pytest

from patcher.cli import seeding
from patcher.cli.__main__ import main, parser
from patcher.cli.output import Output
from patcher.config import Home
from patcher.engine.client import Client
from patcher.errors import UsageError
from tests.support import engines, trees
from tests.support.trees import File
from tests.support.waiting import is_alive, wait_until
from tests.support.world import Shoal, World


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [("100GB", 100 * 10**9), ("1.5t", 15 * 10**11), ("2 MB", 2 * 10**6), ("7", 7), ("7b", 7), ("0", 0), ("", 0)],
)
def test_a_size_is_a_number_with_a_decimal_unit(text: str, size_bytes: int) -> None:
    assert parser().parse_args(["seed", "https://feed.example", "--max-size", text]).max_size == size_bytes


@pytest.mark.parametrize("text", ["GB", "100XB", "1.GB", "-1", "inf", "nan", "1e3", "٣GB", "9" * 16])
def test_other_text_is_a_wrong_argument(text: str) -> None:
    with pytest.raises(UsageError):
        parser().parse_args(["seed", "https://feed.example", f"--max-size={text}"])


@pytest.mark.parametrize(("answers", "question"), [((), "everyone"), (("lan", "off"), "local network, as before")])
@pytest.mark.parametrize("says", ["y\n", "\n"])
def test_share_returns_to_the_last_answer_and_shares_with_nobody_unasked(
    home: Path, answers: tuple[str, ...], question: str, says: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal(says))
    monkeypatch.setattr(seeding, "_stay", lambda *_: None)
    with engines.here(home):
        player = Shoal(home)
        for key, value in (("listen_host", "127.0.0.1"), *(("sharing", answer) for answer in answers)):
            player.run("settings", key, value)
        assert main(["--home", str(home), "share"]) == 0
        with Client(Home(home)) as client:
            sharing = client.snapshot().settings["sharing"]
    assert question in capsys.readouterr().out
    assert sharing == ((answers[0] if answers else "everyone") if says == "y\n" else "off")


def _publish(world: World, name: str) -> Shoal:
    trees.write(world.root / "tree", {"level.dat": File(bytes(100_000))})
    world.release("1", world.root / "tree")
    return world.player(name)


def test_a_seed_waits_for_a_server_that_is_down_longer_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[int] = []
    with World(tmp_path) as world:
        player, away = _publish(world, "seed"), tmp_path / "away"

        def stay(client: Client, titles: list[str], out: Output, until_s: float) -> None:
            waits.append(round(until_s - time.monotonic()))
            match len(waits):
                case 1:
                    (world.feed / "metadata").rename(away)
                case 4:
                    away.rename(world.feed / "metadata")
                case 5:
                    raise KeyboardInterrupt

        monkeypatch.setattr(seeding, "_stay", stay)
        result = player.run("seed", world.origin.url, "--to", tmp_path / "games")
    assert waits == [60, 5, 10, 20, 60]
    said = [line["text"] for line in result["lines"] if line["event"] == "notice"]
    assert sum("It is tried again in" in text for text in said) == 3
    assert sum("everything is here" in text for text in said) == 2


def test_a_seed_that_lacks_room_does_not_wait(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        player = _publish(world, "seed")
        words = ("seed", world.origin.url, "--to", tmp_path / "games", "--max-size", "1")
        assert player.error(*words, expect=2)["code"] == "usage.argument"


@pytest.mark.posix("SIGTERM")
def test_a_seed_that_is_ended_ends_the_engine_that_it_started(tmp_path: Path) -> None:
    with World(tmp_path, processes=True) as world:
        player = _publish(world, "seed")
        player.stop_engine()
        with player.start("seed", world.origin.url, "--to", tmp_path / "games") as process:
            assert process.stdout
            while "everything is here" not in process.stdout.readline():
                assert process.poll() is None, player.log()
            engine = player.engine_pid()
            process.terminate()
            rest = process.stdout.read()
        assert (process.returncode, json.loads(rest.splitlines()[-1])["ok"]) == (0, True), rest
        wait_until(lambda: not is_alive(engine), "the engine's end")


def test_the_authority_that_a_feed_was_added_with_is_remembered(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        _publish(world, "seed")
        same = Shoal(tmp_path / "seed")
        same.run("seed", world.origin.url, "--to", tmp_path / "games", "--once")
        stranger = Shoal(tmp_path / "stranger")
        stranger.run("settings", "listen_host", "127.0.0.1")
        assert stranger.error("seed", world.origin.url, "--once", expect=4)["code"] == "origin.certificate"
        stranger.stop_engine()
