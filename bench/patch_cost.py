"""What a patch costs its maker and its players in CPU time and memory, beside other tools.

`python -m bench.patch_cost` takes what `bench.patch_size` measured, and measures what is missing.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from bench.support import releases
from bench.support.results import Row, rows_of

MAKE_LIMIT_S = 0.18
WORKER_LIMIT_BYTES = 400 * 10**6
APPLY_LIMIT_BPS = 200e6
"""Without address maps, these three. With them:"""
MAP_MAKE_LIMIT = 2.5
"""Times the CPU of making it without."""
MAP_WORKER_LIMIT_BYTES = 10**9
REBASE_LIMIT_BPS = 35e6
"""Of old files that are read through maps, beside what applying takes without."""
TOOLS = ("xdelta3 -9", "bsdiff", "zstd -19 --patch-from", "casync", "zsync", "HDiffPatch, 128 MiB solid")
NATIVE = ("panda3d", "webengine", "pyside6")


def make_s_per_mb(row: Row) -> float:
    return row.plain.make_cpu_s / row.changed_bytes * 1e6


def make_ratio(row: Row) -> float:
    return row.ours.make_cpu_s / max(row.plain.make_cpu_s, 0.1)


def apply_bps(row: Row) -> float:
    return row.plain.applied_bytes / max(row.plain.apply_cpu_s, 0.01)


def rebase_bps(row: Row) -> float:
    return row.ours.rebased_bytes / max(row.ours.apply_cpu_s - row.plain.apply_cpu_s, 0.01)


def table(rows: dict[str, Row]) -> list[str]:
    """Markdown: a column a pair."""
    figures: dict[str, Callable[[Row], str]] = {
        "changed, MB": lambda row: f"{row.changed_bytes / 1e6:,.1f}",
        "of it native, MB": lambda row: f"{row.ours.rebased_bytes / 1e6:,.1f}" if row.ours.map_bytes else "–",
        "**make, CPU s**": lambda row: f"**{row.ours.make_cpu_s:.1f}**",
        "make without address maps, CPU s": lambda row: f"{row.plain.make_cpu_s:.1f}",
        "make without, CPU s a changed MB": lambda row: f"{make_s_per_mb(row):.3f}",
        "largest worker, MB": lambda row: f"{row.ours.worker_bytes / 1e6:.0f}",
        "largest worker without, MB": lambda row: f"{row.plain.worker_bytes / 1e6:.0f}",
        "maker, MB": lambda row: f"{row.ours.maker_bytes / 1e6:.0f}",
        "**apply, CPU s**": lambda row: f"**{row.ours.apply_cpu_s:.1f}**",
        "apply without address maps, CPU s": lambda row: f"{row.plain.apply_cpu_s:.1f}",
        "apply without, MB a CPU s": lambda row: f"{apply_bps(row) / 1e6:.0f}",
        "what maps add, native MB a CPU s": lambda row: f"{rebase_bps(row) / 1e6:.0f}" if row.ours.map_bytes else "–",
    }
    lines = ["| | " + " | ".join(row.pair.label for row in rows.values()) + " |", "|---|" + "--:|" * len(rows)]
    lines += [
        f"| {name} | " + " | ".join(figure(row) for row in rows.values()) + " |" for name, figure in figures.items()
    ]
    for name in TOOLS:
        cells = (f"{m.cpu_s:.1f}" if (m := row.others[name]).sizes else "–" for row in rows.values())
        lines.append(f"| make by {name}, CPU s | " + " | ".join(cells) + " |")
    return lines


def failures(rows: dict[str, Row]) -> list[str]:
    found = [f"make of {name}" for name in NATIVE if make_s_per_mb(rows[name]) > MAKE_LIMIT_S]
    found += [f"apply of {name}" for name in NATIVE if apply_bps(rows[name]) < APPLY_LIMIT_BPS]
    for name, row in rows.items():
        found += [f"worker of {name}"] if row.plain.worker_bytes > WORKER_LIMIT_BYTES else []
        if row.ours.map_bytes:
            found += [f"maps of {name}"] if make_ratio(row) > MAP_MAKE_LIMIT else []
            found += [f"worker with maps of {name}"] if row.ours.worker_bytes > MAP_WORKER_LIMIT_BYTES else []
            found += [f"reading {name} through maps"] if rebase_bps(row) < REBASE_LIMIT_BPS else []
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=releases.CACHE)
    folder = parser.parse_args().to
    rows = rows_of(releases.pairs(), ours_again=False)
    lines = table(rows)
    (folder / "patch_cost.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    missed = failures(rows)
    if missed:
        print("More than promised: " + ", ".join(missed), file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
