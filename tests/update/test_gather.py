"""Old files put back and damaged ones mended: only right bytes, only those that are missing."""

from pathlib import Path

import pytest

from patcher.content import merkle
from patcher.content.blocks import Rebuild
from patcher.content.merkle import BLOCK_BYTES, ref_of
from patcher.errors import ContentError
from patcher.transfer.packs import Packs
from patcher.update.gather import Gather
from patcher.update.meter import Meter
from patcher.update.plan import Mend, Plan
from patcher.update.stage import Stage
from tests.support.peers import Shelf
from tests.support.trees import noise

RIGHT = noise(1, 100_000)
BLOCKS = Rebuild(ref_of(RIGHT), merkle.leaves_of(RIGHT), (), (range(1, 3), range(6, 7)))
WHOLE = Rebuild.of_nothing(ref_of(RIGHT))


def mended(folder: Path, shelf: Shelf, rebuild: Rebuild) -> Gather:
    """What a job does with a file ``game`` of zeros."""
    (folder / "game").write_bytes(bytes(len(RIGHT)))
    meter = Meter(1, "game", lambda: False, lambda _: None)
    gather = Gather(shelf, None, Packs(folder / "packs", 0), (), meter)  # type: ignore[arg-type]  # it reads as an origin does
    plan = Plan((), (), (), (), mends=(Mend("game", rebuild),))
    gather.carry_out(plan, Stage(folder, {}, meter.watch), {}, folder)
    return gather


def test_missing_blocks_come_and_nothing_else(tmp_path: Path) -> None:
    shelf = Shelf(RIGHT)
    gather = mended(tmp_path, shelf, BLOCKS)
    made = (tmp_path / "game").read_bytes()
    assert made[BLOCK_BYTES : 3 * BLOCK_BYTES] == RIGHT[BLOCK_BYTES : 3 * BLOCK_BYTES]
    assert made[6 * BLOCK_BYTES :] == RIGHT[6 * BLOCK_BYTES :]
    assert not any(made[3 * BLOCK_BYTES : 6 * BLOCK_BYTES])
    assert gather.gathered.origin_bytes == shelf.sent_bytes == BLOCKS.fetch_bytes
    assert len(shelf.requests) == 2


def test_without_leaves_the_whole_file_comes_and_is_checked_as_one(tmp_path: Path) -> None:
    mended(tmp_path, Shelf(RIGHT), WHOLE)
    assert (tmp_path / "game").read_bytes() == RIGHT


@pytest.mark.parametrize("rebuild", [BLOCKS, WHOLE])
def test_a_lying_server_is_found_out(tmp_path: Path, rebuild: Rebuild) -> None:
    shelf = Shelf(RIGHT)
    shelf.lies = True
    with pytest.raises(ContentError) as raised:
        mended(tmp_path, shelf, rebuild)
    assert raised.value.facts["root"] == rebuild.content.hex
