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


def failures(row: Row) -> list[str]:
    """What is beyond its limit."""
    name, ours = row.pair.name, row.ours
    found = []
    if name in NATIVE and make_s_per_mb(row) > MAKE_LIMIT_S:
        found.append(f"{name}: {make_s_per_mb(row):.3f} CPU s to make a MB (at most {MAKE_LIMIT_S})")
    if name in NATIVE and apply_bps(row) < APPLY_LIMIT_BPS:
        found.append(f"{name}: {apply_bps(row) / 1e6:.0f} MB applied a CPU s (at least {APPLY_LIMIT_BPS / 1e6:.0f})")
    if ours.worker_bytes > WORKER_LIMIT_BYTES:
        found.append(f"{name}: a worker of {ours.worker_bytes / 1e6:.0f} MB (at most {WORKER_LIMIT_BYTES / 1e6:.0f})")
    return found


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
