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


def icon(name: str, colour: str, disabled: str, size: int = 16, *, mirrored: bool = False) -> QIcon:
    """The icon for a button or a menu; takes the colours as they are now."""
    made = QIcon()
    for scale in _SCALES:
        made.addPixmap(QPixmap.fromImage(image(name, colour, size, scale, mirrored)))
        made.addPixmap(QPixmap.fromImage(image(name, disabled, size, scale, mirrored)), QIcon.Mode.Disabled)
    return made


def draw(painter: QPainter, rect: QRectF, name: str, colour: str, *, mirrored: bool = False) -> None:
    """The icon into ``rect``, a square, as sharp as what is painted on."""
    scale = painter.device().devicePixelRatio()
    painter.drawImage(rect.topLeft(), image(name, colour, round(rect.width()), scale, mirrored))
