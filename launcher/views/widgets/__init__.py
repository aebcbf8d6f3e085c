"""The launcher's own widgets. They know the theme but neither the engine nor the state.

All texts are set by the views, already translated, and may come from strangers: they are shown as plain text. Every
widget mirrors with the layout direction and has an accessible name and role. Read it in this order:

- `paint`: the drawing functions; `painted`: the base classes of buttons and graphics; `icons` and `art`: pictures;
- `boxes`: rows, columns and layers; `label`, `button`, `switch`, `number_box`, `card`: small ones;
- `action_button`: the big button of a title's page;
- `banner`, `toast`, `empty_state`: messages; `hero`, `title_delegate`: a title's picture and its row in the library;
- `transfer_graph`, `legend`, `piece_map`: a running download.

    button = ActionButton()
    button.set_state("UPDATING", "1.4 GB of 3.8 GB", 0.37)
"""

from launcher.views.widgets.action_button import ActionButton, ActionKind
from launcher.views.widgets.banner import Banner, BannerKind
from launcher.views.widgets.boxes import column, layers, row
from launcher.views.widgets.button import Button, ButtonKind
from launcher.views.widgets.card import Card
from launcher.views.widgets.empty_state import EmptyState
from launcher.views.widgets.hero import HeroWidget
from launcher.views.widgets.label import ElidedLabel, Text
from launcher.views.widgets.legend import Legend
from launcher.views.widgets.number_box import NumberBox
from launcher.views.widgets.piece_map import PieceMap
from launcher.views.widgets.switch import Switch
from launcher.views.widgets.title_delegate import TitleDelegate
from launcher.views.widgets.toast import Toast
from launcher.views.widgets.transfer_graph import TransferGraph

__all__ = [
    "ActionButton", "ActionKind", "Banner", "BannerKind", "Button", "ButtonKind", "Card",
    "ElidedLabel", "EmptyState", "HeroWidget", "Legend", "NumberBox", "PieceMap", "Switch", "Text", "TitleDelegate",
    "Toast", "TransferGraph", "column", "layers", "row",
]  # fmt: skip
