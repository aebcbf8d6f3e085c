"""Every error, sorted by what the reader can do about it.

An error has a stable ``code``, a ``message`` that says what failed, a sentence that says what stays ``safe``, a
``hint``, and ``facts``. `CODES` lists every code once with its safe and hint sentences; clients translate by code.
`Cancelled` is raised by a cancelled job and is not an error.
"""

from typing import ClassVar, NamedTuple, Self

from patcher.plain import quoted

Facts = dict[str, str | int]
_MESSAGE_LENGTH = 2000


class CodeText(NamedTuple):
    """The sentences of every error with this code."""

    safe: str
    hint: str


class ShoalError(Exception):
    """Base of all errors that reach a client. Raise a subclass. An error that code reacts to has a class of its own.

    The message is shortened and made plain, whatever it quotes. Raises KeyError when ``code`` is not in `CODES`.
    """

    exit_code: ClassVar[int] = 1
    kind: ClassVar[str] = "internal"

    def __init__(self, code: str, message: str, **facts: str | int) -> None:
        self.code = code
        self.message = quoted(message, _MESSAGE_LENGTH)
        super().__init__(self.message)
        self.safe, self.hint = CODES[code]
        self.facts: Facts = facts

    def __reduce__(self) -> tuple[object, ...]:
        """Pickled by worker processes, with all fields."""
        return _restored, (type(self), self.code, self.message, self.facts)

    def to_publisher(self) -> Self:
        """The same error with the safe sentence and the hint for a publisher instead of a player."""
        self.safe = _LIVE if self.safe == _INSTALLED else self.safe
        self.hint = PUBLISHER_HINTS.get(self.code, self.hint)
        return self

    def as_dict(self) -> dict[str, object]:
        """The ``error`` object of the command line's JSON output."""
        return {
            "code": self.code,
            "message": self.message,
            "safe": self.safe,
            "hint": self.hint,
            "facts": self.facts,
        }


def _restored(cls: type[ShoalError], code: str, message: str, facts: Facts) -> ShoalError:
    error = cls.__new__(cls)
    ShoalError.__init__(error, code, message, **facts)
    return error


class TrustError(ShoalError):
    """Signed data is invalid, expired, older than known data, or too new. Never retried silently."""

    exit_code = 3
    kind = "trust"


class NeedsNewer(TrustError):
    """A document needs a newer Shoal than this one (trust.needs_newer)."""

    def __init__(self, message: str, **facts: str | int) -> None:
        super().__init__("trust.needs_newer", message, **facts)


class NotOffered(TrustError):
    """The feed has no such signed record or release (trust.not_offered)."""

    def __init__(self, message: str, **facts: str | int) -> None:
        super().__init__("trust.not_offered", message, **facts)


class OriginError(ShoalError):
    """A server or the network failed. Retried with back-off."""

    exit_code = 4
    kind = "origin"


class Missing(OriginError):
    """The server has no such file (origin.missing)."""

    def __init__(self, message: str, **facts: str | int) -> None:
        super().__init__("origin.missing", message, **facts)


class Retryable(OriginError):
    """A failure that may be over when the same server is asked again."""


class TooSlow(Retryable):
    """The server did not keep to a timeout (origin.too_slow)."""

    def __init__(self, message: str, **facts: str | int) -> None:
        super().__init__("origin.too_slow", message, **facts)


class ContentError(ShoalError):
    """Bytes are not the signed ones. The source is dropped and another one is used."""

    exit_code = 5
    kind = "content"


class Mismatch(ContentError):
    """Content does not fold to its signed root, or cannot be the signed content at all (content.mismatch)."""

    def __init__(self, message: str, root: bytes = b"", **facts: str | int) -> None:
        super().__init__("content.mismatch", message, **facts, **({"root": root.hex()} if root else {}))

    @property
    def root(self) -> bytes:
        """The signed root, 32 bytes; empty when the raiser does not know it."""
        return bytes.fromhex(str(self.facts.get("root", "")))


class DiskError(ShoalError):
    """The player has to do something about the disk or a folder."""

    exit_code = 6
    kind = "disk"


class Unfinished(DiskError):
    """The new release, or the journal that leads to it, is in place and the rest is to be done (disk.interrupted)."""

    def __init__(self, message: str, **facts: str | int) -> None:
        super().__init__("disk.interrupted", message, **facts)


class UsageError(ShoalError):
    """A wrong argument, or a bug in the caller."""

    exit_code = 2
    kind = "usage"


class BusyError(ShoalError):
    """The title has a running job, or another process holds the lock."""

    exit_code = 7
    kind = "busy"


class InternalError(ShoalError):
    """A bug in Shoal itself."""


