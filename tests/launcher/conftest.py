"""The window without a screen: Qt draws offscreen with the bundled font, so that pictures are the same everywhere."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QLocale, QSize, Qt, QTranslator
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QWidget

from launcher import theme
from launcher.__main__ import translate
from launcher.views.window import MainWindow
from patcher.protocol import commands
from tests.launcher import pictures, scenes

os.environ["QT_QPA_PLATFORM"] = "offscreen"
for name in ("QT_SCALE_FACTOR", "QT_STYLE_OVERRIDE", "QT_FONT_DPI", "QT_SCREEN_SCALE_FACTORS"):
    os.environ.pop(name, None)

Golden = Callable[..., None]


@pytest.fixture(autouse=True)
def plain_look(qapp: QApplication) -> Iterator[None]:
    """Every test starts dark, left to right, in English, without motion or double-clicks; and leaves no window."""
    interval_ms = qapp.doubleClickInterval()
    qapp.setDoubleClickInterval(0)
    theme.apply(qapp, "dark", "none")
    qapp.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
    QLocale.setDefault(QLocale(QLocale.Language.English, QLocale.Country.UnitedKingdom))
    yield
    qapp.setDoubleClickInterval(interval_ms)
    for window in qapp.topLevelWidgets():
        window.close()
        window.deleteLater()
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture(params=["dark", "light"])
def look(request: pytest.FixtureRequest, qapp: QApplication) -> theme.Tokens:
    """The test once in each theme."""
    theme.apply(qapp, request.param, "none")
    return theme.tokens()


@pytest.fixture
def speak(qapp: QApplication) -> Iterator[Callable[[str], None]]:
    """``speak("de_DE")`` makes windows speak as on a system of that locale, until the test is over."""
    before = qapp.findChildren(QTranslator)
    yield lambda locale: translate(qapp, QLocale(locale))
    for translator in qapp.findChildren(QTranslator):
        if translator not in before:
            qapp.removeTranslator(translator)
            translator.deleteLater()


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """``golden(widget, "name")``: it looks as the picture ``golden/name.png`` does, to the byte.

    When it does not, ``build/golden`` holds what it looked like and where it differs; ``--golden-update`` takes the new
    look.
    """
    update = bool(request.config.getoption("--golden-update"))

    def check(widget: QWidget, name: str, *, size: tuple[int, int] | None = None, scale: float = 1.0) -> None:
        if size:
            widget.resize(*size)
        actual = pictures.render(widget, scale)
        file = Path(__file__).parent / "golden" / f"{name}.png"
        if update:
            assert actual.save(str(file))
        problem = pictures.differs(actual, file, Path("build/golden"))
        assert not problem, problem

    return check


@pytest.fixture
def white_picture(tmp_path: Path) -> Path:
    """A white image: the worst art for white text."""
    image = QImage(QSize(640, 360), QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.white)
    assert image.save(str(tmp_path / "white.png"))
    return tmp_path / "white.png"


@pytest.fixture
def shown(tmp_path: Path) -> MainWindow:
    """A window without an engine."""
    return scenes.window(tmp_path)


@pytest.fixture
def submitted(shown: MainWindow) -> list[commands.Command]:
    """The commands that the window submits."""
    heard: list[commands.Command] = []
    shown.submitted.connect(heard.append)
    return heard
