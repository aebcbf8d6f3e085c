"""Error codes as translated texts: what failed, what stays safe, what to do, and the buttons that do it."""

import enum
from dataclasses import dataclass
from typing import NamedTuple

from PySide6.QtCore import QCoreApplication

from launcher.text import plain, size
from patcher.errors import DiskError
from patcher.protocol.events import Failure

translate = QCoreApplication.translate


def QT_TRANSLATE_NOOP(context: str, text: str) -> str:  # noqa: ARG001 - lupdate finds the texts by this call
    """Mark ``text`` for translation; `explain` translates it."""
    return text


class Remedy(enum.StrEnum):
    """A button of an error banner. Every banner has DETAILS."""

    RETRY = "retry"
    FOLDER = "folder"
    LOCATE = "locate"
    SERVER_ONLY = "server-only"
    REPAIR = "repair"
    VERIFY = "verify"
    LOG = "open-log"
    STEP_BACK = "step-back"
    FORGET = "forget"
    DETAILS = "details"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Explanation:
    """A translated error."""

    title: str
    safe: str
    hint: str
    remedies: tuple[Remedy, ...]
    is_offline: bool = False

    @property
    def text(self) -> str:
        """What stays safe and what to do, as one text."""
        return f"{self.safe} {self.hint}"


class _Row(NamedTuple):
    title: str
    hint: str
    remedies: tuple[Remedy, ...] = (Remedy.RETRY,)


_R, _F, _S, _P = Remedy.RETRY, Remedy.FOLDER, Remedy.SERVER_ONLY, Remedy.REPAIR

