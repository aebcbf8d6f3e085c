"""A feed in memory behind a web server, and a player who pinned it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.feed.player import Player
from tests.support.hostile_origin import HostileOrigin
from tests.support.repository_simulator import RepositorySimulator


@pytest.fixture
def feed() -> RepositorySimulator:
    feed = RepositorySimulator()
    feed.put("feed.json", b"the feed")
    feed.put("demo/releases/1.json", b"release 1")
    return feed


@pytest.fixture
def server(feed: RepositorySimulator) -> Iterator[HostileOrigin]:
    with HostileOrigin(feed.files) as server:
        yield server


@pytest.fixture
def player(tmp_path: Path, feed: RepositorySimulator, server: HostileOrigin) -> Iterator[Player]:
    player = Player(tmp_path, server.url, feed.fingerprint)
    server.asked.clear()
    yield player
    player.close()
