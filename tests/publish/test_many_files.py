"""Many files, and little that changes: only what changed is worked on, and the same folder makes the same feed."""

import os
from hashlib import shake_128
from pathlib import Path
from typing import Any

import pytest

from patcher import disk
from patcher.errors import UsageError
from patcher.publish import release, repository
from tests.support.publisher import Publisher, lay

LARGE = shake_128(b"large").digest(1 << 16) * 144
"""9 MiB that shrink well."""
LARGE_BYTES = len(LARGE)


def totals(publisher: Publisher, tree: Path, version: str) -> dict[str, int]:
    """The bytes that each phase of a release worked on."""
    found: dict[str, int] = {}

    def note(phase: str, done: int, total: int) -> None:
        found[phase] = found.get(phase, 0) + (total if done == 0 else 0)

    order = publisher.order(tree, version)
    release.release(publisher.folder, publisher.home, order, publisher.passphrases, note, publisher.said.append)
    return found


def test_what_did_not_change_is_not_packed_again(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path)
    tree = lay(tmp_path / "tree", {"large": LARGE, "noise": os.urandom(3 << 20), "small": b"one" * 1000})
    assert totals(publisher, tree, "1")["pack"] > LARGE_BYTES
    changed = b"two" * 1000
    assert totals(publisher, lay(tree, {"small": changed}), "2")["pack"] <= 10 * len(changed)
    (tree / "large").rename(tree / "moved")
    assert totals(publisher, tree, "3")["pack"] <= 10 * len(changed)
    assert publisher.problems() == ()


def test_a_full_pack_that_the_feed_lost_is_made_anew(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path)
    tree = lay(tmp_path / "tree", {"large": LARGE, "small": b"one" * 1000})
    totals(publisher, tree, "1")
    contents = {path: path.stat().st_size for path in (publisher.folder / "content").rglob("*") if path.is_file()}
    for path in (path for path, size in contents.items() if size > 60_000 and path.read_bytes() != LARGE):
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))  # of the right size: only its root tells
    assert totals(publisher, lay(tree, {"small": b"two" * 1000}), "2")["pack"] > LARGE_BYTES
    assert any("full pack is made anew" in text for text in publisher.said)


def test_many_files_become_durable_together_and_before_they_get_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = Publisher(tmp_path)
    tree = lay(tmp_path / "tree", {f"d{n % 7}/{n}": b"%d" % n for n in range(300)})
    steps: list[tuple[str, tuple[Any, ...]]] = []
    monkeypatch.setattr(disk, "hook", lambda name, arguments: steps.append((name, arguments)))
    publisher.release(tree, "1")
    unsynced: set[Path] = set()
    syncs = 0
    for name, arguments in steps:
        if name == "create" and arguments[0].parent.name == "incoming":
            unsynced.add(arguments[0])
        elif name == "sync_volume":
            unsynced.clear()
            syncs += 1
        elif name == "sync_file":
            unsynced.discard(arguments[0])
            syncs += 1
        assert name != "rename" or arguments[0] not in unsynced
    if any(name == "sync_volume" for name, _ in steps):  # not on every disk
        assert syncs < 100


@pytest.mark.posix("Windows has no time of change that a program cannot set")
def test_a_file_that_changes_without_changing_size_and_time_is_noticed(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path)
    tree = lay(tmp_path / "tree", {"a": b"before", "b": b"other"})

    def meddle(phase: str, done: int, total: int) -> None:
        if phase == "hash" and done == total:
            before = (tree / "a").stat()
            (tree / "a").write_bytes(b"after!")
            os.utime(tree / "a", ns=(before.st_atime_ns, before.st_mtime_ns))

    order = publisher.order(tree, "1")
    with pytest.raises(UsageError, match="was changed while"):
        release.release(publisher.folder, publisher.home, order, publisher.passphrases, meddle, publisher.said.append)


def test_two_machines_make_the_same_feed_before_it_is_signed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two homes with keys of their own, files written in another order, at another time, with other modes, by other
    numbers of workers, and with another folder for temporary files.
    """
    files = {f"d{n % 5}/{n}": b"%d" % n * 400 for n in range(60)} | {"large": LARGE}
    found = []
    for name, jobs, mask in (("one", 1, 0o022), ("two", 2, 0o077)):
        here = tmp_path / name
        (here / "temporary").mkdir(parents=True)
        monkeypatch.setenv("TMPDIR", str(here / "temporary"))
        before = os.umask(mask)
        try:
            publisher = Publisher(here)
            order = sorted(files, reverse=name == "two")
            tree = lay(here / "tree", {path: files[path] for path in order})
            for path in order:
                os.utime(tree / path, (jobs * 1_000_000, jobs * 1_000_000))
            publisher.release(tree, "1", jobs=jobs)
            publisher.release(lay(tree, {"d1/1": b"changed" * 300}), "2", jobs=jobs)
        finally:
            os.umask(before)
        repo = repository.load(publisher.folder)
        found.append((publisher.content(), {path: repo.record(path) for path in repo.paths()}))
    (contents, records), (other_contents, other_records) = found
    assert contents == other_contents
    assert records == other_records