EXPLANATIONS: dict[str, _Row] = {
    # trust
    "trust.not_a_feed": _Row(
        QT_TRANSLATE_NOOP("Errors", "There is no feed at this address."),
        QT_TRANSLATE_NOOP("Errors", "Check the address with the publisher."),
    ),
    "trust.fingerprint": _Row(
        QT_TRANSLATE_NOOP("Errors", "This feed's fingerprint is not the expected one."),
        QT_TRANSLATE_NOOP(
            "Errors",
            "Somebody else may answer at its address. Ask the publisher for its fingerprint, or the file again.",
        ),
        (),
    ),
    "trust.signature": _Row(
        QT_TRANSLATE_NOOP("Errors", "The publisher's signature does not match what the server sent."),
        QT_TRANSLATE_NOOP(
            "Errors", "Try again later. If it happens again, ask the publisher: the feed may be damaged."
        ),
    ),
    "trust.expired": _Row(
        QT_TRANSLATE_NOOP("Errors", "The publisher's signature has expired."),
        QT_TRANSLATE_NOOP("Errors", "The publisher has to renew the signature. You can still play; try again later."),
    ),
    "trust.rollback": _Row(
        QT_TRANSLATE_NOOP("Errors", "The server offers an older state of this feed than it did before."),
        QT_TRANSLATE_NOOP("Errors", "Try again later."),
    ),
    "trust.clock": _Row(
        QT_TRANSLATE_NOOP("Errors", "This computer's clock is wrong."),
        QT_TRANSLATE_NOOP("Errors", "Set the date and time, then try again."),
    ),
    "trust.needs_newer": _Row(
        QT_TRANSLATE_NOOP("Errors", "This feed needs a newer version of Shoal."),
        QT_TRANSLATE_NOOP("Errors", "Update Shoal. Playing, checking and uninstalling still work."),
    ),
    "trust.record": _Row(
        QT_TRANSLATE_NOOP("Errors", "This feed contains an invalid record."),
        QT_TRANSLATE_NOOP("Errors", "Tell the publisher."),
    ),
    "trust.not_offered": _Row(
        QT_TRANSLATE_NOOP("Errors", "The publisher does not offer this release."),
        QT_TRANSLATE_NOOP("Errors", "Try again later."),
    ),
    "trust.description": _Row(
        QT_TRANSLATE_NOOP("Errors", "Another program changed the record of what is installed in this folder."),
        QT_TRANSLATE_NOOP("Errors", "Repair restores what the publisher signed. Your own files stay."),
        (_P,),
    ),
    "trust.too_old": _Row(
        QT_TRANSLATE_NOOP("Errors", "The publisher no longer allows this release."),
        QT_TRANSLATE_NOOP("Errors", "Choose a newer release."),
        (),
    ),
    "trust.step_back": _Row(
        QT_TRANSLATE_NOOP("Errors", "The publisher no longer allows the previous release."),
        QT_TRANSLATE_NOOP("Errors", "Keep this release, unless you know why you need the previous one."),
        (Remedy.STEP_BACK,),
    ),
    # origin
    "origin.unreachable": _Row(
        QT_TRANSLATE_NOOP("Errors", "You seem to be offline: the server cannot be reached."),
        QT_TRANSLATE_NOOP("Errors", "You can play without a network. What was downloaded is kept."),
    ),
    "origin.certificate": _Row(
        QT_TRANSLATE_NOOP("Errors", "The server could not prove its identity."),
        QT_TRANSLATE_NOOP(
            "Errors",
            "Open a web page in your browser: this network may want you to log in first. Otherwise check the address "
            "and this computer's clock.",
        ),
    ),
    "origin.status": _Row(
        QT_TRANSLATE_NOOP("Errors", "The server refused the download."),
        QT_TRANSLATE_NOOP("Errors", "Try again later. If it happens again, tell the publisher."),
    ),
    "origin.busy": _Row(
        QT_TRANSLATE_NOOP("Errors", "The server has too much to do and asks you to come back later."),
        QT_TRANSLATE_NOOP("Errors", "Try again later. What was downloaded is kept."),
    ),
    "origin.web_page": _Row(
        QT_TRANSLATE_NOOP("Errors", "A web page came instead of the publisher's files."),
        QT_TRANSLATE_NOOP(
            "Errors",
            "Open a web page in your browser: this network may want you to log in first. Otherwise check the address, "
            "or tell the publisher.",
        ),
    ),
    "origin.no_ranges": _Row(
        QT_TRANSLATE_NOOP("Errors", "The publisher's server cannot send parts of a file."),
        QT_TRANSLATE_NOOP("Errors", "Tell the publisher. Other players may have the missing data."),
    ),
    "origin.missing": _Row(
        QT_TRANSLATE_NOOP("Errors", "The server does not have a file that the release needs."),
        QT_TRANSLATE_NOOP("Errors", "Try again later, or allow downloads from other players in the settings."),
    ),
    "origin.too_slow": _Row(
        QT_TRANSLATE_NOOP("Errors", "The download was too slow and has stopped."),
        QT_TRANSLATE_NOOP("Errors", "Try again later. What was downloaded is kept."),
        (_R, _S),
    ),
    "origin.host_refused": _Row(
        QT_TRANSLATE_NOOP("Errors", "The server redirected to an address that the feed does not list."),
        QT_TRANSLATE_NOOP("Errors", "Tell the publisher."),
    ),
    "origin.protocol": _Row(
        QT_TRANSLATE_NOOP("Errors", "The server gave an unexpected answer."),
        QT_TRANSLATE_NOOP("Errors", "Try again later. If it happens again, tell the publisher."),
    ),
    "origin.no_source": _Row(
        QT_TRANSLATE_NOOP("Errors", "Neither the server nor any player has the missing data right now."),
        QT_TRANSLATE_NOOP("Errors", "Try again later. What was downloaded is kept."),
        (_R, _S),
    ),
    # content
    "content.invalid": _Row(
        QT_TRANSLATE_NOOP("Errors", "A document of this feed is damaged."),
        QT_TRANSLATE_NOOP("Errors", "Try again. If it happens again, tell the publisher."),
    ),
    "content.mismatch": _Row(
        QT_TRANSLATE_NOOP("Errors", "Some downloaded data was not what the publisher signed. It was discarded."),
        QT_TRANSLATE_NOOP("Errors", "Try again, or download from the server only."),
        (_R, _S),
    ),
    "content.window": _Row(
        QT_TRANSLATE_NOOP("Errors", "A piece of the patch is damaged."),
        QT_TRANSLATE_NOOP("Errors", "Try again: a full download replaces the damaged piece."),
        (_R, _S),
    ),
    "content.closed": _Row(
        QT_TRANSLATE_NOOP("Errors", "The game closed at once (code {code})."),
        QT_TRANSLATE_NOOP("Errors", "Check its files. If they are intact, its log may say why."),
        (Remedy.VERIFY,),
    ),
    "content.administrator": _Row(
        QT_TRANSLATE_NOOP("Errors", "The game wants to run as administrator."),
        QT_TRANSLATE_NOOP(
            "Errors",
            "Shoal starts nothing with more rights than yours. Tell the publisher; if you trust the game, start its "
            "file from the Explorer.",
        ),
        (),
    ),
    "content.launch": _Row(
        QT_TRANSLATE_NOOP("Errors", "The program that starts this title is not one of the publisher's files."),
        QT_TRANSLATE_NOOP("Errors", "Repair the title. If it happens again, tell the publisher."),
        (_P,),
    ),
    # disk
    "disk.full": _Row(
        QT_TRANSLATE_NOOP("Errors", "There is not enough space on this drive."),
        QT_TRANSLATE_NOOP("Errors", "Free some space or choose another folder."),
        (_R, _F),
    ),
    "disk.read_only": _Row(
        QT_TRANSLATE_NOOP("Errors", "This folder is read-only."),
        QT_TRANSLATE_NOOP("Errors", "Make the folder writable or choose another one."),
        (_R, _F),
    ),
    "disk.denied": _Row(
        QT_TRANSLATE_NOOP("Errors", "You do not have permission to write to this folder."),
        QT_TRANSLATE_NOOP("Errors", "Check who owns the folder, or choose another one."),
        (_R, _F),
    ),
    "disk.in_use": _Row(
        QT_TRANSLATE_NOOP("Errors", "Another program is using the files."),
        QT_TRANSLATE_NOOP("Errors", "Close that program, then try again."),
    ),
    "disk.in_the_way": _Row(
        QT_TRANSLATE_NOOP("Errors", "A file that is not the publisher's is in the way of a new one."),
        QT_TRANSLATE_NOOP("Errors", "Move that file away, then try again."),
        (_R, _F),
    ),
    "disk.volume": _Row(
        QT_TRANSLATE_NOOP("Errors", "Another drive is mounted inside the folder of this title."),
        QT_TRANSLATE_NOOP("Errors", "Unmount that drive, then try again: a title lies on one drive."),
    ),
    "disk.unsuitable": _Row(
        QT_TRANSLATE_NOOP("Errors", "This drive cannot hold files as large, or with such names, as the title has."),
        QT_TRANSLATE_NOOP("Errors", "Choose a folder on another drive."),
        (_F,),
    ),
    "disk.cloud": _Row(
        QT_TRANSLATE_NOOP("Errors", "Files of this title are in a cloud service, not on this drive."),
        QT_TRANSLATE_NOOP(
            "Errors", 'Choose "Always keep on this device" for the folder in the Explorer. Try again when all is here.'
        ),
    ),
    "disk.failed": _Row(
        QT_TRANSLATE_NOOP("Errors", "The drive reported an error."),
        QT_TRANSLATE_NOOP("Errors", "Check the drive, then try again."),
        (_R, _F),
    ),
    "disk.not_empty": _Row(
        QT_TRANSLATE_NOOP("Errors", "There are other files in this folder."),
        QT_TRANSLATE_NOOP("Errors", "Choose an empty folder, or locate the game if it is installed there."),
        (_F,),
    ),
    "disk.folder_missing": _Row(
        QT_TRANSLATE_NOOP("Errors", "The folder of this title is missing."),
        QT_TRANSLATE_NOOP("Errors", "Connect its drive, or show where the folder is now."),
        (Remedy.LOCATE, Remedy.FORGET),
    ),
    "disk.modified": _Row(
        QT_TRANSLATE_NOOP("Errors", "Files of this title have been changed."),
        QT_TRANSLATE_NOOP("Errors", "Repair restores the released files."),
        (_P,),
    ),
    "disk.interrupted": _Row(
        QT_TRANSLATE_NOOP("Errors", "An update was interrupted while its files were put in place."),
        QT_TRANSLATE_NOOP("Errors", "Try again: the update continues where it stopped."),
    ),
    "disk.journal": _Row(
        QT_TRANSLATE_NOOP("Errors", "The game's folder contains the record of an update that Shoal did not write."),
        QT_TRANSLATE_NOOP("Errors", "Repair removes the record and checks every file."),
        (_P,),
    ),
    "disk.damaged": _Row(
        QT_TRANSLATE_NOOP("Errors", "A file of Shoal's own is damaged."),
        QT_TRANSLATE_NOOP("Errors", "Try again in a moment: Shoal keeps the damaged file and makes a new one."),
    ),
    "disk.registry": _Row(
        QT_TRANSLATE_NOOP("Errors", "The list of installed titles, registry.sqlite, was damaged and was made anew."),
        QT_TRANSLATE_NOOP(
            "Errors",
            "Files are checked again, and paused downloads are forgotten. If a title is missing, locate its folder. A "
            "damaged file is kept beside the new one.",
        ),
        (),
    ),
    "disk.settings": _Row(
        QT_TRANSLATE_NOOP("Errors", "The settings, settings.toml, cannot be read."),
        QT_TRANSLATE_NOOP(
            "Errors",
            "The defaults count. Choose again what you had changed. A damaged file is kept beside the new one.",
        ),
        (),
    ),
    "disk.pin": _Row(
        QT_TRANSLATE_NOOP("Errors", "The address of a feed is damaged on this computer."),
        QT_TRANSLATE_NOOP("Errors", "Add the feed again, and compare its fingerprint with the publisher's."),
        (),
    ),
    "disk.home": _Row(
        QT_TRANSLATE_NOOP("Errors", "Shoal's own files cannot be read or written."),
        QT_TRANSLATE_NOOP("Errors", "Repair the file that the details name, or start Shoal with another home folder."),
    ),
    "disk.home_owner": _Row(
        QT_TRANSLATE_NOOP("Errors", "Shoal's own folder belongs to another user, or other users may write to it."),
        QT_TRANSLATE_NOOP("Errors", "Start Shoal as the folder's owner, or with another home folder."),
    ),
    # usage: most of these cannot happen in the window
    "usage.argument": _Row(
        QT_TRANSLATE_NOOP("Errors", "Shoal cannot do that."),
        QT_TRANSLATE_NOOP("Errors", "Check what was entered."),
    ),
    "usage.unknown_title": _Row(
        QT_TRANSLATE_NOOP("Errors", "None of your feeds offers this title any more."),
        QT_TRANSLATE_NOOP("Errors", "Add a feed that offers this title."),
    ),
    "usage.unknown_feed": _Row(
        QT_TRANSLATE_NOOP("Errors", "This feed is no longer one of yours."),
        QT_TRANSLATE_NOOP("Errors", "Add the feed again."),
    ),
    "usage.not_installed": _Row(
        QT_TRANSLATE_NOOP("Errors", "This title is not installed."),
        QT_TRANSLATE_NOOP("Errors", "Install the title, or locate the folder where it is."),
        (_F,),
    ),
    "usage.already_installed": _Row(
        QT_TRANSLATE_NOOP("Errors", "This title is installed already."),
        QT_TRANSLATE_NOOP("Errors", "Update the title, or move it to another folder."),
        (),
    ),
    "usage.no_previous": _Row(
        QT_TRANSLATE_NOOP("Errors", "The previous release is not kept on this computer."),
        QT_TRANSLATE_NOOP("Errors", "Keep this release."),
        (),
    ),
    "usage.no_preload": _Row(
        QT_TRANSLATE_NOOP("Errors", "There is nothing to preload now."),
        QT_TRANSLATE_NOOP("Errors", "Wait until the publisher offers the next release."),
        (),
    ),
    "usage.no_launch": _Row(
        QT_TRANSLATE_NOOP("Errors", "The publisher does not say how to start this title on this system."),
        QT_TRANSLATE_NOOP("Errors", "Open its folder instead, or ask the publisher."),
        (),
    ),
    "usage.folder": _Row(
        QT_TRANSLATE_NOOP("Errors", "This is not the full path of a folder."),
        QT_TRANSLATE_NOOP("Errors", "Begin with the drive, or with ~ for your home folder."),
        (),
    ),
    "usage.setting": _Row(
        QT_TRANSLATE_NOOP("Errors", "This setting does not accept that value."),
        QT_TRANSLATE_NOOP("Errors", "Choose another value."),
        (),
    ),
    "usage.port": _Row(
        QT_TRANSLATE_NOOP("Errors", "Another program is using the network port."),
        QT_TRANSLATE_NOOP("Errors", "Close that program, or choose another port."),
    ),
    # busy, internal
    "busy.title": _Row(
        QT_TRANSLATE_NOOP("Errors", "Shoal is already working on this title."),
        QT_TRANSLATE_NOOP("Errors", "Wait until that is done, then try again."),
    ),
    "busy.locked": _Row(
        QT_TRANSLATE_NOOP("Errors", "Another Shoal is already working on this game."),
        QT_TRANSLATE_NOOP("Errors", "Wait until the other one is done, or close it, then try again."),
    ),
    "busy.running": _Row(
        QT_TRANSLATE_NOOP("Errors", "The game is running."),
        QT_TRANSLATE_NOOP("Errors", "Close the game, then try again."),
    ),
    "internal.engine_lost": _Row(
        QT_TRANSLATE_NOOP("Errors", "Shoal's engine stopped unexpectedly."),
        QT_TRANSLATE_NOOP("Errors", "The engine is being restarted and continues where it stopped."),
        (),
    ),
    "internal.engine_silent": _Row(
        QT_TRANSLATE_NOOP("Errors", "Shoal's engine is not responding."),
        QT_TRANSLATE_NOOP(
            "Errors",
            "The engine may be busy: wait a moment. If that does not help, end its process; the details name it.",
        ),
    ),
    "internal.job_died": _Row(
        QT_TRANSLATE_NOOP("Errors", "Shoal's engine stopped several times while working on this title."),
        QT_TRANSLATE_NOOP(
            "Errors", "The work is paused. Continue when you like. If it happens again, copy the details for a report."
        ),
    ),
    "internal.version": _Row(
        QT_TRANSLATE_NOOP("Errors", "A Shoal engine of another version is still running."),
        QT_TRANSLATE_NOOP("Errors", "That engine ends when its work is done. Shoal keeps trying to connect."),
        (),
    ),
    "internal.failure": _Row(
        QT_TRANSLATE_NOOP("Errors", "Something unexpected went wrong in Shoal."),
        QT_TRANSLATE_NOOP("Errors", "Try again. If it happens again, copy the details for a report."),
    ),
}
_BY_FACT: dict[tuple[str, str], _Row] = {
    ("origin.unreachable", "refused"): _Row(
        QT_TRANSLATE_NOOP("Errors", "No server answers at this address and port."),
        QT_TRANSLATE_NOOP("Errors", "Check the address. If it is right, try again later."),
    ),
    ("content.launch", "unable"): _Row(
        QT_TRANSLATE_NOOP("Errors", "This system cannot start the game."),
        QT_TRANSLATE_NOOP("Errors", "Something that it needs may be missing here. Ask the publisher what it needs."),
        (Remedy.VERIFY,),
    ),
    ("disk.not_empty", "title"): _Row(QT_TRANSLATE_NOOP("Errors", "Another title is in this folder."), "", (_F,)),
    ("disk.modified", "missing"): _Row(
        QT_TRANSLATE_NOOP("Errors", "A file of the game is missing."),
        QT_TRANSLATE_NOOP("Errors", "Repair brings the file back. Your own files stay."),
        (_P,),
    ),
}
"""For a code with this fact, more precisely than for the code alone."""

