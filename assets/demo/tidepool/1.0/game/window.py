"""The game's window: title, round, end; keyboard and mouse.

``--shot FILE`` plays by itself without a player for ``--seconds`` of the pool, saves what is seen and ends.
"""

import argparse
import random
import sys
from collections.abc import Sequence
from enum import Enum

from PySide6.QtCore import QElapsedTimer, QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QColor, QFont, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPixmap, QTransform
from PySide6.QtWidgets import QApplication, QWidget

from game import levels, paint
from game.pool import HEIGHT, WIDTH, Pool, Wish, pilot

_FRAME_MS, _CALM_FRAME_MS = 16, 50
_LONGEST_STEP_S = 0.05
_KEYS = {
    Qt.Key.Key_Left: -1, Qt.Key.Key_A: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_D: 1,
    Qt.Key.Key_Up: -1j, Qt.Key.Key_W: -1j, Qt.Key.Key_Down: 1j, Qt.Key.Key_S: 1j,
}  # fmt: skip


class Stage(Enum):
    """Where the game stands."""

    TITLE = "title"
    ROUND = "round"
    PAUSE = "pause"
    END = "end"


class Window(QWidget):
    """All of the game."""

    def __init__(self, release: levels.Release, seed: int | None = None) -> None:
        super().__init__()
        self._release, self._reef, self._dice = release, levels.reef(), random.Random(seed)
        self._level, self._best = len(release.levels) - 1, 0
        self._stage = Stage.TITLE
        self._held: set[int] = set()
        self._mouse: QPointF | None = None
        self._dash = False
        self._still = QPixmap()
        self._pool = self._new_pool()
        self._clock, self._timer = QElapsedTimer(), QTimer(self)
        self._timer.timeout.connect(self._tick)
        self.setWindowTitle(f"Tidepool {release.version}")
        self.resize(int(WIDTH), int(HEIGHT))
        self.setMinimumSize(480, 300)
        self.setMouseTracking(True)

    def start(self) -> None:
        """Let time pass."""
        self._clock.start()
        self._timer.start(_FRAME_MS)

    def play_alone(self, seconds: float) -> None:
        """A round without a player and without a clock."""
        self._stage = Stage.ROUND
        for _ in range(int(seconds / 0.02)):
            self._pool.step(0.02, pilot(self._pool))
            if self._pool.is_over:
                self._pool = self._new_pool()

    # ------------------------------------------------------------ time

    def _new_pool(self) -> Pool:
        self._still = QPixmap()
        return Pool(self._release.levels[self._level], self._release.dash, self._dice)

    def _tick(self) -> None:
        seconds = min(_LONGEST_STEP_S, self._clock.restart() / 1000)
        self._timer.setInterval(_FRAME_MS if self._stage is Stage.ROUND else _CALM_FRAME_MS)
        if self._stage is Stage.TITLE:
            self._pool.step(seconds, pilot(self._pool))
            if self._pool.is_over:
                self._pool = self._new_pool()
        elif self._stage is Stage.ROUND:
            self._pool.step(seconds, Wish(self._steer(), self._dash))
            self._dash = False
            if self._pool.is_over:
                self._stage, self._best = Stage.END, max(self._best, self._pool.score)
        self.update()

    def _steer(self) -> complex:
        if self._held:
            return complex(sum(_KEYS[Qt.Key(key)] for key in self._held))
        if self._mouse is None:
            return 0j
        way = complex(self._mouse.x(), self._mouse.y()) - self._pool.place
        return way / 70 if abs(way) > 10 else 0j

    def _begin(self) -> None:
        self._pool, self._stage, self._mouse = self._new_pool(), Stage.ROUND, None

    def _choose(self, step: int) -> None:
        self._level = (self._level + step) % len(self._release.levels)
        self._pool = self._new_pool()

    # ------------------------------------------------------------ hands

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows or WASD swim, Space dashes, Enter starts, P pauses, Escape goes back."""
        key = Qt.Key(event.key())
        if self._stage is Stage.ROUND and key in _KEYS:
            self._held.add(key)
        elif key == Qt.Key.Key_Escape:
            self._back()
        elif key == Qt.Key.Key_P and self._stage in {Stage.ROUND, Stage.PAUSE}:
            self._stage = Stage.PAUSE if self._stage is Stage.ROUND else Stage.ROUND
        elif self._stage is Stage.ROUND:
            self._dash = self._dash or key == Qt.Key.Key_Space
        else:
            self._menu_key(key)

    def _menu_key(self, key: Qt.Key) -> None:
        if self._stage is Stage.PAUSE:
            self._stage = Stage.ROUND
        elif key in {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space}:
            self._begin()
        elif key in {Qt.Key.Key_Left, Qt.Key.Key_Right}:
            self._choose(-1 if key == Qt.Key.Key_Left else 1)

    def _back(self) -> None:
        if self._stage is Stage.TITLE:
            self.close()
        else:
            self._stage, self._pool = Stage.TITLE, self._new_pool()
        self._held.clear()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """A held key let go."""
        if not event.isAutoRepeat():
            self._held.discard(event.key())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """The fish follows the pointer."""
        self._mouse = self._field().inverted()[0].map(event.position())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click starts, and dashes."""
        if self._stage is Stage.ROUND:
            self._dash = True
        elif self._stage is Stage.PAUSE:
            self._stage = Stage.ROUND
        else:
            self._begin()

    def closeEvent(self, event: QCloseEvent) -> None:
        """The end."""
        self._timer.stop()
        super().closeEvent(event)

    # ------------------------------------------------------------ picture

    def _field(self) -> QTransform:
        """From the pool to the window: as large as fits, in the middle."""
        scale = min(self.width() / WIDTH, self.height() / HEIGHT)
        left, top = (self.width() - WIDTH * scale) / 2, (self.height() - HEIGHT * scale) / 2
        return QTransform().translate(left, top).scale(scale, scale)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The pool, and what the stage writes over it."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(self._pool.level.palette.water[2]))
        painter.setTransform(self._field())
        painter.setClipRect(QRectF(0, 0, WIDTH, HEIGHT))
        painter.drawPixmap(QRectF(0, 0, WIDTH, HEIGHT), self._scene(), QRectF(self._still.rect()))
        paint.weed(painter, self._pool.level.palette, self._reef, self._pool.time_s)
        paint.living(painter, self._pool)
        self._write(painter)
        painter.end()

    def _scene(self) -> QPixmap:
        ratio = self.devicePixelRatioF() * self._field().m11()
        size = (round(WIDTH * ratio), round(HEIGHT * ratio))
        if (self._still.width(), self._still.height()) != size:
            self._still = QPixmap(*size)
            painter = QPainter(self._still)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.scale(ratio, ratio)
            paint.scene(painter, self._pool.level.palette, self._reef)
            painter.end()
        return self._still

    def _write(self, painter: QPainter) -> None:
        if self._stage is Stage.TITLE:
            self._write_title(painter)
            return
        _text(painter, QRectF(24, 16, 400, 40), f"{self._pool.score}", 30, left=True)
        _text(
            painter,
            QRectF(24, 52, 400, 24),
            f"a shoal of {len(self._pool.shoal) + 1}" if self._pool.shoal else "alone",
            15,
            left=True,
        )
        self._write_time(painter)
        if self._stage is Stage.PAUSE:
            _veil(painter)
            _text(painter, QRectF(0, 250, WIDTH, 70), "Paused", 52)
            _text(painter, QRectF(0, 325, WIDTH, 30), "any key goes on", 18)
        if self._stage is Stage.END:
            _veil(painter)
            words = "The tide is in" if self._pool.left_s == 0 else "Alone again"
            _text(painter, QRectF(0, 190, WIDTH, 60), words, 46)
            _text(painter, QRectF(0, 255, WIDTH, 70), f"{self._pool.score}", 64)
            _text(painter, QRectF(0, 335, WIDTH, 30), f"best {self._best}", 20)
            _text(painter, QRectF(0, 400, WIDTH, 30), "Enter: once more · Esc: back", 18)

    def _write_time(self, painter: QPainter) -> None:
        share = self._pool.left_s / self._pool.level.seconds
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(paint.colour("#04121f", 0.45))
        painter.drawRoundedRect(QRectF(WIDTH - 244, 24, 220, 12), 6, 6)
        painter.setBrush(QColor(self._pool.level.palette.pearl if share > 0.2 else "#ff7a5c"))
        painter.drawRoundedRect(QRectF(WIDTH - 244, 24, max(12.0, 220 * share), 12), 6, 6)
        _text(painter, QRectF(WIDTH - 244, 42, 220, 24), self._pool.level.name, 15, right=True)

    def _write_title(self, painter: QPainter) -> None:
        _veil(painter, 0.28)
        _text(painter, QRectF(0, 140, WIDTH, 110), "TIDEPOOL", 92)
        _text(painter, QRectF(0, 246, WIDTH, 32), f"‹  {self._pool.level.name}  ›", 24)
        if self._release.news:
            self._write_news(painter)
        start = "Enter or click to swim · arrows or mouse steer · gather pearls, keep away from spines"
        _text(painter, QRectF(0, HEIGHT - 96, WIDTH, 26), start, 17)
        _text(painter, QRectF(0, HEIGHT - 66, WIDTH, 24), f"version {self._release.version}", 15)

    def _write_news(self, painter: QPainter) -> None:
        box = QRectF(WIDTH / 2 - 190, 296, 380, 38)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._pool.level.palette.pearl))
        painter.drawRoundedRect(box, 19, 19)
        _text(painter, box, self._release.news, 17, ink="#081030")


