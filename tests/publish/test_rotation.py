"""Other keys for a feed: old and new players read on, whoever signs, whatever is lost, wherever it is killed."""

import itertools
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tuf.api.exceptions import RepositoryError

from patcher.errors import UsageError
from patcher.publish import repository, rotation, signing
from patcher.publish.keys.ring import KeyRing, Passphrases
from patcher.publish.rotation import ONLINE, KeyOrder, KeyPlace
from tests.support import crash
from tests.support.publisher import PASSPHRASE, Player, Publisher, files_below, lay

DEMO = KeyOrder(protect=False)
ALL = ("channels", "holder-1", "snapshot", "timestamp")
TREE = {"bin/game": b"game"}


class Feed:
    """A feed with one release, and a player who has read it."""

    def __init__(self, root: Path, profile: str = "solo") -> None:
        self.root = root
        self.publisher = Publisher(root, profile)
        self.folder, self.home = self.publisher.folder, self.publisher.home
        self.keys = self.home.keys / "shop"
        self.request = self.home.root / "requests" / "shop-keys.json"
        self.tree = lay(root / "tree", TREE)
        while outcome := self.publisher.release(self.tree, "1.0").request:
            self.sign(outcome)
        self.player = Player(self.folder, root / "player")
        self.read = self.player.visit()

    def rotate(self, *names: str, **commands: Any) -> rotation.KeyOutcome:
        order = replace(DEMO, names=names or ONLINE, **commands)
        return rotation.rotate(self.folder, self.home, order, Passphrases(PASSPHRASE))

    def sign(self, request: Path, name: str = "", keys: Path | None = None) -> str:
        found = signing.load(request)
        holder = signing.sign(found, KeyRing(keys or self.keys, Passphrases(PASSPHRASE)), name)
        signing.save(found, request)
        return holder

    def names(self) -> set[str]:
        return {key.name for key in rotation.keys(self.folder, self.home)}

    def lose(self, *names: str) -> None:
        for name in names:
            (self.keys / f"{name}.pem").unlink()


@pytest.fixture
def feed(tmp_path: Path) -> Feed:
    return Feed(tmp_path)


