"""Large files are repaired where they stand: only their wrong 16 KiB blocks are fetched and replaced.

A wrong block was wrong already, so writing the right one in place can lose nothing, whenever the machine stops; and a
file of 1 TB needs no second one. Files with a second name (hard links) are left to the ordinary way, which renames.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from patcher import disk
from patcher.content import merkle
from patcher.content.merkle import BLOCK_BYTES, HASH_BYTES, Ref
from patcher.errors import ContentError
from patcher.transfer.origin import Origin
from patcher.update import scan
from patcher.update.plan import Mend, Offer
from patcher.update.scan import Have, Watch

MIN_BYTES = 8 << 20
"""Smaller files are as quickly fetched and renamed."""
_GAP_BLOCKS = 2
"""A request costs about as much as so many blocks."""


def find(folder: Path, offers: tuple[Offer, ...], have: Have, origin: Origin, watch: Watch) -> tuple[Mend, ...]:
    """The damaged files worth repairing in place. Their leaves are fetched, and folded to the signed root.

    Raises OriginError, ContentError (content.mismatch), Cancelled.
    """
    damaged = set(have.modified)
    return tuple(
        mend
        for offer in offers
        for number, entry in enumerate(offer.manifest.entries)
        if entry.path in damaged and entry.size_bytes >= MIN_BYTES and not offer.part.defaults
        for mend in _mend(folder, offer, number, origin, watch)
    )


def _mend(folder: Path, offer: Offer, number: int, origin: Origin, watch: Watch) -> Iterator[Mend]:
    entry, path = offer.manifest.entries[number], disk.inside(folder, offer.manifest.entries[number].path)
    stat = path.lstat()
    if stat.st_size != entry.size_bytes or stat.st_nlink != 1 or offer.part.leaves is None:
        return
    start, end = offer.manifest.leaf_offsets[number : number + 2]
    signed = b"".join(origin.read(offer.part.leaves, start, end - start))
    if merkle.root_of(signed) != entry.root:
        raise ContentError("content.mismatch", f"The server has wrong leaves of {entry.path}.", path=entry.path)
    here = scan.hash_file(path, watch, entry.path)
    wrong = [block for block in range(len(signed) // HASH_BYTES) if _leaf(here, block) != _leaf(signed, block)]
    if 2 * len(wrong) * BLOCK_BYTES < entry.size_bytes:
        yield Mend(
            entry.path, Ref(entry.root, entry.size_bytes), tuple((block, _leaf(signed, block)) for block in wrong)
        )


def apply(folder: Path, mend: Mend, origin: Origin, watch: Watch) -> None:
    """Replace the wrong blocks by verified ones, durably.

    Raises OriginError, ContentError (content.mismatch) when the server's bytes are not right, DiskError, Cancelled.
    """
    with disk.Staged(disk.inside(folder, mend.path), mend.content.size_bytes) as file:
        for run in _runs(mend.blocks):
            first, last = run[0][0], run[-1][0]
            offset = first * BLOCK_BYTES
            length = min((last + 1) * BLOCK_BYTES, mend.content.size_bytes) - offset
            data = b"".join(origin.read(mend.content, offset, length))
            for block, leaf in run:
                right = data[(block - first) * BLOCK_BYTES : (block - first + 1) * BLOCK_BYTES]
                if hashlib.sha256(right).digest() != leaf:
                    raise ContentError(
                        "content.mismatch", f"The server has wrong bytes of {mend.path}.", path=mend.path
                    )
                file.write(block * BLOCK_BYTES, right)
            watch(mend.path, length)
        file.sync()


def _runs(blocks: tuple[tuple[int, bytes], ...]) -> Iterator[list[tuple[int, bytes]]]:
    """Blocks that one request brings: neighbours, and those a small gap apart."""
    run: list[tuple[int, bytes]] = []
    for block, leaf in blocks:
        if run and block - run[-1][0] > _GAP_BLOCKS:
            yield run
            run = []
        run.append((block, leaf))
    if run:
        yield run


def _leaf(leaves: bytes, block: int) -> bytes:
    return leaves[HASH_BYTES * block : HASH_BYTES * (block + 1)]
