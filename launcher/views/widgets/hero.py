"""The picture of a title with its name over it."""

from pathlib import Path

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QImage, QLinearGradient, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QWidget

from launcher import theme
from launcher.views.widgets import art, paint
from launcher.views.widgets.painted import Picture

_LONGEST = 1920
_INK = "#ffffff"
_SHADE = 0.58
"""How dark it is behind the texts: white on white art stays 4.5:1 and better."""
_BELOW = 64
"""From the subtitle's lower edge to the picture's."""


class HeroWidget(Picture):
    """Title and subtitle over art that fades into the page; a pattern of our own where there is no usable art."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(QSize(1004, 320), parent)
        self._title = ""
        self._subtitle = ""
        self._image = QImage()
        self._ready = QPixmap()
        self._look: tuple[object, ...] = ()

    def set_texts(self, title: str, subtitle: str = "") -> None:
        """Plain texts; what is too long is elided and stands in the tooltip."""
        if (title, subtitle) == (self._title, self._subtitle):
            return
        self._title, self._subtitle = title, subtitle
        self.setAccessibleName(title)
        self.setAccessibleDescription(subtitle)
        self._ready = QPixmap()
        self.update()

    def set_image(self, path: Path | None) -> None:
        """The art: any bytes at all. Read within bounds; not an image → as with None."""
        self._image = art.load(path, _LONGEST)
        self._ready = QPixmap()
        self.update()

    def text_box(self) -> QRectF:
        """Where the texts stand at most, as painted."""
        margin = theme.tokens().margin
        big, small = self._fonts()
        widest = max(paint.text_width(self._title, big), paint.text_width(self._subtitle, small))
        width = min(widest + 4, self.width() - 2 * margin)
        return paint.mirror(self, QRectF(margin, self.height() - _BELOW - 80, width, 80))

    def paintEvent(self, event: QPaintEvent) -> None:
        with paint.begin(self) as painter:
            scale, look = paint.ratio(painter), (theme.tokens().name, self.layoutDirection())
            size = self._ready.deviceIndependentSize()
            if size != paint.bounds(self).size() or self._ready.devicePixelRatio() != scale or look != self._look:
                self._ready, self._look = self._compose(scale), look
            painter.drawPixmap(0, 0, self._ready)
            self._paint_texts(painter)

    def _compose(self, scale: float) -> QPixmap:
        """Art, shade and fade in one, so that painting again costs nothing."""
        plain = self._image.isNull()
        made = art.pattern(self._title, self.size(), scale) if plain else art.cover(self._image, self.size(), scale)
        box = paint.bounds(self)
        with QPainter(made) as painter:
            if self._title:
                painter.drawPixmap(0, 0, self._shade(scale))
            dark = QColor(theme.tokens().hero_scrim).lightnessF() < 0.5
            top = box.height() * 0.42 if dark else box.height() - _BELOW
            painter.fillRect(QRectF(0, top, box.width(), box.height() - top), self._fade(top))
        return made

    def _fade(self, top: float) -> QLinearGradient:
        fade = QLinearGradient(0, top, 0, self.height())
        for step in range(11):
            where = step / 10
            fade.setColorAt(where, paint.faded(theme.tokens().hero_scrim, _soft(where)))
        return fade

    def _shade(self, scale: float) -> QPixmap:
        """Darkness behind the texts: from their far end inwards to the page's start, and from their top down."""
        box, words = paint.bounds(self), self.text_box()
        made = QPixmap(self.size() * scale)
        made.setDevicePixelRatio(scale)
        made.fill(Qt.GlobalColor.transparent)
        mirrored = self.layoutDirection() == Qt.LayoutDirection.RightToLeft
        near, far = (words.left(), words.left() - 280) if mirrored else (words.right(), words.right() + 280)
        across, down = QLinearGradient(near, 0, far, 0), QLinearGradient(0, words.top() - 120, 0, box.bottom())
        for step in range(11):
            where, soft = step / 10, _soft(step / 10)
            across.setColorAt(where, QColor.fromRgbF(0, 0, 0, _SHADE * (1 - soft)))
            down.setColorAt(where * 120 / (box.bottom() - words.top() + 120), QColor.fromRgbF(0, 0, 0, soft))
        down.setColorAt((words.bottom() - words.top() + 120) / (box.bottom() - words.top() + 120), QColor("black"))
        down.setColorAt(1, Qt.GlobalColor.transparent)  # a light page must not shine through the shade
        with QPainter(made) as painter:
            painter.fillRect(box, across)
            painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_DestinationIn)
            painter.fillRect(box, down)
        return made

    def _paint_texts(self, painter: QPainter) -> None:
        words = self.text_box()
        big, small = self._fonts()
        title = QRectF(words.x(), words.y(), words.width(), 54)
        below = QRectF(words.x(), words.y() + 56, words.width(), 22)
        shadow = QColor(0, 0, 0, 90)
        paint.line(painter, title.translated(0, 1.5), self._title, big, shadow, paint.start(self))
        paint.line(painter, title, self._title, big, _INK, paint.start(self))
        paint.line(painter, below, self._subtitle, small, _INK, paint.start(self))
        cut = paint.elided(self._title, big, title.width()) != " ".join(self._title.split())
        if (self.toolTip() != "") != cut:
            self.setToolTip(paint.tip(" ".join(self._title.split())[:400]) if cut else "")

    def _fonts(self) -> tuple[QFont, QFont]:
        return theme.font(theme.tokens().title_px, QFont.Weight.Bold), theme.font(theme.tokens().heading_px)


def _soft(where: float) -> float:
    """From 0 to 1 without a corner at either end."""
    return where * where * (3 - 2 * where)
