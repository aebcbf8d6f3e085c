"""What the ``.shoal`` folder of an install says of itself: which release, and the manifests and layers to seed it."""

from collections.abc import Mapping

from patcher import disk
from patcher.content import manifest, merkle
from patcher.content.manifest import Manifest
from patcher.errors import ContentError
from patcher.install import scan
from patcher.install.folder import LAYERS, MANIFESTS, POINTER, Installed, InstallFolder
from patcher.install.scan import Watch
from patcher.update.download import layers_document
from patcher.update.plan import Offer
from patcher.update.staging import Stage
from patcher.update.target import Target


def stage_documents(
    folder: InstallFolder,
    target: Target,
    stage: Stage,
    layers: Mapping[bytes, bytes],
    old: Mapping[str, Manifest],
    watch: Watch,
) -> list[tuple[str, str]]:
    """Stage the documents of the new release. Returns staged name and place of each; stale ones have no name.

    ``layers`` of the staged files by root; ``old``: the manifests of the release in place, by part.
    """
    documents: dict[str, bytes] = {}
    if target.release:
        pointer = Installed(
            target.network.fingerprint,
            target.release.title,
            target.install.channel,
            target.install.tags,
            target.release,
        )
        documents[POINTER] = pointer.encode()
    for offer in target.offers:
        name = offer.part.manifest.hex
        documents[f"{MANIFESTS}/{name}"] = offer.document
        if not offer.part.defaults:
            documents[f"{LAYERS}/{name}"] = _layers(folder, offer, layers, old.get(offer.part.name), watch)
    meta = []
    for number, (path, data) in enumerate(documents.items()):
        disk.write_atomic(stage.folder / f"meta.{number}", data)
        meta.append((f"meta.{number}", path))
    return meta + [("", path) for path in folder.current.names() if path not in documents]


def _layers(
    folder: InstallFolder, offer: Offer, made: Mapping[bytes, bytes], old: Manifest | None, watch: Watch
) -> bytes:
    """The layers document: of staged files, of files that stay, and at last by hashing."""
    piece = offer.manifest.piece_bytes
    kept = _kept_layers(folder, old) if old else {}
    known: dict[bytes, bytes] = {}
    for entry in offer.manifest.entries:
        if entry.size_bytes <= piece:
            continue
        length = merkle.HASH_BYTES * -(-entry.size_bytes // piece)  # another part may have other pieces
        layers = (source.get(entry.root, b"") for source in (made, kept, offer.layers))
        layer = next((layer for layer in layers if len(layer) == length), b"")
        known[entry.root] = layer or merkle.layer_of(scan.hash_file(folder.root / entry.path, watch), piece)
    return layers_document(offer.manifest, known)


def _kept_layers(folder: InstallFolder, old: Manifest) -> dict[bytes, bytes]:
    """The layers of the release in place, by root."""
    ref = merkle.ref_of(manifest.encode(old))
    try:
        return manifest.split_layers(old, folder.current.layers(old, ref) or b"")
    except ContentError:
        return {}
