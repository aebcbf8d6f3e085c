"""One table of tokens becomes palette and style sheet: dark, light, or what the system says.

Own widgets ask `tokens()` while they paint; everything else follows the palette and the style sheet in
``assets/theme/launcher.qss``, whose ``$names`` are the fields of `Tokens`. `apply` may be called again at any time.
"""

import dataclasses
import functools
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication, QStyle, QStyleFactory

ASSETS = Path(__file__).resolve().parents[1] / "assets"
FAMILY = "Inter"
Mode = Literal["dark", "light", "system"]
Motion = Literal["system", "none"]


@dataclass(frozen=True, slots=True)
class Tokens:
    """Colours as ``#rrggbb`` (``#aarrggbb`` with an alpha), lengths in device-independent pixels."""

    name: str
    window: str
    sidebar: str
    card: str
    raised: str
    """Hovered or chosen things on the sidebar, fields, menus."""
    border: str
    field_border: str
    """Edge of a field or switch: 3:1 against what is around it."""
    track: str
    """What a progress, a switch or a piece has not filled."""
    text: str
    muted: str
    faint: str
    """Disabled text; never the only bearer of a fact."""
    accent: str
    accent_hover: str
    accent_pressed: str
    on_accent: str
    accent_text: str
    """The accent as text or thin line on window, card and sidebar."""
    go: str
    go_hover: str
    go_pressed: str
    on_go: str
    switch: str
    """A switch that is on, its knob white."""
    players: str
    server: str
    lan: str
    upload: str
    here: str
    """A piece that was on the disk before."""
    arriving: str
    info: str
    ok: str
    warn: str
    error: str
    info_soft: str
    ok_soft: str
    warn_soft: str
    error_soft: str
    hero_scrim: str
    """What the hero fades into: the window's colour."""
    selection: str
    on_selection: str
    shadow: str
    radius: int = 12
    radius_small: int = 8
    margin: int = 28
    font_px: int = 13
    small_px: int = 12
    heading_px: int = 15
    title_px: int = 44


DARK = Tokens(
    name="dark", window="#12141a", sidebar="#0b0c11", card="#1b1f29", raised="#1d212c", border="#2a2f3b",
    field_border="#727c92", track="#272c38", text="#f2f4f8", muted="#9aa3b2", faint="#6c7585",
    accent="#1a64d6", accent_hover="#2270e6", accent_pressed="#1656ba", on_accent="#ffffff", accent_text="#5aa2ff",
    go="#2fc796", go_hover="#3ad9a6", go_pressed="#27ad82", on_go="#04221a", switch="#209c74",
    players="#34d1a0", server="#7d86ff", lan="#3fb4ef", upload="#ffb454", here="#5a6479", arriving="#ffb454",
    info="#5aa2ff", ok="#34d1a0", warn="#ffb454", error="#ff8080",
    info_soft="#162236", ok_soft="#12302a", warn_soft="#2a2319", error_soft="#2b1c22",
    hero_scrim="#12141a", selection="#1a64d6", on_selection="#ffffff", shadow="#a0000000",
)  # fmt: skip

LIGHT = Tokens(
    name="light", window="#f5f6fa", sidebar="#e6eaf2", card="#ffffff", raised="#ffffff", border="#d6dae5",
    field_border="#6f788d", track="#dfe3ed", text="#12151c", muted="#525c6e", faint="#8a93a5",
    accent="#1b66d6", accent_hover="#2472e6", accent_pressed="#1656b8", on_accent="#ffffff", accent_text="#175bc2",
    go="#0c7a51", go_hover="#0e8459", go_pressed="#096644", on_go="#ffffff", switch="#0c7a51",
    players="#0a8a62", server="#515be6", lan="#0a7fb8", upload="#c46a00", here="#8f9ab0", arriving="#c46a00",
    info="#175bc2", ok="#0a7048", warn="#8f4d00", error="#b3202c",
    info_soft="#e4eefc", ok_soft="#e0f5ec", warn_soft="#fdf1df", error_soft="#fdeaea",
    hero_scrim="#f5f6fa", selection="#1b66d6", on_selection="#ffffff", shadow="#40202a44",
)  # fmt: skip


