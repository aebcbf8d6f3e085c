"""The pages of a ceremony and of what goes wrong: every command on them runs, and players read the feed afterwards."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from tuf.api.exceptions import ExpiredMetadataError

from patcher.publish import repository, signing
from patcher.publish.keys.ring import KeyRing, Passphrases
from patcher.publish.repository import Changes
from tests.support import pages, softhsm
from tests.support.publisher import PASSPHRASE, Player, few_rounds, lay
from tests.support.world import Shoal

pytestmark = pytest.mark.posix("commands of a POSIX shell")

__all__ = ["few_rounds"]

HOLDERS = ("holder-1", "holder-2", "holder-3")


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody types here."""
    monkeypatch.setenv("SHOAL_PASSPHRASE", PASSPHRASE)
    monkeypatch.setenv("SHOAL_PIN", softhsm.PIN)


class Studio:
    """A feed of three holders with two releases of `meadow`; all of it lies below ``root``."""

    def __init__(self, root: Path) -> None:
        self.root, self.feed = root, root / "feed"
        self.publisher = Shoal(root / "publisher")

    def make(self, origin: str = "https://updates.example.org") -> None:
        words = ("init", self.feed, "--name", "shop", "--profile", "studio", "--origin", origin, "--demo-keys")
        made = ("shop", "--first", "--to", self.root / "halves", "--demo-keys")
        halves = [self._run(who, "keys", "new", *made[:1], who, *made[1:])["public"] for who in HOLDERS]
        self.signed(*words, *(word for half in halves for word in ("--holder", half)))
        for version in ("1.0", "1.1"):
            tree = lay(self.root / version, {"bin/meadow": f"#!/bin/sh\necho {version}\n".encode()})
            self.signed("release", self.feed, "meadow", tree, "--version", version, "--jobs", 1)

    def _run(self, who: str, *words: object, expect: int = 0) -> dict[str, Any]:
        return Shoal(self.root / who).run("publish", *words, expect=expect)

    def signed(self, *words: object) -> None:
        """A publisher's verb that two holders sign for."""
        request = self._run("publisher", *words, expect=11)["request"]
        for holder in HOLDERS[:2]:
            self._run(holder, "sign", request)
        self._run("publisher", *words)

    def follow(self, heading: str) -> list[str]:
        """Do what the page says."""
        return pages.run(pages.section("recovery.md", heading), self.root)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    studio = Studio(tmp_path_factory.mktemp("studio"))
    studio.make()
    return studio.root


@pytest.fixture
def studio(template: Path, tmp_path: Path) -> Studio:
    """One that a test may ruin."""
    shutil.copytree(template, tmp_path / "studio")
    return Studio(tmp_path / "studio")


@pytest.mark.posix("SoftHSM2 is unpacked from Debian's package")
def test_a_ceremony_makes_a_feed_that_players_read(tmp_path: Path) -> None:
    place = softhsm.place()
    text = pages.section("ceremony.md", "").replace("/usr/lib/softhsm/libsofthsm2.so", place.library)
    text = text.replace("--token studio ", f"--token {place.token} --number {place.number} ")
    done = pages.run(text, tmp_path)
    assert (done.count("keys new"), done.count("sign shop-init.json"), done.count("init feed")) == (3, 2, 2)
    assert sorted(Player(tmp_path / "feed", tmp_path / "player").visit()) == ["feed.json"]
    assert [path.name for path in (tmp_path / "holder-3" / "keys" / "shop").iterdir()] == ["holder-3.token"]


def _nothing(studio: Studio) -> None:
    """It happens to a feed as it is."""


def _lose_online_keys(studio: Studio) -> None:
    for name in ("channels", "snapshot", "timestamp"):
        (studio.publisher.home / "keys" / "shop" / f"{name}.pem").unlink()


def _lose_a_holder(studio: Studio) -> None:
    shutil.rmtree(studio.root / "holder-3")


def _die(studio: Studio) -> None:
    shutil.copytree(studio.publisher.home / "keys", studio.root / "backup" / "keys")
    studio.feed.rename(studio.root / "served")
    shutil.rmtree(studio.publisher.home)


def _expire(studio: Studio) -> None:
    """The root ends yesterday, as signed a year ago; it was good then."""
    repo, now = repository.load(studio.feed), datetime.now(UTC) - timedelta(days=366)
    rings = [KeyRing(studio.root / who / "keys" / "shop", Passphrases(PASSPHRASE)) for who in HOLDERS[:2]]
    payloads = repo.prepare(Changes({}), now, {"root"})
    request = signing.ask(repo, "", "", {}, payloads)
    for ring in rings:
        signing.sign(request, ring)
    online = KeyRing(studio.publisher.home / "keys" / "shop", Passphrases(PASSPHRASE))
    signed = {role: wanted.metadata for role, wanted in request.roles.items()}
    repo.publish(Changes({}), signed, online, datetime.now(UTC))
    with pytest.raises(ExpiredMetadataError):
        Player(studio.feed, studio.root / "refused").visit()


DRILLS: dict[str, Callable[[Studio], None]] = {
    "A bad release is live": _nothing,
    "An online key is lost": _lose_online_keys,
    "An online key has leaked": _nothing,
    "A holder's key is lost or stolen": _lose_a_holder,
    "The root, or another signature, has expired": _expire,
    "The machine that publishes is dead": _die,
}
"""What happens, by the heading of the page that says what to do."""


@pytest.mark.parametrize("heading", DRILLS)
def test_what_the_page_says_brings_the_feed_back(studio: Studio, heading: str) -> None:
    player = Player(studio.feed, studio.root / "player")
    player.visit()
    DRILLS[heading](studio)
    assert studio.follow(heading)
    assert "meadow/releases/2.json" in player.visit()
    assert "meadow/releases/2.json" in Player(studio.feed, studio.root / "newcomer").visit()
    tree = lay(studio.root / "1.2", {"bin/meadow": b"#!/bin/sh\necho 1.2\n"})
    words = ("publish", "release", studio.feed, "meadow", tree, "--version", "1.2", "--jobs", 1)
    machine = Shoal(studio.root / ("publisher-new" if heading.endswith("dead") else "publisher"))
    assert machine.run(*words, expect=11)["missing_signatures"] == 2, "and the next release is on its way"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Serves the folder `served`."""
    (tmp_path / "served").mkdir()
    handler = partial(_Quiet, directory=str(tmp_path / "served"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


def test_the_page_on_stale_servers_runs_too(tmp_path: Path, server: str) -> None:
    studio = Studio(tmp_path)
    studio.make(server)
    assert studio.follow("The CDN serves an old timestamp") == ["upload feed"]
    assert "meadow/releases/2.json" in Player(tmp_path / "served", tmp_path / "other").visit()


def test_no_section_of_the_page_goes_untried() -> None:
    headings = [line[3:] for line in Path("docs/recovery.md").read_text("utf-8").splitlines() if line.startswith("## ")]
    assert headings == [*DRILLS, "The CDN serves an old timestamp"]
