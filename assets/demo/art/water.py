"""Pictures of water: a tide pool with a shoal of fish, and a calm evening sea."""

import math
import random
from functools import partial

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPainterPath, QPolygonF

from assets.demo.art.brush import HEIGHT, WIDTH, Curve, colour, dot, fill, glow, mixed, noise, ridge, sky, stroke

SUN = (1010.0, -60.0)
HEART = (960.0, 285.0)


def tidepool(painter: QPainter, dice: random.Random) -> None:
    """Looking into a pool at low tide: light from above, a shoal turning in it, rocks and weed around."""
    sky(painter, [(0, "#4fd0c8"), (0.22, "#1d9fae"), (0.55, "#0b5f7c"), (1, "#052a44")])
    glow(painter, *SUN, 900, "#bff7e0", 0.75)
    glow(painter, *SUN, 380, "#fffbe0", 0.9)
    _shafts(painter, dice)
    _reef(painter, dice, 430, 60, 300, "#10708a", "#0a4a66")
    _weed(painter, dice, range(40, 620, 46), "#0e5f74", 0.75, 0.75)
    _shoal(painter, dice, 0.5, 130, 0.55)
    glow(painter, HEART[0], HEART[1], 360, "#8ff0e0", 0.35)
    _shoal(painter, dice, 1.0, 230, 1.0)
    _reef(painter, dice, 520, 52, 230, "#0b4c63", "#052c42")
    _floor(painter, dice)
    _weed(painter, dice, [*range(-10, 300, 44), *range(1340, 1620, 40)], "#04283a", 1.2, 1.0)
    rocks, rough = noise(dice, 120, 4, 0.5), noise(dice, 60, 2)
    near = ridge(lambda x: 672 - _bowl(x) * 150 + rocks(x) * 16 + abs(rough(x)) * -10)
    fill(painter, near, "#073a50", "#021824")
    _stars(painter, dice)
    for _ in range(120):
        x, y = dice.uniform(0, WIDTH), dice.uniform(20, HEIGHT)
        dot(painter, x, y, dice.uniform(0.6, 2.0), "#d8fff4", dice.uniform(0.1, 0.5))
    for _ in range(26):
        _bubble(painter, 1240 + dice.gauss(0, 60), dice.uniform(60, 560), dice.uniform(3, 11))


def _shafts(painter: QPainter, dice: random.Random) -> None:
    painter.save()
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Screen)
    for _ in range(17):
        angle, spread = dice.uniform(-0.75, 0.85), dice.uniform(0.012, 0.05)
        far = 980.0
        ends = [
            QPointF(SUN[0] + far * math.sin(a), SUN[1] + far * math.cos(a)) for a in (angle - spread, angle + spread)
        ]
        gradient = QLinearGradient(
            QPointF(*SUN), QPointF(SUN[0] + far * math.sin(angle), SUN[1] + far * math.cos(angle))
        )
        gradient.setColorAt(0, colour("#eafff0", dice.uniform(0.12, 0.34)))
        gradient.setColorAt(0.85, colour("#7fe8da", 0))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(gradient)
        painter.drawPolygon(QPolygonF([QPointF(*SUN), *ends]))
    painter.restore()


def _reef(painter: QPainter, dice: random.Random, y: float, rough: float, period: float, top: str, low: str) -> None:
    rise, rocks = noise(dice, period, 5, 0.48), noise(dice, 90, 3)
    fill(painter, ridge(lambda x: y - _bowl(x) * 190 + rise(x) * rough + abs(rocks(x)) * -16), top, low)


def _bowl(x: float) -> float:
    """The pool's rim: high at both ends of the picture, low around the shoal."""
    return float(min(1.0, (abs(x - HEART[0]) / 900) ** 2.2))


