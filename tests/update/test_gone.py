"""What is removed under a running engine is offered no more, by the next look; and what is left is offered on."""

import logging
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from patcher import config
from patcher.config import Home, Settings
from patcher.engine.engine import Engine
from patcher.errors import DiskError
from patcher.install.folder import InstallFolder
from patcher.install.registry import Installation, Registry
from patcher.protocol import commands
from patcher.seeding import seeder
from patcher.seeding.seeder import Seeding
from patcher.transfer.swarm.torrent import Torrent
from tests.support import trees
from tests.support.installed import install, keep_pack
from tests.support.peers import HOST, Player, wait_for

_TITLE, _OTHER = "demo/game", "acme/other"
_LAYOUT: trees.Layout = {f"data/{n:03}": trees.File(trees.noise(n, 16_000)) for n in range(200)}
_SMALL: trees.Layout = {"readme.txt": trees.File(trees.noise(500, 10_000))}
_PACK = trees.noise(501, 3_000_000)
_SLOW_BPS = 200_000
_SHARES = Settings(listen_host=HOST, local_discovery=False, sharing="everyone")


@dataclass
class Place:
    """An engine's home, and beside it the folder of a title that it offers."""

    root: Path

    @property
    def home(self) -> Home:
        return Home(self.root / "home")

    @property
    def folder(self) -> Path:
        return self.root / "game"

    def remove(self, *folders: Path) -> None:
        """Remove folders. Older Windows, and Wine, keep the name of a file that is open, until it is closed."""
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=sys.platform == "win32")

    def replace_folder(self) -> None:
        """Another folder with the same files stands in the place of the old one."""
        shutil.copytree(self.folder, self.root / "copy")
        self.folder.rename(self.root / "old")
        (self.root / "copy").rename(self.folder)


class Loss(NamedTuple):
    """What is removed, and what is offered after the next look."""

    remove: Callable[[Place], object]
    title: bool
    pack: bool


_LOSSES = {
    "home": Loss(lambda p: p.remove(p.home.root), title=False, pack=False),
    "home and install": Loss(lambda p: p.remove(p.home.root, p.folder), title=False, pack=False),
    "registry": Loss(lambda p: p.home.registry.unlink(), title=False, pack=True),
    "install folder": Loss(lambda p: p.remove(p.folder), title=False, pack=True),
    "install folder for a copy": Loss(Place.replace_folder, title=False, pack=True),
    "one file": Loss(lambda p: (p.folder / "data/123").unlink(), title=False, pack=True),
    "pack cache": Loss(lambda p: p.remove(p.home.packs), title=True, pack=False),
    "feeds": Loss(lambda p: p.remove(p.home.feeds), title=True, pack=True),
}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.home.make()
    config.save(made.home, _SHARES)
    install(made.home, made.folder, _LAYOUT, _TITLE)
    return made


@pytest.fixture
def engine(place: Place) -> Iterator[Engine]:
    made = Engine(place.home)
    yield made
    made.close()


def _port(engine: Engine) -> int:
    return engine._seeder.listen_port


def _offers(engine: Engine) -> frozenset[bytes]:
    assert engine._seeder.session
    return engine._seeder.session.offered()


def _is_offered(engine: Engine, title: str = _TITLE) -> bool:
    return engine._seeder.snapshot().get(title, Seeding()).is_offered


@pytest.mark.parametrize("loss", _LOSSES)
def test_what_is_removed_is_withdrawn_from_those_who_download_it(place: Place, engine: Engine, loss: str) -> None:
    remove, *stays = _LOSSES[loss]
    pack = keep_pack(place.home, _PACK)
    (title,) = seeder.torrents(Registry(place.home.registry), Installation(_TITLE, InstallFolder.at(place.folder)), ())
    engine._tend_once()
    with Player() as first, Player() as second:
        for player, data, name in ((first, title.data, "game.main"), (second, pack, "pack")):
            player.want(data, place.root / "taken" / name)
            player.handle.set_download_limit(_SLOW_BPS)
            player.ask((HOST, _port(engine)))
        assert wait_for(lambda: min(first.received_bytes, second.received_bytes) > 0)
        remove(place)
        engine._tend_once()
        assert [_is_offered(engine), len(_offers(engine))] == [stays[0], sum(stays)]
        assert bool(_port(engine)) == engine.is_needed == any(stays)
        for player, is_offered in zip((first, second), stays, strict=True):
            player.handle.set_download_limit(0)
            assert wait_for(partial(_is_served if is_offered else _is_left, player))


