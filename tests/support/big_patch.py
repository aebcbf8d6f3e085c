"""The slow proof of bounded memory: a patch of one large file, made by workers of at most 400 MB, and applied.

    python -m tests.support.big_patch [--bytes N]

A quarter of the file moves, a quarter has a small edit every few KiB, a quarter is new, the rest stays. Fails when a
worker or the maker takes more, when two orders of work differ, or when the patch does not give the new file.
"""

import argparse
import hashlib
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from patcher.content import codec
from patcher.content.layout import Range
from patcher.content.patch_index import Window
from patcher.publish import build
from patcher.publish.patches import drafts
from tests.support.publisher import quiet
from tests.support.trees import MIB, noise

LIMIT_BYTES = 400 * 10**6
_BLOCK = MIB


def _blocks(size_bytes: int, *, new: bool) -> Iterator[bytes]:
    """The old or the new file; blocks of one MiB, each with a number of its own."""
    count = max(4, size_bytes // _BLOCK)
    quarter = count // 4
    for at in range(count):
        number = (at + 2) % quarter if new and at < quarter else at  # the first quarter turns
        block = bytearray(noise(number, _BLOCK))
        if new and quarter <= at < 2 * quarter:
            for place in range(at % 4096, _BLOCK - 8, 4096):
                block[place : place + 4] = (at * place % 2**32).to_bytes(4, "big")
        if new and 2 * quarter <= at < 3 * quarter:
            block = bytearray(noise(10**6 + number, _BLOCK))
        yield bytes(block)


def _write(folder: Path, size_bytes: int, *, new: bool) -> Path:
    folder.mkdir()
    with (folder / "big.pak").open("wb") as file:
        file.writelines(_blocks(size_bytes, new=new))
    return folder


def _peak_bytes(who: int) -> int:
    return resource.getrusage(who).ru_maxrss * 1024


def _patch(root: Path, jobs: int) -> tuple[str, int]:
    """The digest of the whole patch, and its bytes; checks that it gives the new file."""
    old, new = (build.read(root / name, "game", (), jobs, quiet) for name in ("old", "new"))
    m_old, m_new = old.parts[0].manifest, new.parts[0].manifest
    places = {e.root: f"{source.folder}/{e.path}" for source, m in ((old, m_old), (new, m_new)) for e in m.entries}
    draft = drafts.draft(m_new, m_old, places, root / f"work-{jobs}", jobs, quiet)
    drafts.make([draft], jobs, quiet)
    joined = draft.joined()
    digest, files = hashlib.sha256(repr(joined.windows).encode()), iter(joined.files)
    for window in joined.windows:
        if window.is_copy:
            _check_copies(window, root)
            continue
        data = b"".join(next(files).chunks())
        digest.update(data)
        codec.apply(window.codec, data, _read(root / "old", window.old), window.output_bytes, window.sha256)
        assert hashlib.sha256(_read(root / "new", window.new)).digest() == window.sha256
    return digest.hexdigest(), joined.size_bytes


def _check_copies(window: Window, root: Path) -> None:
    for made, used in zip(window.new, window.old, strict=True):
        for at in range(0, made.length, _BLOCK):
            pair = [Range(r.file, r.offset + at, min(_BLOCK, r.length - at)) for r in (made, used)]
            assert _read(root / "new", (pair[0],)) == _read(root / "old", (pair[1],))


def _read(folder: Path, spans: tuple[Range, ...]) -> bytes:
    pieces = []
    with (folder / "big.pak").open("rb") as file:
        for span in spans:
            file.seek(span.offset)
            pieces.append(file.read(span.length))
    return b"".join(pieces)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bytes", type=int, default=300 * MIB)
    size_bytes = parser.parse_args().bytes
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        for name in ("old", "new"):
            _write(root / name, size_bytes, new=name == "new")
        started_s = time.monotonic()
        two, patch_bytes = _patch(root, 2)
        worker_bytes, maker_bytes = _peak_bytes(resource.RUSAGE_CHILDREN), _peak_bytes(resource.RUSAGE_SELF)
        one, _ = _patch(root, 1)
    same = one == two
    took_s = time.monotonic() - started_s
    sys.stdout.write(
        f"{size_bytes / 1e6:.0f} MB, a patch of {patch_bytes / 1e6:.1f} MB, made and applied twice in {took_s:.0f} s\n"
        f"worker {worker_bytes / 1e6:.0f} MB, maker {maker_bytes / 1e6:.0f} MB, limit {LIMIT_BYTES / 1e6:.0f} MB each\n"
        f"{'the same' if same else 'DIFFERENT'} from one worker and two\n"
    )
    return 0 if same and max(worker_bytes, maker_bytes) <= LIMIT_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
