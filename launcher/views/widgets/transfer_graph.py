"""Where bytes come from, over time."""

from collections.abc import Callable

from PySide6.QtCore import QSize
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QLabel, QWidget

from launcher.views.widgets.paint import stub


class TransferGraph(QLabel):
    """Stacked areas of what comes in (server, network nearby, players), a line for what goes out; 120 samples."""

    def __init__(self, rate_text: Callable[[float], str], parent: QWidget | None = None) -> None:
        """``rate_text`` writes bytes per second for people; it labels the scale."""
        super().__init__(parent)

    def add_sample(self, players_bps: float, server_bps: float, upload_bps: float, lan_bps: float = 0.0) -> None:
        """One more at the right end (left, mirrored). Call once a second or so."""

    def clear(self) -> None:
        """Nothing yet."""

    def sizeHint(self) -> QSize:
        return QSize(486, 150)

    def paintEvent(self, event: QPaintEvent) -> None:
        stub(self, "graph")
