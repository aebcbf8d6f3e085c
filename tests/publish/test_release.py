"""A release: what is delivered, what is refused, and that nothing is half done."""

import hashlib
import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from patcher.content import landmarks, manifest, merkle, records
from patcher.content.merkle import Ref
from patcher.errors import BusyError, ShoalError, UsageError
from patcher.publish import publication, release, repository
from patcher.publish.store import Store
from patcher.publish.tree import parse_part
from tests.support import trees
from tests.support.publisher import Player, Publisher, files_below, lay, quiet

TREE: dict[str, bytes | str] = {
    "bin/game": b"#!/bin/sh\necho hello\n",
    "data/level.dat": bytes(range(256)) * 2000,
    "data/copy.dat": bytes(range(256)) * 2000,
    "data/empty": b"",
    "latest": "data/level.dat",
    "lang/de/text": b"Hallo " * 3000,
    "game.ini": b"volume=5\n",
}
if sys.platform == "win32":
    del TREE["latest"]  # an ordinary account makes no symbolic links
PARTS = tuple(parse_part(text) for text in ("de=lang/de/**:lang:de", "config=*.ini:defaults"))


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    return Publisher(tmp_path)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return lay(tmp_path / "tree", TREE)


def read(publisher: Publisher, path: str) -> bytes:
    data = repository.load(publisher.folder).record(path)
    assert data is not None
    return data


_CONTENTS = "b4cc35c1b8e4b66b"
"""Of all names below content/, sorted. It is another one whenever a format or an encoder changes."""


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_same_folders_make_the_same_bytes_on_every_system(publisher: Publisher, jobs: int) -> None:
    """Contents are named by their hashes, so their names say all; Linux and Windows run this test."""
    scenario = trees.scenario("native code")
    for version, layout in (("1.0", scenario.old), ("2.0", scenario.new)):
        folder = publisher.root / version
        trees.write(folder, layout)
        named = tuple(path for path, item in layout.items() if isinstance(item, trees.File) and item.executable)
        publisher.release(folder, version, jobs=jobs, executable=named)
    names = sorted(Path(path).name for path in publisher.content())
    assert len(names) > len(scenario.new)
    assert hashlib.sha256(" ".join(names).encode()).hexdigest()[:16] == _CONTENTS


def test_a_player_finds_every_file_by_its_root(publisher: Publisher, tree: Path, tmp_path: Path) -> None:
    outcome = publisher.release(tree, "1.0", launch=("bin/game --fast",), rules=PARTS)
    assert outcome.state == "published"
    found = Player(publisher.folder, tmp_path / "player").visit()
    record = records.parse(records.Release, found["game/releases/1.json"])
    assert record.version == "1.0"
    assert [(part.name, part.tags, part.defaults) for part in record.parts] == [
        ("config", (), True), ("de", ("lang:de",), False), ("main", (), False),
    ]  # fmt: skip
    store = Store(publisher.folder)
    seen: dict[str, bytes | str] = {}
    for part in record.parts:
        listed = manifest.parse(store.read(part.manifest))
        assert (listed.name, listed.info_hash) == (f"game.{part.name}", part.info_hash)
        for entry in listed.entries:
            seen[entry.path] = store.read(Ref(entry.root, entry.size_bytes)) if entry.size_bytes else b""
        seen |= dict(listed.links)
    assert seen == TREE
    assert publisher.problems() == ()


def test_content_holds_each_file_once_under_its_root(publisher: Publisher, tree: Path) -> None:
    publisher.release(tree, "1.0")
    content = publisher.content()
    for path, data in content.items():
        assert path == merkle.ref_of(data).file
    assert list(content.values()).count(bytes(range(256)) * 2000) == 1


def test_a_layers_document_and_its_file_do_not_share_a_name(publisher: Publisher, tmp_path: Path) -> None:
    tree = lay(tmp_path / "tree", {"two-pieces": bytes(100_000)})
    publisher.release(tree, "1.0")
    assert publisher.problems() == ()


