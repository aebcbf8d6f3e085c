"""Small signed documents that are made to cost much: 200 of them, of every kind that an engine reads.

    python -m tests.support.bombs

Each is read in a process of its own, as an engine reads it, after an honest document of its kind. Fails when one costs
more than 64 MB or two seconds of a processor beyond that, or is refused by anything but an error of ours.
"""

import base64
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from bencode2 import bdecode, bencode
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Targets  # type: ignore[attr-defined]  # exported, but not by __all__

from patcher.content import codec, landmarks, manifest, merkle, patch_index, records
from patcher.content.manifest import Manifest
from patcher.content.merkle import Ref
from patcher.content.similar import Similar
from patcher.errors import ShoalError
from patcher.install.scan import Have, folders_of
from patcher.publish.patches import encode
from patcher.update.planning import plan as planning
from patcher.update.target import Offer
from tests.support import bomb_records, bomb_shapes, indexes
from tests.support.bomb_shapes import HONEST_MANIFEST, MOST_BYTES, Bomb

LIMIT_BYTES = 64 * 10**6
LIMIT_S = 2.0


def bombs() -> list[Bomb]:
    """All of them."""
    return [*bomb_shapes.bencoded(), *bomb_records.written_as_json()]


# ---------------------------------------------------------------- how an engine reads each kind


def _offer(m: Manifest, document: bytes, **more: Any) -> Offer:
    part = records.Part("main", (), False, merkle.ref_of(document), m.info_hash, None, None)
    return Offer(part, document, m, **more)


def _planned(offer: Offer, *installed: Manifest) -> None:
    """All that follows from a manifest before a byte of content is asked for."""
    m = offer.manifest
    assert m.layout.count <= manifest.MAX_PIECES
    assert len(m.leaf_offsets) == len(landmarks.offsets(m)) == len(m.entries) + 1
    folders_of([m])
    for server_only in (False, True):
        plan = planning.make([offer], installed, Have(), server_only=server_only)
        planning.change(plan, installed, Have(), ())


def _manifest(document: bytes) -> None:
    m = manifest.parse(document)
    _planned(_offer(m, document), m)
    like = Similar(manifest.parse(HONEST_MANIFEST), m)
    for entry in m.entries:
        like.find(entry.path)


def _delta(step: bytes, ref: bytes, old: bytes) -> None:
    _manifest(codec.apply_manifest_delta(old, step, Ref.from_bencode(bdecode(ref))))


def _patch(index: bytes, new: bytes, old: bytes) -> None:
    m, before = manifest.parse(new), manifest.parse(old)
    _planned(_offer(m, new, old=before, patch=patch_index.parse(index, m, before)), before)


def _full(index: bytes, new: bytes) -> None:
    m = manifest.parse(new)
    _planned(_offer(m, new, full=patch_index.parse(index, m)))


def _layers(layers: bytes, document: bytes) -> None:
    m = manifest.parse(document)
    _planned(_offer(m, document, layers=manifest.split_layers(m, layers)))


def _metadata(document: bytes) -> None:
    with suppress(RepositoryError):
        metadata: Metadata[Any] = Metadata.from_bytes(document)
        signed, signed_bytes = metadata.signed, metadata.signed_bytes
        if isinstance(signed, Targets) and signed.delegations:
            list(signed.delegations.get_roles_for_target("demo/releases/1.json"))
        if isinstance(signed, Root):
            signed.verify_delegate("root", signed_bytes, metadata.signatures)


READERS: dict[str, Callable[..., object]] = {
    "manifest": _manifest,
    "manifest delta": _delta,
    "patch index": _patch,
    "full index": _full,
    "layers": _layers,
    "landmarks": landmarks.by_digest,
    "feed": partial(records.parse, records.Feed),
    "title": partial(records.parse, records.Title),
    "channel": partial(records.parse, records.Channel),
    "release": partial(records.parse, records.Release),
    "patches": partial(records.parse, records.Patches),
    "metadata": _metadata,
}


def _honest(kind: str) -> tuple[bytes, ...]:
    if kind in bomb_records.RECORDS:
        return (bomb_records.record(kind),)
    index, ref = bencode(indexes.document()), bencode(merkle.ref_of(HONEST_MANIFEST).to_bencode())
    return {
        "manifest": (HONEST_MANIFEST,),
        "manifest delta": (encode.manifest_delta(b"", HONEST_MANIFEST), ref, b""),
        "patch index": (index, manifest.encode(indexes.NEW), manifest.encode(indexes.OLD)),
        "full index": (index, HONEST_MANIFEST),
        "layers": (b"", HONEST_MANIFEST),
        "landmarks": (bytes(1000),),
        "metadata": (bomb_records.root(3),),
    }[kind]


# ---------------------------------------------------------------- the process in which they are read


@dataclass(frozen=True)
class Cost:
    """What reading took: memory beyond an honest document of the kind, and of the last bomb the processor's time."""

    peak_bytes: int
    cpu_s: float


def cost_of(bombs: Sequence[Bomb]) -> Cost:
    """Of bombs of one kind, read one after the other in a fresh process.

    Raises AssertionError when one is too large for a bomb, or refused by anything but an error of ours.
    """
    lines = [_honest(bombs[0].kind), *(bomb.make() for bomb in bombs)]
    assert all(len(line[0]) <= MOST_BYTES for line in lines)
    text = "\n".join(json.dumps([base64.b64encode(data).decode() for data in line]) for line in lines)
    command = [sys.executable, "-m", "tests.support.bombs", bombs[0].kind]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{bombs[0].kind}: {done.returncode} {done.stderr[-2000:]}"
    return Cost(**json.loads(done.stdout))


def _peak_bytes() -> int:
    """Of this program alone: the kernel's ru_maxrss begins with what the parent had when it started us."""
    if sys.platform == "win32":
        peak: int = psutil.Process().memory_info().peak_wset
        return peak
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def _read(kind: str) -> None:
    """Read what standard input brings, a line a reading; the first is honest."""
    peaks, seconds = [], 0.0
    for line in sys.stdin:
        documents = [base64.b64decode(data) for data in json.loads(line)]
        before = time.process_time()
        with suppress(ShoalError):
            READERS[kind](*documents)
        seconds = time.process_time() - before
        peaks.append(_peak_bytes())
    sys.stdout.write(json.dumps({"peak_bytes": peaks[-1] - peaks[0], "cpu_s": seconds}))


def main() -> int:
    """The slow proof."""
    failed, every = 0, bombs()
    for number, bomb in enumerate(every, 1):
        cost = cost_of([bomb])
        is_good = cost.peak_bytes <= LIMIT_BYTES and cost.cpu_s <= LIMIT_S
        failed += not is_good
        taken = f"{cost.peak_bytes / 1e6:6.1f} MB {cost.cpu_s:5.2f} s"
        sys.stdout.write(f"{'good' if is_good else 'BAD '} {number:3} {taken}  {bomb.kind}: {bomb.name}\n")
        sys.stdout.flush()
    sys.stdout.write(f"bombs: {failed} of {len(every)} cost too much\n")
    return int(failed > 0)


if __name__ == "__main__":
    if sys.argv[1:]:
        _read(sys.argv[1])
    else:
        sys.exit(main())
