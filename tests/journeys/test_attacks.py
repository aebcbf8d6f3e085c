"""The attacks of the TUF literature against the whole client: real engine, floor, records on the disk, installs.

Each row says what the attacker does, what the player sees of each verb meanwhile, and what an update says when the
honest host is back. Whatever was done: the install is a genuine release at every moment, verify, repair and the step
back go on, and new online keys, signed by the holders, end it.
"""

import functools
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]  # exported, but not by __all__
from tuf.api.metadata import TargetFile  # type: ignore[attr-defined]  # exported, but not by __all__

from patcher.feed.verified import VERSION_MAX
from patcher.transfer.origin import client as transfer
from patcher.transfer.origin.retry import RetryPolicy
from tests.support.hostile_origin import HostileOrigin, drips, head, says
from tests.support.repository_simulator import RepositorySimulator
from tests.support.siege import Siege, endless

BEHIND = "older than what was seen"
BEFORE = {"1": "2", "2": "1", "4": "2"}
"""What was installed before a release came."""
PAST = datetime.now(UTC) - timedelta(days=1)


@dataclass(frozen=True)
class Attack:
    """What is done, and what the player sees: codes of errors, empty where a verb goes well."""

    does: Callable[[Siege], object]
    update: str
    is_lost: bool = False
    """The records here: a step back asks first, for nobody knows what the channel allows, and no folder is adopted."""
    after: str | None = ""
    """The next update from the honest host; None where there was no honest feed with these versions."""
    version: str = "2"
    """What is installed after the update."""
    is_behind: bool = False
    """Repair says that what is known here is older than what was seen."""
    profile: str = "solo"


def _forget(siege: Siege) -> None:
    """A power cut took the metadata, or somebody removed it."""
    shutil.rmtree(siege.player.metadata)


def _then(*acts: Callable[[Siege], object]) -> Callable[[Siege], None]:
    def do(siege: Siege) -> None:
        for act in acts:
            act(siege)

    return do


def _serve(version: str) -> Callable[[Siege], None]:
    return lambda siege: siege.serve(version)


def _old_snapshot(siege: Siege) -> None:
    siege.forge_timestamp(siege.at("1").timestamp.snapshot_meta)


def _old_role(siege: Siege) -> None:
    old = siege.at("1").snapshot.meta["game-releases.json"]
    siege.forge(versions={"game-releases": old.version})


def _removed_role(siege: Siege) -> None:
    repo = siege.at("2")
    del repo.snapshot.meta["game-releases.json"]
    repo.snapshot.version += 50
    meta = siege.put(f"{repo.snapshot.version}.snapshot.json", siege.signed(repo.snapshot, "snapshot"))
    siege.forge_timestamp(meta)


def _saw_new_keys(siege: Siege) -> None:
    siege.serve("4")
    with siege.player.awake() as player:
        assert player.asks("update") == ("", "")


def _expired(role: str) -> Callable[[Siege], None]:
    """The feed as it is when its publisher signs nothing any more."""

    def act(siege: Siege) -> None:
        repo = siege.at("2")
        if role in repo.roles:
            payload = repo.roles[role]
            payload.version, payload.expires = payload.version + 1, PAST
            siege.forge(jump=1, roles={role: siege.signed(payload, "holder-1")})
        else:
            payload = getattr(repo, role)
            payload.version, payload.expires = payload.version + 1, PAST
            meta = siege.put(f"{payload.version}.snapshot.json", siege.signed(payload, "snapshot"))
            siege.forge_timestamp(meta, jump=1)
            if role == "timestamp":
                siege.put("timestamp.json", siege.signed(payload, "timestamp"))

    return act


def _ahead(versions: Mapping[str, int]) -> Callable[[Siege], None]:
    """The thief of the online keys, and players who update meanwhile."""

    def act(siege: Siege) -> None:
        siege.forge(jump=VERSION_MAX - 100, versions=versions)
        with siege.player.awake() as player:
            player.asks("update")

    return act


def _other_name(old: str, new: str) -> Callable[[Siege], None]:
    def act(siege: Siege) -> None:
        siege.files[f"metadata/{new}"] = siege.files[f"metadata/{old}"]

    return act


def _newest(siege: Siege, role: str) -> str:
    """The file of a role in release 3, which the host shows now."""
    siege.serve("3")
    repo = siege.at("3")
    version = repo.snapshot.version if role == "snapshot" else repo.roles[role].version
    return f"metadata/{version}.{role}.json"


def _mixed(role: str) -> Callable[[Siege], None]:
    """A file of release 2 under the name that release 3 has for it."""

    def act(siege: Siege) -> None:
        now = siege.at("2")
        version = now.snapshot.version if role == "snapshot" else now.roles[role].version
        siege.files[_newest(siege, role)] = siege.states["2"][f"metadata/{version}.{role}.json"]

    return act


def _answers(role: str, *answers: Any) -> Callable[[Siege], None]:
    def act(siege: Siege) -> None:
        siege.serve("3")
        path = "metadata/timestamp.json" if role == "timestamp" else _newest(siege, role)
        siege.origin.answer(path, *answers * 40)

    return act


