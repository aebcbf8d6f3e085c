"""Translated texts for sizes, times, jobs and results. Everything is plain text, a publisher's texts too."""

import unicodedata

from PySide6.QtCore import QCoreApplication, QLocale, QObject
from PySide6.QtGui import QGuiApplication

from launcher.page import Page, PrimaryAction
from patcher.protocol.commands import Verb
from patcher.protocol.events import About, Held, Outcome, Phase, Progress, Reachability, Snapshot, TitleSnapshot

translate = QCoreApplication.translate

_LINE = 120
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


class Plurals(QObject):
    """Texts with a plural; lupdate finds plurals only in calls of `tr`."""

    def minutes(self, count: int) -> str:
        """The time left, under an hour."""
        return self.tr("%n minute(s) left", "", count)

    def hours(self, count: int) -> str:
        """The time left, from an hour on."""
        return self.tr("%n hour(s) left", "", count)

    def rest(self, count: int) -> str:
        """A server's wish to be left alone for a while."""
        return self.tr("The server is busy. The download goes on in %n second(s).", "", count)

    def damaged(self, count: int) -> str:
        """The result of a check that found damage."""
        return self.tr("%n file(s) differ from the release. Repair restores them.", "", count)

    def titles(self, count: int) -> str:
        """The number of titles in a feed."""
        return self.tr("%n title(s)", "", count)


# ---------------------------------------------------------------- sharing


def held(now: Snapshot) -> str:
    """Why less is shared than the player set; empty if nothing is held."""
    reasons = {
        Held.CAP: translate("Sharing", "the monthly upload limit is reached"),
        Held.BATTERY: translate("Sharing", "on battery"),
        Held.METERED: translate("Sharing", "the connection is metered"),
        Held.VPN: translate("Sharing", "the internet is reached through a VPN"),
    }
    if not now.held:
        return ""
    what = (
        translate("Sharing", "Not sharing: {}.")
        if now.allowed_sharing == "off"
        else translate("Sharing", "Sharing in the local network only: {}.")
    )
    return what.format(reasons[now.held])


def reach(found: Reachability) -> str:
    """Whether players of the internet reach this one; empty if they need not."""
    words = {
        "asking": translate("Sharing", "Asking the router to let other players in…"),
        "seen": translate("Sharing", "Other players can reach you: one has connected."),
        "mapped": translate("Sharing", "Other players can reach you: the router forwards port {port}."),
        "public": translate("Sharing", "Other players can reach you, unless a firewall forbids it."),
        "double": translate(
            "Sharing", "Other players cannot reach you: your router ({address}) is itself behind another one."
        ),
        "refused": translate("Sharing", "Other players cannot reach you: the router does not forward port {port}."),
        "private": translate(
            "Sharing",
            "Other players cannot reach you directly: no router forwards a port. Switch UPnP on in your router, or "
            "forward port {port} there.",
        ),
    }.get(found.why, "")
    return words.format(port=found.port, address=plain(found.address))


# ---------------------------------------------------------------- numbers and names


