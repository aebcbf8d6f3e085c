"""What a tracker has done and holds, for its operator: as JSON, and in the text format of Prometheus.

Numbers only, never an address of a peer.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import NamedTuple

from patcher.closing import Closing
from patcher.serve.http import Answer, HttpRequest, HttpServer, url_host

_TYPES = {"announces": "counter", "scrapes": "counter", "peers": "gauge", "swarms": "gauge"}


class TrackerCounts(NamedTuple):
    """The numbers of one process since it started."""

    announces: int = 0
    scrapes: int = 0
    refused: dict[str, int] = {}  # noqa: RUF012 (never changed)
    """By reason."""
    peers: int = 0
    swarms: int = 0

    @classmethod
    def total(cls, of: Iterable["TrackerCounts"]) -> "TrackerCounts":
        """Of several processes. Each holds all peers, so that the largest number counts."""
        found = [*of] or [cls()]
        refused = Counter[str]()
        for each in found:
            refused.update(each.refused)
        return cls(
            sum(each.announces for each in found),
            sum(each.scrapes for each in found),
            dict(refused),
            max(each.peers for each in found),
            max(each.swarms for each in found),
        )


class CountersServer(Closing):
    """Serves ``/stats`` and ``/`` as JSON and ``/metrics`` for Prometheus. Raises UsageError (usage.port)."""

    def __init__(self, host: str, port: int, tally: Callable[[], TrackerCounts]) -> None:
        self._tally = tally
        self._server = HttpServer(host, port, self._answer)
        self.url = f"http://{url_host(host)}:{self._server.port}/"

    def close(self) -> None:
        """Stop serving."""
        self._server.close()

    def _answer(self, request: HttpRequest) -> Answer:
        json_form = ("application/json", as_json)
        forms = {"/": json_form, "/stats": json_form, "/metrics": ("text/plain; version=0.0.4", as_prometheus)}
        form = forms.get(request.path)
        if form is None or request.method not in ("GET", "HEAD"):
            return Answer(HTTPStatus.NOT_FOUND)
        return Answer(HTTPStatus.OK, (("Content-Type", form[0]), ("Cache-Control", "no-store")), form[1](self._tally()))


def as_json(tally: TrackerCounts) -> bytes:
    """One object."""
    return json.dumps(tally._asdict()).encode() + b"\n"


def as_prometheus(tally: TrackerCounts) -> bytes:
    """The text format, version 0.0.4."""
    lines = []
    for name, kind in _TYPES.items():
        full = f"shoal_tracker_{name}" + ("_total" if kind == "counter" else "")
        lines += [f"# TYPE {full} {kind}", f"{full} {getattr(tally, name)}"]
    lines.append("# TYPE shoal_tracker_refused_total counter")
    lines += [f'shoal_tracker_refused_total{{reason="{name}"}} {count}' for name, count in tally.refused.items()]
    return "\n".join([*lines, ""]).encode()
