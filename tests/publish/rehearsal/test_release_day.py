"""A release day is made of what the feed really offers, and loses no player."""

import random
from pathlib import Path

import pytest

from patcher.errors import ShoalError
from patcher.publish.rehearsal.release_day import CURVES, Crowd, LineKind, arrive_s, day, fetched
from patcher.publish.tree import parse_part
from tests.support.publisher import Publisher, lay

KINDS = (LineKind(1, 2e6, 2e5), LineKind(3, 8e6, 1e6))


def _released(tmp_path: Path) -> Publisher:
    publisher, dice = Publisher(tmp_path), random.Random(1)
    old = dice.randbytes(900_000)
    tree = lay(tmp_path / "tree", {"bin/game": b"#!" + old, "lang/de.pak": dice.randbytes(300_000)})
    rules = (parse_part("de=lang/de*:lang:de"),)
    publisher.release(tree, "1", rules=rules)
    lay(tree, {"bin/game": b"#!" + old + dice.randbytes(200_000)})
    publisher.release(tree, "2", rules=rules)
    return publisher


def test_an_update_is_the_patch_and_an_install_the_tree_of_the_parts_without_tags(tmp_path: Path) -> None:
    publisher = _released(tmp_path)
    update, install = (fetched(publisher.folder, "game", "live", install=install) for install in (False, True))
    assert (update.version_from, update.version, install.version_from) == ("1", "2", "")
    assert 200_000 <= update.swarm_bytes == update.packed_bytes < 210_000
    assert install.swarm_bytes == 1_100_002
    assert 1_000 < update.document_bytes < 20_000
    assert update.origin_bytes == update.packed_bytes + update.document_bytes


def test_a_channel_without_a_release_is_an_error(tmp_path: Path) -> None:
    publisher = _released(tmp_path)
    for title, channel in (("game", "beta"), ("other", "live")):
        with pytest.raises(ShoalError) as refused:
            fetched(publisher.folder, title, channel)
        assert refused.value.code == "usage.unknown_title"


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("players", [1, 7, 1000, 123_457])
def test_no_player_is_lost_and_each_comes_in_the_window(tmp_path: Path, curve: str, players: int) -> None:
    what = fetched(_released(tmp_path).folder, "game", "live")
    made = day(what, Crowd(players, KINDS, 0.3, curve, 3600.0), 1e8, 60.0, 0.0)
    assert sum(line.players for line in made.lines) == players
    assert all(0 <= line.at_s <= 3600 for line in made.lines)
    if players > 1000:
        sharing = sum(line.players for line in made.lines if line.shares)
        thin = sum(line.players for line in made.lines if line.down_bps == 2e6)
        assert sharing / players == pytest.approx(0.3, abs=0.01)
        assert thin / players == pytest.approx(0.25, abs=0.01)


def test_in_a_rush_most_come_at_once() -> None:
    rush, even = (Crowd(1, KINDS, 0.3, curve, 3600.0) for curve in ("rush", "even"))
    assert arrive_s(rush, 0.5) < 600 < arrive_s(even, 0.5) == 1800
    assert arrive_s(rush, 1.0) == pytest.approx(3600)
