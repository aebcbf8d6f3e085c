"""Whose launcher this is: Shoal's own, or that of a publisher, as ``brand.json`` beside the program says.

A publisher's launcher has the root of its feed inside, an id and a home of its own, a name, a colour and an icon
(docs/formats/program.md). `shoal publish launcher` writes the file.
"""

import os
import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from patcher import programs, strict_json
from patcher.errors import Damaged

FILE = "brand.json"
ICON, ART = "brand-icon.png", "brand-art"
VARIABLE = "SHOAL_BRAND"
"""Names such a file for programs that run from their sources, to try a brand out."""
COLOUR = re.compile(r"#[0-9a-f]{6}")
ID = re.compile(r"shoal|[a-z][a-z0-9]*(\.[a-z][a-z0-9-]*){2,5}")
"""A domain of the publisher's, turned round, and a word: ``org.example.meadow``. Shoal's own packages keep its id."""
MOST_LETTERS = 40
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_MAX_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Brand:
    """A launcher's own facts. The defaults are those of Shoal."""

    id: str = "shoal"
    name: str = "Shoal"
    home: str = "shoal"
    """The name of the player's folder; that of the id, or ``shoal`` for one that is shared with Shoal."""
    url: str = ""
    fingerprint: str = ""
    """Those of the feed that is trusted from the start; empty for none."""
    title: str = ""
    """Of this feed, the one to show first, …"""
    launcher: str = ""
    """… and the one that is this launcher itself, if it keeps itself up to date."""
    other_feeds: bool = True
    """Whether the player may add others."""
    accent: str = ""
    """``#rrggbb``."""
    icon: str = ""
    art: str = ""
    """Image files; empty for none."""

    @property
    def is_shoal(self) -> bool:
        """Whether this is Shoal's own launcher."""
        return self.id == "shoal"

    def encode(self) -> dict[str, object]:
        """The document; its images are named as they lie beside it."""
        return {"format": 1, **asdict(self)}


def current() -> Brand:
    """The brand of this process. Raises Damaged when its file says nothing that `shoal publish launcher` writes: it
    must not turn into another launcher, with another home.
    """
    if programs.is_frozen():
        path = Path(sys.executable).resolve().with_name(FILE)
        return read(path) if path.exists() else Brand()
    named = os.environ.get(VARIABLE)
    return read(Path(named)) if named else Brand()


def read(path: Path) -> Brand:
    """Read a ``brand.json``. Raises Damaged."""
    try:
        fields = strict_json.load(path, _MAX_BYTES)
        if fields.pop("format") != 1:
            raise ValueError("it is of a newer format")
        brand = Brand(**fields)
        for name, default in asdict(Brand()).items():
            if type(getattr(brand, name)) is not type(default):
                raise TypeError(f"its {name} is of another type")
        _check(brand)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(f"What the launcher says of itself in {path} cannot be read: {error}.", path=str(path)) from error
    images = {name: str(path.with_name(getattr(brand, name))) for name in ("icon", "art") if getattr(brand, name)}
    return Brand(**{**asdict(brand), **images})


def _check(brand: Brand) -> None:
    """Raises ValueError, TypeError."""
    is_right = {
        "id": ID.fullmatch(brand.id),
        "name": 0 < len(brand.name) <= MOST_LETTERS and brand.name.isprintable(),
        "home": brand.home in {brand.id, "shoal"},
        "fingerprint": _FINGERPRINT.fullmatch(brand.fingerprint),
        "url": brand.url.startswith(("https://", "http://")),
        "accent": not brand.accent or COLOUR.fullmatch(brand.accent),
        "icon": brand.icon == ICON and (not brand.art or brand.art.partition(".")[0] == ART),
    }
    for name, value in is_right.items():
        if not value or "/" in brand.art:
            raise ValueError(f"its {name} is not valid")
