"""How each own widget looks, in both themes: golden images. Look at a new one before it is committed."""

import math
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, QPointF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QLinearGradient, QPainter, QStandardItem, QStandardItemModel
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QGridLayout,
    QLabel,
    QLineEdit,
    QListView,
    QRadioButton,
    QWidget,
)

from launcher import theme
from launcher.roles import TitleRole
from launcher.views.widgets import (
    ActionButton,
    Banner,
    Button,
    Card,
    EmptyState,
    HeroWidget,
    Legend,
    NumberBox,
    PieceMap,
    Switch,
    TitleDelegate,
    Toast,
    TransferGraph,
)
from tests.launcher.conftest import Golden

PIECES = "h" * 30 + "".join(random.Random(4).choices("..ppplooa", k=226))


def rate(bps: float) -> str:
    return f"{bps / 1e6:.1f} MB/s"


def sheet(*rows: tuple[QWidget, ...]) -> QWidget:
    made = QWidget()
    grid = QGridLayout(made)
    for row, widgets in enumerate(rows):
        for column, widget in enumerate(widgets):
            grid.addWidget(widget, row, column)
    made.resize(made.sizeHint())
    return made


def action(text: str, detail: str = "", fraction: float | None = None, **more: object) -> ActionButton:
    made = ActionButton()
    made.set_state(text, detail, fraction, **more)  # type: ignore[arg-type]  # the table below hands on what it takes
    return made


def actions() -> QWidget:
    return sheet(
        (action("Install", "2.1 GB to download", icon="download"), action("Update", "412 MB · needs 1.1 GB")),
        (action("Updating 40 %", "1.4 GB of 3.8 GB · 2 min left", 0.4), action("Resume", "1.4 GB of 3.8 GB", 0.4)),
        (action("Queued", "After Tidebound", kind="calm", enabled=False), action("Repair", "3 files are damaged")),
        (action("Needs space", "2.1 GB more", kind="warn"), action("Play", "1.9.0", kind="go", icon="play")),
        (action("Playing", kind="calm", enabled=False), action("Install", "Offline", enabled=False)),
    )


def painted_art(folder: Path) -> Path:
    image = QImage(QSize(960, 540), QImage.Format.Format_RGB32)
    ground = QLinearGradient(QPointF(0, 0), QPointF(960, 540))
    for where, colour in ((0.0, "#204a87"), (0.6, "#f57900"), (1.0, "#fce94f")):
        ground.setColorAt(where, QColor(colour))
    with QPainter(image) as painter:
        painter.fillRect(image.rect(), ground)
    assert image.save(str(folder / "art.png"))
    return folder / "art.png"


def hero(art: Path | None) -> HeroWidget:
    made = HeroWidget()
    made.set_texts("Emberfall", "Version 1.8.2 → 1.9.0")
    made.set_image(art)
    return made


def graph() -> TransferGraph:
    made, samples = TransferGraph(rate), []
    for second in range(100):
        players = 9e6 + 4e6 * math.sin(second / 9) + 1e6 * math.sin(second * 1.7)
        samples.append((3e6 + 2e6 * math.sin(second / 13), 1.5e6 if second > 50 else 0.0, players, 1.2e6))
    made.set_samples(samples)
    return made


def library(art: str = "") -> QListView:
    model = QStandardItemModel()
    for label, status, kind, fraction in (
        ("Emberfall", "Updating · 40 %", "", 0.4),
        ("Tidebound", "Ready to play", "", None),
        ("A name that is far too long for this line", "Update 1.2 · 34 MB", "update", None),
        ("Nocturnes (album)", "The disk is full", "error", None),
        ("Reef", "Playing", "playing", None),
    ):
        item = QStandardItem(label)
        for role, value in ((TitleRole.STATUS, status), (TitleRole.KIND, kind), (TitleRole.FRACTION, fraction)):
            item.setData(value, role)
        item.setData(art if label == "Tidebound" else "", TitleRole.ART)
        model.appendRow(item)
    made = QListView()
    model.setParent(made)
    made.setModel(model)
    made.setItemDelegate(TitleDelegate(made))
    made.setCurrentIndex(model.index(0, 0, QModelIndex()))
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return made


def banners() -> QWidget:
    texts = "Emberfall needs 2.1 GB more on this drive. Nothing that is installed was touched."
    ways = {"retry": "Retry", "folder": "Choose folder", "copy": "Copy details"}
    rows = []
    for kind in ("error", "warn", "info", "ok"):
        banner = Banner()
        banner.set_state(kind, "The disk is full", texts, ways if kind == "error" else {})
        banner.setMinimumWidth(560)
        rows.append((banner,))
    return sheet(*rows)


def switches() -> QWidget:
    on, off, dead = Switch("Help others download"), Switch("Start with the system"), Switch("Not now")
    on.setChecked(True)
    dead.setEnabled(False)
    return sheet((on,), (off,), (dead,))


