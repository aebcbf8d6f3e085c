"""What is known, as translated words: sizes, times, the button, the rows. Plain text, whatever a publisher wrote."""

import unicodedata

from PySide6.QtCore import QCoreApplication, QLocale, QObject

from launcher.page import Page, PrimaryAction, Row
from patcher.protocol.events import About, Outcome, Phase, Progress, TitleSnapshot

translate = QCoreApplication.translate

_LINE = 120
_SPACE = "\N{NO-BREAK SPACE}"
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


class Counted(QObject):
    """Texts with a number in them: lupdate finds their plurals only in calls of `tr`."""

    def minutes(self, count: int) -> str:
        """Time."""
        return self.tr("%n minute(s) left", "", count)

    def hours(self, count: int) -> str:
        """Time."""
        return self.tr("%n hour(s) left", "", count)

    def damaged(self, count: int) -> str:
        """What a check found."""
        return self.tr("%n file(s) are not as released. Repair puts them back.", "", count)

    def titles(self, count: int) -> str:
        """What a feed offers."""
        return self.tr("%n title(s)", "", count)


# ---------------------------------------------------------------- numbers and names


def plain(text: str, limit: int = _LINE) -> str:
    """One line of ``text`` without control, direction and other invisible characters, at most ``limit`` long."""
    clean = "".join(" " if c.isspace() else c for c in text[: 4 * limit] if c.isspace() or _is_visible(c))
    line = " ".join(clean.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _is_visible(character: str) -> bool:
    return unicodedata.category(character)[0] != "C" or character == "\N{ZERO WIDTH JOINER}"


def button_text(text: str) -> str:
    """``text`` for a button or menu, where an ampersand would mean a shortcut."""
    return plain(text).replace("&", "&&")


def size(count: int) -> str:
    """Bytes for people, in their own notation: 1,4 GB."""
    value = float(count)
    while value >= 999.5:  # three digits say enough
        value /= 1000
    digits = 1 if count >= 1_000_000 and value < 99.95 else 0
    return QLocale().formattedDataSize(count, digits, QLocale.DataSizeFormat.DataSizeSIFormat)


def rate(bytes_per_second: float) -> str:
    """Bytes a second for people."""
    return translate("Text", "{size}/s").format(size=size(round(bytes_per_second)))


def percent(fraction: float) -> str:
    """How far something is, never 100 % before it is done."""
    number = QLocale().toString(min(99, int(fraction * 100)) if fraction < 1 else 100)
    return translate("Text", "{number}%").format(number=number)


def duration(seconds: int) -> str:
    """The time that is left, as rough as it is known."""
    if seconds < _MINUTE:
        return translate("Text", "less than a minute left")
    if seconds < _HOUR:
        return Counted().minutes(round(seconds / _MINUTE))
    if seconds < 2 * _DAY:
        return Counted().hours(round(seconds / _HOUR))
    return translate("Text", "more than two days left")


def label_of(title: TitleSnapshot) -> str:
    """The title's name in the player's language, else in English, else any."""
    return plain(_in_language(title.about.labels) or title.label) or title.title


def summary_of(about: About) -> str:
    """What the title is, in the player's language."""
    return plain(_in_language(about.summaries) or about.summaries.get("en", ""), 240)


def _in_language(texts: dict[str, str]) -> str:
    name = QLocale().name().replace("_", "-")
    return texts.get(name) or texts.get(name.partition("-")[0]) or ""


# ---------------------------------------------------------------- what goes on


def phase(step: str) -> str:
    """What a job does just now; a phase of a newer engine is just work."""
    return {
        "queued": translate("Phase", "Waiting"),
        "trust": translate("Phase", "Checking signatures"),
        "scan": translate("Phase", "Looking at what is here"),
        "plan": translate("Phase", "Planning"),
        "fetch": translate("Phase", "Downloading"),
        "stage": translate("Phase", "Putting together"),
        "verify": translate("Phase", "Checking"),
        "commit": translate("Phase", "Putting in place"),
        "done": translate("Phase", "Done"),
    }.get(step, translate("Verb", "Working"))


def doing(verb: str) -> str:
    """What a job is, while it runs."""
    return {
        "install": translate("Verb", "Installing"),
        "update": translate("Verb", "Updating"),
        "rollback": translate("Verb", "Stepping back"),
        "settags": translate("Verb", "Changing parts"),
        "repair": translate("Verb", "Repairing"),
        "verify": translate("Verb", "Checking files"),
        "move": translate("Verb", "Moving"),
        "uninstall": translate("Verb", "Uninstalling"),
        "play": translate("Verb", "Starting"),
    }.get(verb, translate("Verb", "Working"))


def button(page: Page) -> tuple[str, str]:
    """The word on the big button and the line below it."""
    if page.verb and page.act not in {PrimaryAction.QUEUED, PrimaryAction.PLAYING}:
        word = doing(page.verb)
        if page.fraction is not None and page.progress and page.progress.phase is Phase.FETCH:
            word = f"{word}  {percent(page.fraction)}"
        return word.upper(), progress_line(page.progress)
    words = {
        PrimaryAction.WAIT: translate("Button", "Please wait"),
        PrimaryAction.INSTALL: translate("Button", "Install"),
        PrimaryAction.UPDATE: translate("Button", "Update"),
        PrimaryAction.RESUME: translate("Button", "Resume"),
        PrimaryAction.QUEUED: translate("Button", "Queued"),
        PrimaryAction.NEEDS_SPACE: translate("Button", "Needs space"),
        PrimaryAction.REPAIR: translate("Button", "Repair"),
        PrimaryAction.PLAY: translate("Button", "Play"),
        PrimaryAction.PLAYING: translate("Button", "Playing"),
    }
    return words.get(page.act, "").upper(), _below(page)


def _below(page: Page) -> str:
    if page.act is PrimaryAction.NEEDS_SPACE:
        sizes = {"needed": size(page.needed_bytes), "free": size(page.free_bytes)}
        return translate("Button", "{needed} needed, {free} free").format(**sizes)
    if page.act is PrimaryAction.UPDATE and page.plan:
        return translate("Button", "{size} to download").format(size=size(page.plan.fetch_bytes))
    lines = {
        PrimaryAction.WAIT: translate("Button", "Starting the engine"),
        PrimaryAction.RESUME: translate("Button", "Goes on where it stopped"),
        PrimaryAction.QUEUED: translate("Button", "Another download is first"),
        PrimaryAction.REPAIR: translate("Button", "Files were changed"),
        PrimaryAction.PLAYING: translate("Button", "The game is running"),
    }
    return lines.get(page.act, "")


def hint_of(page: Page) -> str:
    """What a click on the big button does, for screen readers and the tooltip."""
    return {
        PrimaryAction.INSTALL: translate("Button", "Choose a folder and parts, then download"),
        PrimaryAction.UPDATE: translate(
            "Button", "Download the new release; the old one stays until the new one is complete"
        ),
        PrimaryAction.PAUSE: translate("Button", "Pause; what was downloaded is kept"),
        PrimaryAction.STOP: translate("Button", "Stop"),
        PrimaryAction.RESUME: translate("Button", "Go on with what was begun"),
        PrimaryAction.NEEDS_SPACE: translate("Button", "Look at the free space again, then go on"),
        PrimaryAction.REPAIR: translate("Button", "Put back the files as they were released"),
        PrimaryAction.PLAY: translate("Button", "Start the game"),
    }.get(page.act, "")


def progress_line(progress: Progress | None) -> str:
    """Phase or amount, and how long it still takes."""
    if progress is None:
        return ""
    if not progress.total_bytes:
        return phase(progress.phase)
    sizes = {"done": size(progress.done_bytes), "total": size(progress.total_bytes)}
    amount = translate("Text", "{done} of {total}").format(**sizes)
    left = duration(progress.eta_s) if progress.eta_s >= 0 and progress.phase is Phase.FETCH else ""
    first = "" if progress.phase is Phase.FETCH else phase(progress.phase)
    return " · ".join(part for part in (first, amount, left) if part)


def status(row: Row, *, has_news: bool, installed: bool) -> str:
    """A title's line in the library."""
    if row.verb and row.act not in {PrimaryAction.QUEUED, PrimaryAction.PLAYING}:
        word = doing(row.verb)
        return word if row.fraction is None else f"{word} · {percent(row.fraction)}"
    if row.is_failed:
        return translate("Status", "Needs your attention")
    lines = {
        PrimaryAction.QUEUED: translate("Status", "Queued"),
        PrimaryAction.RESUME: translate("Status", "Paused"),
        PrimaryAction.REPAIR: translate("Status", "Needs repair"),
        PrimaryAction.PLAYING: translate("Status", "Playing"),
        PrimaryAction.NEEDS_SPACE: translate("Status", "Needs space"),
    }
    if row.act in lines:
        return lines[row.act]
    if not installed:
        return translate("Status", "Not installed")
    return translate("Status", "Update available") if has_news else translate("Status", "Ready to play")


def version_line(title: TitleSnapshot, version_to: str) -> str:
    """Which release is here and which comes."""
    here, there = plain(title.version, 40), plain(version_to, 40)
    if not title.installed:
        return translate("Text", "Version {version}").format(version=there) if there else ""
    line = translate("Text", "Version {version}").format(version=here)
    return f"{line}  →  {there}" if there else line


def result_line(verb: str, outcome: Outcome) -> str:
    """How the last job ended, for the toast and the page: what was planned and what it took."""
    if verb == "verify":
        count = len(outcome.files)
        if not count:
            return translate("Result", "Every file is as it was released.")
        return Counted().damaged(count)
    if verb == "uninstall":
        return translate("Result", "Uninstalled. Your own files were left alone.")
    done = {
        "install": translate("Result", "Installed {version}"),
        "update": translate("Result", "Updated to {version}"),
        "rollback": translate("Result", "Stepped back to {version}"),
        "repair": translate("Result", "Repaired {version}"),
        "move": translate("Result", "Moved {version}"),
    }.get(verb, translate("Result", "Done: {version}"))
    return f"{done.format(version=plain(outcome.version_to, 40))}: {_took(outcome)}"


def _took(outcome: Outcome) -> str:
    got = outcome.fetched.lan_bytes + outcome.fetched.peer_bytes + outcome.fetched.origin_bytes
    sizes = {"planned": size(outcome.planned_bytes), "took": size(got)}
    return translate("Result", "planned {planned}, took {took}").format(**sizes)


def sources_line(outcome: Outcome) -> str:
    """Where the bytes of the last job came from."""
    got = outcome.fetched
    rows = (
        (got.peer_bytes, translate("Result", "{size} from players")),
        (got.lan_bytes, translate("Result", "{size} from the local network")),
        (got.origin_bytes, translate("Result", "{size} from the server")),
    )
    return " · ".join(line.format(size=size(count)) for count, line in rows if count)
