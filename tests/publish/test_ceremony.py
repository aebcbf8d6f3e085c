"""The first keys of a feed: each holder keeps a secret, one of them on a token, and two of three begin the feed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from patcher.config import Home
from patcher.errors import UsageError
from patcher.publish import feeds, rotation, signing
from patcher.publish.keys import public
from patcher.publish.keys.ring import KeyRing, Passphrases
from patcher.publish.rotation import KeyPlace
from tests.support import softhsm
from tests.support.publisher import ORIGIN, PASSPHRASE, Player, files_below


class Studio:
    """Three holders with homes of their own, and the machine that publishes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder, self.home = root / "feed", Home(root / "publisher")
        self.secrets = Passphrases(PASSPHRASE, pin=softhsm.PIN)
        self.public = [self.key(f"holder-{number}") for number in (1, 2, 3)]

    def home_of(self, holder: str) -> Home:
        return Home(self.root / holder)

    def key(self, holder: str, **place: Any) -> Path:
        where = KeyPlace(Path("shop"), self.home_of(holder), is_first=True, protect=False)
        return rotation.new(replace(where, **place), holder, self.root / "handed over", self.secrets)

    def init(self, public: list[Path] | None = None, profile: str = "studio") -> feeds.NewFeed:
        holders = self.public if public is None else public
        return feeds.init(self.folder, self.home, [ORIGIN], [], "shop", profile, True, self.secrets, holders)

    def sign(self, request: Path, holder: str) -> None:
        found = signing.load(request)
        signing.sign(found, KeyRing(self.home_of(holder).keys / "shop", self.secrets))
        signing.save(found, request)


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path)


def test_a_feed_begins_when_two_of_three_have_signed_and_no_secret_leaves_its_home(studio: Studio) -> None:
    asked = studio.init()
    assert asked.request and asked.missing == 2
    assert not studio.folder.exists()
    studio.sign(asked.request, "holder-1")
    assert studio.init().missing == 1
    studio.sign(asked.request, "holder-3")
    made = studio.init()
    assert (made.request, asked.request.exists()) == (None, False)
    assert sorted(Player(studio.folder, studio.root / "player").visit()) == ["feed.json"]
    names = {name for name in files_below(studio.home.keys / "shop") if name.endswith(".pem")}
    assert names == {"channels.pem", "snapshot.pem", "timestamp.pem"}
    for number in (1, 2, 3):
        assert set(files_below(studio.home_of(f"holder-{number}").keys)) == {f"shop/holder-{number}.pem"}


@pytest.mark.posix("SoftHSM2 is unpacked from Debian's package")
def test_a_holders_key_may_be_on_a_token(studio: Studio) -> None:
    studio.public[2] = _on_token(studio)
    asked = studio.init()
    assert asked.request
    studio.sign(asked.request, "holder-3-token")
    studio.sign(asked.request, "holder-2")
    assert studio.init().fingerprint
    assert Player(studio.folder, studio.root / "player").visit()


def _on_token(studio: Studio) -> Path:
    where = KeyPlace(Path("shop"), studio.home_of("holder-3-token"), is_first=True, token=softhsm.place())
    return rotation.new(where, "holder-3", studio.root / "token's", studio.secrets)


def test_holders_see_whose_keys_begin_the_feed(studio: Studio) -> None:
    request = studio.init().request
    assert request
    text = "\n".join(signing.load(request).summary())
    assert "A new feed, shop" in text
    assert "gives the role root to 2 of holder-1" in text
    assert "gives feed.json to 1 of channels" in text


def test_who_runs_the_command_may_be_a_holder_too(studio: Studio) -> None:
    asked = studio.init(studio.public[1:])
    assert asked.request and asked.missing == 1
    studio.sign(asked.request, "holder-2")
    assert studio.init(studio.public[1:]).fingerprint


@pytest.mark.parametrize("case", ["another feed", "twice", "no such holder", "copied", "garbage"])
def test_public_halves_that_do_not_fit_begin_nothing(studio: Studio, case: str) -> None:
    public = list(studio.public)
    if case == "another feed":
        public[0].write_text(public[0].read_text().replace('"shop"', '"other"'))
    elif case == "twice":
        public[1] = public[0]
    elif case == "no such holder":
        public[1] = studio.key("holder-4")
    elif case == "copied":
        public[1].write_text(public[0].read_text().replace("holder-1", "holder-2"))
    else:
        public[1].write_text("{}")
    with pytest.raises(UsageError) as caught:
        studio.init(public)
    assert caught.value.code == "usage.argument"
    assert not studio.folder.exists()


def test_signatures_for_other_keys_begin_nothing(studio: Studio) -> None:
    asked = studio.init()
    assert asked.request
    studio.public[0] = studio.key("holder-1", home=studio.home_of("thief"))
    with pytest.raises(UsageError, match="other keys") as caught:
        studio.init()
    assert caught.value.code == "usage.signatures"


def test_a_public_half_that_was_lost_is_written_again(studio: Studio) -> None:
    before = studio.public[1].read_bytes()
    studio.public[1].unlink()
    where = KeyPlace(Path("shop"), studio.home_of("holder-2"), is_first=True)
    again = rotation.export(where, "holder-2", studio.root / "handed over", Passphrases())
    assert again.read_bytes() == before
    assert public.read(again, "shop").keytype == "ed25519"
