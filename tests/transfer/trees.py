"""The manifest of a folder, by our own content room."""

from pathlib import Path

from patcher.content import manifest, merkle
from patcher.content.manifest import Entry, Manifest
from tests.support.peers import PIECE_BYTES


def manifest_of(folder: Path) -> Manifest:
    """With the piece length of the tests."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    built = manifest.build("game.main", (_entry(folder, path) for path in files))
    assert built.piece_bytes == PIECE_BYTES
    return built


def _entry(folder: Path, path: Path) -> Entry:
    data = path.read_bytes()
    return Entry(path.relative_to(folder).as_posix(), len(data), merkle.root_of(merkle.leaves_of(data)))
