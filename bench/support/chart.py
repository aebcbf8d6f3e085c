"""A bar chart as SVG, drawn with nothing but text; it follows the reader's light or dark mode."""

from collections.abc import Mapping, Sequence
from html import escape

_WIDTH, _LEFT, _BAR, _GAP, _HEAD = 760, 220, 18, 5, 44
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#24292f}.t{font-weight:600}.v{font-size:12px}"
    ".b{fill:#9aa7b5}.o{fill:#1f8a70}.l{stroke:#24292f;stroke-dasharray:3 3;opacity:.5}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.b{fill:#57606a}.o{fill:#3fbf9b}.l{stroke:#e6edf3}}"
)


def bars(title: str, groups: Mapping[str, Sequence[tuple[str, float | None]]], first: str, unit: str) -> str:
    """One group a subject, its bars as (name, value or None); the bar named ``first`` stands out. Each group has its
    own scale, 1 being that bar.
    """
    parts, y = [], 34
    for subject, values in groups.items():
        base = next(value for name, value in values if name == first) or 1
        most = max(value for _, value in values if value is not None)
        parts.append(f'<text class="t" x="12" y="{y + 14}">{escape(subject)}</text>')
        y += 24
        for name, value in values:
            parts += _bar(name, value, base, most, y, "o" if name == first else "b", unit)
            y += _BAR + _GAP
        y += 12
    head = f'<text class="t" x="12" y="22" style="font-size:15px">{escape(title)}</text>'
    size = f'width="{_WIDTH}" height="{y}" viewBox="0 0 {_WIDTH} {y}"'
    body = "\n".join([f"<style>{_STYLE}</style>", head, *parts])
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(title)}">\n{body}\n</svg>\n'


def _bar(name: str, value: float | None, base: float, most: float, y: int, kind: str, unit: str) -> list[str]:
    label = f'<text x="{_LEFT - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>'
    if value is None:
        return [label, f'<text class="v" x="{_LEFT + 4}" y="{y + 14}">too large for it</text>']
    length = max(2.0, (_WIDTH - _LEFT - 150) * value / most)
    text = (
        f"{value:,.3g} {unit} · {value / base:.3g}×" if value < 1000 else f"{value:,.0f} {unit} · {value / base:.3g}×"
    )
    return [
        label,
        f'<rect class="{kind}" x="{_LEFT}" y="{y}" width="{length:.1f}" height="{_BAR}" rx="2"/>',
        f'<text class="v" x="{_LEFT + length + 6:.1f}" y="{y + 14}">{text}</text>',
    ]
