"""A feed is made once, never over something else, and its torrents open in other clients."""

import json
import os
from pathlib import Path

import libtorrent
import pytest

from patcher.config import Home
from patcher.content import records
from patcher.errors import UsageError
from patcher.publish import feeds, repository
from patcher.publish.keys.ring import Passphrases
from tests.support.publisher import ORIGIN, Player, Publisher, files_below, lay


def init(
    tmp_path: Path, origin: str = ORIGIN, tracker: str = "", name: str = "", folder: str = "Feed One"
) -> feeds.NewFeed:
    trackers = [tracker] if tracker else []
    home = Home(tmp_path / "home")
    return feeds.init(tmp_path / folder, home, [origin], trackers, name, "solo", True, Passphrases())


def test_init_says_what_a_player_needs(tmp_path: Path) -> None:
    made = init(tmp_path, ORIGIN + "/", "http://tracker.example.org/announce")
    assert made.invitation == tmp_path / "Feed One" / "feed-one.shoalfeed"
    said = {"format": 1, "url": ORIGIN, "fingerprint": made.fingerprint}
    assert json.loads(made.invitation.read_bytes()) == said
    feed = records.parse(records.Feed, repository.load(tmp_path / "Feed One").record("feed.json") or b"")
    assert feed.hosts == ("tracker.example.org", "updates.example.org")
    assert (feed.name, feed.origins, feed.titles) == ("feed-one", (ORIGIN,), ())


def test_the_same_init_again_finishes_and_changes_nothing(tmp_path: Path) -> None:
    first = init(tmp_path)
    before = files_below(tmp_path)
    first.invitation.unlink()
    assert init(tmp_path) == first
    assert files_below(tmp_path) == before


def test_an_init_interrupted_before_the_timestamp_is_begun_again(tmp_path: Path) -> None:
    first = init(tmp_path)
    (tmp_path / "Feed One" / "metadata" / "timestamp.json").unlink()
    first.invitation.unlink()
    (tmp_path / "home" / "keys" / "feed-one" / "fingerprint").unlink()
    assert repository.load((init(tmp_path).invitation).parent).paths() == ["feed.json"]


