"""What a player downloads for an update between real releases: ours beside other tools and launchers' schemes.

`python -m bench.patch_size [--to FOLDER]` writes ``patch_size.md`` and ``patch_size.svg``; fails when a pack is larger
than promised: in megabytes, beside the smallest of other tools, or beside itself without address maps.
"""

import argparse
import math
import sys
from pathlib import Path

from bench.support import chart, releases
from bench.support.results import SCHEMES, Row, rows_of

MAP_LIMIT = 1.001
"""So much of a pack without address maps may one with them be."""


def table(rows: dict[str, Row]) -> list[str]:
    """Markdown: a column a pair, a line a way; bytes in MB."""
    return [
        line("MB to download", [row.pair.label for row in rows.values()]),
        "|---|" + "--:|" * len(rows),
        *(line(name, [_mb(row.others[name].size_bytes) for row in rows.values()]) for name in SCHEMES),
        line("Shoal's pack without address maps", [_mb(row.plain.pack_bytes) for row in rows.values()]),
        line("**Shoal's pack**", [f"**{_mb(row.ours.pack_bytes)}**" for row in rows.values()]),
        line("limit", [_mb(row.pair.limit_mb * 1e6) for row in rows.values()]),
        line("of it address maps", [_mb(row.ours.map_bytes or None) for row in rows.values()]),
        line("index, manifest delta", [_mb(row.ours.index_bytes + row.ours.manifest_bytes) for row in rows.values()]),
        line("smallest of other tools", [_mb(row.limit_bytes(rows)) for row in rows.values()]),
        line("pack beside it", [f"{ratio(row, rows):.3f} (≤ {row.pair.limit})" for row in rows.values()]),
    ]


def line(name: str, cells: list[str]) -> str:
    return f"| {name} | " + " | ".join(cells) + " |"


def ratio(row: Row, rows: dict[str, Row]) -> float:
    return row.ours.pack_bytes / row.limit_bytes(rows)


def is_larger_than_promised(row: Row, rows: dict[str, Row]) -> bool:
    pack_bytes = row.ours.pack_bytes
    return (
        ratio(row, rows) > row.pair.limit
        or pack_bytes > row.pair.limit_mb * 1e6
        or pack_bytes > row.plain.pack_bytes * MAP_LIMIT
    )


def _mb(count: float | None) -> str:
    if count is None or count == math.inf:
        return "–"
    return f"{count / 1e6:,.{4 if count < 100_000 else 2}f}"


def drawing(rows: dict[str, Row]) -> str:
    ours = "Shoal"
    groups = {}
    for row in rows.values():
        values = [(ours, row.ours.pack_bytes / 1e6)]
        sizes = {name: row.others[name].size_bytes for name in SCHEMES if not name.startswith("HDiffPatch")}
        values += sorted(
            ((name, size / 1e6) for name, size in sizes.items() if size is not None), key=lambda value: value[1]
        )
        groups[row.pair.label] = values
    return chart.bars("Megabytes to download for an update", groups, ours, "MB")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=releases.CACHE)
    folder = parser.parse_args().to
    rows = rows_of(releases.pairs(), ours_again=True)
    lines = table(rows)
    (folder / "patch_size.md").write_text("\n".join(lines) + "\n")
    (folder / "patch_size.svg").write_text(drawing(rows))
    print("\n".join(lines))
    large = [row.pair.label for row in rows.values() if is_larger_than_promised(row, rows)]
    if large:
        print("Larger than promised: " + ", ".join(large), file=sys.stderr)
    return 1 if large else 0


if __name__ == "__main__":
    sys.exit(main())
