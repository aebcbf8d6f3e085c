"""The transfer card: the sources of the bytes over time, in total and by piece."""

from PySide6.QtWidgets import QWidget

from launcher import text
from launcher.page import Page
from launcher.state import RateSample, rates_of
from launcher.views.widgets import Legend, PieceMap, Text, TransferGraph, column

_GRAPH = 48


class TransferPanel(QWidget):
    """A graph, a legend and a piece map."""

    def __init__(self) -> None:
        super().__init__()
        self._graph = TransferGraph(text.rate)
        self._graph.setMinimumHeight(_GRAPH)  # in a small window, the cells of the map are smaller
        self._graph.setAccessibleName(self.tr("Download sources over time"))
        self._legend = Legend()
        self._caption = Text(self.tr("Pieces by source"), "muted")
        self._map = PieceMap()
        self._map.setAccessibleName(self.tr("Pieces of the download"))
        column((self._graph, 1), self._legend, self._caption, self._map, spacing=8, parent=self)

    def show_page(self, page: Page) -> None:
        """Show a page that has a transfer."""
        self._graph.set_samples(page.rate_samples)
        self._legend.set_entries(self._entries(page))
        pieces = page.progress.pieces if page.progress else ""
        self._map.set_pieces(pieces)
        self._map.setVisible(bool(pieces))
        self._caption.setVisible(bool(pieces))

    def _entries(self, page: Page) -> dict[str, str]:
        """The rates by colour."""
        now = rates_of(page.progress) if page.progress else RateSample()
        players, server, lan, upload = map(text.rate, (now.players_bps, now.server_bps, now.lan_bps, now.upload_bps))
        entries = {
            "players": self.tr("From players {amount}").format(amount=players),
            "server": self.tr("From server {amount}").format(amount=server),
            "lan": self.tr("Local network {amount}").format(amount=lan),
            "upload": self.tr("To players {amount}").format(amount=upload),
        }
        return {colour: line for colour, line in entries.items() if colour != "lan" or now.lan_bps}
