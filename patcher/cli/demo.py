"""``make demo``: publish, serve, track, seed, install and update on this machine, with real engines.

With a screen, the launcher opens on a small library whose game has an update; closing the window ends the demo. Without
a screen the update runs in the terminal. ``REAL=1`` uses two releases of a real game engine from the package index.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from patcher import programs
from patcher.cli.output import lenient
from patcher.cli.playground import Machine, Playground, ReleaseTree
from patcher.config import Home
from patcher.engine.client import Client
from patcher.plain import human_bytes
from patcher.protocol import commands
from patcher.publish import tree

ASSETS = Path(__file__).parents[2] / "assets" / "demo"
GAME = "tidepool"
_CONSOLE = Console(highlight=False, soft_wrap=True)
_REEF_BYTES = 24 << 20
_SHOWN_BYTES = {"reef_bytes": 6 << 20, "fresh_bytes": 3 << 20}
_SHOWN_RATE_BPS = 450_000
"""Limits the download so that the update lasts long enough to be watched."""


def main() -> int:
    """Run the demo; returns the exit code."""
    lenient(sys.stdout)
    real = os.environ.get("REAL", "") not in ("", "0")
    with tempfile.TemporaryDirectory(prefix="shoal-demo-") as name:
        root = Path(name)
        if real:
            _say("Fetching two releases of panda3d from the package index")
            return _in_the_terminal(root, "panda3d", *_real_releases(root), "--profile", "studio")
        has_screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        if has_screen and _in_a_window(root):
            return 0
        return _in_the_terminal(root / "terminal", GAME, *game_trees(root / "terminal"))


# ---------------------------------------------------------------- with a screen


def _in_a_window(root: Path) -> bool:
    """Open the launcher with an update ready, until it is closed; False when no window can be opened."""
    _say("Publishing a feed with five titles; one is Tidepool, a small game")
    with Playground(root) as world:
        player = prepare(world)
        player.run("settings", "download_limit_bps", str(_SHOWN_RATE_BPS))
        _say("Shoal is open: click Update, then Play. Close its window to end the demo.")
        is_shown = subprocess.run(launcher(world, player), check=False).returncode == 0
    if not is_shown:
        _say("No window could be opened; here is the same in the terminal")
    return is_shown


def prepare(world: Playground) -> Machine:
    """Publish all titles; returns a player with Tidepool 1.0, when 1.1 is published and seeded by two others."""
    old, new = game_trees(world.root, **_SHOWN_BYTES)
    about = titles()
    for title, facts in about.items():
        release, notes, program = old, f"{GAME}-1.0.md", GAME
        if title != GAME:
            release = ReleaseTree(facts["version"], make_title(title, world.root / "trees" / title))
            notes, program = f"{title}.md", "show"
        words = ["--notes", ASSETS / "notes" / notes, "--launch", f"linux={program}", "--label", facts["label"]["en"]]
        for tag in facts.get("parts", {}):  # lang:de has the files below lang/de
            group, _, value = tag.partition(":")
            words += ("--part", f"{value}={group}/{value}/**:{tag}")
        world.publish(title, release, *words)
        _describe(world, title, facts)
    player = world.machine("player")
    player.run("feed", "add", world.url)
    player.run("settings", "games_folder", str(world.root / "games"))
    for title in [GAME, *(title for title, facts in about.items() if facts.get("installed"))]:
        player.run("install", title, "--to", world.root / "games" / title)
    world.publish(GAME, new, "--notes", ASSETS / "notes" / f"{GAME}-1.1.md")
    world.seed()
    with Client(Home(player.home)) as client:
        client.submit(commands.RefreshFeed(network=commands.Network(ca=str(world.ca))))
    return player


def launcher(world: Playground, player: Machine) -> list[str]:
    """The command that opens the player's window on the game, past the questions of the first run."""
    (player.home / "launcher.ini").write_text("[General]\nwelcomed=true\n")
    return [*programs.launcher(), "--home", str(player.home), "--ca", str(world.ca), f"shoal://demo/{GAME}"]


def titles() -> dict[str, dict[str, Any]]:
    """The tables of assets/demo/titles.toml, by title."""
    return tomllib.loads((ASSETS / "titles.toml").read_text("utf-8"))


def _describe(world: Playground, title: str, facts: dict[str, Any]) -> None:
    links = [word for kind, url in facts["links"].items() for word in ("--link", f"{kind}={url}")]
    plain = ("--art", ASSETS / "art" / f"{title}.jpg", "--kind", facts["kind"], "--licence", facts["licence"])
    for language, label in facts["label"].items():
        texts = ("--lang", language, "--label", label, "--summary", facts["summary"][language])
        world.describe(title, *texts, *((*plain, *links) if language == "en" else ()))


# ---------------------------------------------------------------- without one