_PUBLISHING = _Row(
    QT_TRANSLATE_NOOP("Errors", "This is a publishing error."),
    QT_TRANSLATE_NOOP("Errors", "Use the command line; the details say what is wrong."),
    (),
)
"""For codes that only commands of publishers and operators raise."""

_UNTOUCHED = QT_TRANSLATE_NOOP("Errors", "The installed version was not touched and still starts.")
_NOTHING = QT_TRANSLATE_NOOP("Errors", "Nothing was changed.")
_SAFE = {
    _UNTOUCHED,
    _NOTHING,
    QT_TRANSLATE_NOOP("Errors", "Nothing was changed on this machine."),
    QT_TRANSLATE_NOOP("Errors", "The folder was not touched."),
    QT_TRANSLATE_NOOP("Errors", "Changed files were not overwritten."),
    QT_TRANSLATE_NOOP("Errors", "Nothing was started."),
    QT_TRANSLATE_NOOP("Errors", "Installed titles still start."),
}
"""What stays safe, in the engine's words."""

_SAFE_REWORDED = {
    "Both versions are kept safe by the journal.": QT_TRANSLATE_NOOP("Errors", "Both versions are kept safe."),
    "The running job goes on.": QT_TRANSLATE_NOOP("Errors", "What is running continues."),
}


