"""Lucide icons in the theme's colours, rendered for each scale."""

import functools

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QImage, QPainter, QPixmap, QTransform
from PySide6.QtSvg import QSvgRenderer

from launcher import theme

_DIRECTIONAL = {"external-link"}
"""Icons that point in the reading direction and are mirrored with it."""
_SCALES = (1.0, 1.5, 2.0, 3.0)


@functools.lru_cache(maxsize=128)
def image(name: str, colour: str, size: int, scale: float = 1.0, mirrored: bool = False) -> QImage:
    """The icon ``name``, ``size`` pixels wide. Raises OSError if ``assets/icons`` has no such icon."""
    source = (theme.ASSETS / "icons" / f"{name}.svg").read_text("utf-8").replace("currentColor", colour)
    made = QImage(round(size * scale), round(size * scale), QImage.Format.Format_ARGB32_Premultiplied)
    made.fill(Qt.GlobalColor.transparent)
    with QPainter(made) as painter:
        QSvgRenderer(QByteArray(source.encode())).render(painter, QRectF(made.rect()))
    if mirrored and name in _DIRECTIONAL:
        made = made.transformed(QTransform.fromScale(-1, 1))
    made.setDevicePixelRatio(scale)
    return made


def icon(name: str, colour: str, disabled: str, size: int = 16, *, gap: int = 0, mirrored: bool = False) -> QIcon:
    """The icon for a button, with ``gap`` empty pixels at its trailing side."""
    made = QIcon()
    for scale in _SCALES:
        made.addPixmap(_wider(image(name, colour, size, scale, mirrored), gap, mirrored))
        made.addPixmap(_wider(image(name, disabled, size, scale, mirrored), gap, mirrored), QIcon.Mode.Disabled)
    return made


def _wider(picture: QImage, gap: int, mirrored: bool) -> QPixmap:
    more = round(gap * picture.devicePixelRatio())
    area = picture.rect().adjusted(-more if mirrored else 0, 0, 0 if mirrored else more, 0)
    return QPixmap.fromImage(picture.copy(area))


def draw(painter: QPainter, rect: QRectF, name: str, colour: str, *, mirrored: bool = False) -> None:
    """Draw the icon into the square ``rect``, at the painter's pixel ratio."""
    scale = painter.device().devicePixelRatio()
    painter.drawImage(rect.topLeft(), image(name, colour, round(rect.width()), scale, mirrored))
