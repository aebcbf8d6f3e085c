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
TOOLS = ("xdelta3 -9", "bsdiff", "zstd -19 --patch-from", "casync", "zsync", "HDiffPatch, 128 MiB solid")
NATIVE = ("panda3d", "webengine", "pyside6")


def make_s_per_mb(row: Row) -> float:
    return row.ours.make_cpu_s / row.changed_bytes * 1e6


def apply_bps(row: Row) -> float:
    return row.ours.applied_bytes / max(row.ours.apply_cpu_s, 0.01)


def table(rows: dict[str, Row]) -> list[str]:
    """Markdown: a column a pair."""
    figures: dict[str, Callable[[Row], str]] = {
        "changed, MB": lambda row: f"{row.changed_bytes / 1e6:,.1f}",
        "**make, CPU s**": lambda row: f"**{row.ours.make_cpu_s:.1f}**",
        "make, CPU s a changed MB": lambda row: f"{make_s_per_mb(row):.3f}",
        "largest worker, MB": lambda row: f"{row.ours.worker_bytes / 1e6:.0f}",
        "maker, MB": lambda row: f"{row.ours.maker_bytes / 1e6:.0f}",
        "**apply, CPU s**": lambda row: f"**{row.ours.apply_cpu_s:.1f}**",
        "apply, MB a CPU s": lambda row: f"{apply_bps(row) / 1e6:.0f}",
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
    found += [f"worker of {name}" for name, row in rows.items() if row.ours.worker_bytes > WORKER_LIMIT_BYTES]
    return found + [f"apply of {name}" for name in NATIVE if apply_bps(rows[name]) < APPLY_LIMIT_BPS]


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