def _record_grows(siege: Siege) -> None:
    siege.serve("3")
    path = siege.at("3").file_of("game/releases/3.json")
    siege.files[path] += b" " * 100_000


def _channel(release: int) -> Callable[[Siege], None]:
    """With the channels key as well: the channel names another release."""

    def act(siege: Siege) -> None:
        repo, path = siege.at("2"), "game/channels/live.json"
        data = json.dumps({**json.loads(repo.record(path) or b""), "release": release}).encode()
        role = repo.roles["game-channels"]
        role.targets[path] = TargetFile.from_data(path, data, ["sha256"])
        role.version += 1
        siege.files[f"targets/{role.targets[path].get_prefixed_paths()[0]}"] = data
        siege.forge(roles={"game-channels": siege.signed(role, "channels")})

    return act


def _other_software(siege: Siege) -> None:
    """A genuine record in the place of another."""
    siege.serve("3")
    repo = siege.at("3")
    siege.files[repo.file_of("game/releases/3.json")] = repo.record("game/releases/1.json") or b""


def _wrong_content(siege: Siege) -> None:
    """Every content of release 3 holds other bytes of the same length."""
    siege.serve("3")
    for name in siege.states["3"].keys() - siege.states["2"].keys():
        if name.startswith("content/"):
            siege.files[name] = bytes(len(siege.files[name]))


def _own_root(siege: Siege) -> None:
    """Arbitrary installation: a root with keys of the attacker alone."""
    root, signer = siege.at("2").next_root(datetime.now(UTC)), CryptoSigner.generate_ed25519()
    for role in root.roles:
        for keyid in list(root.roles[role].keyids):
            root.revoke_key(keyid, role)
        root.add_key(signer.public_key, role)
    metadata = siege.signed(root)
    metadata.sign(signer)
    siege.put("2.root.json", metadata)


def _own_release(*names: str) -> Callable[[Siege], None]:
    """A release's role with a target of the thief, signed with the keys he has."""

    def act(siege: Siege) -> None:
        role = siege.at("2").roles["game-releases"]
        role.targets["game/releases/3.json"] = role.targets["game/releases/2.json"]
        role.version += 1
        siege.forge(roles={"game-releases": siege.signed(role, *names)})

    return act


def _root_below_threshold(siege: Siege) -> None:
    root = siege.at("2").next_root(datetime.now(UTC))
    siege.put("2.root.json", siege.signed(root, "holder-1", "snapshot", "timestamp", "channels"))


def _stolen_keys_after_new_ones(siege: Siege) -> None:
    _saw_new_keys(siege)
    siege.forge(jump=500)


def _another_publishers(siege: Siege) -> None:
    other = RepositorySimulator("game")
    siege.files.update({name: data for name, data in other.files.items() if "root" not in name})


def _older_home(siege: Siege) -> None:
    """A backup of the metadata folder, from before release 2, over what is there."""
    siege.serve("1")
    for name, meta in siege.at("1").snapshot.meta.items():
        data = siege.states["1"][f"metadata/{meta.version}.{name}"]
        (siege.player.metadata / name).write_bytes(data)


ROLLBACK, SIGNATURE, EXPIRED, RECORD = "trust.rollback", "trust.signature", "trust.expired", "trust.record"
TOO_LONG, MISSING, TOO_SLOW = "origin.protocol", "origin.missing", "origin.too_slow"

