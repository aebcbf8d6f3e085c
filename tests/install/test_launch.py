"""What `play` starts is a file of the release as the publisher signed it; anything planted beside it is refused."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from patcher.content import manifest, merkle
from patcher.content.file_tree import Entry
from patcher.content.records import Launch, Part, Release
from patcher.errors import Cancelled, ContentError, DiskError, ShoalError
from patcher.install import launch
from patcher.install.folder import Installed, InstallFolder
from patcher.install.scan import Seen, seen
from patcher.publish import build

_SAYS_WHERE = b'#!/bin/sh\npwd -P > "$1.new" && echo "$0" >> "$1.new" && mv "$1.new" "$1"\n'
"""Tells where it was started, and as what."""
_FILES = {"bin/game": _SAYS_WHERE, "data/level": b"level", "defaults/start": _SAYS_WHERE}


@dataclass
class Game:
    """An install as a commit leaves it, and what the home remembers of its files."""

    folder: Path
    known: dict[str, Seen]
    outside: Path

    @property
    def state(self) -> Path:
        return self.folder / ".shoal"

    def say(self, release: Release) -> None:
        """As a publisher who signs it, or whoever writes into the install, would."""
        (self.state / "installed").write_bytes(Installed("ab" * 32, "game", "live", (), release).encode())

    def starts_with(self, program: str, cwd: str = "") -> None:
        installed = InstallFolder.at(self.folder).current.installed()
        assert installed
        self.say(replace(installed.release, launch={launch.SYSTEM: Launch((program,), cwd)}))

    def start(self) -> list[str]:
        """Play; what the program said."""
        said = self.outside / "said"
        installed = InstallFolder.at(self.folder).current.installed()
        assert installed
        assert (
            launch.launch(InstallFolder.at(self.folder), installed, self.known, (str(said),), lambda *_: None).wait(10)
            == 0
        )
        return said.read_text().splitlines()


def _part(state: Path, name: str, files: dict[str, bytes]) -> Part:
    entries = [
        Entry(path, len(data), merkle.root_of(merkle.leaves_of(data)), data.startswith(b"#!"))
        for path, data in files.items()
    ]
    made = build.manifest_of(f"game.{name}", entries)
    data = manifest.encode(made)
    ref = merkle.ref_of(data)
    (state / "manifests" / ref.hex).write_bytes(data)
    return Part(name, (), name == "defaults", ref, made.info_hash, None, None)


@pytest.fixture
def game(tmp_path: Path) -> Game:
    folder = tmp_path / "game"
    (folder / ".shoal" / "manifests").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    for path, data in _FILES.items():
        _put(folder / path, data)
    parts = (
        _part(folder / ".shoal", "main", {path: _FILES[path] for path in ("bin/game", "data/level")}),
        _part(folder / ".shoal", "defaults", {"defaults/start": _SAYS_WHERE}),
    )
    known = {path: stat for path in ("bin/game", "data/level") if (stat := seen(folder / path))}
    made = Game(folder, known, tmp_path / "outside")
    made.say(Release("game", 1, "1.0", parts, {launch.SYSTEM: Launch(("bin/game",), "data")}))
    return made


def _put(path: Path, data: bytes = _SAYS_WHERE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    path.chmod(0o755)


def _link(path: Path, target: Path) -> None:
    """In place of what is there, which moves to the target."""
    path.rename(target)
    path.symlink_to(target)


@pytest.mark.posix("scripts of the shell")
def test_the_released_program_starts_in_its_folder_and_knows_its_path(game: Game) -> None:
    assert game.start() == [str(game.folder.resolve() / "data"), str(game.folder / "bin" / "game")]


@pytest.mark.posix("scripts of the shell")
def test_a_game_inherits_no_secret(game: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    _put(game.folder / "bin/env", b'#!/bin/sh\nenv > "$1"\n')
    part = _part(game.state, "tools", {"bin/env": b'#!/bin/sh\nenv > "$1"\n'})
    release = Release("game", 1, "1.0", (part,), {launch.SYSTEM: Launch(("bin/env",))})
    game.say(release)
    monkeypatch.setenv("SHOAL_PASSPHRASE", "told to nobody")
    monkeypatch.setenv("SHOAL_TEST", "told to all")
    lines = game.start()
    assert "SHOAL_TEST=told to all" in lines
    assert "told to nobody" not in "".join(lines)


@pytest.mark.posix("scripts of the shell")
def test_a_program_that_was_only_touched_is_read_once_more_and_starts(game: Game) -> None:
    os.utime(game.folder / "bin/game", ns=(1, 1))
    assert game.start()
    game.known.clear()  # as after a crash in a commit
    assert game.start()


@pytest.mark.posix("symlinks")
def test_an_install_folder_that_the_player_linked_to_is_still_theirs(game: Game) -> None:
    link = game.folder.with_name("link")
    link.symlink_to(game.folder)
    assert replace(game, folder=link).start()


def _a_planted_program(game: Game) -> None:
    _put(game.folder / "mods/evil")
    game.starts_with("mods/evil")


def _a_program_of_the_players_own_settings(game: Game) -> None:
    game.starts_with("defaults/start")


def _a_program_in_our_own_folder(game: Game) -> None:
    _put(game.state / "staging/evil")
    data = (game.state / "installed").read_bytes()
    (game.state / "installed").write_bytes(data.replace(b"bin/game", b".shoal/staging/evil"))


def _a_file_that_is_no_program(game: Game) -> None:
    (game.folder / "data/level").chmod(0o644)
    game.starts_with("data/level")


def _other_bytes(game: Game) -> None:
    _put(game.folder / "bin/game", _SAYS_WHERE + b"#")


def _other_bytes_of_the_same_size(game: Game) -> None:
    _put(game.folder / "bin/game", _SAYS_WHERE.replace(b"pwd", b"pws"))


def _a_link_to_a_program(game: Game) -> None:
    _link(game.folder / "bin/game", game.outside / "game")


def _a_folder(game: Game) -> None:
    (game.folder / "bin/game").unlink()
    (game.folder / "bin/game").mkdir()


def _a_pipe(game: Game) -> None:
    (game.folder / "bin/game").unlink()
    os.mkfifo(game.folder / "bin/game")


def _nothing(game: Game) -> None:
    (game.folder / "bin/game").unlink()


def _no_right_to_execute(game: Game) -> None:
    (game.folder / "bin/game").chmod(0o644)


def _a_link_above_the_program(game: Game) -> None:
    _link(game.folder / "bin", game.outside / "bin")


def _a_folder_to_start_in_that_is_a_link(game: Game) -> None:
    _link(game.folder / "data", game.outside / "data")


def _a_folder_to_start_in_below_a_link(game: Game) -> None:
    (game.outside / "mods/deep").mkdir(parents=True)
    (game.folder / "mods").symlink_to(game.outside / "mods")
    game.starts_with("bin/game", "mods/deep")


def _no_folder_to_start_in(game: Game) -> None:
    game.starts_with("bin/game", "data/level")


def _damage_manifests(game: Game) -> None:
    for path in (game.state / "manifests").iterdir():
        path.write_bytes(b"de")


@pytest.mark.posix("scripts of the shell")
def test_a_program_starts_as_it_was_verified_although_the_list_of_files_is_damaged(game: Game) -> None:
    _damage_manifests(game)
    assert game.start() == [str(game.folder / "data"), str(game.folder / "bin/game")]


def _a_changed_program_beside_damaged_manifests(game: Game) -> None:
    _damage_manifests(game)
    _other_bytes_of_the_same_size(game)


def _a_program_of_the_player_beside_damaged_manifests(game: Game) -> None:
    _damage_manifests(game)
    _a_program_of_the_players_own_settings(game)


_REFUSED: dict[Callable[[Game], None], str] = {
    _a_planted_program: "content.launch",
    _a_program_of_the_players_own_settings: "content.launch",
    _a_program_in_our_own_folder: "trust.record",
    _a_file_that_is_no_program: "content.launch",
    _other_bytes: "disk.modified",
    _other_bytes_of_the_same_size: "disk.modified",
    _a_link_to_a_program: "disk.modified",
    _a_folder: "disk.modified",
    _a_pipe: "disk.modified",
    _nothing: "disk.modified",
    _no_right_to_execute: "disk.modified",
    _a_link_above_the_program: "disk.in_the_way",
    _a_folder_to_start_in_that_is_a_link: "disk.in_the_way",
    _a_folder_to_start_in_below_a_link: "disk.in_the_way",
    _no_folder_to_start_in: "disk.modified",
    _a_changed_program_beside_damaged_manifests: "disk.modified",
    _a_program_of_the_player_beside_damaged_manifests: "disk.modified",
}


@pytest.mark.posix("scripts of the shell")
@pytest.mark.parametrize("plant", _REFUSED, ids=lambda plant: plant.__name__.strip("_"))
def test_what_is_not_as_released_is_refused_and_not_started(game: Game, plant: Callable[[Game], None]) -> None:
    plant(game)
    with pytest.raises(ShoalError) as caught:
        game.start()
    assert caught.value.code == _REFUSED[plant]
    assert not (game.outside / "said").exists()


@pytest.mark.parametrize("gone", ["bin/game", "bin", "data"])
def test_what_is_missing_is_said_to_be_missing(game: Game, gone: str) -> None:
    (game.folder / gone).rename(game.outside / "gone")
    with pytest.raises(ShoalError) as caught:
        game.start()
    assert (caught.value.code, caught.value.facts["missing"]) == ("disk.modified", 1)


@pytest.mark.posix("scripts of the shell")
def test_a_cancel_reaches_the_reading_of_a_large_program(game: Game) -> None:
    def stop(*_: object) -> None:
        raise Cancelled

    installed = InstallFolder.at(game.folder).current.installed()
    assert installed
    with pytest.raises(Cancelled):
        launch.launch(InstallFolder.at(game.folder), installed, {}, (), stop)


def test_a_program_that_is_gone_is_said_to_be(game: Game) -> None:
    (game.folder / "bin/game").unlink()
    with pytest.raises(DiskError, match="bin/game is missing") as caught:
        game.start()
    assert (caught.value.code, "shoal repair" in caught.value.hint) == ("disk.modified", True)


@pytest.mark.parametrize("data", [b"#!/nowhere/interpreter\n", b"no program at all\n"])
def test_a_program_that_this_system_cannot_start_is_no_fault_of_the_drive(game: Game, data: bytes) -> None:
    _put(game.folder / "bin/game", data)
    entry = Entry("bin/game", len(data), merkle.root_of(merkle.leaves_of(data)), True)
    made = build.manifest_of("game.main", [entry])
    ref = merkle.ref_of(manifest.encode(made))
    (game.state / "manifests" / ref.hex).write_bytes(manifest.encode(made))
    part = Part("main", (), False, ref, made.info_hash, None, None)
    game.say(Release("game", 1, "1.0", (part,), {launch.SYSTEM: Launch(("bin/game",))}))
    with pytest.raises(ContentError, match="cannot start bin/game") as caught:
        game.start()
    assert (caught.value.code, caught.value.facts["unable"]) == ("content.launch", 1)


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (740, "content.administrator", "bin/game wants to run as administrator"),
        (216, "content.launch", "cannot start bin/game"),
        (225, "content.launch", "cannot start bin/game"),
        (1260, "content.launch", "cannot start bin/game"),
    ],
    ids=["elevation", "another machine", "virus scanner", "policy"],
)
def test_a_program_that_windows_refuses_is_no_fault_of_the_drive(
    game: Game, monkeypatch: pytest.MonkeyPatch, number: int, code: str, words: str
) -> None:
    """The system's answer is put in: under Wine everybody is administrator."""

    def refuse(*_: object, **__: object) -> None:
        error = OSError(errno.EINVAL, "Refused")
        error.winerror = number  # type: ignore[attr-defined]  # it is there on Windows only
        raise error

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(ContentError, match=words) as caught:
        game.start()
    assert caught.value.code == code


@pytest.mark.parametrize(("name", "mode", "runs"), [("readme.txt", 0o644, False), ("game.bat", 0o755, True)])
def test_who_only_reads_a_file_of_the_game_does_not_play_it(tmp_path: Path, name: str, mode: int, runs: bool) -> None:
    (tmp_path / name).write_bytes(b"input()")
    (tmp_path / name).chmod(mode)
    with subprocess.Popen([sys.executable, tmp_path / name], stdin=subprocess.PIPE) as program:
        assert bool(launch.running(tmp_path)) == runs
        program.communicate(b"\n")