def _floor(painter: QPainter, dice: random.Random) -> None:
    sand = noise(dice, 420, 4)
    floor = ridge(lambda x: 588 + sand(x) * 14 - _bowl(x) * 90)
    fill(painter, floor, "#2c8a8c", "#083650")
    painter.save()
    painter.setClipPath(floor)
    glow(painter, HEART[0], 600, 420, "#c8f2c8", 0.5)
    for _ in range(46):  # the net of light on the sand
        x, y = dice.gauss(HEART[0], 260), dice.uniform(592, 640)
        stroke(painter, "#e6ffe6", dice.uniform(0.8, 2.0), dice.uniform(0.08, 0.3))
        path = QPainterPath(QPointF(x, y))
        path.cubicTo(x + 22, y - 9, x + 44, y + 9, x + dice.uniform(50, 90), y)
        painter.drawPath(path)
    painter.restore()


def _weed(
    painter: QPainter, dice: random.Random, xs: "range | list[int]", name: str, size: float, alpha: float
) -> None:
    for x in xs:
        height, lean, swing = dice.uniform(150, 400) * size, dice.uniform(-30, 70), dice.uniform(0, math.tau)
        steps = 22
        stem = []
        for step in range(steps + 1):
            share = step / steps
            wave = math.sin(share * 6 + swing) * 16 * share * size
            stem.append(QPointF(x + lean * share * share + wave, HEIGHT + 6 - height * share))
        stroke(painter, name, 3.2 * size, alpha)
        painter.drawPolyline(stem)
        for index, point in enumerate(stem[3:], 3):
            reach = (34 * size) * (1.15 - index / steps) + 9
            turn = 1 if index % 2 else -1
            droop = dice.uniform(-6, 10)
            leaf = QPainterPath(point)
            bends = ((0.3, -9), (0.8, -13), (1.25, -11), (0.8, -1), (0.3, 5))
            one, two, tip, three, four = (point + QPointF(turn * reach * along, up * size) for along, up in bends)
            leaf.cubicTo(one, two, tip + QPointF(0, droop))
            leaf.cubicTo(three, four, point)
            painter.fillPath(leaf, colour(name, alpha))


def _shoal(painter: QPainter, dice: random.Random, size: float, count: int, alpha: float) -> None:
    """Fish on a turning ring, seen from a little above; those behind are smaller and paler."""
    fish = []
    for _ in range(count):
        angle = dice.uniform(0, math.tau)
        radius = dice.gauss(1, 0.16) * (1 + 0.12 * math.sin(angle * 3))
        depth = math.sin(angle)
        x = HEART[0] + math.cos(angle) * 300 * radius * (0.65 + 0.35 * size)
        y = HEART[1] + depth * 92 * radius + math.cos(angle) * -62 + dice.gauss(0, 15)
        heading = math.atan2(math.cos(angle) * 92 + math.sin(angle) * 62, -math.sin(angle) * 300)
        fish.append((depth, x, y, heading + dice.gauss(0, 0.12)))
    for depth, x, y, heading in sorted(fish):
        near = 0.62 + 0.38 * depth
        _fish(painter, x, y, heading, (13 + 10 * near) * size, near, alpha)


def _fish(painter: QPainter, x: float, y: float, heading: float, length: float, near: float, alpha: float) -> None:
    painter.save()
    painter.translate(x, y)
    painter.rotate(math.degrees(heading))
    if math.cos(heading) < 0:
        painter.scale(1, -1)
    body = QPainterPath(QPointF(length, 0))
    body.cubicTo(length * 0.5, -length * 0.42, -length * 0.3, -length * 0.34, -length * 0.75, 0)
    body.cubicTo(-length * 0.3, length * 0.34, length * 0.5, length * 0.42, length, 0)
    tail = QPainterPath(QPointF(-length * 0.62, 0))
    tail.quadTo(-length * 0.95, -length * 0.12, -length * 1.25, -length * 0.4)
    tail.quadTo(-length * 1.02, 0, -length * 1.25, length * 0.4)
    tail.quadTo(-length * 0.95, length * 0.12, -length * 0.62, 0)
    dark, light = mixed("#0d5a72", "#0a3f58", near), mixed("#7fd9d0", "#f4fff2", near)
    fade = alpha * (0.55 + 0.45 * near)
    painter.fillPath(tail, colour(dark, fade))
    gradient = QLinearGradient(0, -length * 0.34, 0, length * 0.3)
    for at, name in ((0, dark), (0.42, mixed(dark, light, 0.55)), (0.6, light), (1, mixed(light, dark, 0.35))):
        gradient.setColorAt(at, colour(name, fade))
    painter.fillPath(body, gradient)
    dot(painter, length * 0.62, -length * 0.05, length * 0.07, "#04222f", fade)
    painter.restore()