def buttons() -> QWidget:
    dead = Button("Retry", "play", "primary")
    dead.setEnabled(False)
    return sheet(
        (Button("Add feed", "rss", "primary"), Button("Options", "settings"), Button("Not now", kind="quiet")),
        (Button("Uninstall", "trash-2", "danger"), Button("Website", "external-link", "link"), dead),
    )


def fields() -> QWidget:
    number, off, choice = NumberBox(), NumberBox(), QComboBox()
    check, one = QCheckBox("German voices"), QRadioButton("All")
    number.setSuffix(" MB/s")
    number.setValue(12)
    off.setEnabled(False)
    choice.addItems(["Dark", "Light"])
    check.setChecked(True)
    one.setChecked(True)
    empty = QLineEdit()
    empty.setPlaceholderText("Address of a feed")
    made = sheet(
        (QLineEdit("shoal.example.org"), empty),
        (choice, number),
        (off, QCheckBox("Music")),
        (check, one),
    )
    for child in made.findChildren(QWidget):
        child.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return made


def legend() -> Legend:
    made = Legend()
    made.set_entries({"players": "From players 14.6 MB/s", "server": "From server 5.2 MB/s", "upload": "To players"})
    return made


def pieces() -> PieceMap:
    made = PieceMap()
    made.set_pieces(PIECES)
    return made


def toast() -> QWidget:
    made = QWidget()
    made.resize(420, 90)
    Toast(made).show_message("Tidebound is ready", "Play", "play")
    return made


def test_action_button(look: theme.Tokens, golden: Golden) -> None:
    golden(actions(), f"action-button-{look.name}")


def test_hero(look: theme.Tokens, golden: Golden, tmp_path: Path) -> None:
    golden(hero(painted_art(tmp_path)), f"hero-{look.name}", size=(720, 280))
    golden(hero(None), f"hero-without-art-{look.name}", size=(720, 280))


def test_switch(look: theme.Tokens, golden: Golden) -> None:
    golden(switches(), f"switch-{look.name}")


def test_buttons(look: theme.Tokens, golden: Golden) -> None:
    golden(buttons(), f"button-{look.name}")


def test_fields(look: theme.Tokens, golden: Golden) -> None:
    golden(fields(), f"field-{look.name}")


def test_title_delegate(look: theme.Tokens, golden: Golden, tmp_path: Path) -> None:
    golden(library(str(painted_art(tmp_path))), f"title-delegate-{look.name}", size=(220, 304))


def test_transfer_graph(look: theme.Tokens, golden: Golden) -> None:
    golden(graph(), f"transfer-graph-{look.name}", size=(486, 150))


def test_legend(look: theme.Tokens, golden: Golden) -> None:
    golden(legend(), f"legend-{look.name}", size=(420, 40))


def test_piece_map(look: theme.Tokens, golden: Golden) -> None:
    golden(pieces(), f"piece-map-{look.name}", size=(486, 100))


def test_banner(look: theme.Tokens, golden: Golden) -> None:
    golden(banners(), f"banner-{look.name}")


def test_toast(look: theme.Tokens, golden: Golden) -> None:
    golden(toast(), f"toast-{look.name}")


def test_card(look: theme.Tokens, golden: Golden) -> None:
    golden(Card("What’s new", QLabel("Rangers: Volley now pierces two targets.")), f"card-{look.name}", size=(360, 120))


def test_empty_state(look: theme.Tokens, golden: Golden) -> None:
    shown = EmptyState("library", "Nothing here yet", "Add a feed to see its titles.", "Add feed")
    golden(shown, f"empty-state-{look.name}", size=(420, 300))


@pytest.mark.parametrize("make", [actions, switches, library, graph, pieces, banners, legend])
def test_mirrored(make: Callable[[], QWidget], golden: Golden, qapp: QApplication) -> None:
    qapp.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    shown = make()
    if isinstance(shown, QListView):
        shown.resize(220, 304)
    golden(shown, f"mirrored-{make.__name__.replace('_', '-')}")


def test_hero_mirrored(golden: Golden, qapp: QApplication) -> None:
    qapp.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    golden(hero(None), "mirrored-hero", size=(720, 280))


def test_twice_as_sharp_on_a_fine_screen(golden: Golden) -> None:
    golden(actions(), "fine-action-button", scale=2)
    golden(switches(), "fine-switch", scale=2)
    golden(library(), "fine-title-delegate", size=(220, 304), scale=2)


def test_the_ring_of_the_keyboard(golden: Golden) -> None:
    shown = sheet((action("Update", "412 MB"), Switch("Help others download")))
    window = shown.window()
    window.show()
    window.activateWindow()
    QTest.qWaitForWindowActive(window)
    for number, child in enumerate(shown.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly)):
        child.clearFocus()
        child.setFocus(Qt.FocusReason.TabFocusReason)
        golden(shown, f"ring-{number}")
