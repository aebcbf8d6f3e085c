"""Two ordinary updates by way of an intermediate release, where one alone would fetch much more.

A plan never chains patches: each of the two has its own verify and commit. If anything comes between them, a valid
release is installed, and the command goes on from there.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from patcher import disk
from patcher.content import records
from patcher.errors import ShoalError
from patcher.feed.feeds import Opened
from patcher.install.folder import Installed
from patcher.install.registry import Installation
from patcher.install.scan import Have
from patcher.protocol.events import Totals
from patcher.update.planning import plan as planning
from patcher.update.planning.plan import Work
from patcher.update.target import Access, Offer, Target, remote_offers

WORTH = 2 / 3
LEAST_BYTES = 256 * 1024
"""Two updates write everything twice: they may fetch this share of what one would, and must fetch this much less."""
CLEAR = 1 / 8
"""Neither full packs nor blocks of local files reduce a download to this share."""

_SUMS = ("patch_bytes", "full_bytes", "block_bytes", "read_bytes", "write_bytes", "peak_extra_bytes", "home_bytes")
"""The totals that add up; the space too, for the first update's pack and old files are still there in the second."""


@dataclass(frozen=True, slots=True)
class Route:
    """What to do first, the target after it, and the totals of both."""

    work: Work
    totals: Totals
    then: Target | None = None
    via: str = ""


def find(
    install: Installation, installed: Installed, release: records.Release, opened: Opened, access: Access
) -> Target | None:
    """The target ``release`` with a detour by the newest intermediate release that can be read; None without one.

    There is none if a patch leads all the way. Raises what `Opened.stops` raises.
    """
    detours = _detours(install, installed, release, opened, access)
    for first, second in detours:
        bare = tuple(Offer(offer.part, offer.document, offer.manifest) for offer in second.offers)
        return replace(second, offers=bare, detour=(first, second), older_detours=detours)
    return None


def _detours(
    install: Installation, installed: Installed, release: records.Release, opened: Opened, access: Access
) -> Iterator[tuple[Target, Target]]:
    documents = install.folder.current.documents(installed)
    for stop in opened.stops(release, installed.release.sequence, install.channel):
        with contextlib.suppress(ShoalError):  # an older release may do, and the direct way always does
            before = remote_offers(opened.reader, stop, install.tags, installed.release, documents)
            between = {offer.part.name: offer.document for offer in before}
            after = remote_offers(opened.reader, release, install.tags, stop, between)
            yield Target(install, stop, before, access), Target(install, release, after, access)


def route(target: Target, plan: Callable[[Target], Work]) -> Route:
    """The target's detour if it fetches much less and there is room for it, else the direct way.

    ``plan`` makes the plan of a target from what the disk has now.
    """
    for first, second in chain([target.detour] if target.detour else [], target.older_detours):
        with contextlib.suppress(ShoalError):
            return _cheaper(target, first, second, plan)
    work = plan(target)
    return Route(work, work.plan.totals)


def _cheaper(target: Target, first: Target, second: Target, plan: Callable[[Target], Work]) -> Route:
    work = plan(first)
    before, after = work.plan.totals, _foreseen(second, first.offers)
    sums = {name: getattr(before, name) + getattr(after, name) for name in _SUMS}
    two_bytes = before.fetch_bytes + after.fetch_bytes
    one = plan(replace(target, access=replace(target.access, feed=None)))
    if is_close := two_bytes > one.plan.totals.fetch_bytes * CLEAR:
        one = plan(target)  # with the documents that a closer look needs
    one_bytes, room_bytes = one.plan.totals.fetch_bytes, disk.free_bytes(target.install.folder.path)
    if two_bytes > min(one_bytes * WORTH, one_bytes - LEAST_BYTES) or sums["peak_extra_bytes"] > room_bytes:
        one = one if is_close else plan(target)
        return Route(one, one.plan.totals)
    assert first.release
    totals = replace(one.plan.totals, **sums)  # its files are counted by what becomes of them in the end
    return Route(work, totals, second, first.release.version)


def _foreseen(target: Target, before: Sequence[Offer]) -> Totals:
    """The totals of the update once the release of ``before`` is in the folder, every file as released."""
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
    return planning.make(target.offers, ours, have, server_only=target.access.server_only).totals
