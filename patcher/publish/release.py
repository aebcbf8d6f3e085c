"""`release`: makes one folder the next release of a title, with patches and signatures.

Readers see no change before the very last write, and a later run finds all the work before it: content by its name,
packs in `home/build`, signatures in `home/requests`. So the command may be killed anywhere and run again.
"""

import re
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from patcher.config import Home
from patcher.content import feed_paths, merkle, paths, records
from patcher.content.records import Channel, Launch, Release
from patcher.errors import TrustError, UsageError
from patcher.feed.catalog import NOTES_MAX_BYTES
from patcher.publish import build, publication, repository
from patcher.publish.keys.ring import KeyRing, Passphrases
from patcher.publish.patches import packs
from patcher.publish.patches.pool import Cluster
from patcher.publish.publication import opened
from patcher.publish.repository import Changes, Repository
from patcher.publish.store import OnProgress, Say, Store
from patcher.publish.tree import IGNORE_FILE, PartRule, installers, parse_part, suspects

SYSTEMS = ("linux", "macos", "windows")
_SUSPECTS_NAMED = 20
_CANNOT = "The release cannot be described"
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ReleaseOrder:
    """A release to make. ``launch`` is written as on the command line, see `parse_launch`."""

    title: str
    tree: Path
    version: str
    channel: str = "live"
    label: str = ""
    notes: Path | None = None
    notes_in: Mapping[str, Path] = field(default_factory=dict)
    """The notes in other languages, by language tag."""
    launch: tuple[str, ...] = ()
    rules: tuple[PartRule, ...] = ()
    """How the folder is divided into parts; without any, as in the release before."""
    dropped: tuple[str, ...] = ()
    """Parts of the release before that this one means to have no more."""
    ignore: tuple[str, ...] = ()
    """What is left out, like lines of the folder's `tree.IGNORE_FILE`; without any, as in the release before."""
    executable: tuple[str, ...] = ()
    """Globs of files that are executable, besides those whose first bytes say so; without any, as before."""
    keep: int | None = None
    """How many releases stay listed; None: as before, at most `repository.RELEASES_KEPT`."""
    from_last: int = 3
    """Number of older releases from which patches are made."""
    jobs: int = 1
    cluster: Cluster | None = None
    """Makes the windows of packs in place of processes here."""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class ReleaseOutcome:
    """The outcome. ``state``: published, already published, request (signatures are needed), dry run."""

    state: str
    source: build.SourceFolder
    seconds: float
    packed: packs.Packed | None = None
    request: Path | None = None
    """Waits for ``missing`` further signatures: the release itself, or where that is published, a renewal of roles."""
    missing: int = 0
    added_bytes: int = 0
    """By which the feed's content grew."""
    listed: int = 0
    """Releases of the title that the feed lists then."""


@dataclass(frozen=True, slots=True)
class History:
    """The live records of one title; ``releases`` by sequence."""

    releases: Mapping[int, Release]
    channels: Mapping[str, Channel]
    title: records.Title | None

    def named(self, version: str) -> Release | None:
        """The release with this version."""
        return next((r for r in self.releases.values() if r.version == version), None)

    @property
    def next_sequence(self) -> int:
        """The number of a new release; that of a preload is taken."""
        return max((*self.releases, *(channel.preload for channel in self.channels.values())), default=0) + 1


def history(repo: Repository, title: str) -> History:
    """Read a title's live records. Raises TrustError for damaged ones."""
    releases, channels, found = {}, {}, None
    for path in (path for path in repo.paths() if path.startswith(f"{title}/")):
        match repo.parsed(path):
            case Release() as release:
                releases[release.sequence] = release
            case Channel() as channel:
                channels[Path(path).stem] = channel
            case records.Title() as about:
                found = about
    return History(releases, channels, found)


def steady(channel: Channel) -> int | None:
    """The release that a channel offers to everybody: while a rollout lasts, the one before."""
    return channel.before if channel.rollout.percent < 100 and channel.before else channel.release or None


