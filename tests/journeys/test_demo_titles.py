"""The demo's titles play with the Python that Shoal runs on, and a player sees that the new Tidepool is another one."""

from pathlib import Path

import psutil
import pytest
from PySide6.QtGui import QImage

from patcher.cli.demo import ASSETS, GAME, game_trees, make_title, titles
from tests.support.waiting import wait_until
from tests.support.world import Shoal, World

pytestmark = pytest.mark.posix("scripts of the shell")


@pytest.fixture(autouse=True)
def _without_a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")


def picture(player: Shoal, path: Path, seconds: int) -> QImage:
    """What the installed game shows after playing alone for some of its own seconds."""
    player.run("play", "tidepool", "--", "--shot", str(path), "--seconds", str(seconds))
    wait_until(lambda: not QImage(str(path)).isNull(), f"the game's picture\n{player.log()}")
    return QImage(str(path))


def share_that_differs(one: QImage, other: QImage) -> float:
    """Of a grid of points, how many have clearly another colour."""
    assert one.size() == other.size()
    places = [(x, y) for x in range(0, one.width(), 16) for y in range(0, one.height(), 16)]
    pairs = [(one.pixelColor(x, y), other.pixelColor(x, y)) for x, y in places]
    far = [abs(a.red() - b.red()) + abs(a.green() - b.green()) + abs(a.blue() - b.blue()) > 60 for a, b in pairs]
    return sum(far) / len(far)


def games_below(folder: Path) -> list[psutil.Process]:
    """The processes that play the game installed there."""
    program = str(folder / "tidepool")
    return [it for it in psutil.process_iter(["cmdline"]) if program in (it.info["cmdline"] or [])]


def test_play_shows_the_new_version_after_an_update(tmp_path: Path) -> None:
    old, new = game_trees(tmp_path, reef_bytes=300_000)
    with World(tmp_path, processes=True) as world:  # the game plays on when its engine ends
        world.release(old.version, old.folder, "--launch", "tidepool", title="tidepool")
        player = world.player("player")
        folder = world.folder(player)
        player.run("install", "tidepool", "--to", folder)
        title_before = picture(player, tmp_path / "title-1.png", 0)
        round_before = picture(player, tmp_path / "round-1.png", 8)
        world.release(new.version, new.folder, title="tidepool")
        player.run("update", "tidepool")
        assert share_that_differs(title_before, picture(player, tmp_path / "title-2.png", 0)) > 0.8
        assert share_that_differs(round_before, picture(player, tmp_path / "round-2.png", 8)) > 0.8
        wait_until(lambda: player.run("verify", "tidepool")["ok"], "an untouched folder: the game leaves no file in it")
        assert not list(folder.rglob("__pycache__"))


def test_a_running_game_is_not_updated(tmp_path: Path) -> None:
    old, new = game_trees(tmp_path, reef_bytes=300_000)
    with World(tmp_path, processes=True) as world:  # the game plays on when its engine ends
        world.release(old.version, old.folder, "--launch", "tidepool", title="tidepool")
        player = world.player("player")
        player.run("install", "tidepool", "--to", world.folder(player))
        world.release(new.version, new.folder, title="tidepool")
        player.run("play", "tidepool")
        wait_until(lambda: bool(games_below(world.folder(player))), "the game")
        error = player.error("update", "tidepool", expect=7)
        assert error["code"] == "busy.running"
        for game in games_below(world.folder(player)):
            game.kill()
        wait_until(lambda: not games_below(world.folder(player)), "the game's end")
        assert player.run("update", "tidepool")["version_to"] == "1.1"


def test_every_title_of_the_demo_is_complete(tmp_path: Path) -> None:
    for name, facts in titles().items():
        assert facts["label"].keys() == facts["summary"].keys() == {"en", "de"}
        assert not QImage(str(ASSETS / "art" / f"{name}.jpg")).isNull()
        assert (ASSETS / "art" / f"{name}.jpg").stat().st_size <= 300_000
        if name != GAME:
            folder = make_title(name, tmp_path / name)
            assert not QImage(str(folder / "picture.jpg")).isNull()
            assert (folder / "show").stat().st_mode & 0o100
