"""Pictures of land: a pass full of lanterns, a sky with its coordinates, a garden of moss."""

import math
import random
from functools import partial

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPainterPath, QRadialGradient

from assets.demo.art.brush import HEIGHT, WIDTH, Curve, colour, dot, fill, glow, mixed, noise, ridge, sky, stroke


def lantern_pass(painter: QPainter, dice: random.Random) -> None:
    """Dusk in the mountains; paper lanterns rise out of the valley."""
    sky(painter, [(0, "#141636"), (0.35, "#3b2a63"), (0.62, "#a14b7a"), (0.8, "#f08a72"), (1, "#ffc58a")])
    for _ in range(150):
        dot(
            painter,
            dice.uniform(0, WIDTH),
            dice.uniform(0, 250),
            dice.uniform(0.5, 1.5),
            "#ffffff",
            dice.uniform(0.2, 0.8),
        )
    glow(painter, 980, 470, 560, "#ffb37a", 0.75)
    layers = [
        (330, 120, 430, "#8c4a82", "#c86a7e"), (400, 105, 360, "#643a75", "#9a4f78"),
        (470, 95, 300, "#432c62", "#6e3d6e"), (535, 70, 240, "#2a2049", "#43294f"),
        (600, 46, 190, "#15132f", "#1a1733"),
    ]  # fmt: skip
    lanterns = sorted(dice.uniform(0.12, 1.0) for _ in range(64))
    for number, (y, rough, period, top, low) in enumerate(layers):
        peaks = noise(dice, period, 6, 0.5)
        fill(painter, ridge(partial(_peaks, peaks, y, rough, 80 - number * 6)), top, low)
        _mist(painter, y + 70, "#ffb48a", 0.16 - number * 0.025)
        for size in lanterns[number * 12 : number * 12 + 12]:
            spread = 150 + 330 * size
            _lantern(painter, 960 + dice.gauss(0, spread), dice.uniform(70, 520 - number * 20), 5 + 19 * size**2)
    _pines(painter, dice)
    for x, y, size in ((700, 250, 26), (1130, 180, 30), (905, 330, 22), (1330, 330, 24)):
        _lantern(painter, x, y, size)


def _peaks(curve: Curve, y: float, rough: float, valley: float, x: float) -> float:
    """Mountains with a pass in the middle."""
    return y + curve(x) * rough + math.exp(-(((x - 980) / 260) ** 2)) * valley


def _mound(curve: Curve, y: float, rough: float, x: float) -> float:
    return y - abs(curve(x)) * rough * 1.6


def _mist(painter: QPainter, y: float, name: str, strength: float) -> None:
    gradient = QLinearGradient(0, y - 90, 0, y + 60)
    for at, share in ((0, 0.0), (0.6, 1.0), (1, 0.0)):
        gradient.setColorAt(at, colour(name, strength * share))
    painter.fillRect(QRectF(0, y - 90, WIDTH, 150), gradient)


def _lantern(painter: QPainter, x: float, y: float, size: float) -> None:
    glow(painter, x, y, size * 4.2, "#ff9a3d", 0.6)
    shape = QPainterPath(QPointF(x - size * 0.5, y + size * 0.75))
    shape.cubicTo(x - size * 0.95, y, x - size * 0.7, y - size, x, y - size)
    shape.cubicTo(x + size * 0.7, y - size, x + size * 0.95, y, x + size * 0.5, y + size * 0.75)
    shape.closeSubpath()
    paper = QRadialGradient(x, y + size * 0.45, size * 1.5)
    for at, name in ((0, "#fff6cf"), (0.35, "#ffcb6b"), (1, "#e2602f")):
        paper.setColorAt(at, QColor(name))
    painter.fillPath(shape, paper)
    stroke(painter, "#8c3b1e", max(0.8, size * 0.07), 0.7)
    painter.drawLine(QPointF(x - size * 0.5, y + size * 0.75), QPointF(x + size * 0.5, y + size * 0.75))


