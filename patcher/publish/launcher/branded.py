"""`branded`: a publisher's own launcher, from Shoal's frozen tree: the feed's root inside, and the publisher's name.

What is written is a tree again. It is wrapped for each system, and released as a title of the feed if the launcher is
to keep itself up to date.
"""

import json
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import patcher
from patcher import brand, disk
from patcher.brand import Brand
from patcher.content import paths
from patcher.errors import UsageError
from patcher.publish import feeds, repository, tree
from patcher.publish.launcher import deb, installer
from patcher.publish.release import history
from patcher.publish.repository import Repository
from patcher.publish.title import read_art

_PROGRAMS = (deb.PROGRAM, installer.PROGRAM)
_PNG = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples of a pixel, by the colour type of a PNG."""
ICON_SIDES = (256, 1024)
_ICON_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class LauncherOrder:
    """A launcher to make. Empty texts mean: derived, or none."""

    title: str
    """Shown first."""
    name: str
    icon: Path
    out: Path
    """New or empty."""
    id: str = ""
    accent: str = ""
    art: Path | None = None
    tree: Path | None = None
    """Shoal's frozen tree. Without one only the brand is written, to be tried with ``SHOAL_BRAND``."""
    launcher: str = ""
    """The title of the feed that this launcher is, if it keeps itself up to date."""
    other_feeds: bool = False
    shares_home: bool = False
    version: str = patcher.__version__
    """Of the launcher in an installer."""


@dataclass(frozen=True, slots=True)
class LauncherMade:
    """A launcher that was made. ``installer`` lies beside its tree; None for none."""

    brand: Brand
    installer: Path | None


def make(folder: Path, order: LauncherOrder, now: datetime) -> LauncherMade:
    """Write the launcher's tree, and beside it what players install.

    Raises UsageError (usage.argument, usage.unknown_title, usage.expired, usage.feed_folder, usage.release),
    ContentError, DiskError, TrustError. Nothing is written then, unless the disk fails.
    """
    repo = repository.load(folder)
    _check_fresh(repo, now)
    _check_title(repo, order)
    made = _brand(repo, order)
    needs, parts = (deb.needs(order.tree), installer.Parts.around(order.tree)) if order.tree else ("", None)
    icon = _icon(order.icon, (installer.ICON_SIDE,) * 2 if parts else ICON_SIDES)
    art = read_art(order.art) if order.art else b""
    installer.check_version(order.version)
    source = tree.read(order.tree) if order.tree else tree.Tree()
    _check_tree(order, source)
    disk.make_folder(order.out)
    for name in source.empty_folders:
        disk.make_folder(order.out / name)
    for name, size_bytes, is_executable in source.files:
        assert order.tree
        _copy(order.tree / name, order.out / name, size_bytes, is_executable=is_executable)
    for name, target in source.links:
        disk.make_folder((order.out / name).parent)
        if not disk.symlink(target, order.out / name):
            raise UsageError("usage.argument", f"{order.out} is on a drive that holds no links: {name}.", path=name)
    disk.write_atomic(order.out / made.icon, icon)
    if made.art:
        disk.write_atomic(order.out / made.art, art)
    text = json.dumps(made.encode(), indent=1, sort_keys=True, ensure_ascii=False)
    disk.write_atomic(order.out / brand.FILE, f"{text}\n".encode())
    return LauncherMade(made, _wrap(order, made, icon, needs, parts, int(now.timestamp())))


def _check_fresh(repo: Repository, now: datetime) -> None:
    """A launcher whose feed has expired would show its first player an error, and nothing else."""
    for role in feeds.expiries(repo):
        if role.expires <= now:
            text = f"The feed is expired: the signature of {role.role} ended on {role.expires:%Y-%m-%d}."
            raise UsageError("usage.expired", text, role=role.role)


def _check_title(repo: Repository, order: LauncherOrder) -> None:
    if order.title not in repo.feed.titles:
        raise UsageError("usage.unknown_title", f"The feed has no title {order.title!r}.", title=order.title)
    if "live" not in history(repo, order.title).channels:
        raise UsageError("usage.unknown_title", f"{order.title} has no live release.", title=order.title)
    if order.launcher:
        paths.check_name(order.launcher)


def _brand(repo: Repository, order: LauncherOrder) -> Brand:
    """The brand, its images named as they lie beside it. Raises UsageError (usage.argument)."""
    is_name = order.name.isprintable() and order.name == order.name.strip()
    if not is_name or not 0 < len(order.name) <= brand.MOST_LETTERS:
        text = f"The name of a launcher has 1 to {brand.MOST_LETTERS} letters, not {order.name!r:.80}."
        raise UsageError("usage.argument", text)
    url, accent = repo.feed.origins[0], order.accent.lower()
    own_id = order.id or _derived_id(url, order.name)
    if not brand.ID.fullmatch(own_id):
        text = f"{own_id!r} is no id: name a domain of yours, turned round, and a word, such as org.example.meadow."
        raise UsageError("usage.argument", text, id=own_id)
    if accent and not brand.COLOUR.fullmatch(accent):
        raise UsageError("usage.argument", f"A colour is written #rrggbb, not {order.accent!r:.80}.", accent=accent)
    return Brand(
        own_id,
        order.name,
        "shoal" if order.shares_home else own_id,
        url,
        repo.fingerprint,
        order.title,
        order.launcher,
        order.other_feeds,
        accent,
        brand.ICON,
        f"{brand.ART}{order.art.suffix.lower()}" if order.art else "",
    )


