"""Two ordinary updates by way of a signed release between, where one alone would fetch much more.

A plan never chains patches: these are two jobs, each with its own verify and commit. Whatever comes between them finds
a valid release installed, and the command goes on from there.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from patcher import disk
from patcher.content import records
from patcher.errors import ShoalError
from patcher.feed.feeds import Opened
from patcher.install.folder import Installed
from patcher.install.registry import Installation
from patcher.install.scan import Have
from patcher.protocol.events import Outcome, Totals
from patcher.update import offers
from patcher.update import plan as planning
from patcher.update.pipeline import Job
from patcher.update.plan import Offer
from patcher.update.target import Network, Target

WORTH = 2 / 3
LEAST_BYTES = 256 * 1024
"""Two updates write everything twice: they may fetch this share of what one would, and must fetch this much less."""
CLEAR = 1 / 8
"""Hardly anything makes so much less of what one would fetch: neither full packs nor what is here in part."""

_SUMS = ("patch_bytes", "full_bytes", "block_bytes", "read_bytes", "write_bytes", "peak_extra_bytes")
"""The totals that add up; the space too, for the first job's pack and old files are still there in the second."""


@dataclass(frozen=True, slots=True)
class Route:
    """The targets to reach one after the other, and what that takes in all."""

    targets: tuple[Target, ...]
    planned: Outcome


def find(
    job: Job, install: Installation, installed: Installed, release: records.Release, opened: Opened, network: Network
) -> Route | None:
    """The way to ``release`` from one without a direct patch to it; None when there is nothing to choose from."""
    current = install.folder.current
    for stop in opened.stops(release, installed.release.sequence, install.channel):
        with contextlib.suppress(ShoalError):  # all of it is only an offer
            before = offers.remote(opened.reader, stop, install.tags, installed, current)
            after = offers.onward(opened.reader, release, install.tags, stop, before)
            first, second = (Target(install, r, tuple(o), network) for r, o in ((stop, before), (release, after)))
            return _cheaper(job, first, second, stop.version)
    return None


def run(job: Job, route: Route) -> Outcome:
    """Reach the targets. Raises what `Job.run` raises; then what was reached before stays."""
    done = [job.run(target) for target in route.targets]
    return replace(
        route.planned,
        fetched=done[-1].fetched,  # what a job gathers it adds to what it gathered before
        uploaded_bytes=done[-1].uploaded_bytes,
        written_bytes=sum(outcome.written_bytes for outcome in done),
        reused_bytes=sum(outcome.reused_bytes for outcome in done),
        seconds=done[-1].seconds,
    )


def _cheaper(job: Job, first: Target, second: Target, via: str) -> Route:
    both = (job.run(first, only_plan=True).totals, _foreseen(second, first.offers))
    sums = {name: sum(getattr(totals, name) for totals in both) for name in _SUMS}
    two_bytes = both[0].fetch_bytes + both[1].fetch_bytes
    direct = replace(second, offers=tuple(map(_bare, second.offers)))
    one = job.run(replace(direct, network=replace(direct.network, reader=None, origin=None)), only_plan=True)
    if two_bytes > one.planned_bytes * CLEAR:  # then it is worth the documents that a closer look needs
        one = job.run(direct, only_plan=True)
    room_bytes, most_bytes = disk.free_bytes(second.install.folder.path), one.planned_bytes
    if two_bytes > min(most_bytes * WORTH, most_bytes - LEAST_BYTES) or sums["peak_extra_bytes"] > room_bytes:
        return Route((direct,), one)
    totals = replace(one.totals, **sums)  # its files are counted by what becomes of them in the end
    two = replace(one, planned_bytes=two_bytes, peak_extra_bytes=totals.peak_extra_bytes, totals=totals, via=via)
    return Route((first, second), two)


def _bare(offer: Offer) -> Offer:
    """The part without the patch from the release between."""
    return Offer(offer.part, offer.document, offer.manifest)


def _foreseen(target: Target, before: Sequence[Offer]) -> Totals:
    """What the job would take once the release of ``before`` is in the folder, every file as released."""
    ours = [offer.manifest for offer in before if not offer.part.defaults]
    entries = [entry for manifest in ours for entry in manifest.entries]
    there = {entry.path for offer in before for entry in offer.manifest.entries}
    given = {entry.path for offer in target.offers if offer.part.defaults for entry in offer.manifest.entries}
    root = target.install.folder.root
    have = Have(
        intact={entry.path: entry.root for entry in entries},
        sources={entry.root: root / entry.path for entry in entries if entry.root},
        defaults=frozenset(there & given),
    )
    return planning.make(target.offers, ours, have, server_only=target.network.server_only).totals
