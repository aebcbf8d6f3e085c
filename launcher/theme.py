"""The dark and the light theme: one table of design tokens, from which palette and style sheet are made.

Painted widgets read `tokens()` in their paint events. All other widgets follow the palette and the style sheet
``assets/theme/launcher.qss``, whose ``$names`` are the fields of `Tokens`. `apply` may be called again at any time.
"""

import dataclasses
import functools
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication, QStyle, QStyleFactory

_HERE = Path(__file__).resolve().parent
ASSETS = _HERE / "assets" if (_HERE / "assets").is_dir() else _HERE.parent / "assets"
"""In a wheel the assets are in this package, elsewhere beside it."""
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
    """Ground of hovered and selected rows, fields and menus."""
    border: str
    field_border: str
    """Edge of a field or switch: contrast 3:1 with its surroundings."""
    track: str
    """The unfilled part of a progress bar, switch or piece map."""
    text: str
    muted: str
    faint: str
    """Disabled text; it never carries a fact alone."""
    accent: str
    accent_hover: str
    accent_pressed: str
    on_accent: str
    accent_text: str
    """The accent for text and thin lines on window, card and sidebar."""
    go: str
    go_hover: str
    go_pressed: str
    on_go: str
    switch: str
    """Track of a switch that is on; its knob is white."""
    players: str
    server: str
    lan: str
    upload: str
    here: str
    """A piece that was already on disk."""
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
    """The colour that the hero picture fades into: the window's."""
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


@dataclass(slots=True)
class _Current:
    accent: str = ""
    mode: Mode = "dark"
    motion: Motion = "none"
    tokens: Tokens = DARK
    is_prepared: bool = False


_current = _Current()


def apply(app: QApplication, mode: Mode = "system", motion: Motion = "system") -> None:
    """Set the theme. ``system`` follows the system, also when it changes; dark if the system has no preference."""
    if not _current.is_prepared:
        app.setStyle(QStyleFactory.create("Fusion"))
        app.setFont(font(DARK.font_px))
        app.styleHints().colorSchemeChanged.connect(_follow_system)
        _current.is_prepared = True
    is_light = mode == "light" or (mode == "system" and app.styleHints().colorScheme() == Qt.ColorScheme.Light)
    _current.mode, _current.motion = mode, motion
    _current.tokens = with_accent(LIGHT if is_light else DARK, _current.accent)
    app.setPalette(palette(_current.tokens))
    app.setStyleSheet(style_sheet(_current.tokens))


def set_accent(colour: str) -> None:
    """Take a publisher's colour (``#rrggbb``, empty for ours) from the next `apply` on."""
    _current.accent = colour


def with_accent(tokens: Tokens, colour: str) -> Tokens:
    """The tokens with another accent. What is written on it, or in it, stays readable: contrast 4.5:1 (WCAG 2.1)."""
    if not colour:
        return tokens
    accent = QColor(colour)
    on_accent = max(("#ffffff", "#101216"), key=lambda each: contrast(QColor(each), accent))
    text, step = QColor(colour), 110
    while min(contrast(text, QColor(each)) for each in (tokens.window, tokens.card, tokens.sidebar)) < 4.5:
        text = QColor((_lighter(text, step) if tokens.name == "dark" else text.darker(step)).name())
    return dataclasses.replace(
        tokens, accent=colour, accent_hover=_lighter(accent, 112).name(), accent_pressed=accent.darker(115).name(),
        on_accent=on_accent, accent_text=text.name(), selection=colour, on_selection=on_accent, info=text.name(),
    )  # fmt: skip


def _lighter(colour: QColor, percent: int) -> QColor:
    """Mixed with some white: `QColor.lighter` leaves black and full colours as they are."""
    share = (percent - 100) / 100
    parts = (round(part + (255 - part) * share) for part in (colour.red(), colour.green(), colour.blue()))
    return QColor(*(min(255, part + 1) for part in parts))


def contrast(one: QColor, other: QColor) -> float:
    """The contrast of two colours, from 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: QColor) -> float:
    parts = (colour.redF(), colour.greenF(), colour.blueF())
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _follow_system() -> None:
    app = QApplication.instance()
    if _current.mode == "system" and isinstance(app, QApplication):
        apply(app, "system", _current.motion)


def tokens() -> Tokens:
    """The tokens of the current theme; the dark ones before the first `apply`."""
    return _current.tokens


def reduced_motion() -> bool:
    """Whether `apply` or the system asks for no animations; also before the first `apply`."""
    return (
        _current.motion == "none" or QApplication.style().styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration) == 0
    )


@functools.cache
def load_fonts() -> tuple[str, ...]:
    """Register the bundled fonts with Qt. Returns their families."""
    files = sorted((ASSETS / "fonts").glob("*.ttf"))
    numbers = [QFontDatabase.addApplicationFont(str(file)) for file in files]
    return tuple(family for number in numbers for family in QFontDatabase.applicationFontFamilies(number))


def font(pixels: int, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """The bundled font with tabular digits, without hinting: it looks the same on every machine."""
    load_fonts()
    made = QFont(FAMILY)
    made.setPixelSize(pixels)
    made.setWeight(weight)
    made.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    made.setStyleStrategy(QFont.StyleStrategy.PreferAntialias | QFont.StyleStrategy.NoSubpixelAntialias)
    made.setFeature(QFont.Tag("tnum"), 1)
    return made


def style_sheet(tokens: Tokens) -> str:
    """``launcher.qss`` with the tokens filled in. Raises KeyError if it names a token that does not exist."""
    folder = ASSETS / "theme"
    text = Template((folder / "launcher.qss").read_text("utf-8"))
    return text.substitute(dataclasses.asdict(tokens), folder=folder.as_posix())


def palette(tokens: Tokens) -> QPalette:
    """The tokens as Qt's colour roles, including the disabled group."""
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
