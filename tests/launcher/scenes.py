"""Facts for pages: a library of three titles, and the messages that bring a window into each of its states."""

import functools
import os
import random
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget

from launcher import state
from launcher.prefs import Prefs
from launcher.state import Accepted, Link, LinkChanged
from launcher.views.install import InstallSheet
from launcher.views.window import MainWindow
from patcher.protocol import commands
from patcher.protocol.commands import Verb
from patcher.protocol.events import (
    About,
    Failed,
    Failure,
    FeedSnapshot,
    Finished,
    Outcome,
    PartFact,
    Phase,
    Planned,
    Progress,
    Rates,
    Snapshot,
    Sources,
    TitleSnapshot,
    Totals,
)  # fmt: skip

NAME = "demo/emberfall"
FINGERPRINT = "0123456789abcdef" * 4
NOTES = """# Ashes and Embers

**New region:** the Cinder Steppe, with two dungeons and a world boss.

- Rangers: Volley now pierces two targets.
- Fixed a crash when opening the map while mounted.

[All of it](https://example.org/notes)
"""
TOTALS = Totals(
    patch_bytes=412_000_000, write_bytes=1_200_000_000, peak_extra_bytes=1_300_000_000,
    files_changed=212, files_added=14, files_removed=3,
)  # fmt: skip
LOST = Failure(
    "internal.engine_lost", "The engine stopped.", "The installed version was not touched and still starts.", "", 1
)
NO_SOURCE = replace(LOST, code="origin.no_source", message="4 pieces are missing.", exit_code=4)


def title(name: str, label: str, **facts: object) -> TitleSnapshot:
    """A title of the demo feed with all that a publisher can say."""
    about = About(
        labels={"en": label, "de": f"{label} (deutsch)"},
        summaries={"en": "A journey through ash and fire."},
        notes=NOTES,
        links={"site": "https://example.org", "support": "https://example.org/help"},
        licence="MIT",
        parts=(PartFact("main", (), 3_800_000_000), PartFact("german", ("lang:de",), 400_000_000)),
    )
    return replace(TitleSnapshot(f"demo/{name}", label, about), **facts)  # type: ignore[arg-type]  # names of its fields


def installed(**facts: object) -> TitleSnapshot:
    """The first title, installed, with news."""
    known: dict[str, object] = {
        "installed": True, "version": "1.8.2", "offered_version": "1.9.0", "folder": "games/emberfall",
        "previous_version": "1.8.1",
    }  # fmt: skip
    return title("emberfall", "Emberfall", **(known | facts))


_HOME = "C:\\Users\\ann" if os.name == "nt" else "/home/ann"


def snapshot(first: TitleSnapshot | None = None, **settings: str | int | bool) -> Snapshot:
    """The library, with ``first`` in it."""
    others = (
        title("tidebound", "Tidebound", installed=True, version="2.1", offered_version="2.1"),
        title("verdant", "Verdant Rift", offered_version="1.0"),
    )
    feed = FeedSnapshot("demo", "https://updates.example.org/feed", FINGERPRINT, ("emberfall", "tidebound", "verdant"))
    titles = (first, *others) if first else ()
    return Snapshot(
        "0.1.0",
        1,
        _HOME,
        6881,
        (feed,) if first else (),
        titles,
        {"sharing": "off", "peers": "all", **settings},
    )


def window(folder: Path, *, welcomed: bool = True) -> MainWindow:
    """A window without an engine."""
    prefs = Prefs(folder)
    prefs.welcomed = welcomed
    made = MainWindow(prefs)
    made.free_bytes = lambda folder: 75_200_000_000
    made.resize(1240, 780)
    made.show()
    return made


@functools.cache
def samples(count: int) -> list[Progress]:
    """A download as it goes. Do not change the list: it is made once."""
    dice, lan, peers, origin = random.Random(5), 0, 0, 0
    made = []
    for number in range(count):
        rates = Rates(0, dice.randint(8_000_000, 16_000_000), dice.randint(1_000_000, 5_000_000))
        peers += rates.peer_bps
        origin += rates.origin_bps
        pieces = "".join(dice.choice("..hppppoa") for _ in range(200))
        sources = Sources(lan, peers, origin)
        made.append(
            Progress(
                7, NAME, Phase.FETCH, 1_400_000_000 + number, 3_800_000_000, 19_900_000, 130, sources, 14, 1_200_000,
                pieces=pieces, rates=rates,
            )
        )  # fmt: skip
    return made


def messages(scene: str) -> list[state.Message]:
    """What the bridge says until the window is in this state."""
    start: list[state.Message] = [LinkChanged(Link.UP)]
    update: list[state.Message] = [*start, snapshot(installed()), Accepted(commands.Update(NAME), 7)]
    working = snapshot(installed(job=7, verb=Verb.UPDATE))
    outcome = Outcome("1.8.2", "1.9.0", 412_000_000, Sources(0, 381_000_000, 28_000_000))
    scenes: dict[str, list[state.Message]] = {
        "starting": [],
        "empty": [*start, snapshot()],
        "not-installed": [*start, snapshot(title("emberfall", "Emberfall", offered_version="1.9.0"))],
        "ready": [*start, snapshot(installed()), Planned(5, NAME, "1.8.2", "1.9.0", TOTALS)],
        "preload": [*start, snapshot(installed(offered_version="1.8.2", preload="offered"))],
        "preloaded": [*start, snapshot(installed(offered_version="1.8.2", preload="here"))],
        "paused": [*start, snapshot(installed(paused=True, progress=samples(1)[0]))],
        "updating": [*update, working, *samples(40)],
        "playable": [*update, Finished(7, NAME, outcome), snapshot(installed(version="1.9.0"), sharing="everyone")],
        "failed": [*update, Failed(7, NAME, NO_SOURCE)],
        "lost": [*start, snapshot(installed()), LinkChanged(Link.LOST, LOST)],
    }
    return scenes[scene]


def show(shown: MainWindow, scene: str) -> None:
    """Bring a window into a state, one second between two samples."""
    for number, message in enumerate(messages(scene)):
        shown.state = state.apply(shown.state, message, 100.0 + number)
    shown.refresh()


def control(shown: MainWindow, name: str) -> QWidget:
    """The visible widget of this name."""
    return next(w for w in shown.findChildren(QWidget, name) if w.isVisible())


def install_sheet(shown: MainWindow) -> InstallSheet:
    """The open dialog before an install."""
    assert isinstance(shown.title_actions.sheet, InstallSheet)
    return shown.title_actions.sheet


def choose(shown: MainWindow, folder: str) -> None:
    """Choose a folder in the open dialog, or (empty) close it."""
    dialog = shown.findChild(QFileDialog)
    assert isinstance(dialog, QFileDialog) and dialog.isVisible()
    if folder:
        dialog.setDirectory(folder)
        dialog.fileSelected.emit(folder)
    dialog.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