def _veil(painter: QPainter, alpha: float = 0.5) -> None:
    painter.fillRect(QRectF(0, 0, WIDTH, HEIGHT), paint.colour("#03101c", alpha))


def _text(
    painter: QPainter, box: QRectF, text: str, size: int, *, left: bool = False, right: bool = False,
    ink: str = "#ffffff",
) -> None:  # fmt: skip
    font = QFont(painter.font())
    font.setPixelSize(size)
    font.setBold(size > 16)
    font.setLetterSpacing(QFont.SpacingType.PercentageSpacing, 108 if size > 60 else 100)
    painter.setFont(font)
    side = (
        Qt.AlignmentFlag.AlignLeft if left else Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignHCenter
    )
    flags = int(side | Qt.AlignmentFlag.AlignVCenter)
    if ink == "#ffffff":
        painter.setPen(paint.colour("#03101c", 0.5))
        painter.drawText(box.translated(0, max(1.0, size / 24)), flags, text)
    painter.setPen(QColor(ink))
    painter.drawText(box, flags, text)


def main(argv: Sequence[str]) -> int:
    """Play; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tidepool", description="Gather pearls, grow a shoal, before the tide is in.")
    parser.add_argument("--shot", metavar="FILE", help="play alone, save a picture, end")
    parser.add_argument("--seconds", type=float, default=12.0, help="how long --shot plays; 0 is the title")
    wanted = parser.parse_args(argv)
    app = QApplication([sys.argv[0]])
    app.setApplicationName("Tidepool")
    window = Window(levels.load(), seed=5 if wanted.shot else None)
    if wanted.shot:
        if wanted.seconds:
            window.play_alone(wanted.seconds)
        return 0 if window.grab().save(wanted.shot) else 1
    window.show()
    window.start()
    return app.exec()
