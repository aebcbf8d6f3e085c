from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]  # exported, but not by __all__

from patcher.errors import DiskError, TrustError, UsageError
from patcher.feed.guard import Floor
from patcher.feed.pin import PIN_FILE, Pin, read_pin
from patcher.feed.trust import Trust
from patcher.transfer.origin.hosts import Reach
from tests.feed.player import Player, fails
from tests.support.hostile_origin import HostileOrigin
from tests.support.repository_simulator import RepositorySimulator

RELEASE = "demo/releases/1.json"


def test_a_pinned_feed_remembers_its_address(player: Player, feed: RepositorySimulator) -> None:
    assert read_pin(player.folder / PIN_FILE) == Pin(player.url, feed.fingerprint, Reach.LOOPBACK)


def test_pinning_again_changes_nothing(player: Player, feed: RepositorySimulator) -> None:
    player.refresh().record(RELEASE)
    Trust.pin(player.folder, player.url, "", player.floor).close()
    assert player.trust(offline=True).record(RELEASE) == b"release 1"


def test_another_fingerprint_is_refused(tmp_path: Path, server: HostileOrigin) -> None:
    floor = Floor(tmp_path / "registry")
    with pytest.raises(TrustError) as caught:
        Trust.pin(tmp_path / "feed", server.url, "", floor, fingerprint="ab" * 32)
    assert caught.value.code == "trust.fingerprint"
    assert not (tmp_path / "feed").exists()


def test_another_feed_at_a_known_address_is_refused(player: Player, server: HostileOrigin) -> None:
    server.files.clear()
    server.files.update(RepositorySimulator().files)
    assert fails(lambda: Trust.pin(player.folder, player.url, "", player.floor)) == "trust.fingerprint"


@pytest.mark.parametrize("root", [None, b"", b"{}", b'{"signed": {"_type": "root"}, "signatures": []}'])
def test_what_is_no_feed_is_told_so(tmp_path: Path, root: bytes | None) -> None:
    with HostileOrigin({} if root is None else {"metadata/1.root.json": root}) as server:
        floor = Floor(tmp_path / "registry")
        assert fails(lambda: Trust.pin(tmp_path / "feed", server.url, "", floor)) == "trust.not_a_feed"
    assert not (tmp_path / "feed").exists()


def test_a_first_root_must_sign_itself(tmp_path: Path) -> None:
    feed = RepositorySimulator()
    feed.write("root", feed.root, [CryptoSigner.generate_ed25519()])
    with HostileOrigin(feed.files) as server:
        floor = Floor(tmp_path / "registry")
        assert fails(lambda: Trust.pin(tmp_path / "feed", server.url, "", floor)) == "trust.not_a_feed"


@pytest.mark.parametrize("url", ["", "updates.example", "ftp://updates.example", "/etc", "https://"])
def test_what_is_no_address_is_a_wrong_argument(tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageError):
        Trust.pin(tmp_path / "feed", url, "", Floor(tmp_path / "registry"))


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b"\xff", b'{"format": 1, "url": 7, "fingerprint": ""}', b"[" * 9999, b" " * (1 << 20)]
)
def test_a_damaged_shoalfeed_file_is_told_so(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.shoalfeed").write_bytes(data)
    with pytest.raises(TrustError, match=r"\.shoalfeed"):
        read_pin(tmp_path / "x.shoalfeed")


def test_a_shoalfeed_file_of_the_future_needs_a_newer_shoal(tmp_path: Path) -> None:
    (tmp_path / "x.shoalfeed").write_bytes(b'{"format": 2, "url": "", "fingerprint": ""}')
    assert fails(lambda: read_pin(tmp_path / "x.shoalfeed")) == "trust.needs_newer"


def test_a_folder_without_a_pin_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(DiskError):
        Trust(tmp_path, "https://updates.example", "", Floor(tmp_path / "registry"))


@pytest.mark.parametrize(
    "end", ["?", "?a=1", "/feed?a=1", "#", "#there", "/#?", "@127.0.0.1", "/a b", "/a\nb", "/\x1b[2J"]
)
def test_an_address_is_a_host_and_a_folder_and_nothing_else(tmp_path: Path, server: HostileOrigin, end: str) -> None:
    with pytest.raises(UsageError):
        Trust.pin(tmp_path / "feed", server.url + end, "", Floor(tmp_path / "registry"))
    assert server.asked == []
