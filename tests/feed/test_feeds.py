"""Where a feed led when the player added it is remembered, and is found out, not believed."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from patcher.config import Home
from patcher.content import records
from patcher.content.merkle import Ref
from patcher.errors import Cancelled, OriginError, never
from patcher.feed.feeds import Feeds
from patcher.feed.pin import PIN_FILE, read_pin
from patcher.protocol.commands import Network
from patcher.transfer.origin.hosts import Reach
from tests.support import names
from tests.support.certificates import Authority
from tests.support.hostile_origin import HostileOrigin, Request, content_path, head
from tests.support.repository_simulator import RepositorySimulator


@pytest.fixture
def named(tmp_path: Path, feed: RepositorySimulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[HostileOrigin]:
    """The feed at https://updates.example, which leads to this machine."""
    feed.put("feed.json", records.encode(records.Feed("demo", "Demo", ("https://updates.example/",))))
    names.lead(monkeypatch, {"updates.example": ["127.0.0.1"]})
    with HostileOrigin(feed.files, Authority(tmp_path / "ca").issue("updates.example")) as server:
        yield server


@pytest.fixture
def network(tmp_path: Path) -> Network:
    return Network(ca=str(tmp_path / "ca" / "ca.pem"))


def _feeds(folder: Path) -> tuple[Feeds, Path]:
    home = Home(folder / "home")
    home.make()
    return Feeds(home), home.feeds / "demo" / PIN_FILE


def test_where_an_invitation_says_it_leads_does_not_count(
    tmp_path: Path, named: HostileOrigin, network: Network, feed: RepositorySimulator
) -> None:
    feeds, pin = _feeds(tmp_path)
    url = f"https://updates.example:{named.port}"
    said = {"format": 1, "url": url, "fingerprint": feed.fingerprint, "near": "private"}
    (tmp_path / "demo.shoalfeed").write_text(json.dumps(said))
    assert feeds.add(str(tmp_path / "demo.shoalfeed"), "", network, never) == "demo"
    assert read_pin(pin).near is Reach.LOOPBACK


def _feeds_with_art(
    tmp_path: Path, named: HostileOrigin, network: Network, feed: RepositorySimulator
) -> tuple[Feeds, Ref]:
    """The feeds of a player who added one whose title has a picture, and the picture."""
    feeds, _ = _feeds(tmp_path)
    art = named.put(b"a picture")
    feed.put("feed.json", records.encode(records.Feed("demo", "Demo", ("https://updates.example/",), titles=("demo",))))
    feed.put("demo/releases/1.json", records.encode(records.Release("demo", 1, "1", (), {})))
    feed.put("demo/channels/live.json", records.encode(records.Channel(1)))
    feed.put("demo/title.json", records.encode(records.Title("demo", "game", {"en": records.Text("Demo")}, art)))
    feeds.add(f"https://updates.example:{named.port}", "", network, never)
    return feeds, art


def test_two_refreshes_at_once_read_the_art_once(
    tmp_path: Path, named: HostileOrigin, network: Network, feed: RepositorySimulator
) -> None:
    feeds, art = _feeds_with_art(tmp_path, named, network, feed)
    second = threading.Thread(target=feeds.refresh, args=("demo", network, never))

    def during_the_first(request: Request, peer: socket.socket) -> None:
        second.start()
        second.join(0.3)
        peer.sendall(head(200, 9) + b"a picture")

    named.answer(content_path(art), during_the_first)
    feeds.refresh("demo", network, never)
    second.join()
    assert Path(feeds.about("demo/demo").about.art).read_bytes() == b"a picture"
    assert named.paths.count(content_path(art)) == 1


def test_a_refresh_that_waits_for_another_one_can_be_cancelled(
    tmp_path: Path, named: HostileOrigin, network: Network, feed: RepositorySimulator
) -> None:
    feeds, art = _feeds_with_art(tmp_path, named, network, feed)
    ended: list[str] = []

    def during_the_first(request: Request, peer: socket.socket) -> None:
        with pytest.raises(Cancelled):
            feeds.refresh("demo", network, lambda: True)
        ended.append("the second")
        peer.sendall(head(200, 9) + b"a picture")

    named.answer(content_path(art), during_the_first)
    feeds.refresh("demo", network, never)
    assert ended == ["the second"]


