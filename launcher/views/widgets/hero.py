"""The picture of a title with its name on it."""

from pathlib import Path

from PySide6.QtCore import QRectF, QSize, Qt, Slot
from PySide6.QtGui import QColor, QFont, QImage, QLinearGradient, QPainter, QPaintEvent, QPixmap

from launcher import theme
from launcher.answers import Answers
from launcher.views.widgets import art, paint
from launcher.views.widgets.painted import Graphic

_LONGEST = 1920
_INK = "#ffffff"
_SHADE = 0.58
"""Opacity of the shade behind the texts: white text keeps a contrast of 4.5:1 on white art."""
_BELOW = 64
"""Distance from the lower edge of the subtitle to that of the picture."""
_ABOVE_LETTERS = 10


class HeroWidget(Graphic):
    """Title and subtitle on art that fades into the page; without usable art, on a generated pattern.

    Something may lie in front of the upper part, down to the top margin: a title that it would cut is not painted.
    """

    def __init__(self) -> None:
        super().__init__(QSize(1004, 320))
        self._title = ""
        self._subtitle = ""
        self._path = ""
        self._image = QImage()
        self._art = Answers(_load, 1, self)
        self._art.changed.connect(self._take)
        self._composed = QPixmap()
        self._look: tuple[object, ...] = ()

    def set_texts(self, title: str, subtitle: str = "") -> None:
        """Set plain texts. One that is too long is elided, and the title is then in the tooltip."""
        if (title, subtitle) == (self._title, self._subtitle):
            return
        self._title, self._subtitle = title, subtitle
        self.setAccessibleName(title)
        self.setAccessibleDescription(subtitle)
        self._composed = QPixmap()
        self.update()

    def set_image(self, path: Path | None) -> None:
        """Set the art. The file may be anything; if it is not a usable image, it counts as None."""
        self._path = str(path or "")
        self._take()

    @Slot()
    def _take(self) -> None:
        """Show the art if it has been read; until then and without usable art the generated pattern."""
        found = self._art.get(self._path) if self._path else None
        self._image = QImage() if found is None else found
        self._composed = QPixmap()
        self.update()

    def text_box(self) -> QRectF:
        """The rectangle that contains the painted texts."""
        margin = theme.tokens().margin
        big, small = self._fonts()
        widest = max(paint.text_width(self._title, big), paint.text_width(self._subtitle, small))
        width = min(widest + 4, self.width() - 2 * margin)
        return paint.mirror(self, QRectF(margin, self.height() - _BELOW - 80, width, 80))

    def paintEvent(self, event: QPaintEvent) -> None:
        with paint.begin(self) as painter:
            scale = painter.device().devicePixelRatio()
            look = (self.size(), scale, theme.tokens().name, self.layoutDirection())
            if self._composed.isNull() or look != self._look:
                self._composed, self._look = self._compose(scale), look
            painter.drawPixmap(0, 0, self._composed)
            self._paint_texts(painter)

    def _compose(self, scale: float) -> QPixmap:
        """Art, shade and fade as one pixmap, so that repainting is cheap."""
        plain = self._image.isNull()
        ground = art.pattern(self._title, self.size(), scale) if plain else art.cover(self._image, self.size(), scale)
        made = QPixmap.fromImage(ground)
        box = QRectF(self.rect())
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
            fade.setColorAt(where, paint.with_alpha(theme.tokens().hero_scrim, _smoothstep(where)))
        return fade

    def _shade(self, scale: float) -> QPixmap:
        """The shade behind the texts: it fades out beyond their trailing end and above them."""
        box, words = QRectF(self.rect()), self.text_box()
        made = QPixmap(self.size() * scale)
        made.setDevicePixelRatio(scale)
        made.fill(Qt.GlobalColor.transparent)
        near, far = (words.left(), words.left() - 280) if self.isRightToLeft() else (words.right(), words.right() + 280)
        across, down = QLinearGradient(near, 0, far, 0), QLinearGradient(0, words.top() - 120, 0, box.bottom())
        for step in range(11):
            where, soft = step / 10, _smoothstep(step / 10)
            across.setColorAt(where, QColor.fromRgbF(0, 0, 0, _SHADE * (1 - soft)))
            down.setColorAt(where * 120 / (box.bottom() - words.top() + 120), QColor.fromRgbF(0, 0, 0, soft))
        down.setColorAt((words.bottom() - words.top() + 120) / (box.bottom() - words.top() + 120), QColor("black"))
        down.setColorAt(1, Qt.GlobalColor.transparent)  # no shade where the picture fades into a light page
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
        if title.top() + _ABOVE_LETTERS >= self.contentsMargins().top():
            paint.draw_text(painter, title.translated(0, 1.5), self._title, big, shadow, paint.leading(self))
            paint.draw_text(painter, title, self._title, big, _INK, paint.leading(self))
        paint.draw_text(painter, below, self._subtitle, small, _INK, paint.leading(self))
        paint.show_whole_in_tooltip(self, self._title, big, title.width())

    def _fonts(self) -> tuple[QFont, QFont]:
        return theme.font(theme.tokens().title_px, QFont.Weight.Bold), theme.font(theme.tokens().heading_px)


def _load(file: str) -> QImage:
    return art.load(Path(file), _LONGEST)


def _smoothstep(x: float) -> float:
    """The smoothstep function: from 0 to 1, flat at both ends."""
    return x * x * (3 - 2 * x)
