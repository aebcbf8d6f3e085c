"""Where bytes come from: over time, in sum, and piece by piece."""

from PySide6.QtWidgets import QVBoxLayout, QWidget

from launcher import text
from launcher.page import Page
from launcher.state import Flow
from launcher.views.facts import line
from launcher.views.widgets import Legend, PieceMap, TransferGraph


class Transfer(QWidget):
    """The body of the card."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = ""
        self._drawn: tuple[Flow, ...] = ()
        self._graph = TransferGraph(text.rate, self)
        self._graph.setAccessibleName(self.tr("Where bytes come from, over time"))
        self._legend = Legend(self)
        self._caption = line(parent=self, role="muted")
        self._map = PieceMap(self)
        self._map.setAccessibleName(self.tr("Pieces of the download"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self._graph, 1)
        for widget in (self._legend, self._caption, self._map):
            layout.addWidget(widget)

    def show_page(self, page: Page) -> None:
        """Follow a page."""
        self._draw(page)
        flow = page.flows[-1] if page.flows and page.progress else Flow()
        entries = {
            "players": self.tr("From players {rate}").format(rate=text.rate(flow.players_bps)),
            "server": self.tr("From server {rate}").format(rate=text.rate(flow.server_bps)),
            "lan": self.tr("Local network {rate}").format(rate=text.rate(flow.lan_bps)),
            "upload": self.tr("To players {rate}").format(rate=text.rate(flow.upload_bps)),
        }
        if page.result and not page.progress:
            got = page.result.fetched
            entries = {
                "players": self.tr("From players {size}").format(size=text.size(got.peer_bytes)),
                "server": self.tr("From server {size}").format(size=text.size(got.origin_bytes)),
                "lan": self.tr("Local network {size}").format(size=text.size(got.lan_bytes)),
                "upload": self.tr("To players {size}").format(size=text.size(page.result.uploaded_bytes)),
            }
        if not flow.lan_bps and not (page.result and page.result.fetched.lan_bytes):
            del entries["lan"]
        self._legend.set_entries(entries)
        pieces = page.progress.pieces if page.progress else ""
        self._map.setVisible(bool(pieces))
        self._map.set_pieces(pieces)
        self._caption.setVisible(bool(pieces))
        self._caption.setText(self.tr("Pieces, by where they came from"))

    def _draw(self, page: Page) -> None:
        """Only what is new is drawn, unless it is another page or another job."""
        last = self._drawn[-1] if self._drawn else None
        known = next((i for i, flow in enumerate(page.flows) if flow is last), -1)
        if page.title != self._title or known < 0:
            self._graph.clear()
        for flow in page.flows[known + 1 :]:
            self._graph.add_sample(flow.players_bps, flow.server_bps, flow.upload_bps, flow.lan_bps)
        self._title, self._drawn = page.title, page.flows
