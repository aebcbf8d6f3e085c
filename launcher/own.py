"""What this launcher is: whose, started by which stub, and how far it is with its own next version. Without Qt."""

from collections.abc import Sequence
from dataclasses import dataclass

from launcher.state import Link, State
from patcher import brand, stub
from patcher.brand import Brand
from patcher.protocol import commands
from patcher.protocol.events import Failure, Snapshot, TitleSnapshot
from patcher.stub import StartedBy

_CRASHES = ("internal.engine_lost", "internal.failure")


@dataclass(frozen=True, slots=True)
class Own:
    """The defaults are those of Shoal, started from its sources."""

    brand: Brand = Brand()
    started_by: StartedBy | None = None

    @classmethod
    def read(cls) -> "Own":
        """Of this process. Raises Damaged."""
        return cls(brand.current(), stub.started_by())

    @property
    def start(self) -> Sequence[str]:
        """The command that starts the stub; nothing without one."""
        return self.started_by.stub if self.started_by else ()

    def name_of(self, snapshot: Snapshot | None, title: str) -> str:
        """``feed/title`` for a title of the pinned feed; empty while the feed is not there."""
        feeds = snapshot.feeds if snapshot and title else ()
        return next((f"{feed.name}/{title}" for feed in feeds if feed.fingerprint == self.brand.fingerprint), "")

    def needs_feed(self, snapshot: Snapshot) -> bool:
        """Whether the pinned feed is still to be added."""
        return bool(self.brand.url) and all(feed.fingerprint != self.brand.fingerprint for feed in snapshot.feeds)

    def add_feed(self) -> commands.AddFeed:
        """The command that adds it: whoever has its address now must also have its root."""
        return commands.AddFeed(self.brand.url, self.brand.fingerprint)

    def title(self, state: State) -> TitleSnapshot | None:
        """The title that is this launcher itself."""
        name = self.name_of(state.snapshot, self.brand.launcher)
        titles = state.snapshot.titles if state.snapshot else ()
        return next((title for title in titles if title.title == name), None)

    def update(self, state: State) -> commands.SelfUpdate | None:
        """The command that installs the next version, when there is one and nothing else is to do."""
        title, me = self.title(state), self.started_by
        if not (title and me) or state.link is not Link.UP or state.jobs or _is_busy(state):
            return None
        is_news = title.offered_version not in {"", me.version, *me.failed}  # the engine knows whether it is here
        return commands.SelfUpdate(title.title, me.program) if is_news else None

    def ready(self, state: State) -> str:
        """The version that the next start begins, when this is the moment for one: nothing runs or plays."""
        title, me = self.title(state), self.started_by
        is_there = title and me and title.installed and title.version not in {"", me.version, *me.failed, *me.damaged}
        return title.version if title and is_there and not _is_busy(state) else ""

    def failed(self) -> str:
        """The version that did not start, so that this one runs."""
        return self.started_by.failed[-1] if self.started_by and self.started_by.failed else ""

    def is_healthy_with(self, failure: Failure | None) -> bool:
        """Whether this version works: its engine answers, or says why it cannot begin, and does not crash."""
        return failure is None or failure.code not in _CRASHES

    def say_healthy(self) -> None:
        """Tell the stub, if it waits."""
        stub.report_healthy(self.started_by)


def _is_busy(state: State) -> bool:
    titles = state.snapshot.titles if state.snapshot else ()
    return any(title.job or title.playing for title in titles)