def plain(text: str, limit: int = _LINE) -> str:
    """``text`` as one line of at most ``limit`` characters, without control, bidi and other invisible ones."""
    clean = "".join(" " if c.isspace() else c for c in text[: 4 * limit] if c.isspace() or _is_visible(c))
    line = " ".join(clean.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _is_visible(character: str) -> bool:
    return unicodedata.category(character)[0] != "C" or character == "\N{ZERO WIDTH JOINER}"


def button_text(text: str) -> str:
    """``text`` for a button or menu, its ampersands escaped: a single one would mark a shortcut."""
    return plain(text).replace("&", "&&")


def numbers() -> QLocale:
    """How numbers are written: as the player's language does, unless they would run against the words around them."""
    mine = QLocale()
    is_along = mine.textDirection() == QGuiApplication.layoutDirection()
    return mine if is_along else QLocale(QLocale.Language.English)


def size(count: int) -> str:
    """Bytes in the notation of the locale, with three digits at most: 1.4 GB."""
    value = float(count)
    while value >= 999.5:
        value /= 1000
    digits = 1 if count >= 1_000_000 and value < 99.95 else 0
    return numbers().formattedDataSize(count, digits, QLocale.DataSizeFormat.DataSizeSIFormat)


def rate(bytes_per_second: float) -> str:
    """A transfer rate in the notation of the locale."""
    return translate("Text", "{size}/s").format(size=size(round(bytes_per_second)))


def percent(fraction: float) -> str:
    """``fraction`` (0 to 1) in percent; 100 only when it is 1."""
    number = numbers().toString(min(99, int(fraction * 100)) if fraction < 1 else 100)
    return translate("Text", "{number}%").format(number=number)


def duration(seconds: int) -> str:
    """The time left, coarsely rounded."""
    if seconds < _MINUTE:
        return translate("Text", "less than a minute left")
    if seconds < _HOUR:
        return Plurals().minutes(round(seconds / _MINUTE))
    if seconds < 2 * _DAY:
        return Plurals().hours(round(seconds / _HOUR))
    return translate("Text", "more than two days left")


def label_of(title: TitleSnapshot) -> str:
    """The title's label in the player's language, else its default one, else its name."""
    return plain(_in_language(title.about.labels) or title.label) or title.title


def summary_of(about: About) -> str:
    """The title's summary in the player's language, else in English."""
    return plain(_in_language(about.summaries) or about.summaries.get("en", ""), 240)


def _in_language(texts: dict[str, str]) -> str:
    name = QLocale().name().replace("_", "-")
    return texts.get(name) or texts.get(name.partition("-")[0]) or ""


# ---------------------------------------------------------------- jobs and results


def phase_label(step: str) -> str:
    """The label of a job's phase; "Working" for an unknown one of a newer engine."""
    return {
        "queued": translate("Phase", "Waiting"),
        "trust": translate("Phase", "Checking signatures"),
        "scan": translate("Phase", "Scanning files"),
        "plan": translate("Phase", "Planning"),
        "fetch": translate("Phase", "Downloading"),
        "stage": translate("Phase", "Assembling files"),
        "verify": translate("Phase", "Checking"),
        "commit": translate("Phase", "Putting files in place"),
        "done": translate("Phase", "Done"),
    }.get(step, translate("Verb", "Working"))


def verb_label(verb: Verb) -> str:
    """The label of a running job."""
    return {
        Verb.INSTALL: translate("Verb", "Installing"),
        Verb.PRELOAD: translate("Verb", "Preloading"),
        Verb.UPDATE: translate("Verb", "Updating"),
        Verb.ROLLBACK: translate("Verb", "Stepping back"),
        Verb.SET_TAGS: translate("Verb", "Changing parts"),
        Verb.REPAIR: translate("Verb", "Repairing"),
        Verb.VERIFY: translate("Verb", "Checking files"),
        Verb.MOVE: translate("Verb", "Moving"),
        Verb.UNINSTALL: translate("Verb", "Uninstalling"),
        Verb.PLAY: translate("Verb", "Starting"),
    }.get(verb, translate("Verb", "Working"))


def button_texts(page: Page) -> tuple[str, str]:
    """The label of the big button and the line below it."""
    if page.verb and page.action not in {PrimaryAction.QUEUED, PrimaryAction.PLAYING}:
        word = verb_label(page.verb)
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
        PrimaryAction.LOCATE: translate("Button", "Locate…"),
        PrimaryAction.PLAY: translate("Button", "Play"),
        PrimaryAction.PLAYING: translate("Button", "Playing"),
    }
    return words.get(page.action, "").upper(), _button_detail(page)


def _button_detail(page: Page) -> str:
    if page.action is PrimaryAction.NEEDS_SPACE:
        sizes = {"needed": size(page.needed_bytes), "free": size(page.free_bytes)}
        return translate("Button", "{needed} needed, {free} free").format(**sizes)
    if page.action is PrimaryAction.UPDATE and page.plan:
        return translate("Button", "{size} to download").format(size=size(page.plan.fetch_bytes))
    if page.action is PrimaryAction.RESUME and page.progress:
        return _amount(page.progress)
    lines = {
        PrimaryAction.WAIT: translate("Button", "Starting the engine"),
        PrimaryAction.RESUME: translate("Button", "Continues where it stopped"),
        PrimaryAction.QUEUED: translate("Button", "Waiting for another download"),
        PrimaryAction.REPAIR: translate("Button", "Files are not as released"),
        PrimaryAction.LOCATE: translate("Button", "Its folder is missing"),
        PrimaryAction.PLAYING: translate("Button", "The game is running"),
    }
    return lines.get(page.action, "")


def hint_of(page: Page) -> str:
    """What a click on the big button does: for screen readers and the tooltip."""
    return {
        PrimaryAction.INSTALL: translate("Button", "Choose a folder and parts, then download"),
        PrimaryAction.UPDATE: translate(
            "Button", "Download the new release; the old one stays until the new one is complete"
        ),
        PrimaryAction.PAUSE: translate("Button", "Pause; what was downloaded is kept"),
        PrimaryAction.STOP: translate("Button", "Stop"),
        PrimaryAction.RESUME: translate("Button", "Continue where it stopped"),
        PrimaryAction.NEEDS_SPACE: translate("Button", "Check the free space again, then continue"),
        PrimaryAction.REPAIR: translate("Button", "Restore the released files"),
        PrimaryAction.LOCATE: translate("Button", "Show where the folder is now, or connect its drive"),
        PrimaryAction.PLAY: translate("Button", "Start the game"),
    }.get(page.action, "")