@pytest.fixture
def studio(tmp_path: Path) -> Feed:
    return Feed(tmp_path, "studio")


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder in memory: thousands of synced steps need no real disk here."""
    with crash.room() as folder:
        yield folder


# ---------------------------------------------------------------- who reads on


@pytest.mark.parametrize("names", [ONLINE, ("timestamp",), ("snapshot",), ("channels",), ("holder-1",), ALL])
def test_old_and_new_players_read_on_and_the_timestamp_key_is_always_new(
    feed: Feed, names: tuple[str, ...], tmp_path: Path
) -> None:
    outcome = feed.rotate(*names)
    assert (outcome.request, outcome.root_version) == (None, 2)
    changed = {*names, "timestamp"}
    assert feed.names() == {f"{name}-2" if name in changed else name for name in ALL}
    assert feed.player.visit() == feed.read
    assert Player(feed.folder, tmp_path / "newcomer").visit() == feed.read
    assert feed.publisher.problems() == ()
    lay(feed.tree, {"more": b"more"})
    assert feed.publisher.release(feed.tree, "1.1").state == "published"
    assert "game/releases/2.json" in feed.player.visit()


def test_keys_may_be_exchanged_again_and_again(feed: Feed) -> None:
    for version in (2, 3, 4):
        assert feed.rotate(*ALL).root_version == version
    assert feed.names() == {f"{name}-4" for name in ALL}
    assert feed.player.visit() == feed.read


def test_an_old_key_signs_nothing_any_more(feed: Feed) -> None:
    repo, ring = repository.load(feed.folder), KeyRing(feed.keys, Passphrases())
    feed.rotate()
    stolen = repository.sign(repo.root, "timestamp", repo.timestamp, ring)
    stolen.signed.version = 99
    stolen.sign(ring.signer(repository.keys_of(repo.root, "timestamp")[0]))
    (feed.folder / "metadata" / "timestamp.json").write_bytes(stolen.to_bytes())
    with pytest.raises(RepositoryError):
        feed.player.visit()


def test_the_fingerprint_stays(feed: Feed) -> None:
    feed.rotate(*ALL)
    assert repository.load(feed.folder).fingerprint == feed.publisher.made.fingerprint


def test_new_keys_have_a_passphrase_unless_asked_otherwise(feed: Feed) -> None:
    feed.rotate(protect=True)
    assert "ENCRYPTED" in (feed.keys / "timestamp-2.pem").read_text()
    lay(feed.tree, {"more": b"more"})
    with pytest.raises(UsageError) as caught:
        rotation.rotate(feed.folder, feed.home, DEMO, Passphrases("wrong"))
    assert caught.value.code == "usage.passphrase"
    assert feed.player.visit() == feed.read


def test_the_keys_are_listed_with_what_they_sign(feed: Feed) -> None:
    feed.lose("holder-1")
    listed = {key.name: (key.here, set(key.roles)) for key in rotation.keys(feed.folder, feed.home)}
    assert listed == {
        "channels": (True, {"feed", "game-channels"}),
        "holder-1": (False, {"root", "targets", "game-releases"}),
        "snapshot": (True, {"snapshot"}),
        "timestamp": (True, {"timestamp"}),
    }


# ---------------------------------------------------------------- holders


def test_a_studio_changes_online_keys_with_two_holders(studio: Feed) -> None:
    outcome = studio.rotate()
    assert (outcome.request, outcome.missing) == (studio.request, 2)
    assert studio.player.visit() == studio.read
    studio.sign(studio.request, "holder-1")
    assert studio.rotate().missing == 1
    studio.sign(studio.request, "holder-3")
    assert studio.rotate().request is None
    assert studio.player.visit() == studio.read
    assert not studio.request.exists()


SIGNERS: dict[str, tuple[tuple[str, ...], int]] = {
    "one who stays": (("holder-1",), 1),
    "two who stay": (("holder-1", "holder-3"), 0),
    "two of the old": (("holder-1", "holder-2"), 1),
    "two of the new": (("holder-1", "holder-2-2"), 1),
    "two of the old and of the new": (("holder-1", "holder-2", "holder-2-2"), 0),
}
"""Who signs that holder 2 has another key, and how many signatures are still missing then."""


@pytest.mark.parametrize("name", SIGNERS)
def test_another_holders_key_takes_the_old_threshold_and_the_new(studio: Feed, name: str, tmp_path: Path) -> None:
    signers, missing = SIGNERS[name]
    other = replace(studio.home, root=tmp_path / "elsewhere")
    public = rotation.new(KeyPlace(studio.folder, other), "holder-2", tmp_path, Passphrases(PASSPHRASE))
    assert studio.rotate("holder-2", public=(public,)).request
    for signer in signers:
        studio.sign(studio.request, signer, other.keys / "shop" if signer == "holder-2-2" else None)
    assert signing.load(studio.request).missing == missing
    outcome = studio.rotate("holder-2", public=(public,))
    assert outcome.missing == missing
    assert studio.player.visit() == studio.read
    assert ("holder-2-2" in studio.names()) == (missing == 0)
    assert not (studio.keys / "holder-2-2.pem").exists(), "a holder's new key never comes here"


def test_a_revoked_holder_signs_no_release(studio: Feed) -> None:
    studio.rotate("holder-2", is_revoked=True)
    for name in ("holder-1", "holder-3"):
        studio.sign(studio.request, name)
    assert studio.rotate("holder-2", is_revoked=True).request is None
    assert studio.player.visit() == studio.read
    lay(studio.tree, {"more": b"more"})
    request = studio.publisher.release(studio.tree, "1.1").request
    assert request
    with pytest.raises(UsageError, match="No key holder-2"):
        studio.sign(request, "holder-2")
    for name in ("holder-1", "holder-3"):
        studio.sign(request, name)
    assert studio.publisher.release(studio.tree, "1.1").state == "published"
    assert "game/releases/2.json" in studio.player.visit()


def test_the_holders_see_whose_keys_they_put_in(studio: Feed) -> None:
    studio.rotate("holder-2")
    text = "\n".join(signing.load(studio.request).summary())
    assert "Other keys: holder-2 timestamp" in text
    assert "gives the role root to 2 of holder-1" in text
    assert "holder-2-2" in text
    assert "gives the role timestamp to 1 of timestamp-2" in text


# ---------------------------------------------------------------- what is refused


def _with_a_used_key(feed: Feed) -> None:
    public = rotation.new(KeyPlace(feed.folder, feed.home, protect=False), "holder-1", feed.root, Passphrases())
    fields = json.loads(public.read_bytes())
    fields["ed25519"] = repository.keys_of(repository.load(feed.folder).root, "snapshot")[0].keyval["public"]
    public.write_text(json.dumps(fields))
    feed.rotate("holder-1", public=(public,))


def _with_a_key_for_another(feed: Feed) -> None:
    public = rotation.new(KeyPlace(feed.folder, feed.home, protect=False), "holder-1", feed.root, Passphrases())
    feed.rotate("snapshot", public=(public,))


def _with_garbage(feed: Feed) -> None:
    (feed.root / "public.json").write_text('{"ed25519": "12", "name": "holder-1-2"}')
    feed.rotate("holder-1", public=(feed.root / "public.json",))


def _with_two_keys_in_one(feed: Feed) -> None:
    public = rotation.new(KeyPlace(feed.folder, feed.home, protect=False), "holder-1", feed.root, Passphrases())
    public.write_text(public.read_text().replace("{", '{"ed25519": "12", ', 1))
    feed.rotate("holder-1", public=(public,))


REFUSALS = {
    "an unknown key": lambda feed: feed.rotate("holder-7"),
    "a strange name": lambda feed: feed.rotate("../timestamp"),
    "the last holder": lambda feed: feed.rotate("holder-1", is_revoked=True),
    "a key that is in use": _with_a_used_key,
    "a key for another name": _with_a_key_for_another,
    "no public key": _with_garbage,
    "a file that names two keys": _with_two_keys_in_one,
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_makes_no_sense_changes_nothing(feed: Feed, name: str) -> None:
    before = files_below(feed.folder)
    with pytest.raises(UsageError):
        REFUSALS[name](feed)
    assert files_below(feed.folder) == before
    assert not feed.request.exists()


def test_a_request_for_something_else_is_kept(studio: Feed) -> None:
    studio.rotate("snapshot")
    studio.sign(studio.request)
    with pytest.raises(UsageError, match="something else: snapshot timestamp"):
        studio.rotate("channels")
    assert signing.load(studio.request).missing == 1


def test_a_request_that_a_release_overtook_is_not_published(studio: Feed) -> None:
    studio.rotate("channels")
    for _ in range(2):
        studio.sign(studio.request)
    while request := studio.publisher.release(studio.tree, "1.0", title="other").request:
        studio.sign(request)
    with pytest.raises(UsageError, match="the feed has changed since"):
        studio.rotate("channels")
    assert "other/releases/1.json" in studio.player.visit()


def test_signatures_of_strangers_do_not_count(studio: Feed, tmp_path: Path) -> None:
    studio.rotate()
    ring = KeyRing(tmp_path / "stranger", Passphrases())
    keys = tuple(ring.make(f"holder-{number}", protect=False) for number in (1, 2))
    request = signing.load(studio.request)
    forged = {
        role: replace(wanted, key_sets=(signing.KeySet(2, keys), *wanted.key_sets[1:]))
        for role, wanted in request.roles.items()
    }
    stolen = replace(request, roles=forged)
    for _ in keys:
        signing.sign(stolen, ring)
    signing.save(stolen, studio.request)
    with pytest.raises(UsageError, match="0 of the 2 signatures"):
        studio.rotate()
    assert studio.player.visit() == studio.read


def test_a_planted_request_is_not_signed(feed: Feed, tmp_path: Path) -> None:
    thief = KeyRing(tmp_path / "thief", Passphrases()).make("timestamp-2", protect=False)
    repo = repository.load(feed.folder)
    root = repo.next_root(datetime.now(UTC))
    root.add_key(thief, "timestamp")
    root.revoke_key(repository.keys_of(repo.root, "timestamp")[0].keyid, "timestamp")
    signing.save(signing.ask(repo, "", "timestamp", {}, {"root": root}), feed.request)
    with pytest.raises(UsageError, match="remove it to begin again"):
        feed.rotate("timestamp")
    assert signing.load(feed.request).missing == 1
    assert feed.player.visit() == feed.read


# ---------------------------------------------------------------- lost keys, and kills


@pytest.mark.parametrize("lost", [("timestamp",), ("snapshot",), ("channels",), ONLINE])
def test_a_lost_online_key_takes_only_the_holders(feed: Feed, lost: tuple[str, ...]) -> None:
    feed.lose(*lost)
    feed.rotate(*lost)
    assert feed.player.visit() == feed.read
    assert feed.publisher.problems() == ()
    lay(feed.tree, {"more": b"more"})
    assert feed.publisher.release(feed.tree, "1.1").state == "published"


def _cut_off_everywhere(feed: Feed, names: tuple[str, ...]) -> Iterator[int]:
    """The feed as a change of keys leaves it that was killed at step 1, 2, 3, ..."""
    kept = feed.root.parent / "kept"
    shutil.copytree(feed.root, kept, symlinks=True)
    for step in itertools.count(1):
        for name in ("feed", "home", "player"):
            shutil.rmtree(feed.root / name)
            shutil.copytree(kept / name, feed.root / name, symlinks=True)
        if not crash.is_cut_off(step, partial(feed.rotate, *names)):
            return
        yield step


def test_nothing_is_released_before_an_interrupted_change_of_keys_is_whole(room: Path) -> None:
    feed = Feed(room / "world")
    feed.lose(*ONLINE)
    for _ in _cut_off_everywhere(feed, ONLINE):
        if not repository.load(feed.folder).is_whole:
            break
    lay(feed.tree, {"more": b"more"})
    with pytest.raises(UsageError, match="was interrupted"):
        feed.publisher.release(feed.tree, "1.1")
    feed.rotate()
    assert feed.publisher.release(feed.tree, "1.1").state == "published"
    assert "game/releases/2.json" in feed.player.visit()


@pytest.mark.parametrize("names", [ONLINE, ALL], ids=["online", "all"])
@pytest.mark.parametrize("lost", [(), ONLINE], ids=["", "lost"])
def test_killed_at_every_step_the_same_command_goes_on(
    room: Path, names: tuple[str, ...], lost: tuple[str, ...]
) -> None:
    feed = Feed(room / "world")
    feed.lose(*lost)
    step, was_half = 0, False
    for step in _cut_off_everywhere(feed, names):
        repo = repository.load(feed.folder)
        was_half |= not repo.is_whole
        if repo.is_whole:
            assert feed.player.visit() == feed.read, f"after step {step}"
            assert feed.publisher.problems() == ()
        else:
            assert lost, "only a lost key makes readers wait"
            assert "was interrupted" in feed.publisher.problems()[0]
        assert feed.rotate(*names).root_version == 2
        assert feed.names() == {f"{name}-2" if name in names else name for name in ALL}
        assert feed.player.visit() == feed.read
        assert feed.publisher.problems() == ()
    assert step > 20
    assert was_half == bool(lost), "the one place where readers wait was met"
