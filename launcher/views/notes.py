"""The publisher's notes: Markdown without HTML that can open no file and use no network."""

import html
import re
import unicodedata

from PySide6.QtCore import QUrl, Slot
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
from PySide6.QtWidgets import QTextBrowser

from launcher import theme

_LIMIT = 20_000
_DEPTH = 24
_HEADINGS = (18, 16, 14, 13)
_ENTITY = re.compile(r"&(?:#[0-9]{1,8}|#[xX][0-9a-fA-F]{1,8}|[A-Za-z0-9]{1,40});")
_PICTURE = re.compile(r"!+\[")
_SCHEMES = frozenset({"https", "http", "mailto"})


class NotesView(QTextBrowser):
    """Shows any text safely. A clicked link opens in the system's browser, if it is a web or mail address."""

    def __init__(self) -> None:
        super().__init__()
        self.setOpenLinks(False)
        self.setFrameShape(QTextBrowser.Shape.NoFrame)
        self.setUndoRedoEnabled(False)
        self.document().setDocumentMargin(0)
        self.document().setIndentWidth(20)
        self.anchorClicked.connect(self._open)
        self._text = ""
        self._dot = QImage(1, 1, QImage.Format.Format_ARGB32)
        self._dot.fill(0)

    def set_notes(self, text: str) -> None:
        """Show Markdown; text that is too long or nested too deeply is cut."""
        if text == self._text:
            return
        self._text = text
        feature = QTextDocument.MarkdownFeature
        self.document().setMarkdown(sanitized(text), feature.MarkdownNoHTML | feature.MarkdownDialectCommonMark)
        self._format_blocks()

    def _format_blocks(self) -> None:
        """Set heading sizes and margins that fit into a card."""
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
                self._format_heading(cursor, block, _HEADINGS[min(level, len(_HEADINGS)) - 1])
            block = block.next()

    def _format_heading(self, cursor: QTextCursor, block: QTextBlock, pixels: int) -> None:
        """Set the font of a heading, without Qt's relative size adjustment: that would override the font."""
        found = [it.fragment() for it in block.begin()]  # type: ignore[attr-defined]  # it is an iterator
        for start, length, letters in [(f.position(), f.length(), f.charFormat()) for f in found]:
            letters.clearProperty(QTextFormat.Property.FontSizeAdjustment.value)
            letters.setFont(theme.font(pixels, QFont.Weight.DemiBold))
            cursor.setPosition(start)
            cursor.setPosition(start + length, QTextCursor.MoveMode.KeepAnchor)
            cursor.setCharFormat(letters)

    def loadResource(self, kind: int, name: QUrl | str) -> QImage:
        """Return a transparent dot instead of loading: if it got nothing, Qt would open the named file itself."""
        return self._dot

    @Slot(QUrl)
    def _open(self, url: QUrl) -> None:
        if url.scheme() in _SCHEMES:
            QDesktopServices.openUrl(url)


def sanitized(text: str) -> str:
    """Markdown with pictures as links, without invisible characters, and with limits to its length and nesting."""
    clean = "".join(c for c in text[:_LIMIT] if c in "\n\t" or c.isprintable())
    clean = _ENTITY.sub(_harmless, clean)
    return "\n".join(_limited_depth(line) for line in _PICTURE.sub("[", clean).split("\n"))


def _harmless(entity: re.Match[str]) -> str:
    """The entity, or a space if it stands for an invisible character."""
    meant = html.unescape(entity[0])
    return entity[0] if meant and not any(unicodedata.category(c)[0] == "C" for c in meant) else " "


def _limited_depth(line: str) -> str:
    body = line.lstrip(" \t>*-+")
    lead = line[: len(line) - len(body)]
    return line if len(lead) <= _DEPTH else lead[:_DEPTH] + body
