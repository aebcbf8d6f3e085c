"""Our own painted widgets: plain QWidgets with setters and signals, no knowledge of the engine.

Every text is handed over, translated. They follow `launcher.theme`, mirror with the layout direction, and carry
accessible name and role; where a text is set, the name follows it.
"""

from launcher.views.widgets.action_button import ActionButton, ActionKind
from launcher.views.widgets.banner import Banner, BannerKind
from launcher.views.widgets.button import Button, ButtonKind
from launcher.views.widgets.card import Card
from launcher.views.widgets.empty_state import EmptyState
from launcher.views.widgets.hero import HeroWidget
from launcher.views.widgets.label import Badge, BadgeKind, ElidedLabel, Text
from launcher.views.widgets.legend import Legend
from launcher.views.widgets.number_box import NumberBox
from launcher.views.widgets.piece_map import PieceMap
from launcher.views.widgets.switch import Switch
from launcher.views.widgets.title_delegate import TitleDelegate
from launcher.views.widgets.toast import Toast
from launcher.views.widgets.transfer_graph import TransferGraph

__all__ = [
    "ActionButton", "ActionKind", "Badge", "BadgeKind", "Banner", "BannerKind", "Button", "ButtonKind", "Card",
    "ElidedLabel", "EmptyState", "HeroWidget", "Legend", "NumberBox", "PieceMap", "Switch", "Text", "TitleDelegate",
    "Toast", "TransferGraph",
]  # fmt: skip
