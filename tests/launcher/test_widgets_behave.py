"""What own widgets do: names and roles, keyboard, strangers' pictures and texts, motion."""

import os
import struct
import threading
import zlib
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, QSize, Qt
from PySide6.QtGui import QAccessible, QImage, QStandardItem, QStandardItemModel, QWheelEvent
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import QApplication, QLabel, QListView, QWidget
from pytestqt.qtbot import QtBot

from launcher import theme
from launcher.roles import TitleRole
from launcher.views.widgets import (
    ActionButton,
    Banner,
    Button,
    ElidedLabel,
    EmptyState,
    HeroWidget,
    Legend,
    NumberBox,
    PieceMap,
    Switch,
    Text,
    TitleDelegate,
    Toast,
    TransferGraph,
    art,
)
from tests.launcher import pictures

HOSTILE = "<b>bold</b><img src='http://127.0.0.1:9/x'>\n\u202eevil\u0000" + "long " * 5000


def accessible(widget: QWidget) -> tuple[QAccessible.Role, str, str]:
    client = QAccessible.queryAccessibleInterface(widget)
    assert client is not None
    return client.role(), client.text(QAccessible.Text.Name), client.text(QAccessible.Text.Description)


# ---------------------------------------------------------------- names, roles, keyboard


def test_the_action_says_its_state_and_what_it_is_about(qtbot: QtBot) -> None:
    action = ActionButton()
    qtbot.addWidget(action)
    action.set_state("Updating 40 %", "1.4 GB of 3.8 GB", 0.4)
    assert accessible(action) == (QAccessible.Role.Button, "Updating 40 %", "1.4 GB of 3.8 GB")


def test_a_switch_is_a_check_box_to_a_screen_reader(qtbot: QtBot) -> None:
    switch = Switch("Help others download")
    qtbot.addWidget(switch)
    switch.setChecked(True)
    assert accessible(switch)[:2] == (QAccessible.Role.CheckBox, "Help others download")
    client = QAccessible.queryAccessibleInterface(switch)
    assert client is not None
    assert client.state().checked


def test_pictures_say_that_they_are_and_what_they_show(qtbot: QtBot) -> None:
    hero, legend, pieces, graph = HeroWidget(), Legend(), PieceMap(), TransferGraph(str)
    for widget in (hero, legend, pieces, graph):
        qtbot.addWidget(widget)
        assert accessible(widget)[0] == QAccessible.Role.Graphic
    hero.set_texts("Emberfall", "Version 1.9.0")
    legend.set_entries({"players": "From players", "server": "From server"})
    assert accessible(hero)[1:] == ("Emberfall", "Version 1.9.0")
    assert accessible(legend)[1] == "From players, From server"


def test_space_and_enter_press_what_the_keyboard_is_on(qtbot: QtBot) -> None:
    switch, action = Switch("Share"), ActionButton()
    action.set_state("Play", kind="go")
    for widget, key in ((switch, Qt.Key.Key_Space), (action, Qt.Key.Key_Space)):
        qtbot.addWidget(widget)
        widget.show()
        spy = QSignalSpy(widget.clicked)
        QTest.keyClick(widget, key)
        assert spy.count() == 1
    assert switch.isChecked()


def test_the_mouse_brings_no_ring(qtbot: QtBot) -> None:
    action = ActionButton()
    qtbot.addWidget(action)
    action.show()
    action.activateWindow()
    action.setFocus(Qt.FocusReason.MouseFocusReason)
    assert not action.shows_focus_ring


def test_a_banner_names_the_way_out_that_was_chosen(qtbot: QtBot) -> None:
    banner = Banner()
    qtbot.addWidget(banner)
    banner.set_state("error", "The disk is full", "Nothing was touched.", {"retry": "Retry", "folder": "Choose folder"})
    assert accessible(banner)[1:] == ("The disk is full", "Nothing was touched.")
    spy = QSignalSpy(banner.action_chosen)
    for button in banner.findChildren(Button):
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert [spy.at(number)[0] for number in range(spy.count())] == ["retry", "folder"]


def test_the_same_banner_again_keeps_its_buttons_and_the_focus(qtbot: QtBot) -> None:
    banner = Banner()
    qtbot.addWidget(banner)
    banner.set_state("error", "Offline", "", {"retry": "Retry"})
    button = banner.findChild(Button)
    banner.set_state("error", "Offline", "", {"retry": "Retry"})
    assert banner.findChild(Button) is button


def test_a_toast_goes_by_itself_and_tells_its_action(qtbot: QtBot) -> None:
    page = QWidget()
    qtbot.addWidget(page)
    page.resize(500, 200)
    page.show()
    toast = Toast(page)
    spy = QSignalSpy(toast.action_chosen)
    toast.show_message("Tidebound is ready", "Play", "play")
    assert toast.isVisible() and page.rect().contains(toast.geometry())
    button = toast.findChild(Button)
    assert isinstance(button, Button)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert not toast.isVisible() and spy.at(0) == ["play"]
    toast.show_message("Short", stay_ms=1)
    qtbot.waitUntil(lambda: not toast.isVisible())


