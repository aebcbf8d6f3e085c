"""The publisher's notes: Markdown without HTML, which can neither open a file nor ask the network for anything."""

import html
import re
import unicodedata

from PySide6.QtCore import QUrl, Signal, Slot
from PySide6.QtGui import (
    QDesktopServices,
    QFont,
    QImage,
    QTextBlock,
    QTextBlockFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
)
from PySide6.QtWidgets import QTextBrowser, QWidget

from launcher import theme

_LIMIT = 20_000
_DEPTH = 24
_HEADINGS = (18, 16, 14, 13)
_ENTITY = re.compile(r"&(?:#[0-9]{1,8}|#[xX][0-9a-fA-F]{1,8}|[A-Za-z0-9]{1,40});")
_PICTURE = re.compile(r"!+\[")
_SCHEMES = frozenset({"https", "http", "mailto"})


class Notes(QTextBrowser):
    """`set_notes` takes anything. A link is opened by the system's browser when it is clicked, and only a web link."""

    opened = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setOpenLinks(False)
        self.setFrameShape(QTextBrowser.Shape.NoFrame)
        self.setUndoRedoEnabled(False)
        self.document().setDocumentMargin(0)
        self.document().setIndentWidth(20)
        self.anchorClicked.connect(self._open)
        self._text = ""
        self._nothing = QImage(1, 1, QImage.Format.Format_ARGB32)
        self._nothing.fill(0)

    def set_notes(self, text: str) -> None:
        """Show Markdown; what is too long or too deep is cut."""
        if text == self._text:
            return
        self._text = text
        feature = QTextDocument.MarkdownFeature
        self.document().setMarkdown(tame(text), feature.MarkdownNoHTML | feature.MarkdownDialectCommonMark)
        self._set_in_type()

    def _set_in_type(self) -> None:
        """Headings and spaces of the size that a card has room for."""
        cursor = QTextCursor(self.document())
        block = self.document().firstBlock()
        while block.isValid():
            level = block.blockFormat().headingLevel()
            space = QTextBlockFormat()
            space.setTopMargin(0 if not block.position() else 12 if level else 2)
            space.setBottomMargin(8 if block.textList() is None else 3)
            cursor.setPosition(block.position())
            cursor.mergeBlockFormat(space)
            if level:
                self._head(cursor, block, _HEADINGS[min(level, len(_HEADINGS)) - 1])
            block = block.next()

    def _head(self, cursor: QTextCursor, block: QTextBlock, pixels: int) -> None:
        """Qt's own sizes of headings are relative, and stronger than any font: they are taken out."""
        found = [it.fragment() for it in block.begin()]  # type: ignore[attr-defined]  # it is an iterator
        for start, length, letters in [(f.position(), f.length(), f.charFormat()) for f in found]:
            letters.clearProperty(QTextFormat.Property.FontSizeAdjustment.value)
            letters.setFont(theme.font(pixels, QFont.Weight.DemiBold))
            cursor.setPosition(start)
            cursor.setPosition(start + length, QTextCursor.MoveMode.KeepAnchor)
            cursor.setCharFormat(letters)

    def loadResource(self, kind: int, name: QUrl | str) -> QImage:
        """Nothing is ever loaded. Where nothing came back, Qt would open the named file by itself: so a dot comes."""
        return self._nothing

    @Slot(QUrl)
    def _open(self, url: QUrl) -> None:
        if url.scheme() in _SCHEMES:
            self.opened.emit(url.toString())
            QDesktopServices.openUrl(url)


def tame(text: str) -> str:
    """Markdown within bounds: pictures are links, no character is unseen, no line nests deeper than anybody writes."""
    clean = "".join(c for c in text[:_LIMIT] if c in "\n\t" or c.isprintable())
    clean = _ENTITY.sub(_visible, clean)
    return "\n".join(_shallow(line) for line in _PICTURE.sub("[", clean).split("\n"))


def _visible(entity: re.Match[str]) -> str:
    """The entity; a space where it stands for a character that is not seen but does something."""
    meant = html.unescape(entity[0])
    return entity[0] if meant and not any(unicodedata.category(c)[0] == "C" for c in meant) else " "


def _shallow(line: str) -> str:
    body = line.lstrip(" \t>*-+")
    lead = line[: len(line) - len(body)]
    return line if len(lead) <= _DEPTH else lead[:_DEPTH] + body
