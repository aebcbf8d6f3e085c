"""The messages of the engine, as frozen dataclasses: events and snapshots.

All of them travel over the engine's socket as JSON (`patcher.protocol.wire`). Titles are named ``feed/title``
everywhere here; a client resolves shorter names with `Snapshot.find`.
"""

import enum
from dataclasses import astuple, dataclass, field
from operator import add, sub
from typing import Literal

from patcher.errors import InternalError, ShoalError, UsageError
from patcher.protocol.commands import Verb


class Phase(enum.StrEnum):
    """Where a job stands, in the order of a job."""

    QUEUED = "queued"
    TRUST = "trust"
    SCAN = "scan"
    PLAN = "plan"
    FETCH = "fetch"
    STAGE = "stage"
    VERIFY = "verify"
    COMMIT = "commit"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Sources:
    """Bytes received, by their source (waste included)."""

    lan_bytes: int = 0
    peer_bytes: int = 0
    origin_bytes: int = 0
    metadata_bytes: int = 0

    def __add__(self, other: "Sources") -> "Sources":
        return Sources(*map(add, astuple(self), astuple(other)))

    def __sub__(self, other: "Sources") -> "Sources":
        return Sources(*map(sub, astuple(self), astuple(other)))


@dataclass(frozen=True, slots=True)
class Rates:
    """Bytes a second that are received now, by their source."""

    lan_bps: int = 0
    peer_bps: int = 0
    origin_bps: int = 0


@dataclass(frozen=True, slots=True)
class Totals:
    """What an update will do, known before the first content byte moves."""

    patch_bytes: int = 0
    full_bytes: int = 0
    block_bytes: int = 0
    metadata_bytes: int = 0
    read_bytes: int = 0
    write_bytes: int = 0
    peak_extra_bytes: int = 0
    home_bytes: int = 0
    """The share of it on the drive of the home folder, if that is another one than the drive of the install."""
    files_kept: int = 0
    files_added: int = 0
    files_changed: int = 0
    files_moved: int = 0
    files_removed: int = 0
    files_modified: tuple[str, ...] = ()
    """Installed files that were changed and will be restored."""

    @property
    def fetch_bytes(self) -> int:
        """Content bytes to download."""
        return self.patch_bytes + self.full_bytes + self.block_bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a job did; the ``result`` object of the command line."""

    version_from: str = ""
    version_to: str = ""
    planned_bytes: int = 0
    fetched: Sources = Sources()
    uploaded_bytes: int = 0
    reused_bytes: int = 0
    written_bytes: int = 0
    peak_extra_bytes: int = 0
    seconds: float = 0.0
    work_left: bool = False
    """For ``--check`` and ``verify``: there is something to do (exit code 10)."""
    totals: Totals = Totals()
    files: tuple[str, ...] = ()
    """The damaged files, for verify."""
    feed: str = ""
    """The name of the feed that was added, or was there already."""
    via: str = ""
    """The version of an intermediate release, where two updates fetch less than one. The figures are those of both."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as clients get it; the ``error`` object of the command line."""

    code: str
    message: str
    safe: str
    hint: str
    exit_code: int
    facts: dict[str, str | int] = field(default_factory=dict)

    @classmethod
    def of(cls, error: Exception, *, is_installed: bool = True) -> "Failure":
        """Any error as a failure. One that is no ShoalError is a fault in Shoal."""
        if not isinstance(error, ShoalError):
            error = InternalError("internal.failure", f"Something unexpected failed: {error!r}.")
        error = error if is_installed else error.without_install()
        return cls(error.code, error.message, error.safe, error.hint, error.exit_code, error.facts)


@dataclass(frozen=True, slots=True)
class Progress:
    """A sample of a job, at most 10 a second."""

    job: int
    title: str
    phase: Phase
    done_bytes: int = 0
    total_bytes: int = 0
    rate_bps: int = 0
    eta_s: int = -1
    sources: Sources = Sources()
    peers: int = 0
    upload_bps: int = 0
    file: str = ""
    pieces: str = ""
    """A map of what is being fetched, at most 256 letters: ``.`` missing, ``h`` here before, ``l`` from the local
    network, ``p`` from players, ``o`` from the origin, ``a`` arriving."""
    rates: Rates = Rates()
    """While content is fetched, `rate_bps` is their sum."""
    rest_s: int = 0
    """The servers ask to be left alone (Retry-After), and the job goes on after so many seconds."""


@dataclass(frozen=True, slots=True)
class Planned:
    """The totals of a job, before its first content byte."""

    job: int
    title: str
    version_from: str
    version_to: str
    totals: Totals
    via: str = ""
    """The version of an intermediate release, where two updates fetch less than one."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a player should know. It stops nothing."""

    job: int
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """A job succeeded."""

    job: int
    title: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Failed:
    """A job ended with an error, or (``failure`` None) was cancelled. Job 0: a title closed at once after its start."""

    job: int
    title: str
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class FeedFound:
    """The feed that `AddFeed` would trust, so that the player can compare its fingerprint first."""

    job: int
    title: str
    feed: "FeedSnapshot"


