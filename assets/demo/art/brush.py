"""Brushes for the demo's pictures: skies, glows, ridges, grain. All dice are seeded: the same picture at each run."""

import math
import random
from collections.abc import Callable, Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QImage,
    QLinearGradient,
    QPainter,
    QPainterPath,
    QPen,
    QPolygonF,
    QRadialGradient,
)

WIDTH, HEIGHT = 1600, 640
Curve = Callable[[float], float]


def colour(name: str, alpha: float = 1.0) -> QColor:
    """``#rrggbb`` with an opacity from 0 to 1."""
    made = QColor(name)
    made.setAlphaF(max(0.0, min(1.0, alpha)))
    return made


def mixed(one: str, other: str, share: float) -> str:
    """The colour ``share`` of the way from one to the other."""
    a, b = QColor(one), QColor(other)
    pairs = ((a.red(), b.red()), (a.green(), b.green()), (a.blue(), b.blue()))
    return QColor(*(round(x + (y - x) * share) for x, y in pairs)).name()


def sky(painter: QPainter, stops: Sequence[tuple[float, str]]) -> None:
    """Fill everything, from top to bottom."""
    gradient = QLinearGradient(0, 0, 0, HEIGHT)
    for at, name in stops:
        gradient.setColorAt(at, QColor(name))
    painter.fillRect(QRectF(0, 0, WIDTH, HEIGHT), gradient)


def glow(painter: QPainter, x: float, y: float, radius: float, name: str, strength: float = 1.0) -> None:
    """Light that fades to nothing at ``radius``; adds to what is there."""
    gradient = QRadialGradient(x, y, radius)
    for step in range(9):
        at = step / 8
        gradient.setColorAt(at, colour(name, strength * (1 - at) ** 2.2))
    painter.save()
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Screen)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(gradient)
    painter.drawEllipse(QPointF(x, y), radius, radius)
    painter.restore()


def noise(dice: random.Random, period: float, octaves: int = 5, fall: float = 0.5) -> Curve:
    """A smooth random curve, about -1 to 1, that changes over ``period`` pixels; more octaves are rougher."""
    layers = [[dice.uniform(-1, 1) for _ in range(512)] for _ in range(octaves)]

    def at(x: float) -> float:
        total, size, scale = 0.0, 1.0, 1 / period
        for layer in layers:
            place = x * scale
            left, share = math.floor(place), place - math.floor(place)
            share = share * share * (3 - 2 * share)
            a, b = layer[left % 512], layer[(left + 1) % 512]
            total += (a + (b - a) * share) * size
            size, scale = size * fall, scale * 2
        return total

    return at


def ridge(curve: Curve, bottom: float = HEIGHT) -> QPainterPath:
    """The area below a curve."""
    points = [QPointF(x, curve(x)) for x in range(-8, WIDTH + 9, 3)]
    path = QPainterPath()
    path.addPolygon(QPolygonF([*points, QPointF(WIDTH + 8, bottom), QPointF(-8, bottom)]))
    path.closeSubpath()
    return path


def fill(painter: QPainter, path: QPainterPath, top: str, bottom: str, alpha: float = 1.0) -> None:
    """Fill a shape from its top to its bottom."""
    box = path.boundingRect()
    gradient = QLinearGradient(0, box.top(), 0, box.bottom())
    gradient.setColorAt(0, colour(top, alpha))
    gradient.setColorAt(1, colour(bottom, alpha))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.fillPath(path, QBrush(gradient))


def stroke(painter: QPainter, name: str, width: float, alpha: float = 1.0) -> None:
    """The pen for lines with round ends."""
    painter.setPen(QPen(colour(name, alpha), width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.setBrush(Qt.BrushStyle.NoBrush)


def dot(painter: QPainter, x: float, y: float, radius: float, name: str, alpha: float = 1.0) -> None:
    """A filled circle."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour(name, alpha))
    painter.drawEllipse(QPointF(x, y), radius, radius)


def finish(image: QImage, seed: int, strength: int = 5) -> QImage:
    """Fine grain against bands in the gradients, and a slight dark edge."""
    dice = random.Random(seed)
    size = 256
    grain = QImage(size, size, QImage.Format.Format_ARGB32)
    for y in range(size):
        for x in range(size):
            level = dice.randint(-strength, strength)
            grain.setPixelColor(x, y, QColor(255, 255, 255, level) if level > 0 else QColor(0, 0, 0, -level))
    painter = QPainter(image)
    painter.fillRect(image.rect(), QBrush(grain))
    edge = QRadialGradient(WIDTH * 0.55, HEIGHT * 0.45, WIDTH * 0.72)
    edge.setColorAt(0.55, QColor(0, 0, 0, 0))
    edge.setColorAt(1, QColor(0, 0, 0, 90))
    painter.fillRect(image.rect(), edge)
    painter.end()
    return image