def _in_the_terminal(root: Path, title: str, old: ReleaseTree, new: ReleaseTree, *profile: str) -> int:
    _say("Publishing: a new feed" + (", its releases signed by two of three holders" if profile else ""))
    with Playground(root, *profile) as world:
        game = world.root / "games" / title
        player = world.machine("player")
        _say_published(title, old, world.publish(title, old))
        _say("The player adds the feed and installs", old.version)
        player.run("feed", "add", world.url)
        player.run("install", title, "--to", game)
        _say("Two other players install it too, and help others download")
        world.seed()
        published = world.publish(title, new)
        _say_published(title, new, published)
        world.seed()
        plan = player.run("update", title, "--plan")
        _say(f"The player's update would download {human_bytes(plan['planned_bytes'])}. Update!")
        _table(title, player.run("update", title), published)
        player.run("verify", title)
        return _verdict(title, new, game)


def _say_published(title: str, release: ReleaseTree, result: dict[str, Any]) -> None:
    _say(f"Published {title} {release.version}: {human_bytes(result['tree_bytes'])} in {result['files']} files")


def _table(title: str, result: dict[str, Any], published: dict[str, Any]) -> None:
    fetched = result["fetched"]
    heading = f"{title} {result['version_from']} → {result['version_to']}"
    table = Table("bytes", Column(justify="right"), title=heading)
    rows = {
        "planned": result["planned_bytes"],
        "from other players": fetched["lan_bytes"] + fetched["peer_bytes"],
        "from the server": fetched["origin_bytes"],
        "signed metadata, manifest, index": fetched["metadata_bytes"],
        "written to the disk": result["written_bytes"],
        "reused from the disk": result["reused_bytes"],
        "the patch": published["patches"][0]["patch_bytes"],
        "a full download, from players": published["tree_bytes"],
        "a full download, packed at the server": published["full_bytes"],
    }
    for name, count in rows.items():
        table.add_row(name, human_bytes(count))
    _CONSOLE.print(table)


def _verdict(title: str, release: ReleaseTree, game: Path) -> int:
    """Compare the install with the release, bytes and executable bits; returns the exit code."""
    expected, found = _contents(release.folder), _contents(game)
    for path, _, is_executable in tree.read(release.folder).files:  # whose modes do not count
        expected[path] = (expected[path][0], is_executable if os.name != "nt" else found.get(path, (b"", False))[1])
    wrong = sorted(path for path in expected.keys() | found.keys() if expected.get(path) != found.get(path))
    for path in wrong[:10]:
        _say("not as released:", path)
    if not wrong:
        _say(f"{title} {release.version} is installed: every file, every executable bit as released.")
    return 1 if wrong else 0


def _contents(root: Path) -> dict[str, tuple[bytes, bool]]:
    files = (path for path in root.rglob("*") if path.is_file() and ".shoal" not in path.relative_to(root).parts)
    return {p.relative_to(root).as_posix(): (p.read_bytes(), bool(p.stat().st_mode & 0o100)) for p in files}


# ---------------------------------------------------------------- the releases


def game_trees(
    root: Path, reef_bytes: int = _REEF_BYTES, fresh_bytes: int = 200_000
) -> tuple[ReleaseTree, ReleaseTree]:  # fmt: skip
    """Two versions of the game: the second replaces files and inserts ``fresh_bytes`` into the reef."""
    dice = random.Random(7)  # the same bytes at each run
    reef = dice.randbytes(reef_bytes)
    old, new = root / f"{GAME}-1.0", root / f"{GAME}-1.1"
    shutil.copytree(ASSETS / GAME / "1.0", old, ignore=shutil.ignore_patterns("__pycache__"))
    (old / "data").mkdir()
    shutil.copytree(old, new)
    shutil.copytree(ASSETS / GAME / "1.1", new, dirs_exist_ok=True)
    (old / "data" / "reef.pak").write_bytes(reef)
    middle = reef_bytes // 3
    (new / "data" / "reef.pak").write_bytes(reef[:middle] + dice.randbytes(fresh_bytes) + reef[middle:])
    return ReleaseTree("1.0", old), ReleaseTree("1.1", new)


def make_title(title: str, folder: Path) -> Path:
    """Make the tree of one of the other titles in ``folder``; returns it."""
    facts = titles()[title]
    shutil.copytree(ASSETS / "picture", folder)
    shutil.copy(ASSETS / "art" / f"{title}.jpg", folder / "picture.jpg")
    (folder / "name.txt").write_text(facts["label"]["en"] + "\n", "utf-8")
    dice = random.Random(title)
    (folder / "data.pak").write_bytes(dice.randbytes(facts["megabytes"] << 20))
    for tag, kilobytes in facts.get("parts", {}).items():
        part = folder.joinpath(*tag.split(":"))
        part.mkdir(parents=True)
        (part / "voices.pak").write_bytes(dice.randbytes(kilobytes << 10))
    return folder


def _real_releases(root: Path) -> tuple[ReleaseTree, ReleaseTree]:
    kind = ("--only-binary", ":all:", "--platform", "manylinux2014_x86_64", "--python-version", "3.11")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", *kind)
    old, new = (ReleaseTree(version, root / f"panda3d-{version}") for version in ("1.10.15", "1.10.16"))
    for release in (old, new):
        subprocess.run((*pip, "--target", str(release.folder), f"panda3d=={release.version}"), check=True)
    return old, new


def _say(*words: str) -> None:
    _CONSOLE.print("•", *words, markup=False)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
