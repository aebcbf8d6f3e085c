"""``make demo``: the main job on this machine, with real engines: publish, serve, track, seed, install, update.

With a screen the launcher opens on a small library whose game waits for a click on Update; closing it ends the demo.
Without one the update runs here. ``REAL=1`` takes two releases of a real game engine from the package index instead.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from patcher.cli.output import human_bytes
from patcher.cli.playground import Machine, Release, Stage
from patcher.config import Home
from patcher.engine.client import Client
from patcher.protocol import commands

ASSETS = Path(__file__).parents[2] / "assets" / "demo"
GAME = "tidepool"
_CONSOLE = Console(highlight=False, soft_wrap=True)
_REEF_BYTES = 24 << 20
_SHOWN_BYTES = {"reef_bytes": 6 << 20, "fresh_bytes": 3 << 20}
_SHOWN_RATE_BPS = 450_000
"""So that an update on one machine lasts long enough to be watched."""


def main() -> int:
    """Run the demonstration; returns 0 when it went well."""
    real = os.environ.get("REAL", "") not in ("", "0")
    with tempfile.TemporaryDirectory(prefix="shoal-demo-") as name:
        root = Path(name)
        if real:
            _say("Fetching two releases of panda3d from the package index")
            return _in_the_terminal(root, "panda3d", *_real_releases(root), "--profile", "studio")
        if has_screen() and _in_a_window(root):
            return 0
        return _in_the_terminal(root / "terminal", GAME, *tidepool_trees(root / "terminal"))


def has_screen() -> bool:
    """Whether a window can be shown."""
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


# ---------------------------------------------------------------- with a screen


def _in_a_window(root: Path) -> bool:
    """Open the launcher with an update ready, until it is closed; False when it cannot be opened."""
    _say("Publishing a feed with five titles; one is Tidepool, a small game")
    with Stage(root) as stage:
        player = prepare(stage)
        player.run("settings", "download_limit_bps", str(_SHOWN_RATE_BPS))
        _say("Shoal is open: click Update, then Play. Close its window to end the demo.")
        is_shown = subprocess.run(launcher(stage, player), check=False).returncode == 0
    if not is_shown:
        _say("No window could be opened; here is the same in the terminal")
    return is_shown


def prepare(stage: Stage) -> Machine:
    """A feed of all titles; a player who has Tidepool 1.0, while 1.1 is out and two others have it already."""
    old, new = tidepool_trees(stage.root, **_SHOWN_BYTES)
    about = titles()
    for title, facts in about.items():
        release = old if title == GAME else Release(facts["version"], lay_title(title, stage.root / "trees" / title))
        notes = ASSETS / "notes" / (f"{GAME}-1.0.md" if title == GAME else f"{title}.md")
        program = "tidepool" if title == GAME else "show"
        parts = [word for tag in facts.get("parts", {}) for word in ("--part", _part(tag))]
        label = facts["label"]["en"]
        stage.publish(title, release, "--notes", notes, "--launch", f"linux={program}", "--label", label, *parts)
        _describe(stage, title, facts)
    player = stage.machine("player")
    player.run("feed", "add", stage.url)
    player.run("settings", "games_folder", str(stage.root / "games"))
    for title in [GAME, *(title for title, facts in about.items() if facts.get("installed"))]:
        player.run("install", title, "--to", stage.root / "games" / title)
    stage.publish(GAME, new, "--notes", ASSETS / "notes" / f"{GAME}-1.1.md")
    stage.seed()
    with Client(Home(player.home)) as client:
        client.submit(commands.RefreshFeed(network=commands.Network(ca=str(stage.ca))))
    return player


def launcher(stage: Stage, player: Machine) -> list[str]:
    """The command that opens the player's window on the game. Its first question counts as answered: not now."""
    (player.home / "launcher.ini").write_text("[General]\nwelcomed=true\n")
    return [sys.executable, "-m", "launcher", "--home", str(player.home), "--ca", str(stage.ca), f"shoal://demo/{GAME}"]


def titles() -> dict[str, dict[str, Any]]:
    """What assets/demo/titles.toml says, by title."""
    return tomllib.loads((ASSETS / "titles.toml").read_text("utf-8"))


def _part(tag: str) -> str:
    """The rule of an optional part: `lang:de` are the files below lang/de."""
    group, _, value = tag.partition(":")
    return f"{value}={group}/{value}/**:{tag}"


def _describe(stage: Stage, title: str, facts: dict[str, Any]) -> None:
    links = [word for kind, url in facts["links"].items() for word in ("--link", f"{kind}={url}")]
    plain = ("--art", ASSETS / "art" / f"{title}.jpg", "--kind", facts["kind"], "--licence", facts["licence"])
    for language, label in facts["label"].items():
        texts = ("--lang", language, "--label", label, "--summary", facts["summary"][language])
        stage.describe(title, *texts, *((*plain, *links) if language == "en" else ()))


