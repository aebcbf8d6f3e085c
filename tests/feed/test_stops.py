"""Where an update may stop over between two patches."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

import patcher
from patcher.content import merkle, records
from patcher.content.records import Channel, Delta, PartPatches, Patches, Release
from patcher.feed.feeds import Opened
from patcher.feed.reader import Reader
from patcher.transfer.origin.client import Origin
from tests.feed.player import Player
from tests.support.hostile_origin import HostileOrigin
from tests.support.repository_simulator import RepositorySimulator

_DOCUMENT = merkle.ref_of(b"a patch index")
_LIVE = Channel(6)


@pytest.fixture
def opened(player: Player, feed: RepositorySimulator, server: HostileOrigin) -> Iterator[Opened]:
    trust = player.trust()
    with Origin([server.url]) as origin:
        yield Opened(Reader(trust, origin), origin, records.Feed("demo", "Demo", ()), trust.fingerprint)


def _publish(feed: RepositorySimulator, patches: Mapping[int, tuple[int, ...]], live: Channel = _LIVE) -> None:
    """Six releases, to some of which there are patches from others."""
    for number in range(1, 7):
        feed.put(f"demo/releases/{number}.json", records.encode(Release("demo", number, str(number), (), {})))
    for to, starts in patches.items():
        deltas = tuple(Delta(start, _DOCUMENT, None) for start in starts)
        record = Patches(to, (PartPatches("main", None, deltas),))
        feed.put(f"demo/patches/{to}.json", records.encode(record))
    feed.put("demo/channels/live.json", records.encode(live))


def _stops(opened: Opened, start: int, to: int = 6) -> list[int]:
    release = opened.reader.release("demo", to)
    return [stop.sequence for stop in opened.stops(release, start, "live")]


def test_a_stop_has_a_patch_from_here_and_one_onward(opened: Opened, feed: RepositorySimulator) -> None:
    _publish(feed, {6: (5, 4, 3), 5: (4, 2), 4: (2,)})
    assert _stops(opened, 2) == [5, 4]
    assert _stops(opened, 1) == []
    assert _stops(opened, 3) == [], "there is a direct patch"
    assert _stops(opened, 6) == []


def test_a_stop_is_still_signed(opened: Opened, feed: RepositorySimulator) -> None:
    _publish(feed, {6: (5,), 5: (4,)})
    del feed.roles["demo-releases"].targets["demo/releases/5.json"]
    feed.publish("demo-releases")
    assert _stops(opened, 4) == []


def test_there_is_a_way_back_with_a_stop(opened: Opened, feed: RepositorySimulator) -> None:
    _publish(feed, {4: (5,), 5: (6,)})
    assert _stops(opened, 6, to=4) == [5]


def test_no_stop_lies_beyond_the_release_to_reach(opened: Opened, feed: RepositorySimulator) -> None:
    """A rollout has not reached this install: what is newer is not for it, a way back from there or not."""
    _publish(feed, {5: (6,), 6: (3,)})
    assert _stops(opened, 3, to=5) == []


@pytest.mark.parametrize(("live", "stops"), [
    (replace(_LIVE, not_below=5), [5]), (replace(_LIVE, not_below=6), []),
    (replace(_LIVE, min_launcher=patcher.__version__), [5]), (replace(_LIVE, min_launcher="999"), []),
])  # fmt: skip
def test_no_install_is_brought_below_the_floor_on_its_way(
    opened: Opened, feed: RepositorySimulator, live: Channel, stops: list[int]
) -> None:
    _publish(feed, {6: (5,), 5: (4,)}, live)
    assert _stops(opened, 4) == stops