def _is_served(player: Player) -> bool:
    return player.is_complete


def _is_left(player: Player) -> bool:
    return not player.connected() and not player.is_complete


_DAMAGES: dict[str, Callable[[Place], object]] = {
    "pointer": lambda p: (p.folder / ".shoal/installed").write_bytes(b"[" * 1000),
    "manifest": lambda p: _overwrite(p.folder / ".shoal/manifests", b"junk"),
    "layers": lambda p: _overwrite(p.folder / ".shoal/layers", b"junk"),
    "layers are a folder": lambda p: _replace_by_folders(p.folder / ".shoal/layers"),
    "install folder": lambda p: p.remove(p.folder),
    "feed": lambda p: _overwrite(p.home.feeds / "demo", b"\xff"),
    "mark of a pack": lambda p: _overwrite(p.home.packs, b"d4:infod", "*.torrent"),
    "ledger": lambda p: _drop_ledger(p.home.registry),
}


def _overwrite(folder: Path, data: bytes, names: str = "*") -> None:
    for path in folder.glob(names):
        path.write_bytes(data)


def _replace_by_folders(folder: Path) -> None:
    for path in list(folder.iterdir()):
        path.unlink()
        path.mkdir()


def _drop_ledger(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DROP TABLE ledger")


@pytest.mark.parametrize("damage", _DAMAGES)
def test_what_is_damaged_keeps_nothing_else_from_being_offered(place: Place, engine: Engine, damage: str) -> None:
    install(place.home, place.root / "other", _SMALL, _OTHER)
    pack = Torrent.parse(keep_pack(place.home, _PACK), ()).info_hash
    _DAMAGES[damage](place)
    engine._tend_once()
    assert _is_offered(engine, _OTHER)
    assert (pack in _offers(engine)) == (damage != "mark of a pack")


@pytest.mark.parametrize("damage", _DAMAGES)
def test_what_is_damaged_keeps_nothing_from_being_withdrawn(place: Place, engine: Engine, damage: str) -> None:
    install(place.home, place.root / "other", _SMALL, _OTHER)
    keep_pack(place.home, _PACK)
    engine._tend_once()
    assert _is_offered(engine, _OTHER)
    _DAMAGES[damage](place)
    (place.root / "other" / "readme.txt").unlink()
    engine._tend_once()
    assert not _is_offered(engine, _OTHER)


def test_silence_is_obeyed_although_the_command_cannot_be_saved(place: Place, engine: Engine) -> None:
    engine._tend_once()
    assert _is_offered(engine)
    shutil.rmtree(place.home.root)
    with pytest.raises(DiskError):
        engine.submit(commands.ChangeSetting("sharing", "off"))
    assert (_is_offered(engine), _port(engine)) == (False, 0)


def test_a_month_that_cannot_be_read_is_used_up(place: Place) -> None:
    config.save(place.home, replace(_SHARES, monthly_upload_cap_bytes=1 << 40))
    engine = Engine(place.home)
    try:
        engine._tend_once()
        assert _is_offered(engine)
        _drop_ledger(place.home.registry)
        engine._tend_once()
        assert (_is_offered(engine), _port(engine)) == (False, 0)
        engine.submit(commands.ChangeSetting("monthly_upload_cap_bytes", "0"))
        engine._tend_once()
        assert _is_offered(engine)
    finally:
        engine.close()


def test_a_part_that_fails_is_said_in_the_log(place: Place, engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    place.home.registry.unlink()
    with caplog.at_level(logging.ERROR):
        engine._tend_once()
    assert "withdrawing what is not installed failed" in caplog.text
