"""Manifest and layout of a folder, by our own content room."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from patcher.content import manifest, merkle
from patcher.content.file_tree import Entry
from patcher.content.layout import PieceLayout
from patcher.content.manifest import Manifest
from patcher.publish import build
from tests.support.peers import PIECE_BYTES


def manifest_of(folder: Path) -> Manifest:
    """With the piece length of the tests."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    built = build.manifest_of("game.main", (_entry(folder, path) for path in files))
    assert built.piece_bytes == PIECE_BYTES
    return built


def layout_of(m: Manifest, contents: Sequence[bytes]) -> PieceLayout:
    """As a fetch sees the manifest's torrent; ``contents`` in entry order."""
    leaves = {entry.root: merkle.leaves_of(data) for entry, data in zip(m.entries, contents, strict=True)}
    return replace(m.layout, layers=manifest.split_layers(m, build.layers_document(m, leaves)))


def _entry(folder: Path, path: Path) -> Entry:
    data = path.read_bytes()
    return Entry(path.relative_to(folder).as_posix(), len(data), merkle.root_of(merkle.leaves_of(data)))