def release(
    folder: Path, home: Home, order: ReleaseOrder, passphrases: Passphrases, progress: OnProgress, say: Say
) -> ReleaseOutcome:
    """Publish a release, or write the request for the signatures it needs.

    ``say`` gets sentences for people. Raises UsageError, ContentError, DiskError, TrustError; readers then see no
    change.
    """
    started_s = time.monotonic()
    check(order, folder, home)
    with opened(folder, home) as repo:
        ring = KeyRing(home.keys / repo.feed.name, passphrases)
        if not order.dry_run:
            _open_keys(repo, ring, order.title)
        past = history(repo, order.title)
        source, record, notes = described(order, past, progress, say)
        live = past.channels.get(order.channel, Channel(0))
        done = record.sequence in past.releases and live.release == record.sequence
        if order.dry_run:
            return ReleaseOutcome("dry run", source, time.monotonic() - started_s)
        packed, added_bytes = None, 0
        if not (done and all(Store(folder).has(ref) for ref in source.contents)):  # content may have been lost
            with Store(folder).adding() as store:
                packed = write_content(repo, store, home, order, source, notes, record, past, progress, say)
                added_bytes = store.added_bytes
        changes = Changes({}) if done or packed is None else changes_of(repo, order, record, past, packed)
        progress("sign", 0, 0)
        published = publication.publish(repo, home, ring, changes, order.title, order.version)
    state = "request" if published.is_held else "already published" if done else "published"
    gone = sum(feed_paths.kind_of(path) is Release for path in changes.drop)
    return ReleaseOutcome(
        state, source, time.monotonic() - started_s, packed, published.request, published.missing, added_bytes,
        len({*past.releases, record.sequence}) - gone,
    )  # fmt: skip


def described(
    order: ReleaseOrder, past: History, progress: OnProgress, say: Say
) -> tuple[build.SourceFolder, Release, dict[str, bytes]]:
    """Read the folder: its files, the release record that they make, and the notes. Raises like `release`."""
    notes = _notes(order)
    _check_forward(order, past)
    order = _as_before(order, past, say)
    source = build.read(
        order.tree, order.title, order.rules, order.jobs, progress, ignore=order.ignore, executable=order.executable
    )
    _warn_of_suspects(order, source, say)
    _check_parts(order, source, past)
    return source, _record(order, source, past, notes, say), notes


def _open_keys(repo: Repository, ring: KeyRing, title: str) -> None:
    """Ask for all passphrases first, so that an hour of packing does not end with a wrong one."""
    repo.open_online_keys(ring)
    for delegator, role in ((repo.root, "targets"), (repo.roles["targets"], f"{title}-releases")):
        if (role == "targets" or role in repo.roles) and not publication.needs_request(delegator, role, ring):
            for key in repository.keys_of(delegator, role):
                ring.signer(key)


def _warn_of_suspects(order: ReleaseOrder, source: build.SourceFolder, say: Say) -> None:
    if found := suspects(order.tree, source.paths, order.ignore):
        say(
            f"Players will get {_named(found)}. `--ignore GLOB`, or a line in {order.tree / IGNORE_FILE}, leaves files "
            "out; a line `!GLOB` there says that you mean it."
        )
    if found := installers(source.paths):
        say(
            f"Nobody will run {_named(found)}: installing what a title needs is not supported, since a launcher "
            "installs nothing with an administrator's rights. Release the libraries themselves, beside the program."
        )


def _named(found: list[str]) -> str:
    more = f" and {len(found) - _SUSPECTS_NAMED} more" if len(found) > _SUSPECTS_NAMED else ""
    return f"{', '.join(found[:_SUSPECTS_NAMED])}{more}"


# ---------------------------------------------------------------- what is asked for


