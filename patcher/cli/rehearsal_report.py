"""The report of a rehearsal: one HTML page that needs no other file. pygal draws its charts."""

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from html import escape
from statistics import fmean
from typing import Any
from xml.etree import ElementTree

import pygal  # type: ignore[import-untyped]  # it has no types
from pygal.style import Style  # type: ignore[import-untyped]  # as above

from patcher.publish.rehearsal.fluid import Moment, Rehearsed

sys.meta_path[:] = [finder for finder in sys.meta_path if hasattr(finder, "find_spec")]
"""pygal leaves an import hook of Python 2 there, about which Python warns at each later import."""
_POINTS = 120
_STYLE = Style(
    background="transparent", plot_background="transparent", font_family="system-ui, sans-serif",
    colors=("#b3541e", "#1f8a70"), foreground="#444", foreground_strong="#222", opacity=".6",
)  # fmt: skip
_PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Rehearsal of {title}</title>
<style>body {{ font: 16px system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }}
svg {{ width: 100%; height: auto }}</style>
<h1>Rehearsal of {title}</h1>
<ul>
{sentences}
</ul>
{charts}
<p>A fluid simulation: players who come at the same time over lines alike are one group, and rates change in steps.
Of real swarms of six to ten sessions it said the origin's bytes, and when 90 % were done, within 30 %.</p>
</html>
"""


def page(title: str, sentences: Sequence[str], outcome: Rehearsed) -> str:
    """The page as HTML, without scripts."""
    moments = _thinned(outcome.moments)
    scale, unit = _time_unit(moments[-1].at_s if moments else 0.0)
    sources, progress = _chart("Who sends, in Mbit/s", unit), _chart("Players", unit)
    sources.add("the origin", [(m.at_s / scale, m.origin_bps * 8e-6) for m in moments])
    sources.add("players and seeds", [(m.at_s / scale, m.peers_bps * 8e-6) for m in moments])
    progress.add("wait", [(m.at_s / scale, m.waiting) for m in moments])
    progress.add("have the release", [(m.at_s / scale, m.done) for m in moments])
    items = "\n".join(f"<li>{escape(text)}</li>" for text in sentences)
    charts = "\n".join(map(_svg, (sources, progress)))
    return _PAGE.format(title=escape(title), sentences=items, charts=charts)


def _chart(title: str, unit: str) -> Any:
    return pygal.XY(
        title=title, x_title=unit, style=_STYLE, fill=True, show_dots=False, width=900, height=360, js=(),
        legend_at_bottom=True, range=None, include_x_axis=True,
    )  # fmt: skip


def _svg(chart: Any) -> str:
    """A chart as it stands in a page: without the scripts that pygal adds."""
    tree = chart.render_tree()
    for parent in list(tree.iter()):
        for child in [child for child in parent if str(child.tag).endswith("script")]:
            parent.remove(child)
    return ElementTree.tostring(tree, encoding="unicode")


def _thinned(moments: Sequence[Moment]) -> Sequence[Moment]:
    """At most so many moments, rates being the mean of those between: players of a group come all at once."""
    count = math.ceil(len(moments) / _POINTS)
    return [_mean(moments[at : at + count]) for at in range(0, len(moments), count or 1)]


def _mean(moments: Sequence[Moment]) -> Moment:
    origin_bps, peers_bps, waiting = (
        fmean(getattr(moment, name) for moment in moments) for name in ("origin_bps", "peers_bps", "waiting")
    )
    return replace(moments[-1], origin_bps=origin_bps, peers_bps=peers_bps, waiting=round(waiting))


def _time_unit(length_s: float) -> tuple[float, str]:
    if length_s < 600:
        return 1.0, "seconds"
    return (60.0, "minutes") if length_s < 4 * 3600 else (3600.0, "hours")
