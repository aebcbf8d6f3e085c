"""The transfer card: the sources of the bytes over time, in total and by piece."""

from PySide6.QtWidgets import QWidget

from launcher import text
from launcher.page import Page
from launcher.state import RateSample
from launcher.views.layout import column, paragraph
from launcher.views.widgets import Legend, PieceMap, TransferGraph


class TransferPanel(QWidget):
    """A graph, a legend and a piece map."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = ""
        self._drawn: tuple[RateSample, ...] = ()
        self._graph = TransferGraph(text.rate, self)
        self._graph.setAccessibleName(self.tr("Download sources over time"))
        self._legend = Legend(self)
        self._caption = paragraph(parent=self, role="muted")
        self._map = PieceMap(self)
        self._map.setAccessibleName(self.tr("Pieces of the download"))
        column((self._graph, 1), self._legend, self._caption, self._map, spacing=8, parent=self)

    def show_page(self, page: Page) -> None:
        """Show a page that has a transfer."""
        self._draw(page)
        rates = page.rate_samples[-1] if page.rate_samples and page.progress else RateSample()
        result = page.result if not page.progress else None
        if result:
            got = result.fetched
            entries = {
                "players": self.tr("From players {size}").format(size=text.size(got.peer_bytes)),
                "server": self.tr("From server {size}").format(size=text.size(got.origin_bytes)),
                "lan": self.tr("Local network {size}").format(size=text.size(got.lan_bytes)),
                "upload": self.tr("To players {size}").format(size=text.size(result.uploaded_bytes)),
            }
        else:
            entries = {
                "players": self.tr("From players {rate}").format(rate=text.rate(rates.players_bps)),
                "server": self.tr("From server {rate}").format(rate=text.rate(rates.server_bps)),
                "lan": self.tr("Local network {rate}").format(rate=text.rate(rates.lan_bps)),
                "upload": self.tr("To players {rate}").format(rate=text.rate(rates.upload_bps)),
            }
        if not rates.lan_bps and not (page.result and page.result.fetched.lan_bytes):
            del entries["lan"]
        self._legend.set_entries(entries)
        pieces = page.progress.pieces if page.progress else ""
        self._map.setVisible(bool(pieces))
        self._map.set_pieces(pieces)
        self._caption.setVisible(bool(pieces))
        self._caption.setText(self.tr("Pieces by source"))

    def _draw(self, page: Page) -> None:
        """Add the new samples to the graph; start anew for another title or another job."""
        last = self._drawn[-1] if self._drawn else None
        known = next((number for number, sample in enumerate(page.rate_samples) if sample is last), -1)
        if page.title != self._title or known < 0:
            self._graph.clear()
        for sample in page.rate_samples[known + 1 :]:
            self._graph.add_sample(sample.players_bps, sample.server_bps, sample.upload_bps, sample.lan_bps)
        self._title, self._drawn = page.title, page.rate_samples
