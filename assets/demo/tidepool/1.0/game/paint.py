"""Paints a pool with QPainter: the still scene once, then everything that moves."""

import cmath
import math
import random

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPainterPath, QPen, QPolygonF, QRadialGradient

from game.levels import Palette
from game.pool import FLOOR, HEIGHT, WIDTH, Hazard, Pool

_SUN = QPointF(WIDTH * 0.66, -70)


def colour(name: str, alpha: float = 1.0) -> QColor:
    """``#rrggbb`` with an opacity from 0 to 1."""
    made = QColor(name)
    made.setAlphaF(max(0.0, min(1.0, alpha)))
    return made


def point(place: complex) -> QPointF:
    """A place of the pool for Qt."""
    return QPointF(place.real, place.imag)


def shine(painter: QPainter, place: complex, radius: float, name: str, strength: float) -> None:
    """Light that fades to nothing at ``radius``."""
    gradient = QRadialGradient(point(place), radius)
    for step in range(6):
        gradient.setColorAt(step / 5, colour(name, strength * (1 - step / 5) ** 2))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(gradient)
    painter.drawEllipse(point(place), radius, radius)


def _down(top: float, bottom: float, names: tuple[str, ...]) -> QLinearGradient:
    gradient = QLinearGradient(0, top, 0, bottom)
    for number, name in enumerate(names):
        gradient.setColorAt(number / (len(names) - 1), QColor(name))
    return gradient


def _pen(painter: QPainter, name: str, width: float, alpha: float = 1.0) -> None:
    painter.setPen(QPen(colour(name, alpha), width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.setBrush(Qt.BrushStyle.NoBrush)


# ---------------------------------------------------------------- the still scene


def scene(painter: QPainter, palette: Palette, reef: bytes) -> None:
    """Water, light, rocks, sand; ``reef`` is where its details are."""
    dice = random.Random(reef)
    painter.fillRect(QRectF(0, 0, WIDTH, HEIGHT), _down(0, HEIGHT, palette.water))
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Screen)
    shine(painter, complex(_SUN.x(), _SUN.y()), 520, palette.light, 0.8)
    for _ in range(12):
        angle, spread = dice.uniform(-0.8, 0.8), dice.uniform(0.015, 0.05)
        ends = [_SUN + QPointF(math.sin(a), math.cos(a)) * 760 for a in (angle - spread, angle + spread)]
        gradient = QLinearGradient(_SUN, (ends[0] + ends[1]) / 2)
        gradient.setColorAt(0, colour(palette.light, dice.uniform(0.1, 0.3)))
        gradient.setColorAt(0.9, colour(palette.light, 0))
        painter.setBrush(gradient)
        painter.drawPolygon(QPolygonF([_SUN, *ends]))
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
    for base, rough, name, alpha in ((FLOOR - 90, 60, palette.rock[0], 0.65), (FLOOR - 34, 46, palette.rock[1], 0.9)):
        painter.fillPath(_rocks(dice, base, rough), colour(name, alpha))
    painter.fillPath(_rocks(dice, FLOOR + 6, 9), _down(FLOOR, HEIGHT, palette.sand))
    _pebbles(painter, palette, dice)


def _rocks(dice: random.Random, base: float, rough: float) -> QPainterPath:
    waves = [(dice.uniform(0.003, 0.02), dice.uniform(0, math.tau), dice.uniform(0.3, 1)) for _ in range(6)]
    path = QPainterPath(QPointF(-5, HEIGHT + 5))
    for x in range(-5, int(WIDTH) + 10, 5):
        rim = (abs(x - WIDTH / 2) / (WIDTH / 2)) ** 3 * rough * 2.4
        rise = sum(math.sin(x * f + p) * s for f, p, s in waves) / 3
        path.lineTo(x, base - rim - rise * rough)
    path.lineTo(WIDTH + 5, HEIGHT + 5)
    return path


def _pebbles(painter: QPainter, palette: Palette, dice: random.Random) -> None:
    for _ in range(70):
        x, y, size = dice.uniform(0, WIDTH), dice.uniform(FLOOR + 20, HEIGHT), dice.uniform(2, 9)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(palette.rock[1], dice.uniform(0.25, 0.6)))
        painter.drawEllipse(QPointF(x, y), size, size * 0.55)
        painter.setBrush(colour(palette.light, 0.12))
        painter.drawEllipse(QPointF(x - size * 0.2, y - size * 0.2), size * 0.5, size * 0.2)


