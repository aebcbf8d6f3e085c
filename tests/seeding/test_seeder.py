"""What is offered while nobody holds it."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from patcher.config import Home, Settings
from patcher.content import merkle
from patcher.feed.feeds import Feeds
from patcher.install.registry import Registry
from patcher.protocol.events import Held, Sources
from patcher.seeding.pack_cache import Packs
from patcher.seeding.seeder import Seeder, Seeding
from patcher.seeding.traffic import Ledger
from patcher.transfer.swarm.policy import Surroundings
from patcher.transfer.swarm.swarm import Counters, Swarm
from patcher.transfer.swarm.torrent import Torrent
from tests.support import forger, trees
from tests.support.forger import FORGERIES, Forgery
from tests.support.installed import install, keep_pack, stats
from tests.support.peers import HOST, Player
from tests.support.waiting import wait_until

_SETTINGS = Settings(listen_host=HOST, local_discovery=False, sharing="everyone")
_TITLE = "demo/game"
_LAYOUT = {"data.pak": trees.File(trees.noise(1, 20_000)), "readme.txt": trees.File(b"read me")}


@pytest.fixture
def seeder(home: Path) -> Iterator[Seeder]:
    """Of a player who has one title, every file verified."""
    home_of = Home(home)
    install(home_of, home / "game", _LAYOUT)
    registry, ledger = Registry(home_of.registry), Ledger(home_of.registry)
    seeder = Seeder(_SETTINGS, registry, ledger, Packs(home_of.packs, 1 << 30), Feeds(home_of))
    yield seeder
    seeder.close()


def is_offered(seeder: Seeder) -> bool:
    return seeder.snapshot().get(_TITLE, Seeding()).is_offered


def test_a_title_is_offered_again_when_nobody_holds_it_any_more(seeder: Seeder) -> None:
    seeder.refresh()
    assert is_offered(seeder)
    assert seeder.session and seeder.session.offered()
    with seeder.holding(_TITLE):
        with seeder.holding(_TITLE):
            assert seeder.session.offered() == frozenset()
        seeder.refresh()
        assert not is_offered(seeder)
    seeder.refresh()
    assert is_offered(seeder)


def test_who_holds_a_title_has_it_also_when_the_session_opens_meanwhile(seeder: Seeder) -> None:
    with seeder.holding(_TITLE):
        assert seeder.session is None
        seeder.open()
        seeder.refresh()
        assert not is_offered(seeder)


def test_a_title_whose_files_changed_is_said_once_and_left_out_until_it_is_verified(seeder: Seeder, home: Path) -> None:
    seeder.refresh()
    (home / "game" / "readme.txt").write_bytes(b"READ ME")
    assert seeder.refresh() == [_TITLE]
    assert seeder.refresh() == []
    Registry(Home(home).registry).note_seen(_TITLE, stats(home / "game", _LAYOUT))
    seeder.refresh()
    assert not is_offered(seeder)
    with seeder.holding(_TITLE):
        assert not is_offered(seeder)
    seeder.refresh()
    assert is_offered(seeder)


@pytest.mark.parametrize("forgery", [forger.another_launch, forger.a_later_sequence, FORGERIES["cut short"]])
def test_a_title_whose_description_nobody_signed_is_not_offered(seeder: Seeder, home: Path, forgery: Forgery) -> None:
    kept = stats(home / "game", _LAYOUT)
    forgery(home / "game" / ".shoal")
    assert stats(home / "game", _LAYOUT) == kept, "the files look as they were"
    seeder.refresh()
    assert not is_offered(seeder)
    assert seeder.session and seeder.session.offered() == frozenset()


def test_a_pack_leaves_the_session_before_it_is_removed(
    seeder: Seeder, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = Torrent.parse(keep_pack(Home(home), trees.noise(2, 100_000)), ()).info_hash
    seeder.refresh()
    assert seeder.session and pack in seeder.session.offered()
    left: list[bool] = []
    remove = Packs.remove

    def removed(packs: Packs, roots: list[bytes]) -> None:
        left.append(seeder.session is not None and pack not in seeder.session.offered())
        remove(packs, roots)

    monkeypatch.setattr(Packs, "remove", removed)
    seeder._packs.limit_bytes = 0
    seeder.refresh()
    assert left == [True]
    assert seeder._packs.torrents() == []
    assert is_offered(seeder)


def test_a_pack_that_changed_is_not_offered_again(seeder: Seeder, home: Path) -> None:
    data = trees.noise(2, 100_000)
    pack = Torrent.parse(keep_pack(Home(home), data), ()).info_hash
    path = Home(home).packs / merkle.ref_of(data).hex
    seeder.refresh()
    assert seeder.session and pack in seeder.session.offered()
    path.write_bytes(trees.noise(3, 100_000))
    for _ in range(2):
        assert seeder.refresh() == []
        assert pack not in seeder.session.offered()
    assert not path.exists()
    assert is_offered(seeder)


def test_a_snapshot_asks_libtorrent_nothing(seeder: Seeder, monkeypatch: pytest.MonkeyPatch) -> None:
    seeder.refresh()
    asked: list[str] = []

    def counters(swarm: Swarm) -> Counters:
        asked.append(swarm.torrent.info_hash.hex())
        return Counters(sent_bytes=7)

    monkeypatch.setattr(Swarm, "counters", counters)
    assert seeder.snapshot() == {_TITLE: Seeding(is_offered=True, uploaded_bytes=0)}
    assert asked == []
    seeder.refresh()
    assert (seeder.snapshot()[_TITLE].uploaded_bytes, len(asked)) == (7, 1)


def test_without_sharing_no_session_is_opened_for_it(seeder: Seeder) -> None:
    seeder.apply(replace(_SETTINGS, sharing="off"))
    assert seeder.refresh() == []
    assert seeder.session is None


# ---------------------------------------------------------------- where others reach us


def test_an_address_that_this_computer_has_not_is_said_and_nothing_looks_offered(seeder: Seeder) -> None:
    seeder.refresh()
    assert is_offered(seeder) and not seeder.listen_problem
    seeder.apply(replace(_SETTINGS, listen_host="192.0.2.1"))
    assert "192.0.2.1" in seeder.listen_problem
    assert not is_offered(seeder)
    seeder.apply(_SETTINGS)
    seeder.refresh()
    assert is_offered(seeder) and not seeder.listen_problem


def test_a_wrong_address_is_said_before_anything_is_offered(seeder: Seeder) -> None:
    seeder.apply(replace(_SETTINGS, listen_host="2001:db8::1"))
    assert seeder.session is None
    assert "2001:db8::1" in seeder.listen_problem
    seeder.apply(replace(_SETTINGS, listen_host="2001:db8::1", peers="none"))
    assert not seeder.listen_problem, "nobody is to be reached"


def test_a_port_that_is_taken_is_said_with_the_one_that_is_used_instead(seeder: Seeder) -> None:
    with socket.create_server((HOST, 0)) as other:
        taken = other.getsockname()[1]
        seeder.apply(replace(_SETTINGS, listen_port=taken))
        seeder.refresh()
        assert is_offered(seeder)
        assert seeder.listen_port not in {0, taken}
        assert str(taken) in seeder.listen_problem and str(seeder.listen_port) in seeder.listen_problem
    seeder.apply(replace(_SETTINGS, listen_port=0))
    assert not seeder.listen_problem


def test_what_was_uploaded_last_is_counted_too(seeder: Seeder, home: Path, tmp_path: Path) -> None:
    seeder.refresh()
    assert seeder.session
    torrent = seeder._titles[_TITLE][0]
    with Player() as stranger:
        stranger.want(torrent.data, tmp_path / "taken" / "game", (HOST, seeder.listen_port))
        wait_until(lambda: stranger.is_complete, "the stranger's download")
    seeder.close()
    assert Ledger(Home(home).registry).month_uploaded_bytes() == 20_007


def test_sharing_rests_on_battery_and_goes_on_with_power(seeder: Seeder) -> None:
    seeder.refresh()
    assert is_offered(seeder)
    assert seeder.surround(Surroundings(on_battery=True))
    assert (seeder.held, seeder.sharing, seeder.listen_port) == (Held.BATTERY, "off", 0)
    seeder.refresh()
    assert not is_offered(seeder)
    assert seeder.is_offering, "the engine stays, to go on"
    assert not seeder.surround(Surroundings(on_battery=True))
    assert seeder.surround(Surroundings())
    assert (seeder.held, seeder.sharing) == (Held.NONE, "everyone")
    assert is_offered(seeder)


def test_who_begins_on_battery_offers_nothing_until_there_is_power(seeder: Seeder) -> None:
    seeder.surround(Surroundings(on_battery=True))
    seeder.refresh()
    assert (is_offered(seeder), seeder.listen_port) == (False, 0)
    seeder.surround(Surroundings())
    assert is_offered(seeder)


def test_a_spent_cap_is_said(seeder: Seeder, home: Path) -> None:
    Ledger(Home(home).registry).add(_TITLE, Sources(), 1_000)
    seeder.apply(replace(_SETTINGS, monthly_upload_cap_bytes=1_000))
    assert (seeder.held, seeder.sharing) == (Held.CAP, "off")
    seeder.apply(replace(_SETTINGS, monthly_upload_cap_bytes=1_000, exempt_lan=True))
    assert (seeder.held, seeder.sharing) == (Held.CAP, "lan")