def _derived_id(url: str, name: str) -> str:
    host = urlsplit(url).hostname or ""
    word = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return ".".join((*reversed(host.split(".")), word))


def _check_tree(order: LauncherOrder, source: tree.Tree) -> None:
    if order.out.exists() and (not order.out.is_dir() or any(order.out.iterdir())):
        raise UsageError("usage.argument", f"{order.out} is not an empty folder.", path=str(order.out))
    if order.tree is None:
        return
    names = {name for name, _, _ in source.files}
    if brand.FILE in names:
        raise UsageError("usage.argument", f"{order.tree} is somebody's launcher already.", path=str(order.tree))
    if names.isdisjoint(_PROGRAMS):
        text = f"{order.tree} is no frozen tree of Shoal: it has no {' or '.join(_PROGRAMS)}."
        raise UsageError("usage.argument", text, path=str(order.tree))
    if order.out.absolute().is_relative_to(order.tree.absolute()):
        raise UsageError("usage.argument", f"{order.out} lies in the frozen tree itself.", path=str(order.out))


def _wrap(
    order: LauncherOrder, made: Brand, icon: bytes, needs: str, parts: installer.Parts | None, time_s: int
) -> Path | None:
    """Make the installer: of a tree for Linux by what it ``needs``, of one for Windows by its ``parts`` and NSIS."""
    if needs:
        place = order.out.absolute().with_name(f"{made.id}.deb")
        disk.write_atomic(place, deb.package(order.out, made, order.version, needs, time_s))
    elif parts and installer.has_nsis():
        place = order.out.absolute().with_name(installer.name_of(made))
        installer.make(parts, order.out, made, order.version, installer.icon_file(icon), place)
    else:
        return None
    return place


def _copy(source: Path, place: Path, size_bytes: int, *, is_executable: bool) -> None:
    disk.make_folder(place.parent)
    with disk.Staged(place, size_bytes) as staged, source.open("rb", buffering=0) as file:
        disk.copy_range(file, 0, staged, 0, size_bytes)
    disk.set_executable(place, is_executable)


# ---------------------------------------------------------------- the icon


def _icon(path: Path, sides: tuple[int, int]) -> bytes:
    """The bytes of an icon with so many pixels each way.

    Raises UsageError (usage.argument) unless it is a square PNG that can be decoded.
    """
    try:
        with closing(path.open("rb")) as file:
            data = file.read(_ICON_BYTES + 1)
        width, height = _size_of_png(data)
    except OSError as error:
        raise UsageError("usage.argument", f"The icon cannot be read: {error.strerror}.", path=str(path)) from error
    except (ValueError, struct.error, zlib.error) as error:
        text = f"The icon {path} is not a PNG image: {error}."
        raise UsageError("usage.argument", text, path=str(path)) from error
    least, most = sides
    if width != height or not least <= width <= most:
        wanted = f"{least}" if least == most else f"{least} to {most}"
        text = f"The icon is {width} × {height} pixels; it must be a square of {wanted}."
        raise UsageError("usage.argument", text, path=str(path))
    return data


def _size_of_png(data: bytes) -> tuple[int, int]:
    """Width and height of a PNG, all of whose pixels are there. Raises ValueError, struct.error, zlib.error."""
    if len(data) > _ICON_BYTES:
        raise ValueError(f"it has more than {_ICON_BYTES >> 20} MiB")
    chunks = list(_chunks(data))
    if not chunks or chunks[0][0] != b"IHDR" or chunks[-1][0] != b"IEND":
        raise ValueError("it has no beginning or no end")
    width, height, bits, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    if not (0 < width <= ICON_SIDES[1] and 0 < height <= ICON_SIDES[1]) or colour not in _CHANNELS:
        raise ValueError(f"it says that it has {width} × {height} pixels of type {colour}")
    row_bytes = 1 + (width * bits * _CHANNELS[colour] + 7) // 8
    most_bytes = height * row_bytes * (2 if interlaced else 1) + 1
    pixels = zlib.decompressobj().decompress(b"".join(body for kind, body in chunks if kind == b"IDAT"), most_bytes)
    if len(pixels) < height * row_bytes and not interlaced:
        raise ValueError("pixels are missing")
    return width, height


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    if not data.startswith(_PNG):
        raise ValueError("it does not begin like one")
    at = len(_PNG)
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        (crc,) = struct.unpack_from(">I", data, at + 8 + length)
        if crc != zlib.crc32(kind + body):
            raise ValueError("it is damaged")
        yield kind, body
        at += 12 + length