def weed(painter: QPainter, palette: Palette, reef: bytes, time_s: float) -> None:
    """Weed at both sides, swaying."""
    for number in range(26):
        seed = reef[number * 3 % len(reef)] / 255
        side = number / 26
        x = side * 420 - 30 if number % 2 else WIDTH + 30 - side * 420
        height, steps = 60 + seed * 170 * (1.15 - side * 0.6), 12
        line = []
        for step in range(steps + 1):
            share = step / steps
            sway = math.sin(time_s * 1.1 + seed * 9 + share * 3) * 20 * share * share
            line.append(QPointF(x + sway + math.sin(share * 6 + seed * 7) * 6, HEIGHT - 12 - height * share))
        _pen(painter, palette.weed[number % 2], 3.4, 0.9)
        painter.drawPolyline(line)
        for index, at in enumerate(line[2:]):
            turn = 1 if index % 2 else -1
            leaf = QPainterPath(at)
            reach = 16 - index * 0.7
            leaf.quadTo(at + QPointF(turn * reach * 0.6, -9), at + QPointF(turn * reach * 1.3, -5))
            leaf.quadTo(at + QPointF(turn * reach * 0.6, 3), at)
            painter.fillPath(leaf, colour(palette.weed[number % 2], 0.9))


# ---------------------------------------------------------------- what lives


def living(painter: QPainter, pool: Pool) -> None:
    """Pearls, hazards, the shoal, the fish, sparks."""
    palette, glow = pool.level.palette, pool.level.glow
    for pearl in pool.pearls:
        size = min(1.0, pearl.age_s * 3) * (1 + 0.08 * math.sin(pool.time_s * 3 + pearl.place.real))
        shine(painter, pearl.place, 34 * size, palette.pearl, 0.25 + 0.5 * glow)
        _pearl(painter, pearl.place, 8.5 * size, palette.pearl)
    for hazard in pool.hazards:
        {"urchin": _urchin, "crab": _crab, "jelly": _jelly}[hazard.kind](painter, hazard, pool.time_s)
    for fish in reversed(pool.shoal):
        if glow > 0.5:
            shine(painter, fish.place, 22, palette.shoal[1], 0.3)
        heading = cmath.phase(fish.speed) if abs(fish.speed) > 4 else pool.heading
        _fish(painter, fish.place, heading, 12, palette.shoal, pool.time_s * 14 + fish.place.real)
    if pool.dash_s:
        shine(painter, pool.place, 80, palette.pearl, 0.7)
    elif glow > 0.5:
        shine(painter, pool.place, 60, palette.fish[0], 0.45)
    if not pool.calm_s or int(pool.calm_s * 12) % 2 or pool.time_s < 1.6:
        _fish(painter, pool.place, pool.heading, 24, palette.fish, pool.time_s * 12)
    _sparks(painter, pool)


def _pearl(painter: QPainter, place: complex, radius: float, name: str) -> None:
    if radius < 0.5:
        return
    gradient = QRadialGradient(point(place - complex(radius, radius) * 0.35), radius * 1.5)
    for at, shade in ((0, QColor("#ffffff")), (0.45, QColor(name)), (1, QColor(name).darker(170))):
        gradient.setColorAt(at, shade)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(gradient)
    painter.drawEllipse(point(place), radius, radius)


def _fish(
    painter: QPainter, place: complex, heading: float, size: float, names: tuple[str, str], beat: float
) -> None:  # fmt: skip
    painter.save()
    painter.translate(point(place))
    painter.rotate(math.degrees(heading))
    if math.cos(heading) < 0:
        painter.scale(1, -1)
    flap = math.sin(beat) * size * 0.28
    tail = QPainterPath(QPointF(-size * 0.6, 0))
    tail.quadTo(-size, flap * 0.4, -size * 1.35, -size * 0.5 + flap)
    tail.quadTo(-size * 1.1, flap, -size * 1.35, size * 0.5 + flap)
    tail.quadTo(-size, flap * 0.4, -size * 0.6, 0)
    painter.fillPath(tail, QColor(names[0]))
    fin = QPainterPath(QPointF(size * 0.2, -size * 0.3))
    fin.quadTo(-size * 0.2, -size * 0.85, -size * 0.55, -size * 0.2)
    painter.fillPath(fin, QColor(names[0]).darker(112))
    body = QPainterPath(QPointF(size, 0))
    body.cubicTo(size * 0.5, -size * 0.6, -size * 0.4, -size * 0.48, -size * 0.8, 0)
    body.cubicTo(-size * 0.4, size * 0.5, size * 0.5, size * 0.6, size, 0)
    gradient = QLinearGradient(0, -size * 0.45, 0, size * 0.45)
    gradient.setColorAt(0.2, QColor(names[0]))
    gradient.setColorAt(0.75, QColor(names[1]))
    painter.fillPath(body, gradient)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor("#ffffff"))
    painter.drawEllipse(QPointF(size * 0.55, -size * 0.1), size * 0.15, size * 0.15)
    painter.setBrush(QColor("#0a1c2c"))
    painter.drawEllipse(QPointF(size * 0.59, -size * 0.1), size * 0.085, size * 0.085)
    painter.restore()