def check(order: ReleaseOrder, folder: Path, home: Home) -> None:
    """Refuse what no release can be. Raises UsageError (usage.argument, usage.release)."""
    for name in (order.title, f"{order.title}-releases", order.channel):
        paths.check_name(name)
    if not _VERSION.fullmatch(order.version):
        message = f"The version {order.version!r} may hold letters, digits and . _ + - only, 64 of them at most."
        raise UsageError("usage.release", message, version=order.version)
    repository.load(folder)
    with stated("usage.release", _CANNOT):
        records.encode(about(order, None))
    _check_folders(order.tree, folder, home.root)


def _check_forward(order: ReleaseOrder, past: History) -> None:
    """A release that is known never replaces a newer one, nor comes back by itself after it was taken back."""
    known, live = past.named(order.version), past.channels.get(order.channel, Channel(0))
    if known and known.sequence in past.releases and known.sequence < live.release:
        newer = past.releases[live.release].version if live.release in past.releases else "a newer release"
        message = (
            f"{newer} is live in {order.channel}. `shoal publish rollback` takes it back; `shoal publish promote` "
            f"offers {order.version} again."
        )
        raise UsageError("usage.release", message, version=order.version)
    if known and known.sequence == live.before and live.before > live.release:
        message = f"{order.version} was taken back from {order.channel}; `shoal publish promote` offers it again."
        raise UsageError("usage.release", message, version=order.version)


def _as_before(order: ReleaseOrder, past: History, say: Say) -> ReleaseOrder:
    """The order, and what it does not say as in the release before; parts that are dropped are left out."""
    before = past.named(order.version) or past.releases.get(max(past.releases, default=0))
    if before is None:
        return order
    rules = tuple(rule for rule in map(parse_part, before.rules or ()) if rule.name not in order.dropped)
    same = replace(
        order,
        rules=order.rules or rules,
        ignore=order.ignore or before.ignore or (),
        executable=order.executable or before.executable or (),
        keep=order.keep or before.keep,
    )
    known = (
        ("Parts", not order.rules and [rule.text for rule in rules]),
        ("Left out", not order.ignore and before.ignore),
        ("Executable", not order.executable and before.executable),
    )
    for words, texts in known:
        if texts:
            say(f"{words} as in the release before: {' '.join(texts)}")
    return same


def _check_parts(order: ReleaseOrder, source: build.SourceFolder, past: History) -> None:
    before = past.releases.get(max(past.releases, default=0))
    if past.named(order.version) or before is None:
        return
    gone = {part.name for part in before.parts} - {part.rule.name for part in source.parts} - set(order.dropped)
    if gone:
        name = min(gone)
        message = (
            f"The part {name} of {before.version} is not in this release: its files would be missing, or move to "
            f"another part. `--part {name}=…` says which they are, `--drop-part {name}` that you mean it."
        )
        raise UsageError("usage.release", message, part=name)


def _check_folders(tree: Path, feed: Path, home: Path) -> None:
    """A release must hold neither itself nor secret keys."""
    for folder in (feed.resolve(), home.resolve()):
        if tree.resolve() == folder or tree.resolve() in folder.parents or feed.resolve() in tree.resolve().parents:
            message = f"{tree} and {folder} must not lie one in the other."
            raise UsageError("usage.release", message, path=str(folder))


@contextmanager
def stated(code: str, problem: str) -> Iterator[None]:
    """Report a record that readers would refuse as the publisher's error, since it is made of the publisher's words."""
    try:
        yield
    except TrustError as error:
        raise UsageError(code, f"{problem}: {error.message.rpartition(': ')[2]}.") from error


def about(order: ReleaseOrder, before: records.Title | None) -> records.Title:
    """The title's own record, with the label that was ordered."""
    found = before or records.Title(order.title, "game", {})
    return replace(found, texts={**found.texts, "en": records.Text(order.label or order.title)})


