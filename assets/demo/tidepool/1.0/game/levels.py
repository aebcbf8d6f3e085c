"""What this release of the game holds: its version and its levels, read from the files beside the program."""

import random
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1]
REEF_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours as #rrggbb; pairs and threes run from top to bottom or from dark to light."""

    water: tuple[str, str, str]
    light: str
    rock: tuple[str, str]
    sand: tuple[str, str]
    weed: tuple[str, str]
    fish: tuple[str, str]
    shoal: tuple[str, str]
    pearl: str


@dataclass(frozen=True, slots=True)
class Level:
    """One pool. ``glow`` from 0 to 1 is how much things shine by themselves."""

    name: str
    seconds: float
    pearls: int
    urchins: int
    crabs: int
    jellies: int
    glow: float
    palette: Palette


@dataclass(frozen=True, slots=True)
class Release:
    """The version, what is new in it, and its levels, oldest first."""

    version: str
    news: str
    dash: bool
    levels: tuple[Level, ...]


def load(folder: Path = FOLDER) -> Release:
    """Read the release in ``folder``."""
    about = tomllib.loads((folder / "release.toml").read_text("utf-8"))
    levels = tuple(_level(path) for path in sorted((folder / "levels").glob("*.toml")))
    return Release(about["version"], about["news"], about["dash"], levels)


def reef(folder: Path = FOLDER) -> bytes:
    """The bytes that say where pebbles and weed are; the same for every pool of a release."""
    try:
        with (folder / "data" / "reef.pak").open("rb") as file:
            return file.read(REEF_BYTES)
    except FileNotFoundError:
        return random.Random(7).randbytes(REEF_BYTES)


def _level(path: Path) -> Level:
    table = tomllib.loads(path.read_text("utf-8"))
    named = table.pop("palette").items()
    colours: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in named}
    return Level(**table, palette=Palette(**colours))
