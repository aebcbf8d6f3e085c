"""A studio: a release becomes visible with two of three holders' signatures, and with nothing less."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from patcher.errors import UsageError
from patcher.publish import signing
from patcher.publish.keys.ring import KeyRing, Passphrases
from tests.support.publisher import PASSPHRASE, Player, Publisher, files_below, lay


class Studio:
    """A studio's feed with one release waiting for signatures."""

    def __init__(self, tmp_path: Path) -> None:
        self.publisher = Publisher(tmp_path, "studio", demo_keys=False)
        self.player = Player(self.publisher.folder, tmp_path / "player")
        self.tree = lay(tmp_path / "tree", {"bin/game": b"#!/bin/sh\n", "data.bin": bytes(100_000)})
        self.signed_files = {n: d for n, d in files_below(self.publisher.folder).items() if not n.startswith("content")}
        outcome = self.release()
        assert outcome.state == "request"
        assert outcome.request
        self.request = outcome.request

    def release(self) -> Any:
        return self.publisher.release(self.tree, "1.0", launch=("bin/game",))

    def sign(self, name: str = "") -> str:
        request = signing.load(self.request)
        holder = signing.sign(request, KeyRing(self.publisher.home.keys / "shop", Passphrases(PASSPHRASE)), name)
        signing.save(request, self.request)
        return holder

    def edit(self, change: Callable[[dict[str, Any]], None]) -> None:
        document = json.loads(self.request.read_bytes())
        change(document)
        self.request.write_text(json.dumps(document))


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path)


def test_a_request_changes_nothing_that_readers_see(studio: Studio) -> None:
    now = {n: d for n, d in files_below(studio.publisher.folder).items() if not n.startswith("content")}
    assert now == studio.signed_files
    assert list(studio.player.visit()) == ["feed.json"]


def test_one_signature_is_not_enough_and_two_are(studio: Studio) -> None:
    studio.sign("holder-1")
    assert (studio.release().state, studio.release().missing) == ("request", 1)
    assert list(studio.player.visit()) == ["feed.json"]
    studio.sign("holder-3")
    assert studio.release().state == "published"
    assert "game/releases/1.json" in studio.player.visit()
    assert not studio.request.exists()
    assert studio.release().state == "already published"


def test_the_same_holder_counts_once(studio: Studio) -> None:
    studio.sign("holder-2")
    with pytest.raises(UsageError, match="holder-2 has signed"):
        studio.sign("holder-2")
    assert studio.release().missing == 1


def test_without_a_name_the_next_holder_here_signs(studio: Studio) -> None:
    assert [studio.sign(), studio.sign(), studio.sign()] == ["holder-1", "holder-2", "holder-3"]


def test_signatures_by_different_holders_on_different_roles_do_not_add_up(studio: Studio) -> None:
    studio.sign("holder-1")
    before = json.loads(studio.request.read_bytes())
    studio.sign("holder-2")

    def mix(document: dict[str, Any]) -> None:
        role = document["roles"]["targets"]["metadata"]
        role["signatures"] = before["roles"]["targets"]["metadata"]["signatures"]

    studio.edit(mix)
    studio.edit(lambda document: document.update(summary=signing._parse(document).summary()))
    assert studio.release().missing == 1


def _repeat_a_signature(document: dict[str, Any]) -> None:
    signatures = document["roles"]["targets"]["metadata"]["signatures"]
    signatures.append(signatures[0])


def _move_a_signature(document: dict[str, Any]) -> None:
    """The same signature under another holder's name."""
    targets = document["roles"]["targets"]
    signature = dict(targets["metadata"]["signatures"][0])
    signature["keyid"] = next(keyid for keyid in targets["keys"] if keyid != signature["keyid"])
    targets["metadata"]["signatures"].append(signature)


TAMPERINGS: dict[str, Callable[[dict[str, Any]], None]] = {
    "payload": lambda d: d["roles"]["game-releases"]["metadata"]["signed"].update(version=9),
    "record": lambda d: d["records"].update({"game/releases/1.json": d["records"]["game/releases/1.json"] + " "}),
    "summary": lambda d: d["summary"].append("and all is well"),
    "foreign record": lambda d: d["records"].update({"game/releases/2.json": "{}"}),
    "signature twice": _repeat_a_signature,
    "signature moved": _move_a_signature,
    "version": lambda d: d.update(version="9.9"),
    "no roles": lambda d: d.update(roles={}),
    "future": lambda d: d.update(format=2),
    "feature": lambda d: d.update(requires=["x"]),
}


