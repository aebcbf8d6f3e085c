"""Lucide icons in the theme's colours, sharp at every scale."""

import functools

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QImage, QPainter, QPixmap, QTransform
from PySide6.QtSvg import QSvgRenderer

from launcher import theme

_POINTING = {"arrow-left", "chevron-left", "chevron-right", "external-link"}
"""Icons that point along the line of reading, so they turn with it."""
_SCALES = (1.0, 1.5, 2.0, 3.0)


@functools.lru_cache(maxsize=128)
def image(name: str, colour: str, size: int, scale: float = 1.0, mirrored: bool = False) -> QImage:
    """The icon ``name``, ``size`` wide. Raises OSError when ``assets/icons`` has none of that name."""
    source = (theme.ASSETS / "icons" / f"{name}.svg").read_text("utf-8").replace("currentColor", colour)
    made = QImage(round(size * scale), round(size * scale), QImage.Format.Format_ARGB32_Premultiplied)
    made.fill(Qt.GlobalColor.transparent)
    with QPainter(made) as painter:
        QSvgRenderer(QByteArray(source.encode())).render(painter, QRectF(made.rect()))
    if mirrored and name in _POINTING:
        made = made.transformed(QTransform.fromScale(-1, 1))
    made.setDevicePixelRatio(scale)
    return made


def icon(name: str, colour: str, disabled: str, size: int = 16, *, gap: int = 0, mirrored: bool = False) -> QIcon:
    """The icon for a button or a menu, ``gap`` wider at its far side; takes the colours as they are now."""
    made = QIcon()
    for scale in _SCALES:
        made.addPixmap(_wider(image(name, colour, size, scale, mirrored), gap, mirrored))
        made.addPixmap(_wider(image(name, disabled, size, scale, mirrored), gap, mirrored), QIcon.Mode.Disabled)
    return made


@functools.lru_cache(maxsize=8)
def _mark(size: int) -> QImage:
    made = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
    made.fill(Qt.GlobalColor.transparent)
    with QPainter(made) as painter:
        QSvgRenderer(str(theme.ASSETS / "theme" / "shoal.svg")).render(painter, QRectF(made.rect()))
    return made


def mark() -> QIcon:
    """Shoal's own sign, for the window and the tray."""
    made = QIcon()
    for size in (16, 24, 32, 48, 64, 128):
        made.addPixmap(QPixmap.fromImage(_mark(size)))
    return made


def _wider(picture: QImage, gap: int, mirrored: bool) -> QPixmap:
    more = round(gap * picture.devicePixelRatio())
    area = picture.rect().adjusted(-more if mirrored else 0, 0, 0 if mirrored else more, 0)
    return QPixmap.fromImage(picture.copy(area))


def draw(painter: QPainter, rect: QRectF, name: str, colour: str, *, mirrored: bool = False) -> None:
    """The icon into ``rect``, a square, as sharp as what is painted on."""
    scale = painter.device().devicePixelRatio()
    painter.drawImage(rect.topLeft(), image(name, colour, round(rect.width()), scale, mirrored))