def _stars(painter: QPainter, dice: random.Random) -> None:
    for x, y, size, name in ((1215, 588, 30, "#f0785a"), (1290, 606, 19, "#f4a259"), (690, 606, 20, "#e8635f")):
        arm = QPainterPath()
        turn = -math.pi / 2 + dice.uniform(-0.3, 0.3)
        for step in range(11):
            reach = size if step % 2 == 0 else size * 0.4
            angle = turn + step * math.pi / 5
            point = QPointF(x + math.cos(angle) * reach, y + math.sin(angle) * reach * 0.62)
            if step:
                arm.lineTo(point)
            else:
                arm.moveTo(point)
        painter.fillPath(arm, QColor(name))
        stroke(painter, name, size * 0.28)
        painter.drawPath(arm)
        dot(painter, x, y - 1, size * 0.12, "#ffe3c4", 0.8)


def _bubble(painter: QPainter, x: float, y: float, radius: float) -> None:
    stroke(painter, "#e6fffa", 1.3, 0.55)
    painter.drawEllipse(QPointF(x, y), radius, radius)
    dot(painter, x - radius * 0.35, y - radius * 0.35, radius * 0.22, "#ffffff", 0.7)


def low_water(painter: QPainter, dice: random.Random) -> None:
    """An album cover: a pale sun over still water whose ripples are the shape of a sound."""
    sky(painter, [(0, "#27324f"), (0.3, "#7a5d78"), (0.47, "#e39a7b"), (0.56, "#f7c99a"), (1, "#f7c99a")])
    sun_x, line = 1000.0, 372.0
    glow(painter, sun_x, line - 60, 430, "#ffb98a", 0.7)
    dot(painter, sun_x, line - 96, 118, "#fff0d2")
    for y, height, far, near in ((line - 4, 44, "#b98490", "#a9727f"), (line, 26, "#8d5f74", "#7a4f68")):
        hills = noise(dice, 340, 5, 0.45)
        fill(painter, ridge(partial(_hills, hills, y, height), line), far, near)
    sea = QLinearGradient(0, line, 0, HEIGHT)
    for at, name in ((0, "#f1b68c"), (0.25, "#b77a7f"), (0.65, "#51486b"), (1, "#1d2340")):
        sea.setColorAt(at, QColor(name))
    painter.fillRect(QRectF(0, line, WIDTH, HEIGHT - line), sea)
    _waveform(painter, dice, sun_x, line)
    for _ in range(9):
        x, y, size = dice.uniform(560, 860), dice.uniform(110, 250), dice.uniform(7, 13)
        stroke(painter, "#2a2440", 2.2, 0.8)
        wings = QPainterPath(QPointF(x - size, y - size * 0.3))
        wings.quadTo(x - size * 0.3, y - size * 0.55, x, y)
        wings.quadTo(x + size * 0.3, y - size * 0.55, x + size, y - size * 0.3)
        painter.drawPath(wings)


def _hills(curve: Curve, y: float, height: float, x: float) -> float:
    return y - max(0.0, curve(x) * height + height * 0.3)


def _waveform(painter: QPainter, dice: random.Random, sun_x: float, line: float) -> None:
    loud = noise(dice, 60, 3)
    for step in range(44):
        y = line + 5 + step * step * 0.062 + step * 3.1
        share = step / 44
        half = (34 + 190 * abs(math.sin(step * 0.5 + loud(step * 31)))) * (0.6 + 0.75 * share)
        stroke(painter, mixed("#fff1d6", "#f2a98a", share), 3.6 - share * 1.1, 0.95 - 0.55 * share)
        painter.drawLine(QPointF(sun_x - half, y), QPointF(sun_x + half, y))
        stroke(painter, "#ffe7cf", 1.2, 0.16)
        for _ in range(5):
            x, width = dice.uniform(0, WIDTH), dice.uniform(30, 160)
            painter.drawLine(QPointF(x, y + dice.uniform(-3, 3)), QPointF(x + width, y))
