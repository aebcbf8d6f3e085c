"""A graph of the transfer rates by source over time."""

import itertools
import math
from collections.abc import Callable, Sequence

from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPainterPath, QPaintEvent, QPen

from launcher import theme
from launcher.views.widgets import paint
from launcher.views.widgets.painted import Graphic

Sample = tuple[float, float, float, float]
"""Rates in bytes per second: server, local network, players, upload."""
_MIN_STEPS = 40
_TOP = 20
"""Height of the label of the scale."""
_MIN_SCALE_BPS = 100_000.0


class TransferGraph(Graphic):
    """Stacked areas for the sources and a line for the upload."""

    def __init__(self, rate_text: Callable[[float], str]) -> None:
        """``rate_text`` formats bytes per second for the label of the scale."""
        super().__init__(QSize(486, 150))
        self._rate_text = rate_text
        self._samples: Sequence[Sample] = ()

    def set_samples(self, samples: Sequence[Sample]) -> None:
        """Show samples, about one a second; the newest, which is the last, is at the right end (left if mirrored)."""
        if samples != self._samples:
            self._samples = samples
            self.update()

    def scale_bps(self) -> float:
        """The rate of the uppermost line: a round number above all samples."""
        peak = max((max(sum(sources), upload) for *sources, upload in self._samples), default=0.0) * 1.08
        peak = max(peak, _MIN_SCALE_BPS)
        power = 10.0 ** math.floor(math.log10(peak))
        return next(step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= peak)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens()
        plot = QRectF(0, _TOP, self.width(), self.height() - _TOP - 1)
        scale = self.scale_bps()
        with paint.begin(self) as painter:
            self._paint_grid(painter, plot, scale)
            if not self._samples:
                return
            painter.save()
            if self.isRightToLeft():
                painter.translate(self.width(), 0)
                painter.scale(-1, 1)
            painter.setClipRect(plot.adjusted(0, -2, 0, 1))
            stacks = [tuple(itertools.accumulate(sample[:3])) for sample in self._samples]
            for layer, colour in ((2, tokens.players), (1, tokens.lan), (0, tokens.server)):
                if any(sample[layer] for sample in self._samples):
                    upper = _points(plot, scale, [stack[layer] for stack in stacks])
                    lower = _points(plot, scale, [stack[layer - 1] if layer else 0.0 for stack in stacks])
                    self._paint_area(painter, upper, lower, colour)
            uploads = [upload for *_, upload in self._samples]
            if any(uploads):
                line = _smooth(_points(plot, scale, uploads))
                painter.strokePath(line, QPen(QColor(tokens.upload), 1.5))
            painter.restore()

    def _paint_grid(self, painter: QPainter, plot: QRectF, scale: float) -> None:
        tokens = theme.tokens()
        painter.setPen(QPen(QColor(tokens.border), 1))
        for part in range(4):
            y = math.floor(plot.top() + plot.height() * part / 3) + 0.5
            painter.drawLine(QLineF(plot.left(), y, plot.right(), y))
        label = QRectF(0, 0, self.width(), _TOP - 3)
        small = theme.font(tokens.small_px)
        paint.draw_text(painter, label, self._rate_text(scale), small, tokens.muted, paint.leading(self))

    def _paint_area(self, painter: QPainter, upper: Sequence[QPointF], lower: Sequence[QPointF], colour: str) -> None:
        edge = _smooth(upper)
        area = QPainterPath(edge)
        area.lineTo(lower[-1])
        area.connectPath(_smooth(lower[::-1]))
        area.closeSubpath()
        soft = QLinearGradient(0, min(point.y() for point in upper), 0, max(point.y() for point in lower) + 1)
        soft.setColorAt(0, paint.with_alpha(colour, 0.50))
        soft.setColorAt(1, paint.with_alpha(colour, 0.16))
        painter.fillPath(area, soft)
        painter.strokePath(edge, QPen(QColor(colour), 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))


def _points(plot: QRectF, scale: float, values: Sequence[float]) -> list[QPointF]:
    """Positions of the values: the newest at the right edge, with at least 40 steps across the plot."""
    step = plot.width() / (max(len(values), _MIN_STEPS) - 1)
    first = plot.right() - step * (len(values) - 1)
    rise = (plot.height() - 1) / scale
    return [QPointF(first + number * step, plot.bottom() - value * rise) for number, value in enumerate(values)]


def _smooth(points: Sequence[QPointF]) -> QPainterPath:
    """A curve through all points with horizontal tangents at each, so that it never overshoots."""
    path = QPainterPath(points[0])
    for before, after in itertools.pairwise(points):
        middle = (before.x() + after.x()) / 2
        path.cubicTo(QPointF(middle, before.y()), QPointF(middle, after.y()), after)
    return path