ATTACKS: dict[str, Attack] = {
    # rollback
    "an old feed": Attack(_serve("1"), ROLLBACK),
    "an old feed, the metadata lost": Attack(_then(_forget, _serve("1")), ROLLBACK, is_lost=True),
    "an old snapshot by the timestamp's key": Attack(_old_snapshot, ROLLBACK),
    "an old role by both keys": Attack(_old_role, ROLLBACK, after=ROLLBACK),
    "an old role, the metadata lost": Attack(_then(_forget, _old_role), ROLLBACK, is_lost=True, after=ROLLBACK),
    "a role is gone": Attack(_removed_role, SIGNATURE, after=ROLLBACK),
    "an old root, the metadata lost": Attack(
        _then(_saw_new_keys, _forget, _serve("3")), ROLLBACK, is_lost=True, after=None, version="4", is_behind=True
    ),
    # indefinite freeze
    "frozen until the timestamp expires": Attack(_expired("timestamp"), EXPIRED, after=None),
    "frozen until the snapshot expires": Attack(_expired("snapshot"), EXPIRED, after=None),
    "frozen until the targets expire": Attack(_expired("targets"), EXPIRED, after=None),
    "frozen until a title expires": Attack(_expired("game-releases"), EXPIRED, after=None, is_behind=True),
    "a host that shows nothing": Attack(lambda siege: siege.files.clear(), MISSING),
    # fast-forward
    "far ahead": Attack(_ahead({}), "", after=ROLLBACK),
    "far ahead in a role": Attack(_ahead({"game-channels": VERSION_MAX}), MISSING, after=ROLLBACK, is_behind=True),
    "impossibly far ahead": Attack(lambda siege: siege.forge(jump=2**53), RECORD),
    "impossibly far ahead in a role": Attack(
        lambda siege: siege.forge(jump=1, versions={"game-releases": 2**53}), RECORD, after=None
    ),
    # mix and match
    "a snapshot of another time": Attack(_mixed("snapshot"), SIGNATURE),
    "a releases role of another time": Attack(_mixed("game-releases"), SIGNATURE, is_behind=True),
    "a channels role of another time": Attack(_mixed("game-channels"), SIGNATURE, is_behind=True),
    "another publisher's metadata": Attack(_another_publishers, SIGNATURE),
    # endless data, slow retrieval
    "an endless timestamp": Attack(_answers("timestamp", endless), TOO_LONG),
    "a huge snapshot": Attack(_answers("snapshot", says(200, bytes(3 << 20))), TOO_LONG),
    "an endless role": Attack(_answers("game-releases", endless), TOO_LONG, is_behind=True),
    "a record longer than signed": Attack(_record_grows, TOO_LONG),
    "a timestamp byte by byte": Attack(_answers("timestamp", drips(head(200, 900) + bytes(900))), TOO_SLOW),
    # wrong software, arbitrary installation
    "a genuine record in another's place": Attack(_other_software, SIGNATURE),
    "a channel to a release that is none": Attack(_channel(9), "trust.not_offered", after=ROLLBACK),
    "a channel to an older genuine release": Attack(_channel(1), "", after=ROLLBACK, version="1"),
    "other bytes": Attack(_wrong_content, "content.mismatch"),
    "a root of the attacker's own": Attack(_own_root, SIGNATURE),
    "a release by nobody": Attack(_own_release(), SIGNATURE, after=ROLLBACK, is_behind=True),
    "a release by all online keys": Attack(
        _own_release("channels", "snapshot", "timestamp"), SIGNATURE, after=ROLLBACK, is_behind=True
    ),
    # compromise below the threshold, rotation, revocation
    "a release by one holder of three": Attack(
        _own_release("holder-1", "channels"), SIGNATURE, after=ROLLBACK, is_behind=True, profile="studio"
    ),
    "a root by one holder of three": Attack(_root_below_threshold, SIGNATURE, profile="studio"),
    "new keys by two holders of three": Attack(_saw_new_keys, "", after=None, version="4", profile="studio"),
    "stolen keys after new ones": Attack(_stolen_keys_after_new_ones, SIGNATURE, after=None, version="4"),
    # the local disk
    "metadata from a backup": Attack(_older_home, ROLLBACK, is_behind=True),
}


@pytest.fixture(scope="module")
def sieges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Siege]]:
    """A feed of a profile, made once."""
    with HostileOrigin() as solo, HostileOrigin() as studio:
        origins = {"solo": solo, "studio": studio}
        yield functools.cache(lambda profile: Siege(tmp_path_factory.mktemp(profile), origins[profile], profile))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow server is given up after a second: what is decided is the same."""
    quick = functools.partial(RetryPolicy, document_s=1.0, grace_s=0.5, rounds=2, back_off_s=0.0)
    monkeypatch.setattr(transfer, "RetryPolicy", quick)


@pytest.mark.parametrize("name", ATTACKS)
def test_the_player_keeps_a_genuine_release_and_hears_what_is_wrong(sieges: Callable[[str], Siege], name: str) -> None:
    attack = ATTACKS[name]
    siege = sieges(attack.profile)
    siege.begin()
    attack.does(siege)
    with siege.player.awake() as player:
        assert (player.asks("update")[0], player.version) == (attack.update, attack.version)
        assert player.asks("verify") == ("", "")
        assert player.asks("rollback")[0] == ("trust.step_back" if attack.is_lost else "")
        assert not attack.is_lost or player.asks("step back")[0] == ""
        assert player.version == BEFORE[attack.version]
        repaired, told = player.asks("repair")
        assert (repaired, BEHIND in told) == ("", attack.is_behind)
        before = player.version
        assert (player.asks("locate")[0], player.version) == (ROLLBACK if attack.is_lost else "", before)
    siege.serve("3")
    with siege.player.awake() as player:
        code = player.asks("update")[0]
        assert attack.after in {None, code}
        assert attack.after != "" or player.version == "3"
    siege.serve("4")
    with siege.player.awake() as player:
        assert (player.asks("update")[0], player.version) == ("", "4"), "new keys end it, whatever it was"


@pytest.mark.parametrize("profile", ["solo", "studio"])
def test_a_feed_that_was_removed_and_added_again_takes_new_keys_too(
    sieges: Callable[[str], Siege], profile: str
) -> None:
    siege = sieges(profile)
    siege.begin()
    _ahead({})(siege)
    siege.serve("3")
    with siege.player.awake() as player:
        assert player.asks("uninstall")[0] == ""
        assert player.asks("remove")[0] == ""
        assert player.asks("add")[0] == ROLLBACK, "to forget a feed opens no way back"
        siege.serve("4")
        assert player.asks("add")[0] == ""
        assert (player.asks("install")[0], player.version) == ("", "4")