def _pines(painter: QPainter, dice: random.Random) -> None:
    for x in [*range(-20, 420, 30), *range(1240, 1640, 26)]:
        edge = abs(x - 830) / 830
        _pine(painter, x + dice.uniform(-9, 9), HEIGHT + 8, dice.uniform(70, 130) + 110 * max(0, edge - 0.5), "#0b0b20")


def _pine(painter: QPainter, x: float, y: float, height: float, name: str) -> None:
    path = QPainterPath(QPointF(x, y - height))
    for side in (1, -1):
        steps = 7
        order = range(1, steps + 1) if side > 0 else range(steps, 0, -1)
        for step in order:
            low = y - height * (1 - step / steps)
            out, back = side * height * 0.2 * step / steps, side * height * 0.2 * (step / steps) * 0.52
            points = [QPointF(x + out, low), QPointF(x + back, low - height * 0.015)]
            for point in points if side > 0 else reversed(points):
                path.lineTo(point)
    path.closeSubpath()
    painter.fillPath(path, QColor(name))


def meridian(painter: QPainter, dice: random.Random) -> None:
    """A star atlas: the sky with its great circles over an observatory."""
    sky(painter, [(0, "#050816"), (0.5, "#0c1636"), (0.82, "#1f3564"), (1, "#4a5f8c")])
    _milky_way(painter, dice)
    for _ in range(900):
        size = min(2.6, 0.35 + dice.expovariate(2.2))
        name = dice.choice(("#ffffff", "#cfe0ff", "#ffe9c9", "#bcd2ff"))
        dot(painter, dice.uniform(0, WIDTH), dice.uniform(0, 560), size * 0.7, name, dice.uniform(0.25, 0.95))
    pole = QPointF(1020, 210)
    for number in range(1, 8):  # circles of declination
        stroke(painter, "#f0c674", 1.6 if number % 3 == 0 else 1.0, 0.5 if number % 3 == 0 else 0.26)
        painter.drawEllipse(pole, number * 108, number * 92)
    for hour in range(24):
        angle = hour * math.tau / 24 + 0.1
        near, far = 108 if hour % 6 else 0, 1500
        stroke(painter, "#f0c674", 1.0, 0.34 if hour % 6 == 0 else 0.15)
        direction = QPointF(math.cos(angle), math.sin(angle) * 0.852)
        painter.drawLine(pole + direction * near, pole + direction * far)
    figures = (
        [(880, 120), (930, 205), (1010, 170), (1100, 205), (1165, 150), (1180, 262), (1102, 300), (1100, 205)],
        [(610, 330), (690, 290), (742, 352), (828, 330), (850, 420)],
        [(1250, 300), (1330, 250), (1398, 312), (1350, 390), (1250, 300)],
        [(420, 130), (500, 95), (560, 150), (650, 110)],
    )
    for figure in figures:
        _constellation(painter, figure)
    _observatory(painter, dice)


def _milky_way(painter: QPainter, dice: random.Random) -> None:
    along = noise(dice, 300, 3)
    for _ in range(420):
        share = dice.uniform(-0.1, 1.1)
        x, y = share * WIDTH, 520 - share * 470 + along(share * WIDTH) * 36
        name = dice.choice(("#5d7fd6", "#8a78d0", "#c79bd0", "#6fb4e0"))
        glow(
            painter,
            x + dice.gauss(0, 34),
            y + dice.gauss(0, 40),
            dice.uniform(30, 110),
            name,
            dice.uniform(0.01, 0.055),
        )
    for _ in range(900):
        share = dice.uniform(0, 1)
        x, y = share * WIDTH, 520 - share * 470 + along(share * WIDTH) * 36
        dot(
            painter,
            x + dice.gauss(0, 40),
            y + dice.gauss(0, 36),
            dice.uniform(0.3, 0.9),
            "#e8efff",
            dice.uniform(0.2, 0.7),
        )