def parse_launch(texts: Sequence[str]) -> dict[str, Launch]:
    """``linux=bin/game --x`` for one system, ``bin/game --x`` for all. Raises UsageError (usage.release)."""
    launch: dict[str, Launch] = {}
    for text in texts:
        system, _, words = text.partition("=")
        systems, line = ([system], words) if system in SYSTEMS else (SYSTEMS, text)
        try:
            argv = tuple(shlex.split(line))
        except ValueError as error:
            raise UsageError("usage.release", f"The launch command {line!r} cannot be split: {error}.") from error
        if not argv:
            raise UsageError("usage.release", "A launch command is empty.")
        launch |= dict.fromkeys(systems, Launch(argv))
    return launch


def _launch(order: ReleaseOrder, source: build.SourceFolder, past: History, say: Say) -> dict[str, Launch]:
    """The ordered launch commands, else those of the release before, so that a forgotten option breaks no game."""
    launch = parse_launch(order.launch)
    if not launch and past.releases:
        launch = dict(past.releases[max(past.releases)].launch)
        if launch:
            say("Starts as the release before: " + shlex.join(next(iter(launch.values())).argv))
    files = {entry.path: entry.executable for entry in source.entries}
    for system, command in launch.items():
        program = command.argv[0]
        if problem := build.launch_problem(command, [p.manifest for p in source.parts if not p.rule.defaults]):
            raise UsageError("usage.release", f"The release cannot be started: {problem}.", path=program)
        if system != "windows" and not files[program]:
            text = (
                f"{program} is neither a program nor a script, so nobody could start the release on {system}. Name it "
                f"by `--executable {program}`, or name the systems that it is for: `--launch windows={program}`."
            )
            raise UsageError("usage.release", text, path=program)
    return launch


def _record(
    order: ReleaseOrder, source: build.SourceFolder, past: History, notes: Mapping[str, bytes], say: Say
) -> Release:
    known = past.named(order.version)
    sequence = known.sequence if known else past.next_sequence
    parts = tuple(part.record for part in source.parts)
    if known and not any(part.landmarks for part in known.parts):  # it was made before there were any
        parts = tuple(replace(part, landmarks=None) for part in parts)
    launch = _launch(order, source, past, say) if order.launch or not known else known.launch
    refs = {language: merkle.ref_of(text) for language, text in notes.items()}
    ref = refs.pop("", known.notes if known else None)
    record = Release(
        order.title,
        sequence,
        order.version,
        parts,
        launch,
        ref,
        rules=known.rules if known else tuple(rule.text for rule in order.rules) or None,
        ignore=known.ignore if known else order.ignore or None,
        executable=known.executable if known else order.executable or None,
        keep=known.keep if known else order.keep,
        notes_in=refs or (known.notes_in if known else None) or None,
    )
    with stated("usage.release", _CANNOT):
        data = records.encode(record)
    if data != records.encode(known or record):
        message = f"{order.title} {order.version} is published with other content; choose another version."
        raise UsageError("usage.release", message, title=order.title, version=order.version)
    return record


def _notes(order: ReleaseOrder) -> dict[str, bytes]:
    """The notes by language, read this once; those for all languages at ``""``."""
    files = {"": order.notes, **order.notes_in} if order.notes else dict(order.notes_in)
    return {language: _read_notes(path) for language, path in files.items()}


def _read_notes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        data.decode()
    except (OSError, ValueError) as error:
        raise UsageError("usage.release", f"The notes cannot be read: {error}.", path=str(path)) from error
    if not 0 < len(data) <= NOTES_MAX_BYTES:
        raise UsageError("usage.release", f"The notes must have 1 to {NOTES_MAX_BYTES} bytes.", path=str(path))
    return data


# ---------------------------------------------------------------- content, records, roles