class _Theme(QObject):
    """The application's look; a child of it."""

    changed = Signal()

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self.mode: Mode = "system"
        self.motion: Motion = "system"
        self.tokens = DARK
        app.styleHints().colorSchemeChanged.connect(self._follow_system)

    @Slot()
    def _follow_system(self) -> None:
        if self.mode == "system":
            self.show()

    def show(self) -> None:
        """Palette, font and style sheet as the mode says."""
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        light = self.mode == "light" or (
            self.mode == "system" and app.styleHints().colorScheme() == Qt.ColorScheme.Light
        )
        self.tokens = LIGHT if light else DARK
        app.setPalette(palette(self.tokens))
        app.setStyleSheet(style_sheet(self.tokens))
        self.changed.emit()


def apply(app: QApplication, mode: Mode = "system", motion: Motion = "system") -> None:
    """Give the application its look, now and whenever the system's changes (``system``; dark where it has no say)."""
    theme = _theme_of(app)
    if theme is None:
        app.setStyle(QStyleFactory.create("Fusion"))
        app.setFont(font(DARK.font_px))
        theme = _Theme(app)
    theme.mode, theme.motion = mode, motion
    theme.show()


def tokens() -> Tokens:
    """The tokens in force; dark before the first `apply`."""
    app = QApplication.instance()
    theme = _theme_of(app) if isinstance(app, QApplication) else None
    return theme.tokens if theme else DARK


def _theme_of(app: QApplication) -> _Theme | None:
    found = app.findChild(_Theme, options=Qt.FindChildOption.FindDirectChildrenOnly)
    return found if isinstance(found, _Theme) else None


def calm() -> bool:
    """Whether less motion is asked for, by `apply` or by the system: then nothing slides, it is there."""
    app = QApplication.instance()
    theme = _theme_of(app) if isinstance(app, QApplication) else None
    return (
        theme is None
        or theme.motion == "none"
        or QApplication.style().styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration) == 0
    )


@functools.cache
def load_fonts() -> tuple[str, ...]:
    """The families of the bundled fonts, known to Qt from now on."""
    files = sorted((ASSETS / "fonts").glob("*.ttf"))
    numbers = [QFontDatabase.addApplicationFont(str(file)) for file in files]
    return tuple(family for number in numbers for family in QFontDatabase.applicationFontFamilies(number))


def font(pixels: int, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """The bundled font, digits of one width; not hinted, so that every machine draws the same."""
    load_fonts()
    made = QFont(FAMILY)
    made.setPixelSize(pixels)
    made.setWeight(weight)
    made.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    made.setStyleStrategy(QFont.StyleStrategy.PreferAntialias | QFont.StyleStrategy.NoSubpixelAntialias)
    made.setFeature(QFont.Tag("tnum"), 1)
    return made


def style_sheet(tokens: Tokens) -> str:
    """``launcher.qss`` with the tokens in it. Raises KeyError when it names one that is not there."""
    folder = ASSETS / "theme"
    text = Template((folder / "launcher.qss").read_text("utf-8"))
    return text.substitute(dataclasses.asdict(tokens), folder=folder.as_posix())


def palette(tokens: Tokens) -> QPalette:
    """The tokens as Qt's roles, disabled ones too."""
    role = QPalette.ColorRole
    made = QPalette()
    colours = {
        role.Window: tokens.window, role.WindowText: tokens.text, role.Base: tokens.card, role.Text: tokens.text,
        role.AlternateBase: tokens.raised, role.Button: tokens.card, role.ButtonText: tokens.text,
        role.BrightText: tokens.error, role.ToolTipBase: tokens.raised, role.ToolTipText: tokens.text,
        role.PlaceholderText: tokens.muted, role.Highlight: tokens.selection,
        role.HighlightedText: tokens.on_selection, role.Link: tokens.accent_text,
        role.LinkVisited: tokens.accent_text, role.Accent: tokens.accent, role.Light: tokens.raised,
        role.Midlight: tokens.border, role.Mid: tokens.border, role.Dark: tokens.border, role.Shadow: tokens.window,
    }  # fmt: skip
    for which, colour in colours.items():
        made.setColor(which, QColor(colour))
    for which in (role.WindowText, role.Text, role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, which, QColor(tokens.faint))
    return made
