import dataclasses
import re
import subprocess
import sys

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontInfo, QImage, QPalette
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit

from launcher import theme
from launcher.views.widgets import Button, icons
from tests.launcher import pictures

GROUNDS = ("window", "sidebar", "card", "raised")
TEXTS = [
    *((ink, ground) for ink in ("text", "muted", "accent_text", "error", "warn", "ok") for ground in GROUNDS),
    *((kind, f"{kind}_soft") for kind in ("info", "ok", "warn", "error")),
    *(("text", ground) for ground in ("track", "info_soft", "ok_soft", "warn_soft", "error_soft")),
    ("muted", "track"),
    *(("on_accent", ground) for ground in ("accent", "accent_hover", "accent_pressed", "selection")),
    *(("on_go", ground) for ground in ("go", "go_hover", "go_pressed")),
    ("on_selection", "selection"),
]
SHAPES = [
    *(("field_border", ground) for ground in (*GROUNDS, "track")),
    *(("accent_text", ground) for ground in (*GROUNDS, "track", "border")),
    *((kind, "card") for kind in ("players", "server", "lan", "upload", "arriving")),
    *((kind, "track") for kind in ("players", "server", "lan", "arriving")),
    *(("switch", ground) for ground in ("sidebar", "window", "card")),
]


@pytest.mark.parametrize(("ink", "ground"), TEXTS)
def test_texts_can_be_read(look: theme.Tokens, ink: str, ground: str) -> None:
    assert pictures.contrast(getattr(look, ink), getattr(look, ground)) >= 4.5


@pytest.mark.parametrize(("shape", "ground"), SHAPES)
def test_shapes_can_be_told_from_their_ground(look: theme.Tokens, shape: str, ground: str) -> None:
    assert pictures.contrast(getattr(look, shape), getattr(look, ground)) >= 3.0


def test_a_theme_reaches_palette_style_sheet_and_own_widgets(qapp: QApplication, look: theme.Tokens) -> None:
    assert theme.tokens() is look
    assert qapp.palette().color(QPalette.ColorRole.Window) == QColor(look.window)
    assert look.card in qapp.styleSheet()


def test_the_style_sheet_names_only_tokens_and_says_no_colour_itself(look: theme.Tokens) -> None:
    source = (theme.ASSETS / "theme" / "launcher.qss").read_text("utf-8")
    assert "$" not in theme.style_sheet(look)
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?!sidebar|page)", re.sub(r"QWidget#\w+", "", source)) == []


def test_drawings_of_the_style_sheet_have_the_colours_of_the_tokens(look: theme.Tokens) -> None:
    for name in ("chevron-down", "chevron-up"):
        assert f'stroke="{look.muted}"' in (theme.ASSETS / "theme" / f"{name}-{look.name}.svg").read_text("utf-8")
    assert f'stroke="{look.on_accent}"' in (theme.ASSETS / "theme" / "check.svg").read_text("utf-8")


def test_every_token_is_used() -> None:
    code = [*theme.ASSETS.parent.joinpath("launcher").rglob("*.py"), theme.ASSETS / "theme" / "launcher.qss"]
    used = {word for file in code for word in re.findall(r"""[.${"](\w+)""", file.read_text("utf-8"))}
    used |= {f"{kind}_soft" for kind in ("info", "ok", "warn", "error")}  # the banner puts these names together
    assert {field.name for field in dataclasses.fields(theme.Tokens)} - used == set()


def test_the_system_decides_where_asked_to(qapp: QApplication) -> None:
    theme.apply(qapp, "system", "none")
    wanted = "light" if qapp.styleHints().colorScheme() == Qt.ColorScheme.Light else "dark"
    assert theme.tokens().name == wanted


def test_icons_follow_a_change_of_theme(qapp: QApplication) -> None:
    button = Button("Pause", "pause")
    before = button.icon().pixmap(16, 16).toImage()
    theme.apply(qapp, "light", "none")
    assert button.icon().pixmap(16, 16).toImage() != before


def test_the_bundled_font_is_the_one_drawn(qapp: QApplication) -> None:
    for weight in (QFont.Weight.Normal, QFont.Weight.DemiBold, QFont.Weight.Bold):
        info = QFontInfo(theme.font(13, weight))
        assert (info.family().startswith("Inter"), info.weight()) == (True, weight)
    assert QFontInfo(qapp.font()).family() == "Inter"
    assert (theme.ASSETS / "fonts" / "OFL.txt").is_file()


def test_less_motion_is_no_motion(qapp: QApplication) -> None:
    assert theme.reduced_motion()
    theme.apply(qapp, "dark", "system")
    assert not theme.reduced_motion()


def test_every_icon_can_be_drawn_and_comes_with_its_licence() -> None:
    files = sorted((theme.ASSETS / "icons").glob("*.svg"))
    assert files
    for file in files:
        drawn = icons.image(file.stem, "#ffffff", 16, 2.0)
        assert (drawn.width(), drawn.format()) == (32, QImage.Format.Format_ARGB32_Premultiplied)
        assert any(drawn.pixelColor(x, y).alpha() > 200 for x in range(32) for y in range(32)), file.stem
    assert "ISC License" in (theme.ASSETS / "icons" / "LICENSE").read_text("utf-8")


def test_only_icons_that_the_window_shows_are_carried_along() -> None:
    code = "".join(file.read_text("utf-8") for file in theme.ASSETS.parent.joinpath("launcher").rglob("*.py"))
    files = {file.stem for file in (theme.ASSETS / "icons").glob("*.svg")}
    assert {name for name in files if f'"{name}"' not in code} == set()


def test_what_qt_draws_itself_can_be_read(look: theme.Tokens) -> None:
    muted = QLabel("version 1.9.0, 412 MB")
    muted.setProperty("role", "muted")
    hint = QLineEdit()
    hint.setPlaceholderText("address of a feed")
    hint.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    for widget in (muted, hint, QLineEdit("text"), Button("Add feed", kind="primary"), Button("Remove", kind="danger")):
        widget.resize(widget.sizeHint())
        image = pictures.render(widget, 2)
        assert pictures.measured_contrast(image, image.rect().adjusted(12, 12, -12, -12)) >= 4.5, widget


def test_qt_and_python_get_along() -> None:
    """PySide6 6.12.0 gives away a reference to None with each call on Python 3.11, and dies after some 5,000."""
    code = """
import sys
from PySide6.QtCore import QObject, Signal
class Source(QObject):
    said = Signal(bool)
source = Source()
before = [sys.getrefcount(one) for one in (None, True, False)]
for number in range(1000):
    source.setObjectName("name")
for number in range(5000):
    source.said.emit(number % 2 == 0)
after = [sys.getrefcount(one) for one in (None, True, False)]
print(max(abs(a - b) for a, b in zip(before, after)))
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert int(ran.stdout) < 100