def test_a_wheel_over_a_number_scrolls_the_page(qtbot: QtBot) -> None:
    number = NumberBox()
    qtbot.addWidget(number)
    number.setValue(3)
    here, none = QPointF(5, 5), Qt.KeyboardModifier.NoModifier
    phase, button = Qt.ScrollPhase.NoScrollPhase, Qt.MouseButton.NoButton
    turn = QWheelEvent(here, here, QPoint(), QPoint(0, 120), button, none, phase, False)
    QApplication.sendEvent(number, turn)
    assert number.value() == 3
    assert not turn.isAccepted()


# ---------------------------------------------------------------- strangers' texts


def test_hostile_texts_are_plain_and_stay_within_bounds(qtbot: QtBot) -> None:
    hero, action, banner = HeroWidget(), ActionButton(), Banner()
    hero.set_texts(HOSTILE, HOSTILE)
    action.set_state(HOSTILE, HOSTILE, 0.5)
    banner.set_state("error", HOSTILE[:300], HOSTILE[:300], {"x": "Retry"})
    labels = (Text(HOSTILE, wrap=True), ElidedLabel(HOSTILE), Switch(HOSTILE))
    for widget in (hero, action, banner, *labels):
        qtbot.addWidget(widget)
        widget.resize(300, 100)
        assert not pictures.render(widget).isNull()
    assert action.sizeHint().width() <= 380
    for label in (*labels, *banner.findChildren(QLabel)):
        if isinstance(label, QLabel):
            assert label.textFormat() == Qt.TextFormat.PlainText


def test_an_empty_page_shows_all_of_a_long_text(qtbot: QtBot) -> None:
    """A text that fits into one line of the page, and not into one of its own."""
    words = "The publisher's titles could not be read. Meadow tries again later."
    empty = EmptyState("library", "Meadow", words)
    qtbot.addWidget(empty)
    empty.resize(1000, 700)
    empty.show()
    (label,) = (each for each in empty.findChildren(QLabel) if each.text() == words)
    assert label.height() >= label.heightForWidth(label.width()) > label.fontMetrics().height()


def test_an_unknown_or_endless_piece_map_is_drawn(qtbot: QtBot) -> None:
    pieces = PieceMap()
    qtbot.addWidget(pieces)
    for letters in ("", "?" * 3, "p" * 100_000, "\u202e" * 300):
        pieces.set_pieces(letters)
        assert not pictures.render(pieces).isNull()


# ---------------------------------------------------------------- strangers' pictures


def huge_png() -> bytes:
    """A small file that says it is 50,000 pixels wide and high."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "content",
    [
        b"", b"no picture", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0" + bytes(200), huge_png(), b"GIF89a" + bytes(30),
        b"<svg xmlns='http://www.w3.org/2000/svg'><image href='http://127.0.0.1:9/x'/></svg>",
        b"/* XPM */ static char *x[] = {\"1 1 1 1\", \". c #000\", \".\"};",
    ],
    ids=["empty", "text", "cut PNG", "cut JPEG", "huge", "GIF", "SVG", "XPM"],
)  # fmt: skip
def test_what_is_no_picture_we_show_is_none(content: bytes, tmp_path: Path, qtbot: QtBot) -> None:
    file = tmp_path / "art.png"
    file.write_bytes(content)
    assert art.load(file, 100).isNull()
    hero = HeroWidget()
    qtbot.addWidget(hero)
    hero.set_texts("Emberfall")
    hero.set_image(file)
    hero.resize(400, 200)
    with_it = pictures.render(hero)
    hero.set_image(None)
    assert pictures.render(hero) == with_it


def test_a_truncated_picture_is_none_or_partly_shown(tmp_path: Path, white_picture: Path) -> None:
    whole = white_picture.read_bytes()
    cut = tmp_path / "cut.png"
    cut.write_bytes(whole[: len(whole) // 2])
    assert art.load(cut, 100).width() in {0, 100}


def test_a_folder_and_nothing_at_all_are_no_picture(tmp_path: Path) -> None:
    assert art.load(tmp_path, 100).isNull()
    assert art.load(tmp_path / "missing", 100).isNull()
    assert art.load(Path("\0"), 100).isNull()
    assert art.load(None, 100).isNull()


def test_a_large_picture_is_read_small(tmp_path: Path) -> None:
    image = QImage(QSize(3000, 1000), QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.blue)
    assert image.save(str(tmp_path / "large.jpg"))
    assert art.load(tmp_path / "large.jpg", 600).size() == QSize(600, 200)


def test_other_art_is_another_picture(tmp_path: Path) -> None:
    """A file of art is named by its content."""
    looks = []
    for name, colour in (("a.png", Qt.GlobalColor.red), ("b.png", Qt.GlobalColor.blue)):
        image = QImage(QSize(80, 80), QImage.Format.Format_RGB32)
        image.fill(colour)
        assert image.save(str(tmp_path / name))
        looks.append(art.thumbnail(str(tmp_path / name), "x", 40, 1.0))
    assert looks[0] != looks[1]


def test_the_thread_that_paints_reads_no_file(
    white_picture: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Art is looked at once, elsewhere; it is shown as soon as it is there."""
    threads: list[int] = []
    look = Path.stat

    def stat(self: Path, **options: bool) -> os.stat_result:
        if self == white_picture:
            threads.append(threading.get_ident())
        return look(self, **options)

    monkeypatch.setattr(Path, "stat", stat)
    model, library, hero = QStandardItemModel(), QListView(), HeroWidget()
    item = QStandardItem("Emberfall")
    item.setData(str(white_picture), TitleRole.ART)
    model.appendRow(item)
    library.setModel(model)
    library.setItemDelegate(TitleDelegate(library))
    hero.set_texts("Emberfall")
    for widget in (library, hero):
        qtbot.addWidget(widget)
        widget.resize(300, 200)
    patterns = [widget.grab().toImage() for widget in (library, hero)]
    hero.set_image(white_picture)
    shown = [pictures.render(widget) for widget in (library, hero)]
    assert [one != other for one, other in zip(shown, patterns, strict=True)] == [True, True]
    looks = len(threads)
    assert [pictures.render(widget) for widget in (library, hero)] == shown
    assert len(threads) == looks > 0
    assert threading.get_ident() not in threads


