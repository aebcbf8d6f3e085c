"""What several pages are built from: lists, banners of failures, tables of facts, pages that scroll."""

from collections.abc import Container

from PySide6.QtCore import QAbstractItemModel, QSize, Qt
from PySide6.QtWidgets import QBoxLayout, QGridLayout, QListView, QScrollArea, QSizePolicy, QWidget

from launcher import failures
from launcher.failures import Remedy
from launcher.views.widgets import Banner, ElidedLabel, Text, TitleDelegate, column
from patcher.errors import UsageError
from patcher.protocol.events import Failure

_WIDTH = 820


def list_view(model: QAbstractItemModel, name: str, label: str) -> QListView:
    """A list of titles or feeds. ``name`` is its object name, ``label`` its accessible name."""
    view = QListView()
    view.setObjectName(name)
    view.setAccessibleName(label)
    view.setModel(model)
    view.setItemDelegate(TitleDelegate(view))
    view.setFrameShape(QListView.Shape.NoFrame)
    view.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
    return view


def show_failure(
    banner: Banner,
    failure: Failure | None,
    remedies: Container[Remedy] = (),
    *,
    title: str = "",
    installed: bool = True,
) -> None:
    """Explain a failure in a banner with those of ``remedies`` that apply; without a failure, hide the banner.

    ``title`` replaces the title of the explanation. ``installed`` is that of the title that failed.
    """
    if failure is None:
        banner.hide()
        return
    told = failures.explain(failure, installed=installed)
    offered = [remedy for remedy in (*told.remedies, Remedy.CLOSE) if remedy in remedies]
    actions = {remedy.value: failures.remedy_label(remedy) for remedy in offered}
    banner.set_state("info" if told.is_offline else "warn", title or told.title, told.text, actions)


def over(banner: Banner, width: int = 0) -> QBoxLayout:
    """The place of a banner in front of a page: nothing under the pointer moves when it appears.

    ``width`` is its greatest one, if there is any.
    """
    if width:
        banner.setMaximumWidth(width)
    return column(banner, 1, margins=(14, 14, 14, 0))


def folder_failure(text: str) -> Failure | None:
    """What is wrong with a folder as the player types it; the engine looks at the drive."""
    from patcher.config import full_path  # it takes 20 ms, which a start need not spend

    try:
        full_path(text)
    except UsageError as error:
        return Failure.of(error)
    return None


class FactTable(QWidget):
    """Names and values in two columns."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(8)
        self._grid.setColumnStretch(1, 1)
        self._labels: list[tuple[Text, ElidedLabel]] = []
        self._facts: list[tuple[str, str]] = []

    def set_facts(self, *facts: tuple[str, str]) -> None:
        """Show the facts that have a value. Labels are reused, so that a screen reader keeps its position."""
        shown = [(name, value) for name, value in facts if value]
        if shown == self._facts:
            return
        self._facts = shown
        while len(self._labels) < len(shown):
            self._add()
        for number, labels in enumerate(self._labels):
            for label, words in zip(labels, shown[number] if number < len(shown) else ("", ""), strict=True):
                label.setText(words)
                label.setVisible(bool(words))
            labels[1].setAccessibleName(f"{labels[0].text()}: {labels[1].text()}")

    def _add(self) -> None:
        name, value = Text(role="muted", wrap=False), ElidedLabel()
        value.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._grid.addWidget(name, len(self._labels), 0)
        self._grid.addWidget(value, len(self._labels), 1)
        self._labels.append((name, value))


class ScrollPage(QScrollArea):
    """A page that scrolls vertically."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAlignment(Qt.AlignmentFlag.AlignHCenter)

    def set_content(self, *items: QWidget, banner: Banner) -> None:
        """Show the widgets one below the other, and the banner in front of them."""
        inner = QWidget()
        inner.setObjectName("page")
        inner.setMaximumWidth(_WIDTH)
        column(*items, 1, spacing=16, margins=(28, 24, 28, 28), parent=inner)
        self.setWidget(inner)
        self.setLayout(over(banner, _WIDTH))

    def sizeHint(self) -> QSize:
        return QSize(900, 600)
