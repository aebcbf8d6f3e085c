"""A home in which a title is installed and verified, and packs are kept, without a publisher or a job."""

from pathlib import Path

from patcher.config import Home
from patcher.content import manifest, merkle, records
from patcher.feed.pin import PIN_FILE, Pin
from patcher.install.folder import Installed, InstallFolder
from patcher.install.registry import Installation, Registry
from patcher.install.scan import Seen, seen
from patcher.seeding.pack_cache import Packs
from tests.support import trees
from tests.support.peers import torrent_of


def install(home: Home, folder: Path, layout: trees.Layout, title: str = "demo/game") -> None:
    """As an install leaves it. No file is larger than a piece: there are no layers."""
    state, m = folder / ".shoal", trees.manifest_of(layout)
    trees.write(folder, layout)
    ref = merkle.ref_of(manifest.encode(m))
    part = records.Part("main", (), False, ref, m.info_hash, None, None)
    feed, _, name = title.partition("/")
    release = records.Release(name, 1, "1.0", (part,), {})
    for place, data in {
        state / "installed": Installed("ab" * 32, name, "live", (), release).encode(),
        state / "manifests" / ref.hex: manifest.encode(m),
        state / "layers" / ref.hex: b"",
        home.feeds / feed / PIN_FILE: Pin("https://updates.example.org", "ab" * 32).encode(),
    }.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    registry = Registry(home.registry)
    registry.put(Installation(title, InstallFolder.at(folder)))
    registry.note_signed(title, release, placed=True)
    registry.note_seen(title, stats(folder, layout))


def stats(folder: Path, layout: trees.Layout) -> dict[str, Seen]:
    """What the files look like now."""
    return {path: stat for path in layout if (stat := seen(folder / path))}


def keep_pack(home: Home, data: bytes) -> bytes:
    """Put a whole pack into the cache; returns its torrent."""
    packs, ref = Packs(home.packs, len(data)), merkle.ref_of(data)
    with packs.open(ref) as path:
        path.write_bytes(data)
        torrent = torrent_of(path)
        packs.keep(ref, torrent)
    return torrent
