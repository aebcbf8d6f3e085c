"""What is offered while nobody holds it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from patcher.config import Home, Settings
from patcher.feed.feeds import Feeds
from patcher.install.registry import Registry
from patcher.protocol.commands import Network
from patcher.seeding.pack_cache import Packs
from patcher.seeding.seeder import Seeder
from patcher.seeding.sharing import Sharing
from patcher.seeding.traffic import Ledger
from tests.support import forger, trees
from tests.support.forger import FORGERIES, Forgery
from tests.support.installed import install, stats
from tests.support.peers import HOST

_SETTINGS = Settings(listen_host=HOST, local_discovery=False, sharing="everyone")
_TITLE = "demo/game"
_LAYOUT = {"data.pak": trees.File(trees.noise(1, 20_000)), "readme.txt": trees.File(b"read me")}


@pytest.fixture
def sharing(home: Path) -> Iterator[Sharing]:
    sharing = Sharing(_SETTINGS, Ledger(Home(home).registry))
    yield sharing
    sharing.close()


@pytest.fixture
def seeder(home: Path, sharing: Sharing) -> Seeder:
    """Of a player who has one title, every file verified."""
    home_of = Home(home)
    install(home_of, home / "game", _LAYOUT)
    registry, ledger = Registry(home_of.registry), Ledger(home_of.registry)
    return Seeder(sharing, registry, ledger, Packs(home_of.packs, 0), Feeds(home_of))


def test_a_title_is_offered_again_when_nobody_holds_it_any_more(seeder: Seeder, sharing: Sharing) -> None:
    seeder.tend()
    assert seeder.is_offered(_TITLE)
    assert sharing.session and sharing.session.kept()
    with seeder.holding(_TITLE):
        with seeder.holding(_TITLE):
            assert sharing.session.kept() == frozenset()
        seeder.tend()
        assert not seeder.is_offered(_TITLE)
    seeder.tend()
    assert seeder.is_offered(_TITLE)


def test_who_holds_a_title_has_it_also_when_the_session_opens_meanwhile(seeder: Seeder, sharing: Sharing) -> None:
    with seeder.holding(_TITLE):
        assert sharing.session is None
        assert sharing.session_for(Network())
        seeder.tend()
        assert not seeder.is_offered(_TITLE)


def test_a_title_whose_files_changed_is_said_once_and_left_out_until_it_is_verified(seeder: Seeder, home: Path) -> None:
    seeder.tend()
    (home / "game" / "readme.txt").write_bytes(b"READ ME")
    assert seeder.tend() == [_TITLE]
    assert seeder.tend() == []
    Registry(Home(home).registry).see(_TITLE, stats(home / "game", _LAYOUT))
    seeder.tend()
    assert not seeder.is_offered(_TITLE)
    seeder.renew(_TITLE)
    seeder.tend()
    assert seeder.is_offered(_TITLE)


@pytest.mark.parametrize("forgery", [forger.another_launch, forger.a_later_sequence, FORGERIES["cut short"]])
def test_a_title_whose_description_nobody_signed_is_not_offered(
    seeder: Seeder, sharing: Sharing, home: Path, forgery: Forgery
) -> None:
    kept = stats(home / "game", _LAYOUT)
    forgery(home / "game" / ".shoal")
    assert stats(home / "game", _LAYOUT) == kept, "the files look as they were"
    seeder.tend()
    assert not seeder.is_offered(_TITLE)
    assert sharing.session and sharing.session.kept() == frozenset()


def test_without_sharing_no_session_is_opened_for_it(seeder: Seeder, sharing: Sharing) -> None:
    sharing.apply(replace(_SETTINGS, sharing="off"))
    assert seeder.tend() == []
    assert sharing.session is None