class EngineLost(InternalError):
    """The engine does not start, or stopped answering its client (internal.engine_lost)."""

    def __init__(self, message: str = "The engine stopped unexpectedly.", **facts: str | int) -> None:
        super().__init__("internal.engine_lost", message, **facts)


class Cancelled(Exception):
    """The job was cancelled. Not an error: staging is kept."""


def never() -> bool:
    """The ``cancel`` argument of work that cannot be cancelled."""
    return False


_INSTALLED = "The installed version was not touched and still starts."
_FEED = "Nothing was changed on this machine."
_LIVE = "What players see is unchanged."
_SOURCE = "Nothing was written to the feed; what players see is unchanged."

CODES: dict[str, CodeText] = {
    # trust
    "trust.not_a_feed": CodeText(_FEED, "Check the address; a feed's address ends where its metadata/ folder is."),
    "trust.fingerprint": CodeText(
        _FEED, "Compare the fingerprint with the one the publisher shows; do not add the feed."
    ),
    "trust.signature": CodeText(_INSTALLED, "Ask the publisher; the feed may be damaged or under attack."),
    "trust.expired": CodeText(_INSTALLED, "Try again later; the publisher has to renew the feed. Playing still works."),
    "trust.rollback": CodeText(_INSTALLED, "Try again later; a server offers older data than was seen before."),
    "trust.clock": CodeText(_INSTALLED, "Set this computer's date and time, then try again."),
    "trust.needs_newer": CodeText(_INSTALLED, "Update Shoal itself; playing, verify and uninstall still work."),
    "trust.record": CodeText(_INSTALLED, "Ask the publisher; a signed record of this feed is not valid."),
    "trust.not_offered": CodeText(_INSTALLED, "Choose another channel or version; `shoal status` lists what is known."),
    "trust.description": CodeText(
        "Nothing was changed.",
        "`shoal repair TITLE` brings its folder back to what the publisher signed; your own files stay.",
    ),
    "trust.too_old": CodeText(_INSTALLED, "Choose a newer version; `shoal update TITLE` takes the newest."),
    "trust.step_back": CodeText(
        _INSTALLED,
        "Stay with the installed version; `shoal rollback TITLE --yes` steps back all the same.",
    ),
    # origin
    "origin.unreachable": CodeText(
        _INSTALLED, "Check the network connection, then try again; what was downloaded is kept."
    ),
    "origin.certificate": CodeText(
        _INSTALLED, "Check the address and this computer's clock; use --ca FILE for a private authority."
    ),
    "origin.status": CodeText(_INSTALLED, "Try again later; if it persists, tell the publisher."),
    "origin.missing": CodeText(
        _INSTALLED, "Try again later, or with peers allowed; if it persists, tell the publisher."
    ),
    "origin.too_slow": CodeText(_INSTALLED, "Try again later; what was downloaded is kept."),
    "origin.host_refused": CodeText(
        _INSTALLED,
        "The feed points to a forbidden address; tell the publisher. If it moved into your own network, add it again.",
    ),
    "origin.protocol": CodeText(_INSTALLED, "The server answered in an unexpected way; tell the publisher."),
    "origin.no_source": CodeText(
        _INSTALLED, "Try again later: neither the server nor any player has the missing bytes now."
    ),
    # content
    "content.feed": CodeText("Players take no damaged byte.", "Remove the files named, then release again."),
    "content.unsafe_path": CodeText("No file was written.", "Rename the file; names must be safe on every system."),
    "content.special_file": CodeText("No file was written.", "Remove sockets, devices and pipes from the folder."),
    "content.link_outside": CodeText("No file was written.", "Links may only point to files inside the same part."),
    "content.invalid": CodeText(
        _INSTALLED, "Try again; if it persists, tell the publisher that a document is damaged."
    ),
    "content.mismatch": CodeText(_INSTALLED, "Try again; damaged bytes were thrown away."),
    "content.window": CodeText(_INSTALLED, "Try again; a damaged patch is replaced by a full download."),
    "content.launch": CodeText(
        "Nothing was started.",
        "Run `shoal repair`; if it persists, tell the publisher: nobody can start this release.",
    ),
    # disk
    "disk.full": CodeText(
        _INSTALLED, "Free some space or choose another folder, then try again; what was downloaded is kept."
    ),
    "disk.read_only": CodeText(_INSTALLED, "Make the folder writable or choose another one."),
    "disk.denied": CodeText(_INSTALLED, "Check who owns the folder and what may be written there."),
    "disk.in_use": CodeText(_INSTALLED, "Close the program that uses the files, then try again."),
    "disk.in_the_way": CodeText(_INSTALLED, "Move the named file, folder or link away, then try again."),
    "disk.failed": CodeText(_INSTALLED, "Check the disk; try again when it answers."),
    "disk.not_empty": CodeText(
        "The folder was not touched.", "Choose an empty folder, or --locate to adopt an existing install."
    ),
    "disk.folder_missing": CodeText("Nothing was changed.", "Connect the drive or choose the folder again."),
    "disk.modified": CodeText(
        "Changed files were not overwritten.", "Run `shoal repair` to put the released files back."
    ),
    "disk.interrupted": CodeText(
        "Both versions are kept safe by the journal.",
        "Run `shoal update` to finish what was interrupted; if that fails again, `shoal repair`.",
    ),
    "disk.journal": CodeText(
        "Nothing in the journal was done.",
        "Run `shoal repair`: it removes the journal and compares every file.",
    ),
    "disk.home": CodeText("Nothing was changed.", "Choose another --home folder or repair the named file."),
    "disk.home_owner": CodeText(
        "Nothing was changed.", "Run Shoal as the folder's owner, or choose another folder with --home."
    ),
    # usage
    "usage.argument": CodeText("Nothing was changed.", "See `shoal VERB -h`."),
    "usage.unknown_title": CodeText("Nothing was changed.", "`shoal status` lists the titles of your feeds."),
    "usage.ambiguous_title": CodeText("Nothing was changed.", "Write FEED/TITLE."),
    "usage.unknown_feed": CodeText("Nothing was changed.", "`shoal feed list` lists your feeds."),
    "usage.not_installed": CodeText("Nothing was changed.", "`shoal install TITLE` installs it."),
    "usage.already_installed": CodeText(
        "Nothing was changed.", "`shoal update TITLE` updates it, `shoal move` moves it."
    ),
    "usage.no_previous": CodeText(
        "Nothing was changed.", "No previous release is kept; `shoal update --version V` fetches one."
    ),
    "usage.no_launch": CodeText("Nothing was changed.", "This title has no start command for this system."),
    "usage.setting": CodeText("Nothing was changed.", "`shoal settings` lists keys and values."),
    "usage.passphrase": CodeText(_SOURCE, "Give the passphrase by prompt, SHOAL_PASSPHRASE or --passphrase-file."),
    "usage.passphrase_weak": CodeText(
        _SOURCE, "Use at least 12 characters, 6 of them different: a sentence of your own is easy to remember."
    ),
    "usage.key_missing": CodeText(_SOURCE, "Keys live under --home/keys; restore them from your backup."),
    "usage.signatures": CodeText(_SOURCE, "Pass the request file to other key holders: `shoal publish sign REQUEST`."),
    "usage.feed_folder": CodeText(_SOURCE, "Name a folder made by `shoal publish init`."),
    "usage.release": CodeText(_SOURCE, "See `shoal publish release -h`."),
    "usage.port": CodeText("Nothing was changed.", "Choose another port or address, or end the program that uses it."),
    # busy, internal
    "busy.title": CodeText("The running job goes on.", "Wait for it, or cancel it; `shoal status` shows its progress."),
    "busy.locked": CodeText(_INSTALLED, "Wait until the other one is done, or close it, then try again."),
    "busy.running": CodeText(_INSTALLED, "Close the game, then try again."),
    "internal.engine_lost": CodeText(
        _INSTALLED, "Run the command again: the engine is started again and goes on where it was."
    ),
    "internal.engine_silent": CodeText(
        _INSTALLED, "Wait, or end the process that is named; then run the command again and it goes on where it was."
    ),
    "internal.job_died": CodeText(
        _INSTALLED,
        "It waits for you: run the command again to go on. If the engine dies again, `shoal doctor` collects what a "
        "bug report needs.",
    ),
    "internal.version": CodeText(
        "Nothing was changed.", "An engine of another version is running; let it finish, then try again."
    ),
    "internal.failure": CodeText(_INSTALLED, "Try again; `shoal doctor` collects what a bug report needs."),
}

PUBLISHER_HINTS: dict[str, str] = {
    "trust.signature": "Restore the feed folder from your copy, then look at it with `shoal publish check`.",
    "trust.record": "Restore the feed folder from your copy, then look at it with `shoal publish check`.",
    "content.invalid": "Look at the feed with `shoal publish check`.",
    "content.mismatch": "Look at the feed with `shoal publish check`.",
    "disk.full": "Free some space, then run the same command again; a release goes on where it was.",
    "disk.read_only": "Make the folder writable, then run the same command again.",
    "disk.denied": "Check who owns the named file or folder, and who may read and write there.",
    "disk.folder_missing": "Name a folder that is there.",
}
"""Hints for a publisher, where the one of `CODES` is for a player."""