def _urchin(painter: QPainter, hazard: Hazard, time_s: float) -> None:
    for number in range(22):
        angle = number * math.tau / 22 + hazard.phase + math.sin(time_s + number) * 0.04
        _pen(painter, "#2a1430" if number % 2 else "#4a2350", 2.4)
        painter.drawLine(
            point(hazard.place), point(hazard.place + cmath.rect(hazard.radius * (1.25 - number % 3 * 0.12), angle))
        )
    _pearl(painter, hazard.place, hazard.radius * 0.62, "#6a2f72")


def _crab(painter: QPainter, hazard: Hazard, time_s: float) -> None:
    red, dark = "#ee5d4a", "#a83328"
    place, size = hazard.place, hazard.radius
    step = math.sin(time_s * 11)
    for side in (-1, 1):
        for number in range(3):
            knee = place + complex(side * size * (0.75 + number * 0.18), -size * 0.1 + number * 5 + step * side * 2)
            _pen(painter, dark, 3.2)
            painter.drawPolyline([point(place), point(knee), point(knee + complex(side * 7, 12))])
        claw = place + complex(side * size * 1.1, -size * 0.75 + step * 2)
        painter.drawLine(point(place + complex(side * size * 0.6, -4)), point(claw))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(red))
        painter.drawPie(QRectF(claw.real - 10, claw.imag - 10, 20, 20), (20 if side > 0 else 100) * 16, 290 * 16)
        painter.setBrush(QColor("#fff6ea"))
        painter.drawEllipse(point(place + complex(side * 8, -size * 0.72)), 4.6, 4.6)
        painter.setBrush(QColor("#1c0d10"))
        painter.drawEllipse(point(place + complex(side * 8, -size * 0.72)), 2.2, 2.2)
    shell = QRectF(place.real - size * 0.85, place.imag - size * 0.55, size * 1.7, size * 1.05)
    painter.setBrush(_down(shell.top(), shell.bottom(), ("#ff8f73", red, dark)))
    painter.drawEllipse(shell)


def _jelly(painter: QPainter, hazard: Hazard, time_s: float) -> None:
    place, size = hazard.place, hazard.radius
    pulse = 1 + 0.14 * math.sin(time_s * 3 + hazard.phase)
    shine(painter, place, size * 3, "#c58bff", 0.5)
    for number in range(7):
        x = place.real + (number - 3) * size * 0.22
        arm = QPainterPath(QPointF(x, place.imag))
        sway = math.sin(time_s * 2 + number + hazard.phase) * 10
        arm.cubicTo(
            x + sway, place.imag + 22, x - sway, place.imag + 40, x + sway, place.imag + 62 - abs(number - 3) * 6
        )
        _pen(painter, "#e3c2ff", 2.2, 0.7)
        painter.drawPath(arm)
    bell = QPainterPath(QPointF(place.real - size * pulse, place.imag + 4))
    bell.cubicTo(
        place.real - size * pulse, place.imag - size * 1.35, place.real + size * pulse, place.imag - size * 1.35,
        place.real + size * pulse, place.imag + 4,
    )  # fmt: skip
    bell.quadTo(place.real, place.imag + 14, place.real - size * pulse, place.imag + 4)
    gradient = _down(place.imag - size, place.imag + 10, ("#f3dcff", "#b377ff"))
    painter.setOpacity(0.85)
    painter.fillPath(bell, gradient)
    painter.setOpacity(1)


def _sparks(painter: QPainter, pool: Pool) -> None:
    font = painter.font()
    font.setPixelSize(22)
    font.setBold(True)
    painter.setFont(font)
    for spark in pool.sparks:
        painter.setPen(Qt.PenStyle.NoPen)
        if spark.text:
            painter.setPen(colour("#ffffff", min(1.0, spark.left_s * 2)))
            painter.drawText(point(spark.place), spark.text)
        else:
            painter.setBrush(colour(pool.level.palette.pearl, min(1.0, spark.left_s * 2)))
            painter.drawEllipse(point(spark.place), 3, 3)
