"""What the engine says (events, snapshots) and what a face may ask (wishes): frozen facts.

All of them travel over the engine's socket as JSON (`patcher.wire`). Titles are named ``feed/title`` everywhere here; a
face resolves shorter names with `Snapshot.find`.
"""

import enum
import typing
from dataclasses import dataclass, field

from patcher.errors import UsageError


class Phase(enum.StrEnum):
    """Where a job stands; in the order a job goes through them."""

    QUEUED = "queued"
    TRUST = "trust"
    SCAN = "scan"
    PLAN = "plan"
    FETCH = "fetch"
    VERIFY = "verify"
    COMMIT = "commit"
    DONE = "done"


# ---------------------------------------------------------------- facts


@dataclass(frozen=True, slots=True)
class Sources:
    """Bytes by where they came from, as received (waste included)."""

    lan_bytes: int = 0
    peer_bytes: int = 0
    origin_bytes: int = 0
    metadata_bytes: int = 0


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
    files_kept: int = 0
    files_added: int = 0
    files_changed: int = 0
    files_moved: int = 0
    files_removed: int = 0
    files_modified: tuple[str, ...] = ()
    """Files of ours that somebody changed and that will be put back."""

    @property
    def fetch_bytes(self) -> int:
        """Content bytes to download."""
        return self.patch_bytes + self.full_bytes + self.block_bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended well; the ``result`` object of the command line."""

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
    """``--check`` and ``verify``: there is something to do (exit code 10)."""
    totals: Totals = Totals()
    files: tuple[str, ...] = ()
    """The files the verb is about: damaged ones for verify."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error on its way to a face; the ``error`` object of the command line."""

    code: str
    message: str
    safe: str
    hint: str
    exit_code: int
    facts: dict[str, str | int] = field(default_factory=dict)


# ---------------------------------------------------------------- events


@dataclass(frozen=True, slots=True)
class Progress:
    """A sample, at most 10 a second a job."""

    job: int
    title: str
    phase: Phase
    done_bytes: int = 0
    total_bytes: int = 0
    rate_bps: int = 0
    eta_s: int = -1
    sources: Sources = Sources()
    peers: int = 0
    file: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """The totals of a job, before its first content byte."""

    job: int
    title: str
    version_from: str
    version_to: str
    totals: Totals


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a player should know that stops nothing."""

    job: int
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """A job ended well."""

    job: int
    title: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Failed:
    """A job ended with an error, or (``failure`` None) was cancelled."""

    job: int
    title: str
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class Changed:
    """The snapshot is another one now: ask for it."""


Event = Progress | Planned | Notice | Finished | Failed | Changed


# ---------------------------------------------------------------- snapshot


@dataclass(frozen=True, slots=True)
class FeedSnapshot:
    """One feed the player added."""

    name: str
    url: str
    fingerprint: str
    titles: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class TitleSnapshot:
    """One title of a feed, installed or not."""

    title: str
    label: str
    installed: bool = False
    folder: str = ""
    version: str = ""
    channel: str = "live"
    tags: tuple[str, ...] = ()
    size_bytes: int = 0
    offered_version: str = ""
    previous_version: str = ""
    interrupted: bool = False
    """A journal waits: recover before play."""
    paused: bool = False
    playing: bool = False
    seeding: bool = False
    seed_peers: int = 0
    uploaded_bytes: int = 0
    job: int = 0
    verb: str = ""
    progress: Progress | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All a face needs to draw itself."""

    version: str
    pid: int
    home: str
    listen_port: int
    feeds: tuple[FeedSnapshot, ...] = ()
    titles: tuple[TitleSnapshot, ...] = ()
    settings: dict[str, str | int | bool] = field(default_factory=dict)

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


# ---------------------------------------------------------------- wishes


@dataclass(frozen=True, slots=True)
class Network:
    """How one job may use the network."""

    server_only: bool = False
    ca: str = ""
    """A file of further certificate authorities to trust."""


@dataclass(frozen=True, slots=True)
class AddFeed:
    """Pin a feed: ``source`` is its URL or a ``.shoalfeed`` file."""

    source: str
    fingerprint: str = ""
    network: Network = Network()


@dataclass(frozen=True, slots=True)
class RemoveFeed:
    """Forget a feed that has no installed title."""

    name: str


@dataclass(frozen=True, slots=True)
class Install:
    """Install a title, or adopt the one in ``folder`` (``locate``)."""

    title: str
    folder: str = ""
    channel: str = "live"
    tags: tuple[str, ...] = ()
    locate: bool = False
    only: typing.Literal["", "check", "plan"] = ""
    network: Network = Network()


@dataclass(frozen=True, slots=True)
class Update:
    """Bring a title to its channel's release, or to ``version``."""

    title: str
    version: str = ""
    only: typing.Literal["", "check", "plan"] = ""
    network: Network = Network()


@dataclass(frozen=True, slots=True)
class Rollback:
    """Step back to the release before the last update."""

    title: str
    only: typing.Literal["", "check", "plan"] = ""
    network: Network = Network()


@dataclass(frozen=True, slots=True)
class SetTags:
    """Choose the optional parts."""

    title: str
    tags: tuple[str, ...]
    only: typing.Literal["", "check", "plan"] = ""
    network: Network = Network()


@dataclass(frozen=True, slots=True)
class Verify:
    """Read every installed byte and list what is not as released."""

    title: str


@dataclass(frozen=True, slots=True)
class Repair:
    """Verify, then put back what is not as released."""

    title: str
    only: typing.Literal["", "check", "plan"] = ""
    network: Network = Network()


@dataclass(frozen=True, slots=True)
class Move:
    """Install elsewhere from the old folder, then empty the old one of our files."""

    title: str
    folder: str
    only: typing.Literal["", "check", "plan"] = ""
    network: Network = Network()


@dataclass(frozen=True, slots=True)
class Uninstall:
    """Remove our files; needs no network and no trust."""

    title: str


@dataclass(frozen=True, slots=True)
class Play:
    """Start the title."""

    title: str
    args: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seed:
    """Operator: fetch every title and patch of a feed below ``folder`` and offer them."""

    feed: str
    folder: str
    max_bytes: int = 0
    network: Network = Network()


@dataclass(frozen=True, slots=True)
class ChangeSetting:
    """Set one key of the settings, given as text."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop the job of a title; ``pause`` keeps it stopped until asked."""

    title: str
    pause: bool = False


Wish = (
    AddFeed
    | RemoveFeed
    | Install
    | Update
    | Rollback
    | SetTags
    | Verify
    | Repair
    | Move
    | Uninstall
    | Play
    | Seed
    | ChangeSetting
    | Cancel
)
