"""What is offered while nobody holds it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from patcher.config import Home, Settings
from patcher.content import manifest, merkle, records
from patcher.feed.feeds import Feeds
from patcher.feed.pin import PIN_FILE, Pin
from patcher.transfer.ledger import Ledger
from patcher.transfer.packs import Packs
from patcher.transfer.sharing import Sharing
from patcher.update.folder import LAYERS, MANIFESTS, POINTER, Installed, InstallFolder
from patcher.update.installs import Install, Registry, Seen, seen
from patcher.update.keep import Keeper
from patcher.wishes import Network
from tests.support import trees
from tests.support.peers import HOST

_SETTINGS = Settings(listen_host=HOST, local_discovery=False, sharing="everyone")
_TITLE = "demo/game"
_LAYOUT = {"data.pak": trees.File(trees.noise(1, 20_000)), "readme.txt": trees.File(b"read me")}


def _stats(folder: Path) -> dict[str, Seen]:
    return {path: stat for path in _LAYOUT if (stat := seen(folder / path))}


@pytest.fixture
def sharing(home: Path) -> Iterator[Sharing]:
    sharing = Sharing(_SETTINGS, Ledger(Home(home).registry))
    yield sharing
    sharing.close()


@pytest.fixture
def keeper(home: Path, sharing: Sharing) -> Keeper:
    """Of a player who has one title, every file verified."""
    registry = Registry(Home(home).registry)
    folder, state, m = home / "game", home / "game" / ".shoal", trees.manifest_of(_LAYOUT)
    trees.write(folder, _LAYOUT)
    ref = merkle.ref_of(manifest.encode(m))
    part = records.Part("main", (), False, ref, m.info_hash, None, None)
    release = records.Release("game", 1, "1.0", (part,), {})
    for name, data in {
        POINTER: Installed("ab" * 32, "game", "live", (), release).encode(),
        f"{MANIFESTS}/{ref.hex}": manifest.encode(m),
        f"{LAYERS}/{ref.hex}": b"",
    }.items():
        (state / name).parent.mkdir(parents=True, exist_ok=True)
        (state / name).write_bytes(data)
    pin = Home(home).feeds / "demo" / PIN_FILE
    pin.parent.mkdir(parents=True)
    pin.write_bytes(Pin("https://updates.example.org", "ab" * 32).encode())
    registry.put(Install(_TITLE, InstallFolder.at(folder)))
    registry.see(_TITLE, _stats(folder))
    home_of = Home(home)
    return Keeper(sharing, registry, Ledger(home_of.registry), Packs(home_of.packs, 0), Feeds(home_of))


def test_a_title_is_offered_again_when_nobody_holds_it_any_more(keeper: Keeper, sharing: Sharing) -> None:
    keeper.tend()
    assert keeper.is_offered(_TITLE)
    assert sharing.session and sharing.session.kept()
    with keeper.holding(_TITLE):
        with keeper.holding(_TITLE):
            assert sharing.session.kept() == frozenset()
        keeper.tend()
        assert not keeper.is_offered(_TITLE)
    keeper.tend()
    assert keeper.is_offered(_TITLE)


def test_who_holds_a_title_has_it_also_when_the_session_opens_meanwhile(keeper: Keeper, sharing: Sharing) -> None:
    with keeper.holding(_TITLE):
        assert sharing.session is None
        assert sharing.session_for(Network())
        keeper.tend()
        assert not keeper.is_offered(_TITLE)


def test_a_title_whose_files_changed_is_said_once_and_left_out_until_it_is_verified(keeper: Keeper, home: Path) -> None:
    keeper.tend()
    (home / "game" / "readme.txt").write_bytes(b"READ ME")
    assert keeper.tend() == [_TITLE]
    assert keeper.tend() == []
    Registry(Home(home).registry).see(_TITLE, _stats(home / "game"))
    keeper.tend()
    assert not keeper.is_offered(_TITLE)
    keeper.renew(_TITLE)
    keeper.tend()
    assert keeper.is_offered(_TITLE)


def test_without_sharing_no_session_is_opened_for_it(keeper: Keeper, sharing: Sharing) -> None:
    sharing.apply(replace(_SETTINGS, sharing="off"))
    assert keeper.tend() == []
    assert sharing.session is None
