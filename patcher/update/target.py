"""What a job is to reach, and what it may use to get there."""

from collections.abc import Callable
from dataclasses import dataclass

from patcher.beneath import Beneath
from patcher.content import records
from patcher.content.manifest import Manifest
from patcher.feed.reader import Reader
from patcher.install.folder import Installed
from patcher.install.registry import Installation
from patcher.transfer.origin.client import Origin
from patcher.transfer.swarm.session import Session
from patcher.update.plan import Offer


@dataclass(frozen=True, slots=True)
class Network:
    """Where a job may get bytes from; all None or empty for one that needs no network."""

    reader: Reader | None = None
    origin: Origin | None = None
    session_for: Callable[[], Session | None] = lambda: None
    """Opens the swarm's session when it is first needed; None without peers."""
    server_only: bool = True
    trackers: tuple[str, ...] = ()
    fingerprint: str = ""
    download_limit_bps: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """The signed list of parts to reach, where, and what may be used for it. No release: the empty list."""

    install: Installation
    release: records.Release | None
    offers: tuple[Offer, ...]
    network: Network
    full_scan: bool = False
    borrow: tuple[tuple[Beneath, tuple[Manifest, ...]], ...] = ()
    """Other folders to copy from, with the manifests of what they hold."""
    mend: bool = False
    """Large files may be repaired where they stand: the release to reach is the one that is there."""
    adopt: bool = False
    """Files in the way are older files of this title, though nothing says so."""

    @property
    def installed(self) -> Installed | None:
        """What the install folder will say of itself."""
        fingerprint, install, release = self.network.fingerprint, self.install, self.release
        return Installed(fingerprint, release.title, install.channel, install.tags, release) if release else None
