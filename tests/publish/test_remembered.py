"""What a release said once, the next one does likewise; how many stay listed, and how much a feed grows."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from patcher.content import records
from patcher.publish import prune, repository
from patcher.publish.store import Store
from tests.support.publisher import Player, Publisher, files_below, lay, quiet


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    return Publisher(tmp_path)


def _record(publisher: Publisher, sequence: int) -> records.Release:
    data = repository.load(publisher.folder).record(f"game/releases/{sequence}.json")
    assert data is not None
    return records.parse(records.Release, data)


def _files(publisher: Publisher, tree: Path, version: str, **words: object) -> dict[str, bool]:
    outcome = publisher.release(tree, version, **words)
    return {entry.path: entry.executable for entry in outcome.source.entries}


def test_what_is_left_out_or_executable_stays_so_until_it_is_said_anew(publisher: Publisher, tmp_path: Path) -> None:
    tree = lay(tmp_path / "tree", {"game": b"one", "tool.py": b"print()", "notes.psd": b"x", "raw/a.wav": b"x"})
    words = {"ignore": ("*.psd", "raw/"), "executable": ("*.py",)}
    assert _files(publisher, tree, "1.0", **words) == {"game": False, "tool.py": True}
    lay(tree, {"game": b"two"})
    assert _files(publisher, tree, "1.1", executable=()) == {"game": False, "tool.py": True}
    assert publisher.said[-2:] == [
        "Left out as in the release before: *.psd raw/", "Executable as in the release before: *.py",
    ]  # fmt: skip
    lay(tree, {"game": b"three"})
    assert set(_files(publisher, tree, "1.2", ignore=("*.psd",), executable=())) == {
        "game", "tool.py", "notes.psd", "raw/a.wav",
    } - {"notes.psd"}  # fmt: skip
    assert _record(publisher, 3).ignore == ("*.psd",)


def test_the_same_version_again_changes_nothing_of_what_was_said(publisher: Publisher, tmp_path: Path) -> None:
    tree = lay(tmp_path / "tree", {"game": b"one", "notes.psd": b"x"})
    publisher.release(tree, "1.0", ignore=("*.psd",), keep=3)
    before = files_below(publisher.folder)
    assert publisher.release(tree, "1.0").state == "already published"
    assert files_below(publisher.folder) == before


def test_debug_symbols_and_installers_that_nobody_runs_are_named(publisher: Publisher, tmp_path: Path) -> None:
    tree = {"game": b"one", "bin/game.pdb": b"symbols", "redist/vc_redist.exe": b"MZ"}
    publisher.release(lay(tmp_path / "tree", tree), "1.0")
    assert any(text.startswith("Players will get bin/game.pdb.") for text in publisher.said)
    assert any(text.startswith("Nobody will run redist/vc_redist.exe: ") for text in publisher.said)


def test_keep_lists_so_many_releases_and_gc_frees_what_the_others_alone_had(
    publisher: Publisher, tmp_path: Path
) -> None:
    tree, dice = tmp_path / "tree", random.Random(1)
    data = bytearray(dice.randbytes(600_000))
    listed, added = [], []
    for number in range(6):
        data[number * 6000 : number * 6000 + 6000] = dice.randbytes(6000)  # a hundredth of it is new
        outcome = publisher.release(
            lay(tree, {"data.pak": bytes(data)}), f"1.{number}", keep=2 if number == 3 else None
        )
        listed.append(outcome.listed)
        added.append(outcome.added_bytes)
    assert listed == [1, 2, 3, 2, 2, 2]
    assert all(size > 600_000 for size in added), "each release holds the changed file once more, and its packs"
    content = publisher.folder / "content"
    before = sum(map(len, files_below(content).values()))
    assert before == pytest.approx(sum(added), rel=0.01)
    later = datetime.now(UTC) + timedelta(days=prune.DAYS + 1)
    with prune.plan(publisher.folder, publisher.home, prune.DAYS, later) as found:
        prune.remove(publisher.folder, found, quiet)
    assert sum(map(len, files_below(content).values())) < before / 2
    assert publisher.problems() == ()
    Player(publisher.folder, tmp_path / "player").visit()


def test_keep_never_takes_what_is_live_or_the_way_back(publisher: Publisher, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    publisher.release(lay(tree, {"game": b"0"}), "1.0", channel="old")
    for number in range(1, 5):
        publisher.release(lay(tree, {"game": b"%d" % number}), f"1.{number}", keep=1)
    kept = [path for path in repository.load(publisher.folder).paths() if path.startswith("game/releases")]
    assert kept == [f"game/releases/{sequence}.json" for sequence in (1, 4, 5)]


def test_notes_in_a_language_stand_beside_those_for_all(publisher: Publisher, tmp_path: Path) -> None:
    for name, text in (("notes.md", "# New"), ("neues.md", "# Neu")):
        (tmp_path / name).write_text(text)
    words = {"notes": tmp_path / "notes.md", "notes_in": {"de": tmp_path / "neues.md"}}
    tree = lay(tmp_path / "tree", {"game": b"one"})
    publisher.release(tree, "1.0", **words)
    record, store = _record(publisher, 1), Store(publisher.folder)
    texts = [records.in_language(record.notes_in, language, record.notes) for language in ("de-CH", "en")]
    assert [store.read(ref) for ref in texts if ref] == [b"# Neu", b"# New"]
    assert publisher.release(tree, "1.0").state == "already published"
    with prune.plan(publisher.folder, publisher.home, 0, datetime.now(UTC) + timedelta(days=1)) as found:
        assert not [path for path, _ in found.files if path.startswith("content")]
