"""What several pages are built from: lists, banners of failures, tables of facts, pages that scroll, clicks."""

import time
from collections.abc import Callable, Container

from PySide6.QtCore import QAbstractItemModel, QCoreApplication, QEvent, QObject, QSize, Qt, QTimer, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QBoxLayout,
    QFileDialog,
    QGridLayout,
    QListView,
    QScrollArea,
    QSizePolicy,
    QWidget,
)

from launcher import failures
from launcher.failures import Remedy
from launcher.views.widgets import Banner, ElidedLabel, Text, TitleDelegate, column
from patcher.errors import UsageError
from patcher.protocol.events import Failure

_WIDTH = 820
_PRESSES = {QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick, QEvent.Type.KeyPress}
_KEYS = {Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Select}


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


def choose_folder(parent: QWidget, caption: str, start: str, chosen: Callable[[str], object]) -> None:
    """Let the player choose a folder, with which ``chosen`` is called. This returns at once: the window lives on."""
    dialog = QFileDialog(parent, caption, start)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly)
    dialog.fileSelected.connect(chosen)
    dialog.open()


class ClickGuard(QObject):
    """Ignores clicks and keys on ``guarded`` for as long as a double-click may take, whenever it was `arm`-ed.

    What is there has just changed. The second half of a double-click was not meant for it, nor the rest of a burst.
    """

    def __init__(self, guarded: QWidget) -> None:
        super().__init__(guarded)
        self._guarded, self._until_s = guarded, 0.0
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._rest)

    def arm(self) -> None:
        """Ignore what is pressed from now on, and what is pressed but not yet released."""
        for button in self._guarded.findChildren(QAbstractButton):
            button.setDown(False)
        self._wait()
        if app := QCoreApplication.instance():
            app.installEventFilter(self)

    def _wait(self) -> None:
        wait_ms = QApplication.doubleClickInterval()
        self._until_s = time.monotonic() + wait_ms / 1000
        self._timer.start(wait_ms)

    @Slot()
    def _rest(self) -> None:
        if app := QCoreApplication.instance():
            app.removeEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() not in _PRESSES or time.monotonic() >= self._until_s or not isinstance(watched, QWidget):
            return False
        is_here = watched is self._guarded or self._guarded.isAncestorOf(watched)
        is_ignored = is_here and (not isinstance(event, QKeyEvent) or event.key() in _KEYS)
        if is_ignored:
            self._wait()
        return is_ignored


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


class Scroller(QScrollArea):
    """Scrolls one widget vertically where there is too little room for it."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def setWidget(self, widget: QWidget) -> None:
        """Scroll ``widget``, without a ground of its own."""
        widget.setObjectName("page")
        super().setWidget(widget)


class ScrollPage(Scroller):
    """A page that scrolls vertically."""

    def __init__(self) -> None:
        super().__init__()
        self.setAlignment(Qt.AlignmentFlag.AlignHCenter)

    def set_content(self, *items: QWidget, banner: Banner) -> None:
        """Show the widgets one below the other, and the banner in front of them."""
        inner = QWidget()
        inner.setMaximumWidth(_WIDTH)
        column(*items, 1, spacing=16, margins=(28, 24, 28, 28), parent=inner)
        self.setWidget(inner)
        self.setLayout(over(banner, _WIDTH))

    def sizeHint(self) -> QSize:
        return QSize(900, 600)