def test_a_feed_that_moved_into_the_players_network_is_used_when_it_is_added_again(
    tmp_path: Path, named: HostileOrigin, network: Network
) -> None:
    feeds, pin = _feeds(tmp_path)
    url = f"https://updates.example:{named.port}"
    feeds.add(url, "", network, never)
    said = json.loads(pin.read_bytes())
    pin.write_text(json.dumps({name: said[name] for name in ("format", "url", "fingerprint")}))  # as from the internet
    before = named.connections
    with pytest.raises(OriginError) as caught, feeds.open("demo", network, never):
        pass
    assert caught.value.code == "origin.host_refused"
    assert named.connections == before
    feeds.add(url, "", network, never)
    with feeds.open("demo", network, never) as opened:
        assert opened.record.name == "demo"


def test_notes_are_those_of_the_release_that_is_shown_or_none(
    tmp_path: Path, named: HostileOrigin, network: Network, feed: RepositorySimulator
) -> None:
    feeds, _ = _feeds(tmp_path)
    feed.put("feed.json", records.encode(records.Feed("demo", "Demo", ("https://updates.example/",), titles=("game",))))
    feed.put("game/title.json", records.encode(records.Title("game", "game", {"en": records.Text("Demo")})))

    def release(number: int, notes: bytes) -> None:
        made = records.Release("game", number, f"1.{number}", (), {}, notes=named.put(notes))
        feed.put(f"game/releases/{number}.json", records.encode(made))
        feed.put("game/channels/live.json", records.encode(records.Channel(number)))

    def shown() -> tuple[str, str]:
        return feeds.about("demo/game").version, feeds.about("demo/game").about.notes

    release(1, b"the first")
    feeds.add(f"https://updates.example:{named.port}", "", network, never)
    feeds.refresh("demo", network, never)
    assert shown() == ("1.1", "the first")
    release(2, b"the second")
    with feeds.open("demo", network, never, title="game"):  # as an update does
        assert shown() == ("1.2", "")
    feeds.refresh("demo", network, never)
    assert shown() == ("1.2", "the second")


@pytest.mark.parametrize(
    ("says", "notes", "art"), [("de_AT.UTF-8", "Neu", b"Bild"), ("fr_FR", "New", b"art"), ("C", "New", b"art")]
)
def test_notes_and_art_are_in_the_language_of_the_player(
    tmp_path: Path, named: HostileOrigin, network: Network, feed: RepositorySimulator, monkeypatch: pytest.MonkeyPatch,
    says: str, notes: str, art: bytes,
) -> None:  # fmt: skip
    monkeypatch.setenv("LC_ALL", says)
    feeds, _ = _feeds(tmp_path)
    refs = {
        name: named.put(data) for name, data in (("New", b"New"), ("Neu", b"Neu"), ("art", b"art"), ("Bild", b"Bild"))
    }
    feed.put("feed.json", records.encode(records.Feed("demo", "Demo", ("https://updates.example/",), titles=("game",))))
    about = records.Title("game", "game", {"en": records.Text("Demo")}, refs["art"], art_in={"de": refs["Bild"]})
    feed.put("game/title.json", records.encode(about))
    made = records.Release("game", 1, "1.1", (), {}, notes=refs["New"], notes_in={"de": refs["Neu"]})
    feed.put("game/releases/1.json", records.encode(made))
    feed.put("game/channels/live.json", records.encode(records.Channel(1)))
    feeds.add(f"https://updates.example:{named.port}", "", network, never)
    feeds.refresh("demo", network, never)
    shown = feeds.about("demo/game").about
    assert (shown.notes, Path(shown.art).read_bytes()) == (notes, art)
