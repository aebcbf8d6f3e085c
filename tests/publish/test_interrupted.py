"""A publisher killed at any step: readers see the old release, and the same command completes the new one."""

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from patcher import disk
from patcher.publish import repository, signing
from patcher.publish.keys.ring import KeyRing, Passphrases
from tests.support import crash
from tests.support.kills import KILL, KILLED
from tests.support.publisher import Player, Publisher, files_below, lay

OLD = {"bin/game": b"old game", "data/level.dat": bytes(range(256)) * 1000, "gone.txt": b"gone"}
NEW = {"bin/game": b"new game", "data/level.dat": bytes(range(256)) * 1001, "new/file": b"new" * 50_000}


class World:
    """A feed with one release, and the tree of the next."""

    def __init__(self, root: Path, profile: str = "solo") -> None:
        self.publisher = Publisher(root, profile)
        self.old, self.new = lay(root / "old", OLD), lay(root / "new", NEW)
        self.publisher.release(self.old, "1.0")
        self.player = Player(self.publisher.folder, root / "player")
        self.old_records = self.player.visit()

    def die_at(self, step: int) -> bool:
        """Begin the release; from ``step`` on nothing reaches the disk. False when it ended before."""
        return crash.is_cut_off(step, lambda: self.publisher.release(self.new, "1.1"))


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder in memory: thousands of synced steps need no real disk here."""
    with crash.room() as folder:
        yield folder


@pytest.fixture(scope="module")
def whole() -> dict[str, bytes]:
    """The content of a feed whose releases were not interrupted."""
    with crash.room() as folder:
        world = World(folder)
        world.publisher.release(world.new, "1.1")
        return world.publisher.content()


@pytest.mark.parametrize("start", range(4))
def test_killed_at_every_step_the_feed_stays_valid_and_a_rerun_completes(
    room: Path, whole: dict[str, bytes], start: int
) -> None:
    world = World(room / "world")
    shutil.copytree(room / "world", room / "kept", symlinks=True)
    for step in itertools.count(1 + start, 4):
        for name in ("feed", "home"):
            shutil.rmtree(room / "world" / name)
            shutil.copytree(room / "kept" / name, room / "world" / name, symlinks=True)
        player = Player(world.publisher.folder, room / f"player-{step}")
        if not world.die_at(step):
            break
        seen = player.visit()
        assert seen == world.old_records or "game/releases/2.json" in seen  # the timestamp is the one step that counts
        assert world.publisher.release(world.new, "1.1").state in {"published", "already published"}
        assert "game/releases/2.json" in player.visit()
        assert world.publisher.content() == whole, f"after step {step}"
        assert world.publisher.problems() == ()
        repo = repository.load(world.publisher.folder)
        assert len(repository.snapshots(repo)) == repo.timestamp.version - 1, "each snapshot that stays was the newest"
        assert not [path for path in files_below(world.publisher.folder) if path.endswith(".new")]
    assert step > 50


@pytest.mark.parametrize("phase", ["write", "pack", "sign"])
def test_a_killed_process_is_completed_by_the_same_command(room: Path, whole: dict[str, bytes], phase: str) -> None:
    world = World(room)
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from patcher.config import Home\n"
        "from patcher.publish import release\n"
        "from patcher.publish.keys.ring import Passphrases\n"
        "from tests.support.trees import executable\n"
        "root, phase = Path(sys.argv[1]), sys.argv[2]\n"
        "def progress(now, done, total):\n"
        f"    if now == phase and done == total: {KILL}\n"
        "new = root / 'new'\n"
        "order = release.ReleaseOrder('game', new, '1.1', executable=tuple(executable(new)), jobs=2)\n"
        "release.release(root / 'feed', Home(root / 'home'), order, Passphrases(), progress, print)\n"
    )
    repository_root = Path(__file__).resolve().parents[2]
    environment = os.environ | {"PYTHONPATH": str(repository_root)}
    killed = subprocess.run([sys.executable, "-c", program, str(room), phase], env=environment, capture_output=True)
    assert killed.returncode == KILLED, killed.stderr
    assert world.player.visit() == world.old_records
    assert world.publisher.release(world.new, "1.1").state == "published"
    assert "game/releases/2.json" in world.player.visit()
    assert world.publisher.content() == whole


def test_a_stopped_publisher_leaves_nothing_half_written(room: Path) -> None:
    world = World(room)
    steps = itertools.count(1)

    def hook(name: str, arguments: tuple[object, ...]) -> None:
        if name == "rename" and next(steps) == 3:
            raise KeyboardInterrupt

    disk.hook = hook
    try:
        with pytest.raises(KeyboardInterrupt):
            world.publisher.release(world.new, "1.1")
    finally:
        disk.hook = None
    assert not (world.publisher.folder / "content" / "incoming").exists()
    assert world.player.visit() == world.old_records


def test_an_interrupted_init_is_completed_at_every_step(room: Path) -> None:
    for step in itertools.count(1):
        root = room / str(step)
        if not crash.is_cut_off(step, partial(Publisher, root)):
            break
        made = Publisher(root)
        assert list(Player(root / "feed", root / "player").visit()) == ["feed.json"]
        assert repository.load(root / "feed").fingerprint == made.made.fingerprint
    assert step > 30


def test_signatures_survive_a_kill_between_them_and_publication(room: Path) -> None:
    publisher = Publisher(room, "studio")
    new = lay(room / "new", NEW)
    request = publisher.release(new, "1.0").request
    assert request
    ring = KeyRing(publisher.home.keys / "shop", Passphrases())
    for _ in range(2):
        found = signing.load(request)
        signing.sign(found, ring)
        signing.save(found, request)

    def hook(name: str, arguments: tuple[object, ...]) -> None:
        if name == "rename" and str(arguments[1]).endswith("targets.json"):
            raise crash.DeadDisk

    disk.hook = hook
    try:
        with pytest.raises(crash.DeadDisk):
            publisher.release(new, "1.0")
    finally:
        disk.hook = None
    assert publisher.release(new, "1.0").state == "published"
    assert publisher.problems() == ()
