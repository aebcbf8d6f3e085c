"""A publisher who means harm: names, notes, art and links in a signed feed. All of it is shown as what it is, or not at
all; no file is opened, nothing is asked of the network, no link is followed without a click.
"""

import errno
import os
import struct
import sys
import unicodedata
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices, QImage, QTextDocument
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from launcher.page import PrimaryAction
from launcher.views.notes import NotesView, sanitized
from patcher.serve.static import StaticServer
from tests.launcher.ui import LauncherUi
from tests.support import trees
from tests.support.trees import File
from tests.support.world import World

_LABEL = "<img src='{url}/label.png'><b>Bold</b> & \u200fscript"
_SUMMARY = "<a href='{url}/summary'>click</a> <img src='file://{pipe}'>"
_NOTES = """<h1>Title</h1><img src="{url}/html.png"><script src="{url}/x.js"></script>

![picture]({url}/markdown.png) ![file](file://{pipe}) ![plain]({pipe}) ![quick](qrc:/x.png)

[run](file:///bin/sh) [script](javascript:alert) [web]({url}/link)

<link rel="stylesheet" href="{url}/style.css"><iframe src="{url}/frame"></iframe>
"""


def _png(width: int, height: int, rows: bytes = b"") -> bytes:
    """A PNG that says it is so large, whatever ``rows`` it has."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _art() -> dict[str, bytes]:
    """What may stand where an image should."""
    return {
        "huge": _png(60_000, 60_000, zlib.compress(bytes(180_001 * 20))),
        "truncated": _png(640, 360, zlib.compress(bytes(1921 * 360)))[:90],
        "no-image": b"\x89PNG\r\n\x1a\n" + b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "no-jpeg": b"\xff\xd8\xff" + bytes(400),
    }


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[Path]:
    """A named pipe: opening it blocks. At the end, the test checks that nothing has it open. Windows has none there."""
    path = tmp_path / "pipe"
    if sys.platform == "win32":
        yield path
        return
    os.mkfifo(path)
    yield path
    with pytest.raises(OSError, match=os.strerror(errno.ENXIO)):
        os.open(path, os.O_WRONLY | os.O_NONBLOCK)  # nobody reads it


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[StaticServer]:
    """A server that must get no request."""
    (tmp_path / "canary").mkdir()
    with StaticServer(tmp_path / "canary") as server:
        yield server
        assert not server.requests


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that were given to the system's browser."""
    addresses: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: addresses.append(url.toString()))
    return addresses


def test_a_hostile_feed_is_shown_as_plain_text(
    tmp_path: Path, qtbot: QtBot, qapp: QApplication, canary: StaticServer, pipe: Path, opened: list[str]
) -> None:
    where = {"url": canary.url, "pipe": pipe}
    trees.write(tmp_path / "tree", {"readme.txt": File(b"x")})
    (tmp_path / "notes.md").write_text(_NOTES.format(**where))
    with World(tmp_path, processes=True) as world:
        for name, data in _art().items():
            (tmp_path / name).write_bytes(data)
            world.release("1", tmp_path / "tree", "--notes", tmp_path / "notes.md", title=name)
            words = ("--label", _LABEL.format(**where), "--summary", _SUMMARY.format(**where), "--art", tmp_path / name)
            world.publisher.run("publish", "title", world.feed, name, *words)
        player = world.player("ann", peers="none")
        with LauncherUi(qtbot, qapp, player, world.ca, welcomed=True) as ui:
            for name in _art():
                _look_at(ui, f"demo/{name}")
                _is_plain(ui)
            ui.window.title_page.action.click()
            QTest.qWait(20)
            ui.window.grab()
            assert "\u200f" not in ui.widget("over").accessibleName()
    assert opened == []


def _look_at(ui: LauncherUi, name: str) -> None:
    ui.until(lambda: bool((title := ui.title(name)) and title.about.notes and title.about.art))
    ui.window.show_title(name)
    ui.until(lambda: ui.action(name) is PrimaryAction.INSTALL and ui.is_there("action"))
    QTest.qWait(20)
    ui.window.grab()