def explain(failure: Failure, *, installed: bool = True) -> Explanation:
    """A failure as translated text; a title that is not ``installed`` gets no word about an installed version."""
    known = (row for (code, fact), row in _BY_FACT.items() if code == failure.code and fact in failure.facts)
    title, hint, remedies = next(known, EXPLANATIONS.get(failure.code, _PUBLISHING))
    safe = failure.safe if installed or failure.safe != _UNTOUCHED else _NOTHING
    return Explanation(
        translate("Errors", title).replace("{code}", plain(str(failure.facts.get("exit_code", "?")))),
        translate("Errors", _SAFE_REWORDED.get(safe, safe if safe in _SAFE else _NOTHING)),
        _with_path(failure, translate("Errors", hint)),
        (*remedies, *([Remedy.LOG] if "log" in failure.facts else []), Remedy.DETAILS),
        is_offline=title == EXPLANATIONS["origin.unreachable"].title,
    )


def no_space(folder: str, needed_bytes: int, free_bytes: int) -> Failure:
    """The failure of a plan for which a drive has too little space."""
    text = f"{folder} needs {size(needed_bytes)} of space and has {size(free_bytes)}."
    return Failure.of(DiskError("disk.full", text, path=folder, needed_bytes=needed_bytes, free_bytes=free_bytes))


