"""What a client may ask of the engine, as frozen facts. Titles are named ``feed/title``."""

from dataclasses import dataclass, field
from typing import Literal

PIN_SUFFIX = ".shoalfeed"
"""Of a file that holds a feed's address and fingerprint."""


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
    only: Literal["", "look"] = ""
    network: Network = Network()


@dataclass(frozen=True, slots=True)
class RefreshFeed:
    """Read what a feed says now of all its titles, art and notes included. An empty name means all feeds."""

    name: str = ""
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
    only: Literal["", "check", "plan"] = ""
    network: Network = Network()


@dataclass(frozen=True, slots=True)
class Update:
    """Bring a title to its channel's release, or to ``version``."""

    title: str
    version: str = ""
    only: Literal["", "check", "plan"] = ""
    network: Network = Network()


@dataclass(frozen=True, slots=True)
class Rollback:
    """Step back to the release before the last update."""

    title: str
    only: Literal["", "check", "plan"] = ""
    network: Network = Network()
    confirmed: bool = False
    """The player knows that the publisher allows that release no more."""
    version: str = field(default="", compare=False)
    """Which release that is, once the engine has looked: should it be interrupted, it steps back once."""


@dataclass(frozen=True, slots=True)
class SetTags:
    """Choose the optional parts."""

    title: str
    tags: tuple[str, ...]
    only: Literal["", "check", "plan"] = ""
    network: Network = Network()


@dataclass(frozen=True, slots=True)
class Verify:
    """Read every installed byte and list what is not as released."""

    title: str


@dataclass(frozen=True, slots=True)
class Repair:
    """Verify, then put back what is not as released."""

    title: str
    only: Literal["", "check", "plan"] = ""
    network: Network = Network()


@dataclass(frozen=True, slots=True)
class Move:
    """Install elsewhere from the old folder, then empty the old one of our files."""

    title: str
    folder: str
    only: Literal["", "check", "plan"] = ""
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
    """Stop the job of a title, or (``job``) the one with that number; ``pause`` keeps it stopped until asked."""

    title: str = ""
    pause: bool = False
    job: int = 0


Command = (
    AddFeed
    | RefreshFeed
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
