"""The picture of a title with its name over it."""

from pathlib import Path

from PySide6.QtCore import QPointF, QRectF, QSize
from PySide6.QtGui import QColor, QFont, QImage, QLinearGradient, QPainter, QPaintEvent, QPixmap, QRadialGradient
from PySide6.QtWidgets import QWidget

from launcher import theme
from launcher.views.widgets import art, paint
from launcher.views.widgets.painted import Picture

_LONGEST = 1920
_INK = "#ffffff"
_SHADE = 0.62
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
        box = paint.bounds(self)
        with paint.begin(self) as painter:
            self._paint_art(painter, box)
            self._paint_scrims(painter, box)
            self._paint_texts(painter)

    def _paint_art(self, painter: QPainter, box: QRectF) -> None:
        scale = paint.ratio(painter)
        if self._ready.deviceIndependentSize() != box.size() or self._ready.devicePixelRatio() != scale:
            size = self.size()
            plain = self._image.isNull()
            self._ready = art.pattern(self._title, size, scale) if plain else art.cover(self._image, size, scale)
        painter.drawPixmap(0, 0, self._ready)

    def _paint_scrims(self, painter: QPainter, box: QRectF) -> None:
        now = theme.tokens()
        words = self.text_box()
        if self._title:
            painter.save()
            painter.setClipRect(box)
            painter.translate(words.center())
            painter.scale(words.width() / 2 + 30, words.height() / 2 + 10)
            cloud = QRadialGradient(QPointF(0, 0), 2.6)  # flat out to the corners of the box, then soft
            for where, alpha in ((0.0, _SHADE), (0.55, _SHADE), (0.75, _SHADE * 0.45), (1.0, 0.0)):
                cloud.setColorAt(where, QColor.fromRgbF(0, 0, 0, alpha))
            painter.fillRect(QRectF(-2.6, -2.6, 5.2, 5.2), cloud)
            painter.restore()
        dark = QColor(now.hero_scrim).lightnessF() < 0.5
        top = box.height() * 0.35 if dark else box.height() - _BELOW
        fade = QLinearGradient(0, top, 0, box.height())
        for where, alpha in ((0.0, 0.0), (0.35, 0.18), (0.7, 0.62), (1.0, 1.0)):
            fade.setColorAt(where, paint.faded(now.hero_scrim, alpha))
        painter.fillRect(QRectF(0, top, box.width(), box.height() - top), fade)

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
            self.setToolTip(" ".join(self._title.split())[:400] if cut else "")

    def _fonts(self) -> tuple[QFont, QFont]:
        return theme.font(theme.tokens().title_px, QFont.Weight.Bold), theme.font(theme.tokens().heading_px)
