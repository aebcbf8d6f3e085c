"""What a patch costs its maker and its players in CPU time and memory, beside other tools.

`python -m bench.patch_cost` takes what `bench.patch_size` measured, and measures what is missing. What is beyond its
limit is measured once more, since CPU seconds depend on what else the machine does.
"""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from bench.support import releases
from bench.support.results import Row, once_more, rows_of

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


def failures(row: Row) -> list[str]:
    """What is beyond its limit."""
    is_native, plain, ours = row.pair.name in NATIVE, row.plain, row.ours
    figures = [
        (is_native and make_s_per_mb(row) > MAKE_LIMIT_S, f"{make_s_per_mb(row):.3f} CPU s to make a MB without maps"),
        (is_native and apply_bps(row) < APPLY_LIMIT_BPS, f"{apply_bps(row) / 1e6:.0f} MB applied a CPU s without maps"),
        (plain.worker_bytes > WORKER_LIMIT_BYTES, f"a worker of {plain.worker_bytes / 1e6:.0f} MB without maps"),
    ]
    if ours.map_bytes:
        figures += [
            (make_ratio(row) > MAP_MAKE_LIMIT, f"{make_ratio(row):.1f} times the CPU to make with maps"),
            (rebase_bps(row) < REBASE_LIMIT_BPS, f"{rebase_bps(row) / 1e6:.0f} MB read through maps a CPU s"),
            (ours.worker_bytes > MAP_WORKER_LIMIT_BYTES, f"a worker of {ours.worker_bytes / 1e6:.0f} MB with maps"),
        ]
    return [f"{row.pair.name}: {text}" for is_beyond, text in figures if is_beyond]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=releases.CACHE)
    folder = parser.parse_args().to
    rows = rows_of(releases.pairs(), ours_again=False)
    rows = {name: once_more(row) if failures(row) else row for name, row in rows.items()}
    lines = table(rows)
    (folder / "patch_cost.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    missed = [text for row in rows.values() for text in failures(row)]
    if missed:
        print("Beyond the limit, in the better of two runs:", *missed, sep="\n  ", file=sys.stderr)
        print(f"Load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; on a busy machine CPU seconds are high.",
              file=sys.stderr)  # fmt: skip
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