def _is_plain(ui: LauncherUi) -> None:
    page = ui.window.title_page
    assert page.hero.accessibleName().startswith("<img src='http")
    assert "\u200f" not in page.hero.accessibleName()
    for label in ui.window.findChildren(QLabel):
        assert label.textFormat().name == "PlainText" or "<" not in label.text(), label.text()
    for widget in ui.window.findChildren(QWidget):
        assert "<img" not in widget.toolTip(), widget
    assert "<script" in page.notes.toPlainText()


def test_notes_load_nothing_and_follow_nothing_by_themselves(
    qtbot: QtBot, canary: StaticServer, pipe: Path, opened: list[str]
) -> None:
    notes = NotesView()
    qtbot.addWidget(notes)
    notes.resize(400, 400)
    notes.show()
    notes.set_notes(_NOTES.format(url=canary.url, pipe=pipe))
    notes.grab()
    for address in (f"file://{pipe}", str(pipe), f"{canary.url}/markdown.png"):
        assert notes.loadResource(QTextDocument.ResourceType.ImageResource.value, QUrl(address)).width() == 1
    notes.document().setMarkdown(_NOTES.format(url=canary.url, pipe=pipe))  # the second lock holds without the first
    notes.grab()
    assert opened == []
    for address in ("file:///bin/sh", "javascript:alert", "shoal://demo/game", "https://example.org/ok"):
        notes.anchorClicked.emit(QUrl(address))
    assert opened == ["https://example.org/ok"]


@pytest.mark.parametrize(
    "text",
    [
        ">" * 100_000, "- " * 50_000, "[" * 50_000, "*" * 50_000, "\n" * 50_000, "|" * 50_000, "`" * 50_000,
        "a\0b\x1b[31m", "    " * 20_000 + "x", "#" * 10_000, "1. " * 30_000, "![](" * 20_000, "<" * 50_000,
        "&#x202e;" * 5_000,
    ],
    ids=lambda text: text[:4].encode().hex(),
)  # fmt: skip
def test_notes_that_would_break_a_parser_are_shown_quickly(qtbot: QtBot, text: str) -> None:
    notes = NotesView()
    qtbot.addWidget(notes)
    notes.set_notes(text)
    notes.resize(400, 400)
    assert not notes.grab().isNull()
    assert len(sanitized(text)) <= 20_000


@pytest.mark.parametrize(
    "text",
    ["&#x202e;", "&#8238;", "&#X202E;", "&#0000008238;", "&#x2067;", "&rlm;", "&lrm;", "&#27;", "&#x200b;", "&#xe0041;",
     "&#x2&#x202e;02e;", "\u202e", "[a&#x202e;b](https://x.example/)", "# &#x202e;head", "| a |\n|-|\n| &#x202e; |"],
)  # fmt: skip
def test_notes_hide_nothing_and_are_read_in_the_order_they_are_written(qtbot: QtBot, text: str) -> None:
    notes = NotesView()
    qtbot.addWidget(notes)
    notes.set_notes(f"before {text} after")
    shown = notes.toPlainText()
    assert shown.startswith("before")
    assert not [c for c in shown if unicodedata.category(c)[0] == "C" and c != "\n"]


def test_notes_may_write_a_letter_as_an_entity(qtbot: QtBot) -> None:
    notes = NotesView()
    qtbot.addWidget(notes)
    notes.set_notes("K&auml;se &amp; &#66;rot &lt;b&gt; &unknown; &")
    assert notes.toPlainText() == "Käse & Brot <b> &unknown; &"


def test_art_that_is_larger_than_any_screen_is_not_decoded(tmp_path: Path) -> None:
    from launcher.views.widgets import art

    (tmp_path / "huge").write_bytes(_art()["huge"])
    assert art.load(tmp_path / "huge", 1920).isNull()
    assert art.load(tmp_path / "missing", 1920).isNull()
    image = QImage(64, 36, QImage.Format.Format_RGB32)
    image.fill(0)
    assert image.save(str(tmp_path / "fine.png"))
    assert not art.load(tmp_path / "fine.png", 1920).isNull()
