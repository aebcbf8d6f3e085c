"""A publisher with a game, and an order for a launcher from a frozen tree that is a few files."""

import struct
import sys
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from patcher.publish.launcher.branded import LauncherOrder
from tests.support import trees
from tests.support.publisher import Publisher
from tests.support.trees import File, Link

NOW = datetime.now(UTC)


def png(width: int = 256, height: int = 256, *, rows: int | None = None, colour: int = 6) -> bytes:
    """An image of one colour; ``rows``: as many are there, whatever it says."""
    row = bytes(1 + 4 * width)
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(row * (height if rows is None else rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    made = Publisher(tmp_path / "publisher")
    trees.write(tmp_path / "game", {"bin/game": File(b"game", executable=True)})
    made.release(tmp_path / "game", "1")
    return made


@pytest.fixture
def order(tmp_path: Path) -> LauncherOrder:
    """An order with all that can be said."""
    (tmp_path / "icon.png").write_bytes(png())
    (tmp_path / "art.jpg").write_bytes(b"\xff\xd8\xff and a picture")
    alias = {} if sys.platform == "win32" else {"_internal/alias.so": Link("lib.so")}
    trees.write(tmp_path / "frozen", {
        "shoal-launcher": File(b"\x7fELF launcher", executable=True),
        "_internal/lib.so": File(b"\x7fELF library", executable=True),
        "_internal/data.txt": File(b"data"),
        **alias,
    })  # fmt: skip
    return LauncherOrder(
        "game", "Meadow", tmp_path / "icon.png", tmp_path / "out", "", "#2FC796", tmp_path / "art.jpg",
        tmp_path / "frozen", "meadow-launcher",
    )  # fmt: skip
