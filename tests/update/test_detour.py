"""When two updates are better than one, decided from what was planned, without another look at the disk."""

from dataclasses import replace
from pathlib import Path

import pytest

from patcher import disk
from patcher.content import records
from patcher.content.manifest import encode
from patcher.content.merkle import ref_of
from patcher.errors import DiskError
from patcher.install.folder import InstallFolder
from patcher.install.registry import Installation
from patcher.install.scan import Have
from patcher.protocol.events import Totals
from patcher.update import detour
from patcher.update.detour import LEAST_BYTES
from patcher.update.planning.plan import Plan, Work
from patcher.update.target import Access, Offer, Target
from tests.support import trees
from tests.support.trees import File

_MB = 1_000_000


def _target(folder: Path, number: int, data: bytes) -> Target:
    """A release of one file, at a publisher without patches."""
    m = trees.manifest_of({"data": File(data)})
    document = encode(m)
    part = records.Part("main", (), False, ref_of(document), m.info_hash, None, None)
    release = records.Release("game", number, str(number), (part,), {})
    install = Installation("demo/game", InstallFolder.at(folder))
    return Target(install, release, (Offer(part, document, m),), Access(object()))  # type: ignore[arg-type]  # not asked


class Planner:
    """Plans that fetch what they are told to; `asked` are their targets."""

    def __init__(self, folder: Path, first_bytes: int, direct_bytes: int, second_bytes: int = 1000) -> None:
        first, second = _target(folder, 2, b"before"), _target(folder, 3, trees.noise(1, second_bytes))
        self.first, self.second, self.target = first, second, replace(second, detour=(first, second))
        self._bytes = {"1": first_bytes, "2": first_bytes, "3": direct_bytes}
        self.asked: list[Target] = []
        self.error: DiskError | None = None

    def plan(self, target: Target) -> Work:
        self.asked.append(target)
        assert target.release
        if self.error and target.release.version == "2":
            raise self.error
        totals = Totals(patch_bytes=self._bytes[target.release.version], peak_extra_bytes=10)
        return Work(target, Have(), Plan((), (), (), (), totals=totals))


def test_two_updates_that_fetch_much_less_than_one_are_made(tmp_path: Path) -> None:
    planner = Planner(tmp_path, first_bytes=_MB, direct_bytes=9 * _MB)
    route = detour.route(planner.target, planner.plan)
    assert (route.via, route.then, route.totals.fetch_bytes) == ("2", planner.second, _MB + 1000)
    assert route.work.target is planner.asked[0] is planner.first


def test_a_direct_way_that_is_far_too_long_is_not_looked_at_closely(tmp_path: Path) -> None:
    planner = Planner(tmp_path, first_bytes=_MB, direct_bytes=9 * _MB)
    detour.route(planner.target, planner.plan)
    assert [target.access.feed is None for target in planner.asked] == [False, True]


def test_a_close_look_is_taken_once_and_its_plan_is_the_one_that_is_used(tmp_path: Path) -> None:
    planner = Planner(tmp_path, first_bytes=_MB, direct_bytes=_MB)
    route = detour.route(planner.target, planner.plan)
    assert (route.then, route.via, route.work.target) == (None, "", planner.asked[-1])
    assert [target.access.feed is None for target in planner.asked] == [False, True, False]


@pytest.mark.parametrize(("direct_bytes", "via"), [(LEAST_BYTES + 999, ""), (LEAST_BYTES + 1000, "2")])
def test_two_updates_must_save_something(tmp_path: Path, direct_bytes: int, via: str) -> None:
    planner = Planner(tmp_path, first_bytes=0, direct_bytes=direct_bytes, second_bytes=1000)
    assert detour.route(planner.target, planner.plan).via == via


def test_without_room_for_two_updates_there_is_one_with_a_plan_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "free_bytes", lambda _: 20)
    planner = Planner(tmp_path, first_bytes=_MB, direct_bytes=9 * _MB)
    route = detour.route(planner.target, planner.plan)
    assert (route.via, route.work.target.access) == ("", planner.target.access)


def test_a_detour_that_cannot_be_planned_leaves_the_direct_way(tmp_path: Path) -> None:
    planner = Planner(tmp_path, first_bytes=_MB, direct_bytes=9 * _MB)
    planner.error = DiskError("disk.in_the_way", "Something stands in the way of the release between.")
    route = detour.route(planner.target, planner.plan)
    assert (route.then, route.totals.fetch_bytes) == (None, 9 * _MB)


def test_where_a_detour_cannot_be_planned_the_next_older_one_is_taken(tmp_path: Path) -> None:
    planner = Planner(tmp_path, first_bytes=_MB, direct_bytes=9 * _MB)
    planner.error = DiskError("disk.in_the_way", "Something stands in the way of the release between.")
    older = _target(tmp_path, 1, b"older")
    target = replace(planner.target, older_detours=iter([(older, planner.second)]))
    route = detour.route(target, planner.plan)
    assert (route.via, route.then, route.work.target) == ("1", planner.second, older)