def test_large_files_have_landmarks_and_releases_from_before_there_were_any_stay_as_they_are(
    publisher: Publisher, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def landmarks_of(version: str) -> Ref | None:
        publisher.release(tree, version)
        (part,) = records.parse(records.Release, read(publisher, f"game/releases/{version[-1]}.json")).parts
        return part.landmarks

    with monkeypatch.context() as before:
        before.setattr(landmarks, "of", lambda portions, size_bytes: b"".join(portions)[:0])
        assert landmarks_of("1") is None
    assert landmarks_of("1") is None
    marks = landmarks_of("2")
    assert marks and marks.size_bytes == 2 * 10 * -(-len(TREE["data/level.dat"]) // landmarks.SECTION_BYTES)
    assert publisher.problems() == ()


def test_the_release_is_live_with_patches_from_the_last_ones(publisher: Publisher, tree: Path) -> None:
    level = os.urandom(10_000)
    for number in range(3):
        publisher.release(lay(tree, {"data/level.dat": level + os.urandom(100)}), f"1.{number}")
    outcome = publisher.release(lay(tree, {"data/level.dat": level + os.urandom(100)}), "1.3", from_last=2)
    assert outcome.packed
    assert [version for version, _ in outcome.packed.patch_bytes] == ["1.2", "1.1"]
    assert records.parse(records.Channel, read(publisher, "game/channels/live.json")).release == 4
    patches = records.parse(records.Patches, read(publisher, "game/patches/4.json"))
    assert [delta.from_sequence for delta in patches.parts[0].deltas] == [3, 2]
    live = [path for path in repository.load(publisher.folder).paths() if path.startswith("game/patches")]
    assert live == ["game/patches/3.json", "game/patches/4.json"]
    assert publisher.problems() == ()


def test_an_older_release_gets_a_patch_as_long_as_it_saves_half_and_the_last_one_always(
    publisher: Publisher, tree: Path
) -> None:
    level = os.urandom(20_000)
    publisher.release(lay(tree, {"data/level.dat": level[:5000]}), "1.0")
    publisher.release(lay(tree, {"data/level.dat": os.urandom(20_000)}), "1.1")
    publisher.release(lay(tree, {"data/level.dat": level[::-1]}), "1.2")
    outcome = publisher.release(lay(tree, {"data/level.dat": level}), "1.3")
    assert outcome.packed
    assert [version for version, _ in outcome.packed.patch_bytes] == ["1.2"]
    assert "No patch from 1.1: it would save less than half." in publisher.said
    content = publisher.content()
    publisher.said.clear()
    lost = Store(publisher.folder).path(merkle.ref_of(level))
    lost.unlink()
    publisher.release(tree, "1.3")
    assert "No patch from 1.1: it would save less than half." in publisher.said
    assert publisher.content() == content


def test_there_is_a_patch_back_to_the_release_before(publisher: Publisher, tree: Path) -> None:
    publisher.release(tree, "1.0")
    publisher.release(lay(tree, {"game.ini": b"volume=7\n", "new": os.urandom(50_000)}), "1.1")
    back = records.parse(records.Patches, read(publisher, "game/patches/1.json"))
    (part,) = back.parts
    assert part.full and part.manifest
    (step,) = part.deltas
    assert step.from_sequence == 2 and step.index and step.manifest
    assert step.index.size_bytes < 1000, "what only the newer release has is not needed"
    assert publisher.problems() == ()
    publisher.release(lay(tree, {"game.ini": b"volume=8\n"}), "1.2")
    live = [path for path in repository.load(publisher.folder).paths() if path.startswith("game/patches")]
    assert live == ["game/patches/2.json", "game/patches/3.json"]


def test_files_of_a_defaults_part_are_delivered_and_never_patched(publisher: Publisher, tree: Path) -> None:
    publisher.release(tree, "1.0", rules=PARTS)
    publisher.release(lay(tree, {"game.ini": b"volume=7\n"}), "1.1", rules=PARTS)
    patches = {part.part: part for part in records.parse(records.Patches, read(publisher, "game/patches/2.json")).parts}
    assert patches["config"].full and patches["config"].deltas == ()
    assert len(patches["main"].deltas) == len(patches["de"].deltas) == 1


def test_a_moved_file_costs_no_pack(publisher: Publisher, tree: Path) -> None:
    publisher.release(tree, "1.0")
    (tree / "data" / "level.dat").rename(tree / "renamed.dat")
    publisher.release(tree, "1.1")
    (part,) = records.parse(records.Patches, read(publisher, "game/patches/2.json")).parts
    assert part.deltas[0].index is None
    assert part.deltas[0].manifest


def test_the_same_release_again_is_nothing_new(publisher: Publisher, tree: Path) -> None:
    publisher.release(tree, "1.0", launch=("bin/game",))
    before = files_below(publisher.folder)
    assert publisher.release(tree, "1.0", launch=("bin/game",)).state == "already published"
    assert publisher.release(tree, "1.0").state == "already published"
    assert files_below(publisher.folder) == before


def test_the_same_release_again_puts_lost_content_back(publisher: Publisher, tree: Path) -> None:
    publisher.release(tree, "1.0")
    before = files_below(publisher.folder)
    Store(publisher.folder).path(merkle.ref_of((tree / "game.ini").read_bytes())).unlink()
    assert publisher.problems()
    assert publisher.release(tree, "1.0").state == "already published"
    assert files_below(publisher.folder) == before


def test_an_older_release_again_is_refused_with_the_verb_that_steps_back(
    publisher: Publisher, tree: Path, tmp_path: Path
) -> None:
    publisher.release(tree, "1.0")
    publisher.release(lay(tmp_path / "newer", TREE | {"new": b"new"}), "1.1")
    with pytest.raises(UsageError, match=r"1\.1 is live in live.*publish rollback.*publish promote"):
        publisher.release(tree, "1.0")
    assert records.parse(records.Channel, read(publisher, "game/channels/live.json")).release == 2


def test_a_release_of_one_channel_can_become_that_of_another(publisher: Publisher, tree: Path) -> None:
    publisher.release(tree, "1.0")
    publisher.release(lay(tree, {"new": b"new"}), "1.1", channel="beta")
    assert records.parse(records.Channel, read(publisher, "game/channels/live.json")).release == 1
    assert {"game/patches/1.json", "game/patches/2.json"} <= set(repository.load(publisher.folder).paths())
    assert publisher.release(tree, "1.1").state == "published"
    assert records.parse(records.Channel, read(publisher, "game/channels/live.json")).release == 2
    assert publisher.problems() == ()


def test_of_each_channel_the_patches_to_its_release_and_to_the_one_before_stay(
    publisher: Publisher, tree: Path
) -> None:
    for number in range(8):
        channel = "live" if number < 3 else "beta"
        publisher.release(lay(tree, {"version": b"%d" % number}), f"1.{number}", channel=channel)
    live = [path for path in repository.load(publisher.folder).paths() if path.startswith("game/patches")]
    assert live == [f"game/patches/{sequence}.json" for sequence in (2, 3, 7, 8)]
    before = records.parse(records.Patches, read(publisher, "game/patches/2.json"))
    assert before.starts == {1, 3}, "so a player two releases behind gets there in two steps, and one can go back"
    assert publisher.problems() == ()


def test_the_same_version_with_another_tree_is_refused(publisher: Publisher, tree: Path) -> None:
    publisher.release(tree, "1.0")
    before = files_below(publisher.folder)
    with pytest.raises(UsageError, match="choose another version") as caught:
        publisher.release(lay(tree, {"new": b"new"}), "1.0")
    assert caught.value.code == "usage.release"
    assert files_below(publisher.folder) == before


def test_a_dry_run_writes_nothing(publisher: Publisher, tree: Path) -> None:
    before = files_below(publisher.folder)
    outcome = publisher.release(tree, "1.0", dry_run=True)
    assert (outcome.state, outcome.source.size_bytes) == (
        "dry run",
        sum(len(d) for d in TREE.values() if d != "data/level.dat"),
    )
    assert files_below(publisher.folder) == before


def test_the_launch_command_is_kept_from_the_release_before(publisher: Publisher, tree: Path) -> None:
    publisher.release(tree, "1.0", launch=("linux=bin/game --x", "windows='data/level.dat' 'a b'"))
    publisher.release(lay(tree, {"new": b"new"}), "1.1")
    launch = records.parse(records.Release, read(publisher, "game/releases/2.json")).launch
    assert launch == {
        "linux": records.Launch(("bin/game", "--x")), "windows": records.Launch(("data/level.dat", "a b")),
    }  # fmt: skip
    assert any("Starts as the release before" in text for text in publisher.said)


def test_parts_are_those_of_the_release_before(publisher: Publisher, tree: Path) -> None:
    publisher.release(tree, "1.0", rules=PARTS)
    first = records.parse(records.Release, read(publisher, "game/releases/1.json"))
    publisher.release(lay(tree, {"new": b"new"}), "1.1")
    second = records.parse(records.Release, read(publisher, "game/releases/2.json"))
    assert [(p.name, p.tags, p.defaults) for p in second.parts] == [(p.name, p.tags, p.defaults) for p in first.parts]
    assert second.rules == first.rules == ("de=lang/de/**:lang:de", "config=*.ini:defaults")
    assert publisher.release(tree, "1.1").state == "already published"


def test_a_part_that_vanishes_is_refused_unless_it_is_said(publisher: Publisher, tree: Path) -> None:
    publisher.release(tree, "1.0", rules=PARTS)
    before = files_below(publisher.folder)
    with pytest.raises(UsageError, match=r"The part config of 1\.0 .*--drop-part config"):
        publisher.release(lay(tree, {"new": b"new"}), "1.1", rules=PARTS[:1])
    assert files_below(publisher.folder) == before
    assert publisher.release(tree, "1.1", dropped=("config",)).state == "published"
    record = records.parse(records.Release, read(publisher, "game/releases/2.json"))
    assert [part.name for part in record.parts] == ["de", "main"]


def test_a_file_that_is_no_program_is_not_started_unless_the_publisher_says_so(
    publisher: Publisher, tree: Path
) -> None:
    (tree / "bin/game").write_bytes(b"no program")
    (tree / "bin/game").chmod(0o644)  # `Publisher` names those that may be executed
    for launch in ("bin/game", "linux=bin/game"):
        with pytest.raises(UsageError, match=r"--executable bin/game.*--launch windows=bin/game"):
            publisher.release(tree, "1.0", launch=(launch,))
    assert publisher.release(tree, "1.0", launch=("windows=bin/game",)).state == "published"
    assert publisher.release(tree, "1.1", launch=("bin/game",), executable=("bin/game",)).state == "published"


def test_what_is_hardly_meant_for_players_is_listed_and_can_be_left_out(publisher: Publisher, tree: Path) -> None:
    lay(tree, {".git/config": b"[core]", ".git/objects/ab/cd": b"x", "data/.DS_Store": b"x", ".env": b"KEY=1"})
    publisher.release(tree, "1.0")
    assert any(text.startswith("Players will get .env, .git/, data/.DS_Store. ") for text in publisher.said)
    publisher.said.clear()
    (tree / ".shoalignore").write_text(".git/\n!.env\n")
    outcome = publisher.release(tree, "1.1", ignore=("**/.DS_Store",))
    files = {entry.path for entry in outcome.source.entries}
    assert files == {".env", *(path for path, data in TREE.items() if isinstance(data, bytes))}
    assert not any("Players will get" in text for text in publisher.said)


def test_notes_that_change_meanwhile_are_published_as_they_were_read(
    publisher: Publisher, tree: Path, tmp_path: Path
) -> None:
    notes = tmp_path / "notes.md"
    notes.write_text("# New")
    order = publisher.order(tree, "1.0", notes=notes)

    def progress(phase: str, done: int, total: int) -> None:
        if phase == "write":
            notes.write_text("# Newer")

    release.release(publisher.folder, publisher.home, order, publisher.passphrases, progress, publisher.said.append)
    record = records.parse(records.Release, read(publisher, "game/releases/1.json"))
    assert record.notes and Store(publisher.folder).read(record.notes) == b"# New"


def test_notes_and_label_reach_the_player(publisher: Publisher, tree: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes.md"
    notes.write_text("# New")
    publisher.release(tree, "1.0", notes=notes, label="A Game")
    record = records.parse(records.Release, read(publisher, "game/releases/1.json"))
    assert record.notes and Store(publisher.folder).read(record.notes) == b"# New"
    assert records.parse(records.Title, read(publisher, "game/title.json")).texts["en"].label == "A Game"


def test_old_releases_leave_the_role(publisher: Publisher, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "RELEASES_KEPT", 2)
    for number in range(4):
        publisher.release(lay(tree, {"n": b"%d" % number}), f"1.{number}", from_last=1)
    kept = [path for path in repository.load(publisher.folder).paths() if path.startswith("game/releases")]
    assert kept == ["game/releases/3.json", "game/releases/4.json"]


def test_two_publications_at_once_are_refused(publisher: Publisher, tree: Path) -> None:
    with publication.locked(publisher.home, "shop"), pytest.raises(BusyError):
        publisher.release(tree, "1.0")


BAD_ORDERS: dict[str, tuple[dict[str, Any], str]] = {
    "version": ({"version": "1 0"}, "usage.release"),
    "empty version": ({"version": ""}, "usage.release"),
    "version that leads away": ({"version": "../1"}, "usage.release"),
    "title": ({"title": "Game"}, "usage.argument"),
    "title too long for its roles": ({"title": "g" * 40}, "usage.argument"),
    "channel": ({"channel": "Live!"}, "usage.argument"),
    "program that is not there": ({"launch": ("bin/nothing",)}, "usage.release"),
    "program above": ({"launch": ("../game",)}, "usage.release"),
    "program that is a link": ({"launch": ("latest",)}, "usage.release"),
    "program that is the player's own": (
        {"launch": ("bin/game",), "rules": (parse_part("own=bin/**:defaults"),)},
        "usage.release",
    ),
    "no program": ({"launch": ("linux=",)}, "usage.release"),
    "open quote": ({"launch": ("bin/game 'x",)}, "usage.release"),
    "part that matches nothing": ({"rules": (parse_part("fr=lang/fr/**:lang:fr"),)}, "usage.release"),
    "link into another part": ({"rules": (parse_part("data=data/**:x:y"),)}, "content.link_outside"),
    "notes that are not there": ({"notes": Path("nothing.md")}, "usage.release"),
    "label with a control character": ({"label": "a\x1bb"}, "usage.release"),
    "label of two lines": ({"label": "a\nb"}, "usage.release"),
    "label that is read backwards": ({"label": "a\u202eb"}, "usage.release"),
    "argument with a control character": ({"launch": ("bin/game \x07",)}, "usage.release"),
    "tree that is not there": ({"tree": Path("nothing")}, "disk.folder_missing"),
}
if sys.platform == "win32":
    del BAD_ORDERS["link into another part"]


@pytest.mark.parametrize("name", sorted(BAD_ORDERS))
def test_a_bad_order_changes_nothing(publisher: Publisher, tree: Path, name: str) -> None:
    commands, code = BAD_ORDERS[name]
    before = files_below(publisher.folder)
    commands = {"tree": tree, "version": "1.0", **commands}
    with pytest.raises(ShoalError) as caught:
        publisher.release(**commands)
    assert caught.value.code == code
    assert files_below(publisher.folder) == before


@pytest.mark.parametrize("inner", ["feed", "home"])
def test_a_release_holds_neither_the_feed_nor_the_keys(publisher: Publisher, inner: str) -> None:
    before = files_below(publisher.folder)
    for tree in (publisher.root, publisher.root / inner):
        with pytest.raises(UsageError, match="must not lie one in the other"):
            publisher.release(tree, "1.0")
    assert files_below(publisher.folder) == before


BAD_TREES: dict[str, tuple[dict[str, bytes | str], str]] = {
    "device name": ({"con.txt": b"x"}, "content.unsafe_path"),
    "trailing dot": ({"name.": b"x"}, "content.unsafe_path"),
    "stream": ({"a:b": b"x"}, "content.unsafe_path"),
    "clash of case": ({"Readme": b"x", "readme": b"y"}, "content.unsafe_path"),
    "link out": ({"out": "../../etc/passwd"}, "content.link_outside"),
    "absolute link": ({"out": "/etc/passwd"}, "content.link_outside"),
    "nothing": ({}, "usage.release"),
}


@pytest.mark.posix("names and links that Windows does not have")
@pytest.mark.parametrize("name", sorted(BAD_TREES))
def test_a_bad_tree_changes_nothing(publisher: Publisher, tmp_path: Path, name: str) -> None:
    files, code = BAD_TREES[name]
    (tmp_path / "bad").mkdir()
    before = files_below(publisher.folder)
    with pytest.raises(ShoalError) as caught:
        publisher.release(lay(tmp_path / "bad", files), "1.0")
    assert caught.value.code == code
    assert files_below(publisher.folder) == before


@pytest.mark.posix("sockets among files")
def test_a_socket_in_the_tree_is_refused(publisher: Publisher, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("socket")
        with pytest.raises(ShoalError) as caught:
            publisher.release(tree, "1.0")
    assert caught.value.code == "content.special_file"


@pytest.mark.parametrize("phase", ["hash", "write"])
def test_a_tree_that_changes_meanwhile_is_noticed(publisher: Publisher, tree: Path, phase: str) -> None:
    """Another program writes when hashing has ended, or when the copy begins."""

    def meddle(now: str, done: int, total: int) -> None:
        if now == phase and done == (total if phase == "hash" else 0):
            (tree / "data" / "level.dat").write_bytes(b"other" * 100)

    before = {n: d for n, d in files_below(publisher.folder).items() if not n.startswith("content")}
    with pytest.raises(UsageError, match="was changed while") as caught:
        release.release(
            publisher.folder,
            publisher.home,
            publisher.order(tree, "1.0"),
            publisher.passphrases,
            meddle,
            publisher.said.append,
        )
    assert caught.value.code == "usage.release"
    assert {n: d for n, d in files_below(publisher.folder).items() if not n.startswith("content")} == before


def test_a_full_disk_is_told_before_anything_is_written(
    publisher: Publisher, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("patcher.disk.free_bytes", lambda folder: 1000)
    with pytest.raises(ShoalError) as caught:
        publisher.release(tree, "1.0")
    assert caught.value.code == "disk.full"
    assert publisher.content() == {}


def test_a_title_that_is_no_name_is_named_as_it_was_given(publisher: Publisher, tree: Path) -> None:
    with pytest.raises(UsageError, match=r"^'T!' is no valid name"):
        publisher.release(tree, "1.0", title="T!")


@pytest.mark.parametrize("damage", ["gone", "cut", "flipped"])
def test_an_old_release_that_is_damaged_only_costs_its_patch(publisher: Publisher, tree: Path, damage: str) -> None:
    publisher.release(tree, "1.0")
    old = Store(publisher.folder).path(merkle.ref_of((tree / "game.ini").read_bytes()))
    if damage == "gone":
        old.unlink()
    else:
        old.write_bytes(b"v" if damage == "cut" else b"Volume=5\n")
    outcome = publisher.release(lay(tree, {"game.ini": b"volume=6\n"}), "1.1")
    assert outcome.state == "published"
    assert any("No patch from 1.0" in text for text in publisher.said)


def test_progress_has_its_phases_in_order(publisher: Publisher, tree: Path) -> None:
    phases: dict[str, tuple[int, int]] = {}

    def watch(phase: str, done: int, total: int) -> None:
        phases[phase] = (done, total)

    order = publisher.order(tree, "1.0")
    release.release(publisher.folder, publisher.home, order, publisher.passphrases, watch, publisher.said.append)
    assert list(phases) == ["hash", "write", "pack", "sign"]
    assert all(done == total for done, total in phases.values())
    quiet("done", 0, 0)
