"""A publisher with a home and a feed, and a player who reads the feed with python-tuf's own client."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface, Updater  # type: ignore[attr-defined]  # exported as a lazy name

from patcher.config import Home
from patcher.publish import build, check, feeds, release, repository
from patcher.publish.keys import wrapping
from patcher.publish.keys.ring import Passphrases
from patcher.publish.patches import drafts
from patcher.publish.patches.drafts import Draft
from patcher.publish.publication import LOCK
from tests.support import trees

ORIGIN = "https://updates.example.org/feed"
PASSPHRASE = "correct horse"


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the rooms whose tests make many keys: more rounds than the library's own, and done at once."""
    monkeypatch.setattr(wrapping, "ROUNDS", 3000)


def quiet(phase: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


def lay(folder: Path, files: Mapping[str, bytes | str]) -> Path:
    """Write ``files`` below ``folder``; text is a link's target, names below ``bin/`` are executable."""
    for path, data in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(data, str):
            place.symlink_to(data)
        else:
            place.write_bytes(data)
            place.chmod(0o755 if path.startswith("bin/") else 0o644)
    return folder


class Publisher:
    """One feed and its keys below ``root``."""

    def __init__(
        self, root: Path, profile: str = "solo", *, demo_keys: bool = True, passphrase: str = PASSPHRASE
    ) -> None:
        self.root = root
        self.folder = root / "feed"
        self.home = Home(root / "home")
        self.passphrases = Passphrases(passphrase)
        self.said: list[str] = []
        self.made = feeds.init(
            self.folder, self.home, [ORIGIN], ["udp://tracker.example.org:6969/announce"], "shop", profile, demo_keys,
            self.passphrases,
        )  # fmt: skip

    def order(self, tree: Path, version: str, **commands: Any) -> release.ReleaseOrder:
        """An order for the title `game`."""
        order = release.ReleaseOrder("game", tree, version, executable=tuple(trees.executable(tree)))
        return replace(order, **commands)

    def release(self, tree: Path, version: str, **commands: Any) -> release.ReleaseOutcome:
        """Release ``tree``."""
        order = self.order(tree, version, **commands)
        return release.release(self.folder, self.home, order, self.passphrases, quiet, self.said.append)

    def problems(self) -> tuple[str, ...]:
        """What `check --deep` finds."""
        return check.check(self.folder, 2, deep=True, progress=quiet).problems

    def content(self) -> dict[str, bytes]:
        """Every file below content/."""
        folder = self.folder / "content"
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def files_below(folder: Path) -> dict[str, bytes]:
    """Path and bytes of every file below ``folder``, but for a feed's lock: it says who published last."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != LOCK)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def drafted(folder: Path, old: Mapping[str, bytes], new: Mapping[str, bytes], jobs: int = 1) -> Draft:
    """A patch between two trees that are laid down below ``folder``, its windows made."""
    before, after = (
        build.read(lay(folder / name, tree), "game", (), 1, quiet) for name, tree in (("old", old), ("new", new))
    )
    places = {e.root: f"{s.folder}/{e.path}" for s in (before, after) for e in s.entries}
    draft = drafts.draft(after.parts[0].manifest, before.parts[0].manifest, places, folder / "build", jobs, quiet)
    drafts.make([draft], jobs, quiet)
    return draft


class _FolderFetcher(FetcherInterface):
    """Serves a folder as a web server would."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _fetch(self, url: str) -> Iterator[bytes]:
        path = self._folder / unquote(urlsplit(url).path).lstrip("/")
        if not path.is_file():
            raise DownloadHTTPError(f"no {path}", 404)
        yield path.read_bytes()


class Player:
    """Keeps trusted metadata between visits, as a launcher does; starts from the pinned first root."""

    def __init__(self, feed: Path, home: Path) -> None:
        self._feed, self._home = feed, home
        self._root = (feed / "metadata" / "1.root.json").read_bytes()
        for name in ("metadata", "targets"):
            (home / name).mkdir(parents=True, exist_ok=True)

    def visit(self) -> dict[str, bytes]:
        """Refresh, and download every record. Raises what python-tuf raises for a feed that is not valid."""
        updater = Updater(
            str(self._home / "metadata"), "https://feed/metadata/", str(self._home / "targets"), "https://feed/targets/",
            _FolderFetcher(self._feed), bootstrap=self._root,
        )  # fmt: skip
        updater.refresh()
        found = {}
        for path in repository.load(self._feed).paths():
            info = updater.get_targetinfo(path)
            assert info is not None, f"{path} is in no role that may sign it"
            found[path] = Path(updater.download_target(info)).read_bytes()
        return found
