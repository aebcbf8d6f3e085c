"""The requests of clients to the engine, as frozen dataclasses. Titles are named ``feed/title``."""

import enum
from dataclasses import dataclass, field
from typing import ClassVar, Literal


class Verb(enum.StrEnum):
    """The kind of a command; snapshots and errors name it."""

    ADD_FEED = "addfeed"
    REFRESH_FEED = "refreshfeed"
    REMOVE_FEED = "removefeed"
    INSTALL = "install"
    PRELOAD = "preload"
    UPDATE = "update"
    ROLLBACK = "rollback"
    SET_TAGS = "settags"
    VERIFY = "verify"
    REPAIR = "repair"
    MOVE = "move"
    UNINSTALL = "uninstall"
    PLAY = "play"
    SEED = "seed"
    SELF_UPDATE = "selfupdate"
    CHANGE_SETTING = "changesetting"
    CANCEL = "cancel"
    NONE = ""
    """The title has no job."""

    @property
    def waits(self) -> bool:
        """Its job waits for those before it, since it may download or write. The others begin at once."""
        return self not in {Verb.ADD_FEED, Verb.REFRESH_FEED, Verb.REMOVE_FEED, Verb.PLAY}

    @property
    def resumes(self) -> bool:
        """Its job goes on by itself after a crash, and may be paused."""
        return self in _RESUMING


_RESUMING = frozenset(
    [Verb.INSTALL, Verb.UPDATE, Verb.ROLLBACK, Verb.SET_TAGS, Verb.REPAIR, Verb.MOVE, Verb.SELF_UPDATE]
)
PIN_SUFFIX = ".shoalfeed"
"""Of a file that holds a feed's address and fingerprint."""


@dataclass(frozen=True, slots=True)
class Network:
    """How one job may use the network."""

    server_only: bool = False
    ca: str = ""
    """A file of certificate authorities to trust as well."""


@dataclass(frozen=True, slots=True)
class AddFeed:
    """Pin a feed: ``source`` is its URL or a ``.shoalfeed`` file."""

    verb: ClassVar = Verb.ADD_FEED
    source: str
    fingerprint: str = ""
    only: Literal["", "look"] = ""
    network: Network = Network()


@dataclass(frozen=True, slots=True)
class RefreshFeed:
    """Read a feed's current records of all its titles, art and notes included. An empty name means all feeds."""

    verb: ClassVar = Verb.REFRESH_FEED
    name: str = ""
    network: Network = Network()


@dataclass(frozen=True, slots=True)
class RemoveFeed:
    """Forget a feed that has no installed title."""

    verb: ClassVar = Verb.REMOVE_FEED
    name: str


@dataclass(frozen=True, slots=True)
class Install:
    """Install a title, or adopt the one in ``folder`` (``locate``)."""

    verb: ClassVar = Verb.INSTALL
    title: str
    folder: str = ""
    channel: str = "live"
    tags: tuple[str, ...] = ()
    locate: bool = False
    only: Literal["", "check", "plan"] = ""
    network: Network = Network()


@dataclass(frozen=True, slots=True)
class Preload:
    """Fetch the sealed packs of a title's next release. ``channel`` and ``tags``: of a title that is not installed."""

    verb: ClassVar = Verb.PRELOAD
    title: str
    channel: str = "live"
    tags: tuple[str, ...] = ()
    network: Network = Network()


@dataclass(frozen=True, slots=True)
class Update:
    """Bring a title to its channel's release, or to ``version``."""

    verb: ClassVar = Verb.UPDATE
    title: str
    version: str = ""
    only: Literal["", "check", "plan"] = ""
    network: Network = Network()


@dataclass(frozen=True, slots=True)
class SelfUpdate:
    """Install the newest release of a launcher beside the version that runs, in the folder ``program``."""

    verb: ClassVar = Verb.SELF_UPDATE
    title: str
    program: str
    network: Network = Network()


@dataclass(frozen=True, slots=True)
class Rollback:
    """Step back to the release before the last update."""

    verb: ClassVar = Verb.ROLLBACK
    title: str
    only: Literal["", "check", "plan"] = ""
    network: Network = Network()
    confirmed: bool = False
    """The player knows that the publisher no longer allows that release."""
    version: str = field(default="", compare=False)
    """Which release that is. The engine notes it, so that an interrupted rollback steps back only once."""


@dataclass(frozen=True, slots=True)
class SetTags:
    """Choose the optional parts."""

    verb: ClassVar = Verb.SET_TAGS
    title: str
    tags: tuple[str, ...]
    only: Literal["", "check", "plan"] = ""
    network: Network = Network()


@dataclass(frozen=True, slots=True)
class Verify:
    """Read every installed byte and list the files that are not as released."""

    verb: ClassVar = Verb.VERIFY
    title: str


@dataclass(frozen=True, slots=True)
class Repair:
    """Verify, then restore the files that are not as released."""

    verb: ClassVar = Verb.REPAIR
    title: str
    only: Literal["", "check", "plan"] = ""
    network: Network = Network()


@dataclass(frozen=True, slots=True)
class Move:
    """Install elsewhere from the old folder, then remove our files from the old one."""

    verb: ClassVar = Verb.MOVE
    title: str
    folder: str
    only: Literal["", "check", "plan"] = ""
    network: Network = Network()


@dataclass(frozen=True, slots=True)
class Uninstall:
    """Remove our files; needs no network and no trust."""

    verb: ClassVar = Verb.UNINSTALL
    title: str
    forget: bool = False
    """Forget a title whose folder is not there; its files stay wherever they are."""


@dataclass(frozen=True, slots=True)
class Play:
    """Start the title."""

    verb: ClassVar = Verb.PLAY
    title: str
    args: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seed:
    """Operator: fetch every title and patch of a feed below ``folder`` and offer them."""

    verb: ClassVar = Verb.SEED
    feed: str
    folder: str
    max_bytes: int = 0
    network: Network = Network()


@dataclass(frozen=True, slots=True)
class ChangeSetting:
    """Set one key of the settings, given as text."""

    verb: ClassVar = Verb.CHANGE_SETTING
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop the job of a title, or the one with the number ``job``. ``pause``: keep its command, to go on when asked."""

    verb: ClassVar = Verb.CANCEL
    title: str = ""
    pause: bool = False
    job: int = 0


Command = (
    AddFeed
    | RefreshFeed
    | RemoveFeed
    | Install
    | Preload
    | Update
    | Rollback
    | SetTags
    | Verify
    | Repair
    | Move
    | Uninstall
    | Play
    | Seed
    | SelfUpdate
    | ChangeSetting
    | Cancel
)


def resumes(command: Command) -> bool:
    """Whether a command goes on after a crash. One that only looks (``only``) does not."""
    return command.verb.resumes and not getattr(command, "only", "")