@pytest.mark.parametrize(
    ("origin", "tracker", "name"),
    [
        ("http://updates.example.org", "", ""), ("ftp://updates.example.org", "", ""), ("updates.example.org", "", ""),
        ("https://", "", ""), ("https://user@updates.example.org", "", ""), ("https://[::1", "", ""),
        (ORIGIN + "?a=b", "", ""), (ORIGIN + "/#a", "", ""), (ORIGIN + "/#", "", ""), (ORIGIN + "/my feed", "", ""),
        ("https://user:word@updates.example.org", "", ""), (ORIGIN, "http://tracker.example.org/?key=1", ""),
        (ORIGIN, "udp://127.0.0.1:6969", ""), (ORIGIN, "https://192.168.1.5/announce", ""),
        ("https://192.168.1.5", "udp://127.1:6969", ""), ("https://0.0.0.0", "", ""),
        (ORIGIN, "file:///etc/passwd", ""), (ORIGIN, "udp://", ""), (ORIGIN, "", "No Name"), (ORIGIN, "", "con"),
    ],
)  # fmt: skip
def test_bad_arguments_make_no_feed(tmp_path: Path, origin: str, tracker: str, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        init(tmp_path, origin, tracker, name)
    assert caught.value.code == "usage.argument"
    assert files_below(tmp_path) == {}


def test_plain_http_is_for_this_machine_only(tmp_path: Path) -> None:
    assert init(tmp_path, "http://127.0.0.1:8000").name == "feed-one"


def test_a_feed_for_one_network_may_keep_to_it(tmp_path: Path) -> None:
    assert init(tmp_path, "https://192.168.1.5:8443", "udp://192.168.1.6:6969").name == "feed-one"


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    lay(tmp_path / "Feed One", {"thesis.txt": b"mine"})
    with pytest.raises(UsageError) as caught:
        init(tmp_path)
    assert caught.value.code == "usage.feed_folder"
    assert files_below(tmp_path / "Feed One") == {"thesis.txt": b"mine"}


def test_a_feed_is_not_made_over_another(tmp_path: Path) -> None:
    init(tmp_path)
    with pytest.raises(UsageError, match="a feed already"):
        init(tmp_path, "https://elsewhere.example.org")


def test_two_feeds_do_not_share_keys(tmp_path: Path) -> None:
    init(tmp_path, name="shop")
    with pytest.raises(UsageError, match="another feed"):
        init(tmp_path, name="shop", folder="Feed Two")


def _moved(publisher: Publisher, origins: list[str], trackers: list[str] | None = None) -> records.Feed:
    return feeds.move(publisher.folder, publisher.home, origins, trackers, publisher.passphrases)[0]


def test_a_feed_may_move_and_players_learn_of_it_where_they_are(tmp_path: Path) -> None:
    publisher, there = Publisher(tmp_path), "https://cdn.example.net/shop"
    publisher.release(lay(tmp_path / "tree", {"a.txt": b"a"}), "1.0")
    player = Player(publisher.folder, tmp_path / "player")
    player.visit()
    moved = _moved(publisher, [there, ORIGIN], [])
    assert records.parse(records.Feed, player.visit()["feed.json"]) == moved
    assert (moved.origins, moved.trackers, moved.titles) == ((there, ORIGIN), (), ("game",))
    assert moved.hosts == ("cdn.example.net", "updates.example.org")
    assert json.loads(publisher.made.invitation.read_bytes())["url"] == there
    trackers = ["udp://tracker.example.net:6969/announce"]
    assert _moved(publisher, [], trackers).trackers == tuple(trackers)
    assert repository.load(publisher.folder).feed.origins == (there, ORIGIN)
    assert publisher.problems() == ()


def test_a_feed_does_not_move_to_where_no_player_would_follow(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path)
    before = files_below(publisher.folder)
    for origins, trackers in ((["http://updates.example.org"], None), ([], ["udp://127.0.0.1:6969"])):
        with pytest.raises(UsageError) as caught:
            _moved(publisher, origins, trackers)
        assert caught.value.code == "usage.argument"
    assert files_below(publisher.folder) == before


@pytest.mark.posix("modes")
def test_a_web_server_can_read_the_feed_of_a_publisher_who_keeps_others_out(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        publisher = Publisher(tmp_path)
        publisher.release(lay(tmp_path / "tree", {"a.txt": b"a", "big.bin": bytes(1 << 21)}), "1.0")
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(before)
    modes = {path: path.stat().st_mode & 0o777 for path in (publisher.folder, *publisher.folder.rglob("*"))}
    assert {path for path, mode in modes.items() if mode != (0o755 if path.is_dir() else 0o644)} == set()
    assert all(path.stat().st_mode & 0o077 == 0 for path in (publisher.home.root, publisher.home.keys / "shop"))


def test_status_says_what_is_live_and_what_expires_first(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path)
    tree = lay(tmp_path / "tree", {"a.txt": b"a"})
    publisher.release(tree, "1.0")
    publisher.release(lay(tree, {"a.txt": b"b"}), "1.1", channel="beta")
    feed, titles, roles = feeds.status(publisher.folder)
    assert feed.titles == ("game",)
    assert titles == [feeds.TitleStatus("game", {"beta": "1.1", "live": "1.0"}, ("1.0", "1.1"))]
    assert roles[0].role == "snapshot"
    assert {role.role for role in roles} > {"root", "timestamp", "targets", "feed", "game-releases", "game-channels"}


def test_an_exported_torrent_opens_in_another_client_with_its_layers(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path)
    tree = lay(tmp_path / "tree", {"bin/game": bytes(range(256)) * 1000, "docs/readme.txt": b"read me"})
    publisher.release(tree, "1.0")
    (path,) = feeds.export(publisher.folder, "game", tmp_path, ["https://web.example.org/trees/"])
    assert path.name == "game.main.torrent"
    torrent = libtorrent.load_torrent_file(str(path))
    assert torrent.ti and torrent.ti.info_hashes().has_v2() and torrent.ti.name() == "game.main"
    assert torrent.trackers == ["udp://tracker.example.org:6969/announce"]
    assert torrent.url_seeds == ["https://web.example.org/trees/"]
    assert b"12:piece layersd32:" in path.read_bytes()


def test_a_title_that_is_not_there_cannot_be_exported(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path)
    with pytest.raises(UsageError) as caught:
        feeds.export(publisher.folder, "game", tmp_path)
    assert caught.value.code == "usage.unknown_title"
