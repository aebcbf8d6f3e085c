"""Every error, sorted by how the reader can react to it.

An error has a stable ``code``, a ``message`` about the failure, a sentence about the things that stay ``safe``, a
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

    The message is shortened and made plain, as it may quote a server. Raises KeyError when ``code`` is not in `CODES`.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, code: str, message: str, **facts: str | int) -> None:
        self.code = code
        self.message = quoted(message, _MESSAGE_LENGTH)
        super().__init__(self.message)
        self.safe, self.hint = CODES[code]
        self.facts: Facts = facts

    def __reduce__(self) -> tuple[object, ...]:
        """Pickled by worker processes, with all fields."""
        return Exception.__new__, (type(self), self.message), self.__dict__

    def to_publisher(self) -> Self:
        """The same error with the safe sentence and the hint for a publisher instead of a player."""
        self.safe = _LIVE if self.safe == _INSTALLED else self.safe
        self.hint = PUBLISHER_HINTS.get(self.code, self.hint)
        return self

    def without_install(self) -> Self:
        """The same error of a title of which nothing is installed, or of a feed."""
        self.safe = _NOTHING if self.safe == _INSTALLED else self.safe
        return self

    def as_dict(self) -> dict[str, object]:
        """The ``error`` object of the command line's JSON output."""
        return {name: getattr(self, name) for name in ("code", "message", "safe", "hint", "facts")}


class _OneCode(ShoalError):
    own_code: ClassVar[str]

    def __init__(self, message: str, **facts: str | int) -> None:
        super().__init__(self.own_code, message, **facts)


class TrustError(ShoalError):
    """Signed data is invalid, expired, older than known data, or too new. Never retried silently."""

    exit_code = 3


class NeedsNewer(_OneCode, TrustError):
    """A document needs a newer Shoal than this one (trust.needs_newer)."""

    own_code = "trust.needs_newer"


class NotOffered(_OneCode, TrustError):
    """The feed has no such signed record or release (trust.not_offered)."""

    own_code = "trust.not_offered"


class OriginError(ShoalError):
    """A server or the network failed. Retried with back-off."""

    exit_code = 4


class Missing(_OneCode, OriginError):
    """The server has no such file (origin.missing)."""

    own_code = "origin.missing"


class WebPage(Missing):
    """A web page came in place of a file, or a redirect to somewhere else (origin.web_page).

    It is the login page of a network, or how a host says that it has no such file.
    """

    own_code = "origin.web_page"


class NoRanges(_OneCode, OriginError):
    """The server sends whole files only, not ranges of their bytes (origin.no_ranges)."""

    own_code = "origin.no_ranges"


class Retryable(OriginError):
    """A failure that may be over when the same server is asked again."""


class Busy(_OneCode, Retryable):
    """The server has too much to do and refuses for now (origin.busy)."""

    own_code = "origin.busy"

    @property
    def wait_s(self) -> int:
        """How long it asks to be left alone; 0 when it does not say."""
        return int(self.facts.get("wait_s", 0))


class TooSlow(_OneCode, Retryable):
    """The server did not keep to a timeout (origin.too_slow)."""

    own_code = "origin.too_slow"


class ContentError(ShoalError):
    """Bytes are not the signed ones. The source is dropped and another one is used."""

    exit_code = 5


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


class Damaged(_OneCode, DiskError):
    """A file of Shoal's own holds nothing that Shoal has written (disk.damaged)."""

    own_code = "disk.damaged"


class Unfinished(_OneCode, DiskError):
    """The new release, or its journal, is in place, but the work after it is not done (disk.interrupted)."""

    own_code = "disk.interrupted"


class UsageError(ShoalError):
    """A wrong argument, or a bug in the caller."""

    exit_code = 2


class BusyError(ShoalError):
    """The title has a running job, or another process holds the lock."""

    exit_code = 7


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
_NOTHING = "Nothing was changed."
_LIVE = "What players see is unchanged."