@dataclass(frozen=True, slots=True)
class Changed:
    """The snapshot has changed: ask for it."""


Event = Progress | Planned | Notice | Finished | Failed | FeedFound | Changed


class Held(enum.StrEnum):
    """Why less is shared at present than the player set."""

    NONE = ""
    CAP = "cap"
    """The month's uploads reached the player's cap."""
    BATTERY = "battery"
    METERED = "metered"
    """The system says that the connection is paid by its amount."""
    VPN = "vpn"
    """What goes to the Internet leaves by a tunnel."""


@dataclass(frozen=True, slots=True)
class Reachability:
    """Whether players of the Internet can reach this one, and why. Empty while they need not."""

    why: Literal["", "asking", "seen", "mapped", "public", "double", "refused", "private"] = ""
    """``asking``: no router has answered yet. Reachable: a player of the Internet connected (``seen``), the router
    forwards the port (``mapped``), or this computer has an address of the Internet (``public``). Not reachable: the
    router stands behind another one (``double``) or refuses, or there is only a private address."""
    port: int = 0
    """At the router, if it forwards one; otherwise here."""
    address: str = ""
    """Of the router, or of this computer."""
    problem: str = ""
    """What the router said."""

    @property
    def is_reachable(self) -> bool:
        """As far as it is known."""
        return self.why in {"seen", "mapped", "public"}


@dataclass(frozen=True, slots=True)
class FeedSnapshot:
    """One feed the player added."""

    name: str
    url: str
    fingerprint: str
    titles: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class PartFact:
    """One part of the offered release: installed when, for each group, one of its ``group:value`` tags is chosen."""

    name: str
    tags: tuple[str, ...]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class About:
    """What the publisher says of a title, as last read. Plain text, but for ``notes``, which is Markdown."""

    kind: str = "game"
    labels: dict[str, str] = field(default_factory=dict)
    """By language tag, like the summaries."""
    summaries: dict[str, str] = field(default_factory=dict)
    art: str = ""
    """A local file with verified bytes. Whether they are an image was not checked."""
    notes: str = ""
    links: dict[str, str] = field(default_factory=dict)
    """By kind: site, support."""
    licence: str = ""
    parts: tuple[PartFact, ...] = ()


@dataclass(frozen=True, slots=True)
class TitleSnapshot:
    """One title of a feed, installed or not."""

    title: str
    label: str
    about: About = About()
    installed: bool = False
    folder_missing: bool = False
    """It was installed, and its ``folder`` is not there now: connect the drive, locate the folder, or forget it."""
    folder: str = ""
    version: str = ""
    channel: str = "live"
    tags: tuple[str, ...] = ()
    size_bytes: int = 0
    offered_version: str = ""
    previous_version: str = ""
    preload: Literal["", "offered", "here"] = ""
    """A sealed release to come may be fetched ahead of its launch, or is here already. Its version is not known."""
    interrupted: bool = False
    """A commit is unfinished; it is recovered before the title can be played."""
    paused: bool = False
    playing: bool = False
    seeding: bool = False
    seed_peers: int = 0
    uploaded_bytes: int = 0
    job: int = 0
    verb: Verb = Verb.NONE
    progress: Progress | None = None
    """Of its job, or how far the paused one came."""
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that a client shows."""

    version: str
    pid: int
    home: str
    listen_port: int
    feeds: tuple[FeedSnapshot, ...] = ()
    titles: tuple[TitleSnapshot, ...] = ()
    settings: dict[str, str | int | bool] = field(default_factory=dict)
    listen_problem: str = ""
    """Why other players cannot reach this one where the settings say; empty if they can."""
    reach: Reachability = Reachability()
    held: Held = Held.NONE
    allowed_sharing: Literal["off", "lan", "everyone"] = "off"
    """With whom is shared now; less than the settings say while it is `held`."""
    proxy: str = ""
    """The proxy that the engine asks servers through, without its password; empty if there is none."""
    problems: tuple[Failure, ...] = ()
    """Files of the home that are damaged, or were when the engine began, and what that costs."""

    def find(self, name: str) -> TitleSnapshot:
        """The title called ``name`` or ``feed/name``.

        Raises UsageError (usage.unknown_title, usage.ambiguous_title).
        """
        found = [t for t in self.titles if t.title == name or t.title.partition("/")[2] == name]
        if not found:
            raise UsageError("usage.unknown_title", f"No feed has a title named {name!r}.", title=name)
        if len(found) > 1:
            names = ", ".join(t.title for t in found)
            raise UsageError("usage.ambiguous_title", f"{name!r} is the name of several titles: {names}.", title=name)
        return found[0]
