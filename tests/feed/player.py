"""A player's machine as far as trust goes."""

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from patcher.errors import ShoalError, never
from patcher.feed.guard import Floor
from patcher.feed.trust import Trust
from patcher.transfer.origin.retry import RetryPolicy


class Player:
    """One machine that pinned the feed. Each `trust` is a new start of the program."""

    def __init__(self, folder: Path, url: str, fingerprint: str) -> None:
        self.folder = folder / "feeds" / "demo"
        self.metadata = self.folder / "metadata"
        self.url, self._fingerprint = url, fingerprint
        self.floor = Floor(folder / "registry.sqlite")
        self._started = [Trust.pin(self.folder, url, "", self.floor, fingerprint=fingerprint)]

    def trust(
        self,
        *,
        offline: bool = False,
        clock_s: float | None = None,
        mirrors: Sequence[str] = (),
        cancel: Callable[[], bool] = never,
    ) -> Trust:
        """``clock_s``: what this machine believes the time is, in seconds since 1970."""
        trust = Trust(
            self.folder,
            self.url,
            "",
            self.floor,
            cancel=cancel,
            offline=offline,
            mirrors=mirrors,
            clock=lambda: time.time() if clock_s is None else clock_s,
            retry=RetryPolicy(back_off_s=0),
            fingerprint=self._fingerprint,
        )
        self._started.append(trust)
        return trust

    def refresh(self) -> Trust:
        """Start and refresh."""
        trust = self.trust()
        trust.refresh()
        return trust

    def forget_metadata(self) -> None:
        """What a power cut may do to files that were never made durable."""
        shutil.rmtree(self.metadata)

    def close(self) -> None:
        for trust in self._started:
            trust.close()


def fails(call: Callable[[], object]) -> str:
    """The code of the error that the call raises."""
    with pytest.raises(ShoalError) as caught:
        call()
    return caught.value.code