@pytest.mark.parametrize("name", sorted(TAMPERINGS))
def test_a_tampered_request_is_neither_signed_nor_published(studio: Studio, name: str) -> None:
    studio.sign("holder-1")
    studio.edit(TAMPERINGS[name])
    with pytest.raises(UsageError):
        studio.sign("holder-2")
    with pytest.raises(UsageError):
        studio.release()
    assert list(studio.player.visit()) == ["feed.json"]


def test_a_lower_threshold_in_the_file_does_not_help(studio: Studio) -> None:
    studio.sign("holder-1")

    def lower(document: dict[str, Any]) -> None:
        for role in document["roles"].values():
            role["threshold"] = 1

    studio.edit(lower)
    assert studio.release().missing == 1


def test_a_strangers_keys_in_the_file_do_not_help(studio: Studio, tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "stranger", Passphrases())
    keys = [ring.make(f"holder-{number}", protect=False) for number in (1, 2)]
    request = signing.load(studio.request)
    roles = {
        name: signing.RoleToSign(w.metadata, (signing.KeySet(2, tuple(keys)),)) for name, w in request.roles.items()
    }
    forged = signing.SigningRequest(request.feed, request.fingerprint, "game", "1.0", request.shown, roles)
    for _ in keys:
        signing.sign(forged, ring)
    signing.save(forged, studio.request)
    assert signing.load(studio.request).missing == 0
    assert studio.release().missing == 2
    assert list(studio.player.visit()) == ["feed.json"]


def test_signatures_are_for_one_tree_only(studio: Studio) -> None:
    studio.sign("holder-1")
    studio.sign("holder-2")
    lay(studio.tree, {"more.txt": b"more"})
    with pytest.raises(UsageError, match="something else"):
        studio.release()
    studio.request.unlink()
    assert studio.release().missing == 2


def test_the_summary_says_whose_keys_and_which_content(studio: Studio) -> None:
    studio.sign("holder-2")
    text = "\n".join(signing.load(studio.request).summary())
    assert studio.publisher.made.fingerprint in text
    assert "signed by holder-2" in text
    assert "game/releases/* to 2 of holder-1" in text
    assert "Release game 1.0, number 1" in text


def test_a_holder_without_a_key_here_cannot_sign(studio: Studio, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        signing.sign(signing.load(studio.request), KeyRing(tmp_path / "nothing", Passphrases(PASSPHRASE)))
    assert caught.value.code == "usage.key_missing"


def test_a_holders_wrong_passphrase_signs_nothing(studio: Studio) -> None:
    request = signing.load(studio.request)
    with pytest.raises(UsageError) as caught:
        signing.sign(request, KeyRing(studio.publisher.home.keys / "shop", Passphrases("wrong")))
    assert caught.value.code == "usage.passphrase"
    assert request.missing == 2


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"format":1,"requires":[]}'])
def test_what_is_no_request_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "request.json"
    file.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        signing.load(file)
    assert caught.value.code == "usage.argument"


def test_the_next_release_of_a_title_needs_only_its_own_role_signed(studio: Studio) -> None:
    for _ in range(2):
        studio.sign()
    studio.release()
    lay(studio.tree, {"data.bin": b"other"})
    outcome = studio.publisher.release(studio.tree, "1.1")
    assert outcome.request
    assert list(signing.load(outcome.request).roles) == ["game-releases"]


def test_a_single_holder_may_keep_the_key_on_another_machine(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path, demo_keys=False)
    elsewhere = tmp_path / "stick"
    elsewhere.mkdir()
    (publisher.home.keys / "shop" / "holder-1.pem").rename(elsewhere / "holder-1.pem")
    tree = lay(tmp_path / "tree", {"a": b"a"})
    outcome = publisher.release(tree, "1.0")
    assert outcome.request and outcome.missing == 1
    request = signing.load(outcome.request)
    signing.sign(request, KeyRing(elsewhere, Passphrases(PASSPHRASE)))
    signing.save(request, outcome.request)
    assert publisher.release(tree, "1.0").state == "published"
