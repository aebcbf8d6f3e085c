"""What was measured, kept below the cache: other tools take an hour and do not change, ours is measured each time.

So is ours without address maps, where a pair has any.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.support import schemes
from bench.support.ours import Ours
from bench.support.releases import CACHE, Pair
from bench.support.schemes import Work, cpu_s, work_of

SCHEMES: dict[str, Callable[[Work], dict[str, int] | None]] = {
    "changed files, zstd -9": schemes.whole,
    "Steam-like, 1 MiB chunks": schemes.steam_like,
    "casync": schemes.casync,
    "zsync": schemes.zsync,
    "butler-like, rsync 64 KiB": schemes.butler_like,
    "zstd -19 --patch-from": schemes.zstd,
    "xdelta3 -9": schemes.xdelta3,
    "bsdiff": schemes.bsdiff,
    "HDiffPatch, file by file": schemes.hdiff,
    "HDiffPatch, 128 MiB solid": schemes.solid,
}
_PER_FILE = ("zstd -19 --patch-from", "bsdiff", "HDiffPatch, file by file")
_SOLID = "HDiffPatch, 128 MiB solid"


@dataclass(frozen=True)
class Measured:
    """One way for one pair: bytes by file (or by what it calls its parts), CPU seconds; None where it cannot."""

    sizes: dict[str, int] | None
    cpu_s: float

    @property
    def size_bytes(self) -> int | None:
        return None if self.sizes is None else sum(self.sizes.values())


@dataclass(frozen=True)
class Row:
    """All that is known of one pair."""

    pair: Pair
    changed_bytes: int
    ours: Ours
    plain: Ours
    """Ours without address maps."""
    others: dict[str, Measured]

    def limit_bytes(self, rows: dict[str, "Row"]) -> int:
        """The smallest known: solid, or the best tool for each file; of a pak that of the tree it holds."""
        if self.pair.solid_of:
            return rows[self.pair.solid_of].limit_bytes(rows)
        per_file = [sizes for name in _PER_FILE if (sizes := self.others[name].sizes)]
        best = sum(min(sizes[path] for sizes in per_file) for path in per_file[0])
        return min([best, *(size for size in [self.others[_SOLID].size_bytes] if size is not None)])


def rows_of(pairs: list[Pair], *, ours_again: bool) -> dict[str, Row]:
    """Measure what is not known yet."""
    return {pair.name: _row(pair, ours_again=ours_again) for pair in pairs}


def _row(pair: Pair, *, ours_again: bool) -> Row:
    kept = CACHE / "results" / f"{pair.name}.json"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    for name, options in {"ours": (), "plain": ("--plain",)}.items():
        if ours_again or name not in known:
            has_maps = name == "ours" or known["ours"].get("map_bytes")
            known[name] = _ours(pair, name, options) if has_maps else known["ours"]
            _keep(kept, known)
    if missing := [name for name in SCHEMES if name not in known]:
        work = work_of(pair)
        known["changed bytes"] = work.changed_bytes
        for name in missing:
            _say(f"{pair.name}: {name}")
            before_s = cpu_s()
            sizes = SCHEMES[name](work)
            known[name] = {"sizes": sizes, "cpu_s": round(cpu_s() - before_s, 2)}
            _keep(kept, known)
    others = {name: Measured(**known[name]) for name in SCHEMES}
    return Row(pair, known["changed bytes"], Ours(**known["ours"]), Ours(**known["plain"]), others)


def _ours(pair: Pair, name: str, options: tuple[str, ...]) -> object:
    _say(f"{pair.name}: {name}")
    command = [sys.executable, "-m", "bench.support.ours", *options, str(pair.old), str(pair.new)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def _keep(path: Path, known: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(known))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