def progress_line(progress: Progress | None) -> str:
    """The phase (except while fetching), the amount, and while fetching the time left."""
    if progress is None:
        return ""
    if progress.rest_s:
        return Plurals().rest(progress.rest_s)
    if not progress.total_bytes:
        return phase_label(progress.phase)
    left = duration(progress.eta_s) if progress.eta_s >= 0 and progress.phase is Phase.FETCH else ""
    first = "" if progress.phase is Phase.FETCH else phase_label(progress.phase)
    return " · ".join(part for part in (first, _amount(progress), left) if part)


def _amount(progress: Progress) -> str:
    sizes = {"done": size(progress.done_bytes), "total": size(progress.total_bytes)}
    return translate("Text", "{done} of {total}").format(**sizes)


def status_line(page: Page, *, has_update: bool, installed: bool) -> str:
    """The second line of a title in the library."""
    if page.verb and page.action not in {PrimaryAction.QUEUED, PrimaryAction.PLAYING}:
        label = verb_label(page.verb)
        return label if page.fraction is None else f"{label} · {percent(page.fraction)}"
    if page.action is PrimaryAction.LOCATE:
        return translate("Status", "Folder missing")
    if page.failure:
        return translate("Status", "Needs your attention")
    lines = {
        PrimaryAction.QUEUED: translate("Status", "Queued"),
        PrimaryAction.RESUME: translate("Status", "Paused"),
        PrimaryAction.REPAIR: translate("Status", "Needs repair"),
        PrimaryAction.PLAYING: translate("Status", "Playing"),
    }
    if page.action in lines:
        line = lines[page.action]
        return line if page.fraction is None else f"{line} · {percent(page.fraction)}"
    if not installed:
        return translate("Status", "Not installed")
    return translate("Status", "Update available") if has_update else translate("Status", "Ready to play")


def version_line(title: TitleSnapshot, version_to: str) -> str:
    """The installed version and, if it is another one, the version to come."""
    here, there = plain(title.version, 40), plain(version_to, 40)
    if not title.installed and not title.folder_missing:
        return translate("Text", "Version {version}").format(version=there) if there else ""
    line = translate("Text", "Version {version}").format(version=here)
    return f"{line}  →  {there}" if there else line


def result_line(verb: Verb, outcome: Outcome) -> str:
    """The result of a job: for an update, the planned and the actual download size."""
    if verb is Verb.VERIFY:
        whole = translate("Result", "All files are intact.")
        return Plurals().damaged(len(outcome.files)) if outcome.files else whole
    if verb is Verb.UNINSTALL:
        done = translate("Result", "Uninstalled. Your own files were left alone.")
        return done if outcome.version_from else translate("Result", "No longer installed.")
    if verb is Verb.PRELOAD:
        return translate("Result", "Preloaded: {sizes}").format(sizes=_sizes(outcome))
    if verb is Verb.CANCEL:
        return translate("Result", "Cancelled. What was downloaded was removed.")
    done = {
        Verb.INSTALL: translate("Result", "Installed {version}"),
        Verb.UPDATE: translate("Result", "Updated to {version}"),
        Verb.ROLLBACK: translate("Result", "Stepped back to {version}"),
        Verb.REPAIR: translate("Result", "Repaired {version}"),
        Verb.MOVE: translate("Result", "Moved {version}"),
    }.get(verb, translate("Result", "Done: {version}"))
    return f"{done.format(version=plain(outcome.version_to, 40))}: {_sizes(outcome)}"


def preload_line(preload: str) -> str:
    """What can be fetched ahead, or was; empty if there is nothing."""
    return {
        "offered": translate("Text", "The next release can be downloaded now, ahead of its launch."),
        "here": translate("Text", "The next release is here, sealed until its launch."),
    }.get(preload, "")


def _sizes(outcome: Outcome) -> str:
    got = outcome.fetched.lan_bytes + outcome.fetched.peer_bytes + outcome.fetched.origin_bytes
    sizes = {"planned": size(outcome.planned_bytes), "took": size(got)}
    return translate("Result", "{took} downloaded, {planned} planned").format(**sizes)


def reach_line(snapshot: Snapshot) -> str:
    """Why other players cannot reach this one where the settings say; empty if they can."""
    if not snapshot.listen_problem:
        return ""
    wanted = {
        "host": plain(str(snapshot.settings.get("listen_host", ""))),
        "taken": snapshot.settings.get("listen_port"),
    }
    if snapshot.listen_port:
        line = translate("Text", "Another program uses port {taken}, so port {port} is used instead.")
    else:
        line = translate(
            "Text", "This computer has no address {host}: nothing is shared, and no other player is found."
        )
    return line.format(port=snapshot.listen_port, **wanted)


def sources_line(outcome: Outcome) -> str:
    """The bytes of a job by source."""
    got = outcome.fetched
    rows = (
        (got.peer_bytes, translate("Result", "{size} from players")),
        (got.lan_bytes, translate("Result", "{size} from the local network")),
        (got.origin_bytes, translate("Result", "{size} from the server")),
    )
    return " · ".join(line.format(size=size(count)) for count, line in rows if count)