def write_content(
    repo: Repository, store: Store, home: Home, order: ReleaseOrder, source: build.SourceFolder,
    notes: Mapping[str, bytes], new: Release, past: History, progress: OnProgress, say: Say,
) -> packs.Packed:  # fmt: skip
    """Put everything into the store that the release needs, packs too. Raises ContentError, DiskError, UsageError."""
    before = sorted((s for s in past.releases if s < new.sequence), reverse=True)[: order.from_last]
    older = [past.releases[sequence] for sequence in before]
    build.write(source, store, order.jobs, progress)
    for text in notes.values():
        store.put(text)
    return packs.pack_release(
        store, home.root / "build", new, source.parts, older, _fulls(repo, older), order.jobs, progress, say,
        order.cluster,
    )  # fmt: skip


def _fulls(repo: Repository, older: Sequence[Release]) -> dict[str, merkle.Ref]:
    """The indexes of the full packs of the newest older release, by part."""
    data = repo.record(feed_paths.patches(older[0].title, older[0].sequence)) if older else None
    parts = records.parse(records.Patches, data).parts if data else ()
    return {part.part: part.full for part in parts if part.full}


def _back(repo: Repository, title: str, sequence: int, steps: Sequence[tuple[str, records.Delta]]) -> records.Patches:
    """The patches record of the release before, with the patch back to it."""
    data = repo.record(feed_paths.patches(title, sequence))
    known = {part.part: part for part in records.parse(records.Patches, data).parts} if data else {}
    for name, step in steps:
        part = known.get(name, records.PartPatches(name, None))
        others = tuple(d for d in part.deltas if d.from_sequence != step.from_sequence)
        known[name] = replace(part, deltas=(*others, step))
    return records.Patches(sequence, tuple(known.values()))


def changes_of(repo: Repository, order: ReleaseOrder, record: Release, past: History, packed: packs.Packed) -> Changes:
    """The records that differ from what is live now."""
    title, sequence, feed = order.title, record.sequence, repo.feed
    new = title not in feed.titles
    put = {feed_paths.patches(title, sequence): records.encode(records.Patches(sequence, packed.parts))}
    if packed.back:
        before = max(s for s in past.releases if s < sequence)
        put[feed_paths.patches(title, before)] = records.encode(_back(repo, title, before, packed.back))
    if sequence not in past.releases:
        put[feed_paths.release(title, sequence)] = records.encode(record)
    live = past.channels.get(order.channel, Channel(0))
    preload = live.preload if live.preload != sequence else 0
    offer = replace(live, release=sequence, rollout=records.Rollout(100, ""), before=steady(live), preload=preload)
    put[feed_paths.channel(title, order.channel)] = records.encode(offer)
    if new or order.label:
        put[feed_paths.title(title)] = records.encode(about(order, past.title))
    if new:
        put[feed_paths.FEED] = records.encode(replace(feed, titles=tuple(sorted({*feed.titles, title}))))
    keep = min(order.keep or record.keep or repository.RELEASES_KEPT, repository.RELEASES_KEPT)
    return Changes(put, _retired(title, sequence, order.channel, past, keep), (title,) if new else ())


def _retired(title: str, sequence: int, channel: str, past: History, keep: int) -> frozenset[str]:
    """Records to drop: patches to releases that are not live nor the one before, releases beyond the newest ``keep``.

    The release before is the target of a rollback, and may be an intermediate release of an update.
    """
    live = {sequence} | {c.release for name, c in past.channels.items() if name != channel}
    live |= {c.before for name, c in past.channels.items() if name != channel and c.before and c.rollout.percent < 100}
    needed = live | {max((s for s in past.releases if s < one), default=0) for one in live}
    patches = {feed_paths.patches(title, s) for s in past.releases if s not in needed}
    if sequence in past.releases:
        return frozenset(patches)  # a change of channels needs no holder
    pinned = {c.not_below for c in past.channels.values()}
    pinned |= {(steady(c) if name == channel else c.before) or 0 for name, c in past.channels.items()}
    kept = set(sorted({*past.releases, sequence})[-keep:]) | needed | pinned
    return frozenset(patches | {feed_paths.release(title, s) for s in past.releases if s not in kept})