def _constellation(painter: QPainter, figure: list[tuple[int, int]]) -> None:
    points = [QPointF(x, y) for x, y in figure]
    stroke(painter, "#9fd0ff", 1.4, 0.65)
    painter.drawPolyline(points)
    for number, point in enumerate(points):
        glow(painter, point.x(), point.y(), 26 if number % 3 else 40, "#a8d4ff", 0.8)
        dot(painter, point.x(), point.y(), 2.6 if number % 3 else 3.8, "#ffffff")


def _observatory(painter: QPainter, dice: random.Random) -> None:
    far, near = noise(dice, 380, 5, 0.45), noise(dice, 260, 5, 0.5)
    fill(painter, ridge(lambda x: 545 + far(x) * 34), "#16264c", "#0f1b3a")
    hill = ridge(lambda x: 590 + near(x) * 16 - 62 * math.exp(-(((x - 1230) / 170) ** 2)))
    x, y = 1230.0, 532.0
    glow(painter, x, y - 20, 170, "#ffcf8a", 0.35)
    painter.fillRect(QRectF(x - 44, y - 30, 88, 44), QColor("#0a1128"))
    dome = QPainterPath(QPointF(x - 50, y - 30))
    dome.arcTo(QRectF(x - 50, y - 80, 100, 100), 180, -180)
    dome.closeSubpath()
    fill(painter, dome, "#2b3d6b", "#0d1530")
    slit = QPainterPath(QPointF(x - 16, y - 78))
    slit.quadTo(x - 30, y - 58, x - 32, y - 30)
    slit.lineTo(x - 17, y - 30)
    slit.quadTo(x - 14, y - 58, x - 2, y - 80)
    painter.fillPath(slit, QColor("#ffd591"))
    fill(painter, hill, "#070d22", "#04081a")
    dot(painter, x + 24, y - 12, 4, "#ffd591")


def moss_garden(painter: QPainter, dice: random.Random) -> None:
    """Morning in an old garden: trunks in mist, stones, moss, a bridge, drifting light."""
    sky(painter, [(0, "#e9f4c9"), (0.35, "#b5d99a"), (0.7, "#5f9a62"), (1, "#234f3a")])
    glow(painter, 1000, 120, 620, "#fdffe0", 0.9)
    for depth in range(4):
        name = mixed("#a9cf92", "#1b4030", depth / 3)
        _trunks(painter, dice, name, 12 + depth * 13, 15 - depth * 3, depth)
        _mist(painter, 400 + depth * 40, "#f2fbd4", 0.34 - depth * 0.07)
    _rays(painter, dice)
    hills = [
        (470, 54, 420, "#6fa957", "#3f7a45"),
        (530, 46, 330, "#4b8a45", "#265c38"),
        (590, 34, 260, "#2b6637", "#123524"),
    ]
    for number, (y, rough, period, top, low) in enumerate(hills):
        mound = noise(dice, period, 2, 0.4)
        path = ridge(partial(_mound, mound, y, rough))
        fill(painter, path, top, low)
        _tufts(painter, dice, mound, y, rough, top)
        if number == 0:
            _bridge(painter)
        _stones(painter, dice, y + 22, number)
    for _ in range(90):
        glow(
            painter,
            dice.gauss(960, 380),
            dice.uniform(120, 600),
            dice.uniform(4, 12),
            "#fbffc0",
            dice.uniform(0.4, 0.9),
        )


def _trunks(painter: QPainter, dice: random.Random, name: str, width: float, count: int, depth: int) -> None:
    for _ in range(count):
        x, w = dice.uniform(-40, WIDTH + 40), width * dice.uniform(0.7, 1.3)
        if depth > 1 and 640 < x < 1330:
            continue
        lean = dice.uniform(-20, 20)
        trunk = QPainterPath(QPointF(x - w * 0.5 + lean, -10))
        trunk.cubicTo(x - w * 0.45, 200, x - w * 0.5, 420, x - w * 1.1, HEIGHT)
        trunk.lineTo(x + w * 1.1, HEIGHT)
        trunk.cubicTo(x + w * 0.5, 420, x + w * 0.45, 200, x + w * 0.5 + lean, -10)
        painter.fillPath(trunk, QColor(name))
    for _ in range(150 + depth * 70):  # foliage: small leaves, thick at the top
        x, y = dice.uniform(-40, WIDTH + 40), dice.expovariate(1 / (26 + depth * 9)) - 10
        if depth > 1 and abs(x - 985) < 330 - depth * 10 + 90 * math.sin(x):
            continue
        _leaves(painter, dice, x, y, 6 + depth * 2.6, name)


