"""`shoal publish keys`: what scripts are told, and a change of keys from holder to holder."""

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from tests.support.publisher import ORIGIN, PASSPHRASE, lay
from tests.support.world import Shoal


@pytest.fixture
def publisher(tmp_path: Path) -> Shoal:
    return Shoal(tmp_path / "home")


@pytest.fixture
def feed(publisher: Shoal, tmp_path: Path) -> Path:
    publisher.run("publish", "init", tmp_path / "feed", "--origin", ORIGIN, "--demo-keys", "--profile", "studio")
    return tmp_path / "feed"


def _keys(publisher: Shoal, *words: object, expect: int = 0) -> dict[str, Any]:
    return publisher.run("publish", "keys", *words, expect=expect)


def test_the_list_says_what_each_key_signs_and_for_how_long(publisher: Shoal, feed: Path) -> None:
    listed = {key["name"]: key for key in _keys(publisher, "list", feed)["keys"]}
    assert set(listed) == {"channels", "holder-1", "holder-2", "holder-3", "snapshot", "timestamp"}
    assert [role["role"] for role in listed["holder-1"]["roles"]] == ["root", "targets"]
    assert [role["days_left"] for role in listed["holder-1"]["roles"]] == [364, 179]
    assert listed["timestamp"]["here"]
    assert len(listed["timestamp"]["keyid"]) == 64


def test_a_change_of_keys_goes_from_holder_to_holder(publisher: Shoal, feed: Path, tmp_path: Path) -> None:
    holder = Shoal(tmp_path / "holder")
    public = _keys(holder, "new", feed, "holder-2", "--to", tmp_path, "--demo-keys")["public"]
    words = ("rotate", feed, "holder-2", "--public", public, "--demo-keys")
    asked = _keys(publisher, *words, expect=11)
    assert (asked["state"], asked["keys"], asked["missing_signatures"]) == ("request", ["holder-2", "timestamp"], 2)
    assert any("NO passphrase" in line["text"] for line in asked["lines"] if line["event"] == "notice")
    for name in ("holder-1", "holder-3"):
        publisher.run("publish", "sign", asked["request"], "--key", name)
    done = _keys(publisher, *words)
    assert (done["state"], done["root_version"]) == ("rotated", 2)
    listed = {key["name"]: key["here"] for key in _keys(publisher, "list", feed)["keys"]}
    assert (listed["holder-2-2"], listed["timestamp-2"]) == (False, True)
    assert publisher.run("publish", "check", feed)["warnings"] == []
    tree = lay(tmp_path / "tree", {"a": b"a"})
    asked = publisher.run("publish", "release", feed, "game", tree, "--version", "1", expect=11)
    request = asked["request"]
    holder.run("publish", "sign", request)
    publisher.run("publish", "sign", request, "--key", "holder-1")
    assert publisher.run("publish", "release", feed, "game", tree, "--version", "1")["state"] == "published"


def test_a_change_of_keys_says_which_old_ones_were_wrapped_anew(publisher: Shoal, tmp_path: Path) -> None:
    feed, passphrase = tmp_path / "feed", tmp_path / "passphrase"
    passphrase.write_text(PASSPHRASE)
    publisher.run("publish", "init", feed, "--origin", ORIGIN, "--passphrase-file", passphrase)
    (file,) = publisher.home.glob("keys/*/timestamp.pem")
    secret = load_pem_private_key(file.read_bytes(), PASSPHRASE.encode())
    old = BestAvailableEncryption(PASSPHRASE.encode())
    file.write_bytes(secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, old))
    lines = _keys(publisher, "rotate", feed, "--passphrase-file", passphrase)["lines"]
    said = [line["text"] for line in lines if line["event"] == "notice"]
    assert said == ["The key timestamp is wrapped more strongly now; replace its backups."]


def test_too_few_holders_may_not_be_left(publisher: Shoal, feed: Path) -> None:
    error = _keys(publisher, "revoke", feed, "holder-1", "holder-2", "--demo-keys", expect=2)["error"]
    assert error["code"] == "usage.argument"
    assert "root needs 2 holders" in error["message"]