_HINTS: dict[str, dict[str, str]] = {
    _INSTALLED: {
        "trust.signature": "Ask the publisher; the feed may be damaged or under attack.",
        "trust.expired": "Try again later; the publisher has to renew the feed. Playing still works.",
        "trust.rollback": "Try again later; a server offers older data than was seen before.",
        "trust.clock": "Set this computer's date and time, then try again.",
        "trust.needs_newer": "Update Shoal itself; playing, verify and uninstall still work.",
        "trust.record": "Ask the publisher; a signed record of this feed is not valid.",
        "trust.not_offered": "Choose another channel or version; `shoal status` lists what is known.",
        "trust.too_old": "Choose a newer version; `shoal update TITLE` takes the newest.",
        "trust.step_back": "Stay with the installed version; `shoal rollback TITLE --yes` steps back all the same.",
        "origin.unreachable": "Check the network connection, then try again; what was downloaded is kept.",
        "origin.certificate": (
            "Open a web page in a browser: this network may want you to log in first. Else check the address and this "
            "computer's clock; use --ca FILE for a private authority."
        ),
        "origin.status": "Try again later; if it persists, tell the publisher.",
        "origin.busy": "Try again later; what was downloaded is kept. If it persists, tell the publisher.",
        "origin.missing": "Try again later, or with peers allowed; if it persists, tell the publisher.",
        "origin.too_slow": "Try again later; what was downloaded is kept.",
        "origin.host_refused": (
            "The feed points to a forbidden address; tell the publisher. If it moved into your own network, add "
            "it again."
        ),
        "origin.web_page": (
            "Open a web page in a browser: this network may want you to log in first. Else check the address, or tell "
            "the publisher that the server sends something else in place of the feed's files."
        ),
        "origin.no_ranges": (
            "Tell the publisher: the web server has to answer requests for byte ranges (`Accept-Ranges: bytes`). "
            "Other players may have the missing bytes."
        ),
        "origin.protocol": "The server answered in an unexpected way; tell the publisher.",
        "origin.no_source": "Try again later: neither the server nor any player has the missing bytes now.",
        "content.invalid": "Try again; if it persists, tell the publisher that a document is damaged.",
        "content.mismatch": "Try again; damaged bytes were thrown away.",
        "content.window": "Try again; a damaged patch is replaced by a full download.",
        "disk.full": "Free some space or choose another folder, then try again.",
        "disk.read_only": "Make the folder writable or choose another one.",
        "disk.denied": "Check who owns the folder and what may be written there.",
        "disk.in_use": "Close the program that uses the files, then try again.",
        "disk.in_the_way": "Move the named file, folder or link away, then try again.",
        "disk.volume": "Unmount the named folder, then try again: an install lies on one drive.",
        "disk.unsuitable": "Choose a folder on another drive: this one cannot hold all that the release has.",
        "disk.cloud": 'Choose "Always keep on this device" for the folder in the Explorer; try again when all is here.',
        "disk.failed": "Check the disk; try again when it answers.",
        "busy.locked": "Wait until the other one is done, or close it, then try again.",
        "busy.running": "Close the game, then try again.",
        "internal.engine_lost": "Run the command again: the engine is started again and goes on where it was.",
        "internal.engine_silent": (
            "Wait, or end the process that is named; then run the command again and it goes on where it was."
        ),
        "internal.job_died": (
            "It waits for you: run the command again to go on. If the engine dies again, `shoal doctor` collects "
            "what a bug report needs."
        ),
        "internal.failure": "Try again; `shoal doctor` collects what a bug report needs.",
    },
    _NOTHING: {
        "trust.description": (
            "`shoal repair TITLE` brings its folder back to what the publisher signed; your own files stay."
        ),
        "content.closed": "`shoal verify TITLE` looks for damage, `shoal repair TITLE` mends it.",
        "disk.folder_missing": (
            "Connect its drive; or say where it is now by `shoal install TITLE --locate --to FOLDER`; or give it up "
            "by `shoal uninstall TITLE --forget`."
        ),
        "disk.home": "Choose another --home folder or repair the named file.",
        "disk.home_owner": "Run Shoal as the folder's owner, or choose another folder with --home.",
        "usage.argument": "See `shoal VERB -h`.",
        "usage.folder": "Name the folder in full, from its drive or from your home: ~/Games.",
        "usage.unknown_title": "`shoal status` lists the titles of your feeds.",
        "usage.ambiguous_title": "Write FEED/TITLE.",
        "usage.unknown_feed": "`shoal feed list` lists your feeds.",
        "usage.not_installed": "`shoal install TITLE` installs it.",
        "usage.already_installed": "`shoal update TITLE` updates it, `shoal move` moves it.",
        "usage.no_previous": "No previous release is kept; `shoal update --version V` fetches one.",
        "usage.no_preload": "`shoal update TITLE` brings what is live already.",
        "usage.no_launch": "This title has no start command for this system.",
        "usage.setting": "`shoal settings` lists keys and values.",
        "usage.sites": "Write one network and its path on a line, such as `10.1.7.0/24 eu/fra1/rack7`.",
        "usage.store": "Write it as `redis://HOST:PORT/0`; the client comes with `pip install shoal[redis]`.",
        "usage.port": "Choose another port or address, or end the program that uses it.",
        "internal.version": "An engine of another version is running; let it finish, then try again.",
    },
    "Installed titles still start.": {
        "disk.damaged": "Run the command again: Shoal keeps the damaged file beside and begins a new one.",
        "disk.pin": (
            "`shoal feed add ADDRESS` brings the feed back; compare its fingerprint with the one that the publisher "
            "shows."
        ),
        "disk.registry": (
            "`shoal install TITLE --to FOLDER --locate` takes back an install that is missing, and reads every file."
        ),
        "disk.settings": "`shoal settings KEY VALUE` sets again what you had changed.",
    },
    "What players see is whole: the old feed or the new one.": {
        "origin.upload": "Run the same command again: it sends only what is missing.",
        "origin.upload_refused": (
            "Check that the bucket or folder is there, and that these credentials may list, read and write it. See "
            "docs/operating.md."
        ),
        "origin.stale": (
            "Have the web server or CDN check metadata/timestamp.json each time (Cache-Control: no-cache), and remove "
            "what it has cached."
        ),
    },
    "The timestamp was not replaced; what players see is unchanged.": {
        "origin.read_back": (
            "Have the web server deliver the files to everyone, as they are and by byte ranges; then run the same "
            "command again. `--origin URL` names another address, --no-read-back leaves this out."
        ),
        "usage.newer_feed": (
            "Take the feed folder from the machine that published last, then release again. One machine or one shared "
            "folder should release."
        ),
        "usage.other_feed": "Name the destination of this feed, or an empty one.",
    },
    "Nothing was written to the feed; what players see is unchanged.": {
        "usage.passphrase": "Give the passphrase by prompt, SHOAL_PASSPHRASE or --passphrase-file.",
        "usage.passphrase_weak": (
            "Use at least 12 characters, 6 of them different: a sentence of your own is easy to remember."
        ),
        "usage.pin": "Type the PIN of the token, or give it by SHOAL_PIN.",
        "usage.token": (
            "Plug the token in, and name its label and the PKCS#11 library of its maker; `pip install shoal[token]` "
            "brings what Shoal needs."
        ),
        "usage.key_missing": "Keys live under --home/keys; restore them from your backup.",
        "usage.signatures": "Pass the request file to other key holders: `shoal publish sign REQUEST`.",
        "usage.expired": "`shoal publish renew FOLDER` renews signatures, and asks holders for theirs.",
        "usage.feed_folder": "Name a folder made by `shoal publish init`.",
        "usage.release": "See the verb's own help, such as `shoal publish release -h`.",
        "usage.executor": (
            "Write it as `dask://HOST:PORT`. This machine, the scheduler's and each worker's need the same versions of "
            "`pip install 'shoal[dask]'`."
        ),
    },
    _LIVE: {
        "origin.cluster": (
            "Look at the cluster, then run the same command again: finished windows are kept. Without --executor they "
            "are made here."
        ),
    },
    "No file was written.": {
        "content.unsafe_path": "Rename the file; names must be safe on every system.",
        "content.special_file": "Remove sockets, devices and pipes from the folder.",
        "content.link_outside": "Links may only point to files inside the same part.",
    },
    "Nothing was changed on this machine.": {
        "trust.not_a_feed": "Check the address; a feed's address ends where its metadata/ folder is.",
        "trust.fingerprint": "Compare the fingerprint with the one the publisher shows; do not add the feed.",
    },
    "Players take no damaged byte.": {"content.feed": "Remove the files named, then release again."},
    "Nothing was started.": {
        "content.launch": "Run `shoal repair TITLE`; if it persists, tell the publisher.",
        "content.administrator": (
            "Tell the publisher: a game needs no such rights. If you trust it, start the named file from the Explorer."
        ),
    },
    "The folder was not touched.": {
        "disk.not_empty": "Choose an empty folder, or --locate to adopt an existing install."
    },
    "Changed files were not overwritten.": {
        "disk.modified": "Run `shoal repair TITLE` to put the released files back."
    },
    "Both versions are kept safe by the journal.": {
        "disk.interrupted": "Run `shoal update` to finish what was interrupted; if that fails again, `shoal repair`."
    },
    "Nothing in the journal was done.": {
        "disk.journal": "Run `shoal repair`: it removes the journal and compares every file."
    },
    "The running job goes on.": {"busy.title": "Wait for it, or cancel it; `shoal status` shows its progress."},
}
"""Code to hint, grouped by the sentence about the things that stay safe."""

CODES = {code: CodeText(safe, hint) for safe, hints in _HINTS.items() for code, hint in hints.items()}

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
"""Hints for publishers, by code, in place of those in `CODES`, which are for players."""
