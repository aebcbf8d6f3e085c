"""What every destination of an upload can do. Paths are those below the feed folder, with slashes."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from patcher.errors import OriginError, UsageError
from patcher.publish.store import PhaseMeter

PART = ".part"
"""Ends the name of a file that is being sent. The next upload of the same file replaces it."""


@dataclass(frozen=True, slots=True)
class SmallFile:
    """A small file at the destination. ``tag`` names this state of it, where the destination has such names."""

    data: bytes
    tag: str = ""


class Destination(Protocol):
    """Where a feed is uploaded to. Safe for ``transfers`` threads.

    All methods raise OriginError (origin.upload; origin.upload_refused for what trying again does not help), and
    DiskError for a folder of this machine.
    """

    transfers: int
    """How many files are sent at once."""

    def sizes(self, folders: Collection[str]) -> dict[str, int]:
        """Path and size of every file in these folders, and perhaps of others. Folders may be missing."""

    def read(self, path: str) -> SmallFile | None:
        """A small file; None if there is none."""

    def put(self, path: str, source: Path, meter: PhaseMeter) -> None:
        """Send a file, counting its bytes. Readers find the old file or the whole new one, never a part."""

    def replace(self, path: str, data: bytes, known: SmallFile | None) -> None:
        """Replace a small file that is still as `read` found it. Raises UsageError (usage.newer_feed) if it is not."""

    def close(self) -> None:
        """Close all connections."""


def overtaken(where: str) -> UsageError:
    """Another upload has published since this one looked."""
    return UsageError("usage.newer_feed", f"Another upload to {where} published at the same time.", destination=where)


def failed(where: str, problem: str, *, refused: bool = False) -> OriginError:
    """What the destination did not do; ``refused`` if it would not do it when it is asked again."""
    code = "origin.upload_refused" if refused else "origin.upload"
    return OriginError(code, f"{where}: {problem.strip().rstrip('.')}.", destination=where)
