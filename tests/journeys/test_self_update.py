"""A launcher that is a title of its own feed: through a real origin, engine, pipeline and stub."""

from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from patcher.config import Home
from patcher.engine.client import Client, RemoteError
from patcher.errors import BusyError
from patcher.install.launch import SYSTEM
from patcher.install.registry import Registry
from patcher.protocol import commands, events
from patcher.protocol.events import Failed, Finished
from patcher.update import self_update
from tests.support import trees
from tests.support.launchers import CRASHES, HEALTHY, LAUNCH, START, lay_stub, lay_version, start, tree
from tests.support.world import World, world

TITLE = "demo/launcher"
OTHER = "linux" if SYSTEM == "windows" else "windows"


def _release(at: World, version: str, act: str = HEALTHY, launch: str = LAUNCH) -> None:
    folder = at.root / "trees" / version
    trees.write(folder, tree(version, act))
    at.release(version, folder, "--launch", launch, title="launcher")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A feed with two releases of a launcher."""
    with world(tmp_path_factory.mktemp("shop")) as made:
        for version in ("1.0", "1.1"):
            _release(made, version)
        yield made


class Person:
    """A player with a launcher from an installer: version 1.0, which says nothing of itself."""

    def __init__(self, at: World, name: str, version: str = "1.0") -> None:
        self.shoal = at.player(name, peers="none")
        self.program = at.root / "programs" / name / "program"
        self.network = commands.Network(ca=str(at.ca))
        lay_stub(self.program)
        lay_version(self.program, version)
        assert self.start() == (version,)

    def start(self) -> tuple[str, ...]:
        return start(self.program).versions

    def ask(self, command: commands.Command) -> events.Outcome:
        """Have the engine obey. Raises RemoteError."""
        heard: SimpleQueue[events.Event | None] = SimpleQueue()
        with Client(Home(self.shoal.home)) as client:
            client.listen(heard.put)
            number = client.submit(command)
            while not (isinstance(event := heard.get(timeout=60), Finished | Failed) and event.job == number):
                pass
        if isinstance(event, Finished):
            return event.outcome
        assert event.failure
        raise RemoteError(event.failure)

    def update(self) -> events.Outcome:
        return self.ask(commands.SelfUpdate(TITLE, str(self.program), self.network))

    @property
    def folders(self) -> list[str]:
        return sorted(each.name for each in (self.program / "versions").iterdir() if each.is_dir())


Joined = Callable[..., Person]


@pytest.fixture
def joined() -> Iterator[Joined]:
    """Makes a `Person`, whose engine ends with the test."""
    made: list[Person] = []

    def join(at: World, name: str, version: str = "1.0") -> Person:
        made.append(Person(at, name, version))
        return made[-1]

    yield join
    for person in made:
        person.shoal.stop_engine()


def test_the_next_version_is_installed_beside_the_running_one_from_what_that_has(shop: World, joined: Joined) -> None:
    person = joined(shop, "ann")
    before = trees.read(person.program / "versions" / "0-1.0")
    outcome = person.update()
    assert trees.read(person.program / "versions" / "0-1.0") == before
    assert (person.folders, outcome.version_to) == (["0-1.0", "2-1.1"], "1.1")
    assert 0 < outcome.totals.fetch_bytes < 60_000, "an installer's files say nothing, but equal blocks are found"
    assert person.start() == ("1.1",)
    assert person.update().written_bytes == 0, "there is nothing to do then"
    shown = person.shoal.run("status", "launcher")["titles"][0]
    assert (shown["version"], shown["folder"]) == ("1.1", str(person.program / "versions" / "2-1.1"))


def test_from_a_version_that_the_pipeline_installed_the_next_one_comes_as_a_patch(
    tmp_path: Path, joined: Joined
) -> None:
    with world(tmp_path) as shop:
        for version in ("1.0", "1.1"):
            _release(shop, version)
        person = joined(shop, "ann")
        person.update()
        person.start()
        _release(shop, "1.2")
        outcome = person.shoal.run("update", "launcher")
        assert sum(outcome["fetched"].values()) < 20_000, outcome
        assert person.folders == ["2-1.1", "3-1.2"], "two are kept"
        assert person.start() == ("1.2",)
        person.shoal.run("verify", "launcher")


def test_a_version_that_does_not_start_flips_back_and_the_next_one_replaces_it(tmp_path: Path, joined: Joined) -> None:
    with world(tmp_path) as shop:
        _release(shop, "1.1", CRASHES)
        person = joined(shop, "ann")
        person.update()
        assert person.start() == ("1.1", "1.0")
        assert person.update().written_bytes == 0, "it is not fetched again and again"
        assert person.start() == ("1.0",)
        _release(shop, "1.2")
        person.update()
        assert person.folders == ["0-1.0", "2-1.2"], "the running one is kept, and not the broken one"
        assert person.start() == ("1.2",)


def test_a_launcher_never_goes_back_to_an_older_version(tmp_path: Path, joined: Joined) -> None:
    with world(tmp_path) as shop:
        for version in ("1.1", "1.2"):
            _release(shop, version)
        person, newer = joined(shop, "ann"), joined(shop, "bob", "2.0")
        person.update()
        person.start()
        shop.publisher.run("publish", "rollback", shop.feed, "launcher", "live")
        for each in (person, newer):
            folders = each.folders
            with pytest.raises(RemoteError) as caught:
                each.update()
            assert caught.value.code == "trust.rollback"
            assert "is here" in caught.value.message
            assert each.folders == folders
        assert person.start() == ("1.2",)


@pytest.mark.parametrize(
    "words", [("rollback",), ("uninstall",), ("move", "elsewhere"), ("repair",), ("tags", "lang:de"), ("play",)]
)
def test_nothing_else_changes_the_folders_of_versions_or_starts_one(
    shop: World, joined: Joined, words: tuple[str, ...]
) -> None:
    person = joined(shop, f"player-{words[0]}")
    person.update()
    verb, *more = words
    more = [str(shop.root / word) if word == "elsewhere" else word for word in more]
    error = person.shoal.error(verb, "launcher", *more, expect=2)
    assert error["code"] == "usage.argument"
    assert person.folders == ["0-1.0", "2-1.1"]


def test_a_title_in_a_folder_called_versions_is_a_title_like_any_other(shop: World) -> None:
    player = shop.player("zoe", peers="none")
    player.run("install", "launcher", "--to", shop.root / "zoes" / "versions" / "1-1.0")
    player.run("uninstall", "launcher")
    player.stop_engine()


def test_a_program_that_somebody_else_laid_down_is_not_brought_up_to_date(shop: World, joined: Joined) -> None:
    person = joined(shop, "cleo")
    with pytest.raises(RemoteError, match="holds no version of a launcher") as caught:
        person.ask(commands.SelfUpdate(TITLE, str(shop.root / "nowhere"), person.network))
    assert caught.value.code == "usage.argument"


def test_a_release_that_cannot_be_started_here_is_refused_before_it_is_fetched(tmp_path: Path, joined: Joined) -> None:
    with world(tmp_path) as shop:
        _release(shop, "1.1", launch=f"{OTHER}={START}")
        person = joined(shop, "ann")
        shop.requests()
        with pytest.raises(RemoteError, match=f"says no command for {SYSTEM}"):
            person.update()
        assert person.folders == ["0-1.0"]
        assert not [path for path in shop.requests() if "/content/" in path]


def test_a_newest_version_that_was_damaged_is_put_together_anew(shop: World, joined: Joined) -> None:
    person = joined(shop, "dora")
    person.update()
    for path in ("lib/big.so", START):
        (person.program / "versions" / "2-1.1" / path).unlink()
    assert person.start() == ("1.0",)
    assert person.update().version_to == "1.1"
    assert person.start() == ("1.1",)


def test_on_a_full_drive_the_update_says_so_and_the_old_version_starts(
    shop: World, joined: Joined, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = joined(shop, "emil")
    with monkeypatch.context() as patched:
        patched.setattr("patcher.disk.free_bytes", lambda _: 1000)
        with pytest.raises(RemoteError) as caught:
            person.update()
    assert caught.value.code == "disk.full"
    assert person.start() == ("1.0",)
    person.update()
    assert person.start() == ("1.1",)


def test_an_update_does_not_begin_while_something_else_is_to_do(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "registry")
    with pytest.raises(BusyError):
        self_update.check(commands.SelfUpdate(TITLE, str(tmp_path)), registry, is_busy=True)
    self_update.check(commands.SelfUpdate(TITLE, str(tmp_path)), registry, is_busy=False)
    self_update.check(commands.Update(TITLE), registry, is_busy=True)