def _with_path(failure: Failure, hint: str) -> str:
    """The hint, with what a full drive lacks, or with the path of another failure of a drive as a line of its own."""
    path = plain(str(failure.facts.get("path", "")), 200)
    needed, free = (int(failure.facts.get(name, 0)) for name in ("needed_bytes", "free_bytes"))
    if failure.code == "disk.full" and needed > free:
        text = translate("Errors", "{size} more are needed on the drive of {folder}.")
        return f"{text.format(size=size(needed - free), folder=path)} {hint}"
    return f"{hint}\n{path}" if failure.code.startswith("disk.") and path else hint


def remedy_label(remedy: Remedy) -> str:
    """The button's text."""
    return {
        Remedy.RETRY: translate("Errors", "Retry"),
        Remedy.FOLDER: translate("Errors", "Choose folder…"),
        Remedy.SERVER_ONLY: translate("Errors", "Server only"),
        Remedy.REPAIR: translate("Errors", "Repair"),
        Remedy.VERIFY: translate("Errors", "Check files"),
        Remedy.LOG: translate("Errors", "Open log"),
        Remedy.STEP_BACK: translate("Errors", "Step back anyway…"),
        Remedy.LOCATE: translate("Errors", "Locate…"),
        Remedy.FORGET: translate("Errors", "Forget…"),
        Remedy.DETAILS: translate("Errors", "Copy details"),
        Remedy.CLOSE: translate("Errors", "Dismiss"),
    }[remedy]


def details(failure: Failure, version: str) -> str:
    """The text for a bug report: the engine's own words, in English."""
    facts = "".join(f"\n{key}: {plain(str(value), 500)}" for key, value in failure.facts.items())
    return f"Shoal {version}\n{failure.code}\n{plain(failure.message, 2000)}\n{failure.safe}\n{failure.hint}{facts}\n"