# ---------------------------------------------------------------- contrast, as drawn


def test_the_name_can_be_read_on_the_whitest_art(look: theme.Tokens, white_picture: Path, qtbot: QtBot) -> None:
    hero = HeroWidget()
    qtbot.addWidget(hero)
    hero.resize(1004, 320)
    hero.set_texts("Emberfall", "Version 1.8.2")
    hero.set_image(white_picture)
    box = hero.text_box().toRect()
    hero.set_texts("Emberfall" + " " * 40, "\u00a0" * 60)  # as wide as the name, without a letter below it
    ground = pictures.render(hero)
    below = box.adjusted(0, 58, 0, 0)
    assert pictures.worst_ground(ground, below, "#ffffff") >= 4.5
    assert pictures.measured_contrast(ground, box) >= 4.5


def test_widgets_as_drawn_can_be_read(look: theme.Tokens, qtbot: QtBot) -> None:
    for kind, text in (("accent", "Update"), ("go", "Play"), ("calm", "Queued"), ("warn", "Needs space")):
        action = ActionButton()
        action.set_state(text, "412 MB", kind=kind)  # type: ignore[arg-type]  # the kinds stand in the line above
        qtbot.addWidget(action)
        action.resize(248, 58)
        image = pictures.render(action, 2)
        for upper, lower in ((20, 62), (70, 98)):
            assert pictures.measured_contrast(image, image.rect().adjusted(40, upper, -40, lower - 116)) >= 4.5
    for widget in (Switch("Help others download"), Text("412 MB", "muted")):
        qtbot.addWidget(widget)
        widget.resize(widget.sizeHint())
        image = pictures.render(widget, 2)
        assert pictures.measured_contrast(image, image.rect().adjusted(image.width() // 3, 4, -4, -4)) >= 4.5


# ---------------------------------------------------------------- motion


def test_a_fill_glides_on_and_jumps_back(qapp: QApplication, qtbot: QtBot) -> None:
    theme.apply(qapp, "dark", "system")
    action = ActionButton()
    qtbot.addWidget(action)
    action.show()
    action.set_state("Updating", "", 0.2)
    assert action.shown == 0.2
    action.set_state("Updating", "", 0.8)
    assert action.shown < 0.8
    qtbot.waitUntil(lambda: action.shown == 0.8)
    action.set_state("Checking", "", 0.1)
    assert action.shown == 0.1


def test_nothing_moves_where_less_motion_is_asked_for(qtbot: QtBot) -> None:
    action, switch = ActionButton(), Switch("Share")
    for widget in (action, switch):
        qtbot.addWidget(widget)
        widget.show()
    action.set_state("Updating", "", 0.2)
    action.set_state("Updating", "", 0.8)
    assert action.shown == 0.8
    before = pictures.render(switch)
    switch.setChecked(True)
    after = pictures.render(switch)
    assert before != after == pictures.render(switch)


def test_the_scale_of_the_graph_is_round_and_above_all_samples(qtbot: QtBot) -> None:
    graph = TransferGraph(str)
    qtbot.addWidget(graph)
    assert graph.scale_bps() == 100_000
    graph.set_samples([(5e6, 0, 14e6, 1e6)])
    assert graph.scale_bps() == 3e7
    graph.set_samples([(0, 0, 1e6, 0)] * 120)
    assert graph.scale_bps() == 1.5e6
    graph.set_samples(())
    assert graph.scale_bps() == 100_000
