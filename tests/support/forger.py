"""Somebody who may write into an install folder and would like it to pass for what the publisher signed.

Each forgery rewrites what a ``.shoal`` or ``previous`` folder says of itself; the feed's public fingerprint stays.
"""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from patcher import disk
from patcher.content import manifest, merkle, records
from patcher.install.folder import Installed
from tests.support import trees

TOOL = "bin/tool.cmd" if os.name == "nt" else "bin/tool"
SCRIPT = b'@echo %s>>"%%~1"\r\n' if os.name == "nt" else b'#!/bin/sh\necho %s >> "$1"\n'
"""A program that writes what it is into the file it is started with."""
EVIL = trees.File(SCRIPT % b"evil", executable=True)
STRANGERS = {"saves/slot1": trees.File(b"the player's own"), "mods/best.mod": trees.File(b"the player's too")}

Forgery = Callable[[Path], None]


def _described(state: Path) -> Installed:
    return Installed.parse((state / "installed").read_bytes())


def _describe(state: Path, installed: Installed) -> None:
    _put(state, installed.encode())


def _put(state: Path, description: bytes) -> None:
    """In one step: under Wine a file that is removed while somebody reads it may take its successor along."""
    disk.write_atomic(state / "installed", description)


def _release(state: Path, **changes: Any) -> None:
    installed = _described(state)
    _describe(state, replace(installed, release=replace(installed.release, **changes)))


def files_of(state: Path) -> Path:
    """Where the files lie of which the folder speaks."""
    return state / "files" if state.name == "previous" else state.parent


def _manifest(state: Path, layout: trees.Layout) -> None:
    """The release has these files, by a manifest that folds, and they are there."""
    made = trees.manifest_of(layout)
    data = manifest.encode(made)
    ref = merkle.ref_of(data)
    for folder, content in (("manifests", data), ("layers", b"")):
        (state / folder).mkdir(exist_ok=True)
        (state / folder / ref.hex).write_bytes(content)
    part = replace(_described(state).release.parts[0], manifest=ref, info_hash=made.info_hash, layers=None)
    _release(state, parts=(part,))


def changed_program(state: Path) -> None:
    """One program of the release is another, and so says its manifest."""
    layout = {path: file for path, file in trees.read(files_of(state)).items() if path not in STRANGERS}
    _manifest(state, {**layout, TOOL: EVIL})
    _change_file(state)


def _change_file(state: Path) -> None:
    program = files_of(state) / TOOL
    program.unlink(missing_ok=True)
    trees.write(files_of(state), {TOOL: EVIL})


def files_of_the_player(state: Path) -> None:
    """What the player has in the folder is said to be the publisher's."""
    _manifest(state, trees.read(files_of(state)) | STRANGERS)


def another_launch(state: Path) -> None:
    """The release starts what a mod brought."""
    _release(state, launch={"linux": records.Launch(("mods/best.mod",))})


def a_later_sequence(state: Path) -> None:
    """A release that the feed never had."""
    _change_file(state)
    _release(state, sequence=99, version="99")


def an_earlier_sequence(state: Path) -> None:
    """A release that the feed has, but another one."""
    _change_file(state)
    _release(state, sequence=1, launch={"linux": records.Launch(("mods/best.mod",))})


def no_manifests(state: Path) -> None:
    """Another version, and nothing beside it."""
    _release(state, version="1.0.1")
    for path in (state / "manifests").iterdir():
        path.unlink()


def choices(state: Path, tags: tuple[str, ...], channel: str) -> None:
    """The player chose other parts and another channel."""
    _describe(state, replace(_described(state), tags=tags, channel=channel))


def _text(text: str) -> Forgery:
    return lambda state: _put(state, text.encode())


def _without(field: str) -> Forgery:
    def write(state: Path) -> None:
        document = json.loads((state / "installed").read_bytes())
        del document["release"][field]
        _text(json.dumps(document))(state)

    return write


FORGERIES: dict[str, Forgery] = {
    "a changed program": changed_program,
    "files of the player": files_of_the_player,
    "another launch": another_launch,
    "a later sequence": a_later_sequence,
    "an earlier sequence": an_earlier_sequence,
    "another version, no manifests": no_manifests,
    "cut short": _text('{"format": 1, "feed": "'),
    "no object": _text("[]"),
    "without parts": _without("parts"),
    "without a title": _without("title"),
}
UNREADABLE = ("cut short", "no object", "without a title")
"""Those of them that say nothing at all."""