# ---------------------------------------------------------------- without one


def _in_the_terminal(root: Path, title: str, old: Release, new: Release, *profile: str) -> int:
    _say("Publishing: a new feed" + (", its releases signed by two of three holders" if profile else ""))
    with Stage(root, *profile) as stage:
        game = stage.root / "games" / title
        player = stage.machine("player")
        _tell(title, old, stage.publish(title, old))
        _say("The player adds the feed and installs", old.version)
        player.run("feed", "add", stage.url)
        player.run("install", title, "--to", game)
        _say("Two other players install it too, and help others download")
        stage.seed()
        published = stage.publish(title, new)
        _tell(title, new, published)
        stage.seed()
        plan = player.run("update", title, "--plan")
        _say(f"The player's update would download {human_bytes(plan['planned_bytes'])}. Update!")
        _table(title, player.run("update", title), published)
        player.run("verify", title)
        return _verdict(title, new, game)


def _tell(title: str, release: Release, result: dict[str, Any]) -> None:
    _say(f"Published {title} {release.version}: {human_bytes(result['tree_bytes'])} in {result['files']} files")


def _table(title: str, result: dict[str, Any], published: dict[str, Any]) -> None:
    fetched = result["fetched"]
    table = Table(title=f"{title} {result['version_from']} → {result['version_to']}")
    table.add_column("bytes")
    table.add_column("", justify="right")
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


def _verdict(title: str, release: Release, game: Path) -> int:
    wrong = differences(release.folder, game)
    for path in wrong[:10]:
        _say("not as released:", path)
    if not wrong:
        _say(f"{title} {release.version} is installed: every file, every executable bit as released.")
    return 1 if wrong else 0


def differences(expected: Path, found: Path) -> list[str]:
    """Relative paths whose bytes or executable bits differ, or that only one of two trees has; ``.shoal`` apart."""

    def shape(root: Path) -> dict[str, tuple[bytes, bool]]:
        files = (path for path in root.rglob("*") if path.is_file() and ".shoal" not in path.relative_to(root).parts)
        return {str(p.relative_to(root)): (p.read_bytes(), bool(p.stat().st_mode & 0o100)) for p in files}

    one, other = shape(expected), shape(found)
    return sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path))


# ---------------------------------------------------------------- what is released


def tidepool_trees(
    root: Path, reef_bytes: int = _REEF_BYTES, fresh_bytes: int = 200_000
) -> tuple[Release, Release]:  # fmt: skip
    """The game in two versions: the second puts files over the first, and the reef has ``fresh_bytes`` of news."""
    dice = random.Random(7)  # the same title at each run
    reef = dice.randbytes(reef_bytes)
    old, new = root / f"{GAME}-1.0", root / f"{GAME}-1.1"
    shutil.copytree(ASSETS / GAME / "1.0", old, ignore=shutil.ignore_patterns("__pycache__"))
    (old / "data").mkdir()
    shutil.copytree(old, new)
    shutil.copytree(ASSETS / GAME / "1.1", new, dirs_exist_ok=True)
    (old / "data" / "reef.pak").write_bytes(reef)
    middle = reef_bytes // 3
    (new / "data" / "reef.pak").write_bytes(reef[:middle] + dice.randbytes(fresh_bytes) + reef[middle:])
    return Release("1.0", old), Release("1.1", new)


def lay_title(title: str, folder: Path) -> Path:
    """The tree of one of the other titles."""
    facts = titles()[title]
    shutil.copytree(ASSETS / "picture", folder)
    shutil.copy(ASSETS / "art" / f"{title}.jpg", folder / "picture.jpg")
    (folder / "name.txt").write_text(facts["label"]["en"] + "\n", "utf-8")
    dice = random.Random(title)
    (folder / "data.pak").write_bytes(dice.randbytes(facts["megabytes"] << 20))
    for tag, kilobytes in facts.get("parts", {}).items():
        place = folder.joinpath(*tag.split(":"))
        place.mkdir(parents=True)
        (place / "voices.pak").write_bytes(dice.randbytes(kilobytes << 10))
    return folder


def _real_releases(root: Path) -> tuple[Release, Release]:
    made = []
    for version in ("1.10.15", "1.10.16"):
        wheels = root / "wheels" / version
        kind = ("--only-binary", ":all:", "--platform", "manylinux2014_x86_64", "--python-version", "3.11")
        pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *kind)
        subprocess.run((*pip, "--dest", str(wheels), f"panda3d=={version}"), check=True)
        made.append(Release(version, _unpacked(next(wheels.glob("*.whl")), root / f"panda3d-{version}")))
    return made[0], made[1]


def _unpacked(wheel: Path, folder: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
        for info in archive.infolist():
            if mode := info.external_attr >> 16 & 0o777:
                (folder / info.filename).chmod(mode | 0o600)
    return folder


def _say(*words: str) -> None:
    _CONSOLE.print("•", *words, markup=False)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