def _leaves(painter: QPainter, dice: random.Random, x: float, y: float, size: float, name: str) -> None:
    for _ in range(7):
        tone = mixed(name, "#e4f5a8", dice.uniform(0, 0.22))
        cx, cy = x + dice.gauss(0, size * 1.5), y + dice.gauss(0, size * 0.7)
        painter.save()
        painter.translate(cx, cy)
        painter.rotate(dice.uniform(-35, 35))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tone))
        painter.drawEllipse(QPointF(0, 0), size * dice.uniform(0.7, 1.3), size * 0.45)
        painter.restore()


def _rays(painter: QPainter, dice: random.Random) -> None:
    painter.save()
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Screen)
    for _ in range(11):
        x, width = dice.uniform(620, 1420), dice.uniform(18, 70)
        ray = QPainterPath(QPointF(x, -10))
        for px, py in ((x + width, -10), (x + width * 1.6 - 240, HEIGHT), (x - 260, HEIGHT)):
            ray.lineTo(px, py)
        gradient = QLinearGradient(0, 0, 0, 560)
        gradient.setColorAt(0, colour("#fffde0", dice.uniform(0.14, 0.36)))
        gradient.setColorAt(1, colour("#fffde0", 0))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.fillPath(ray, gradient)
    painter.restore()


def _tufts(painter: QPainter, dice: random.Random, curve: Curve, y: float, rough: float, name: str) -> None:
    for _ in range(420):
        x = dice.uniform(0, WIDTH)
        top = _mound(curve, y, rough, x)
        stroke(painter, mixed(name, "#d9f08a", dice.uniform(0.05, 0.6)), 1.4, 0.55)
        painter.drawLine(QPointF(x, top + 3), QPointF(x + dice.uniform(-4, 4), top - dice.uniform(2, 8)))


def _bridge(painter: QPainter) -> None:
    arch = QPainterPath(QPointF(850, 492))
    arch.quadTo(1000, 392, 1150, 492)
    stroke(painter, "#7d2f28", 13)
    painter.drawPath(arch)
    rail = QPainterPath(QPointF(842, 458))
    rail.quadTo(1000, 352, 1158, 458)
    stroke(painter, "#b5483a", 7)
    painter.drawPath(rail)
    for number in range(9):
        share = number / 8
        x = 846 + 308 * share
        lift = 4 * share * (1 - share) * 52
        painter.drawLine(QPointF(x, 490 - lift), QPointF(x, 452 - lift))


def _stones(painter: QPainter, dice: random.Random, y: float, number: int) -> None:
    for _ in range(6 - number):
        x, w = dice.uniform(0, WIDTH), dice.uniform(24, 58) * (1 + number * 0.3)
        stone = QPainterPath(QPointF(x - w, y + 26))
        stone.cubicTo(x - w * 1.05, y - w * 0.35, x - w * 0.4, y - w * 0.62, x, y - w * 0.56)
        stone.cubicTo(x + w * 0.6, y - w * 0.5, x + w * 1.05, y - w * 0.1, x + w, y + 26)
        fill(painter, stone, mixed("#9db48a", "#5d7a63", number / 2), "#27473a")
        moss = QPainterPath(QPointF(x - w * 0.8, y - w * 0.2))
        moss.cubicTo(x - w * 0.5, y - w * 0.62, x + w * 0.3, y - w * 0.62, x + w * 0.75, y - w * 0.24)
        moss.cubicTo(x + w * 0.3, y - w * 0.36, x - w * 0.3, y - w * 0.3, x - w * 0.8, y - w * 0.2)
        painter.fillPath(moss, QColor(mixed("#a8cf5a", "#4f8a3a", number / 2)))
