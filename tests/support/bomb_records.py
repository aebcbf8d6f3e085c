"""Signed JSON that is made to cost much: records, and the metadata of TUF."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from typing import Any

from tests.support.bomb_shapes import MOST_BYTES, Bomb, largest

_REF = {"root": "0" * 64, "size": 2**63 - 1}
_ROOM = MOST_BYTES - 3000
RECORDS: dict[str, dict[str, Any]] = {
    "feed": {"name": "studio", "label": "", "origins": ["https://a.example/"], "titles": ["game"]},
    "title": {"name": "game", "kind": "game", "texts": {}, "links": {}},
    "channel": {"release": 1, "rollout": {"percent": 100, "salt": ""}},
    "release": {"title": "game", "sequence": 1, "version": "1", "parts": [], "launch": {}},
    "patches": {"to_sequence": 1, "parts": []},
}
_UNITS = {
    "empty lists": "[]", "empty objects": "{}", "objects": '{"a":0}', "numbers": "257", "short texts": '"ab"',
    "wide texts": '"\u0101\U0001f600"', "a key, twice": '{"a":0,"a":0}',
}  # fmt: skip


def record(kind: str, **fields: object) -> bytes:
    return json.dumps({"format": 1, "requires": [], **RECORDS[kind], **fields}, ensure_ascii=False).encode()


def _with(kind: str, value: str) -> bytes:
    """A record with a field of any text."""
    return record(kind, x="@raw@").replace(b'"@raw@"', value.encode())


def _filled(kind: str, make: Callable[[int], dict[str, object]]) -> tuple[bytes, ...]:
    return (largest(lambda count: record(kind, **make(count)), MOST_BYTES),)


def _part(number: int, **fields: object) -> dict[str, object]:
    hashes = {"manifest": _REF, "info_hash": "0" * 64, "layers": _REF, "leaves": _REF}
    return {"name": f"p{number}", "tags": [], "defaults": False, **hashes, **fields}


def _deltas(count: int) -> list[object]:
    return [{"from_sequence": number + 1, "index": _REF, "manifest": None} for number in range(count)]


_LISTS: dict[str, tuple[str, Callable[[int], dict[str, object]]]] = {
    "origins": ("feed", lambda n: {"origins": ["https://a"] * n}),
    "trackers": ("feed", lambda n: {"trackers": ["udp://a:1"] * n}),
    "hosts": ("feed", lambda n: {"hosts": ["a"] * n}),
    "titles": ("feed", lambda n: {"titles": [f"{number:x}" for number in range(n)]}),
    "a long address": ("feed", lambda n: {"origins": ["https://a/" + "[" * n]}),
    "a long host": ("feed", lambda n: {"hosts": ["a." * n]}),
    "languages": ("title", lambda n: {"texts": {f"en-{number:08x}": {"label": ""} for number in range(n)}}),
    "links": ("title", lambda n: {"links": {f"{number:x}": "http://a" for number in range(n)}}),
    "a long summary": ("title", lambda n: {"texts": {"en": {"label": "", "summary": "\U0001f600" * n}}}),
    "a long language": ("title", lambda n: {"texts": {"en" + "-aa" * n: {"label": ""}}}),
    "a long salt": ("channel", lambda n: {"rollout": {"percent": 1, "salt": "a" * n}}),
    "a long version": ("channel", lambda n: {"min_launcher": "1." * n}),
    "parts": ("release", lambda n: {"parts": [_part(number) for number in range(n)]}),
    "one part, many times": ("release", lambda n: {"parts": [_part(0)] * n}),
    "tags": ("release", lambda n: {"parts": [_part(0, tags=["a:b"] * n)]}),
    "arguments": ("release", lambda n: {"launch": {"linux": {"argv": ["a"] * n}}}),
    "systems": ("release", lambda n: {"launch": {f"{number:x}": {"argv": ["a"]} for number in range(n)}}),
    "a long program": ("release", lambda n: {"launch": {"linux": {"argv": ["a/" * n]}}}),
    "patched parts": ("patches", lambda n: {"parts": [{"part": f"p{number}"} for number in range(n)]}),
    "deltas": ("patches", lambda n: {"parts": [{"part": "main", "full": None, "deltas": _deltas(n)}]}),
    "empty deltas": ("patches", lambda n: {"parts": [{"part": "main", "deltas": [{}] * n}]}),
    "requirements": ("feed", lambda n: {"requires": ["a"] * n}),
}
_TEXTS = {
    "lists in lists": "[" * (_ROOM // 2) + "]" * (_ROOM // 2),
    "60 lists in each other": "[" + ",".join(["[" * 60 + "]" * 60] * 400) + "]",
    "200,000 brackets": "[" * _ROOM,
    "objects in objects": '{"a":' * (_ROOM // 6) + "0" + "}" * (_ROOM // 6),
    "a number of 60,000 digits": "9" * _ROOM,
    "a fraction of 60,000 digits": "0." + "9" * _ROOM,
    "a power": "1e999999999",
    "a text without end": '"' + '\\"' * (_ROOM // 2),
    "escapes": '"' + "\\u0101" * (_ROOM // 6) + '"',
    "not a number": "NaN",
}


def _beside(unit: str) -> tuple[bytes, ...]:
    return (_with("release", "[" + ",".join([unit] * (_ROOM // (len(unit.encode()) + 1))) + "]"),)


def _holding(text: str) -> tuple[bytes, ...]:
    return (_with("release", text),)


def _records() -> Iterator[Bomb]:
    for name, unit in _UNITS.items():
        yield Bomb("release", f"{name} beside", partial(_beside, unit))
    for name, text in _TEXTS.items():
        yield Bomb("release", name, partial(_holding, text))
    for name, (kind, make) in _LISTS.items():
        yield Bomb(kind, name, partial(_filled, kind, make))


# ---------------------------------------------------------------- TUF

_SIGNED = {"spec_version": "1.0.31", "version": 1, "expires": "2999-01-01T00:00:00Z"}


def _metadata(kind: str, signatures: object = (), **fields: object) -> bytes:
    signed = {"_type": kind, **_SIGNED, **fields}
    return json.dumps({"signed": signed, "signatures": signatures}, separators=(",", ":")).encode()


def _id(number: int) -> str:
    return sha256(b"%d" % number).hexdigest()


def _key(number: int) -> dict[str, object]:
    return {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": _id(number)}}


def root(count: int, **more: Any) -> bytes:
    roles = {role: {"keyids": [], "threshold": 1} for role in ("root", "timestamp", "snapshot", "targets")}
    roles["root"]["keyids"] = [_id(number) for number in range(count)]
    keys = {_id(number): _key(number) for number in range(count)}
    return _metadata("root", consistent_snapshot=True, keys=keys, roles=roles, **more)


def _delegated(count: int, **role: object) -> dict[str, object]:
    one = {"keyids": [], "threshold": 1, "terminating": True, "paths": ["a"], **role}
    return {"keys": {}, "roles": [{"name": f"r{number}", **one} for number in range(count)]}


def _nested(depth: int) -> bytes:
    return _metadata("snapshot", meta={}, x="@raw@").replace(b'"@raw@"', b"[" * depth + b"]" * depth)


def _signed_by_many(count: int) -> bytes:
    return root(count, signatures=[{"keyid": _id(number), "sig": "0" * 128} for number in range(count)])


def _bins(count: int) -> dict[str, object]:
    bins = {"keyids": [], "threshold": 1, "bit_length": 32, "name_prefix": "a" * count}
    return {"keys": {}, "succinct_roles": bins}


def _targets(count: int) -> dict[str, object]:
    return {f"{number:x}": {"length": 1, "hashes": {"sha256": ""}} for number in range(count)}


_METADATA: dict[str, Callable[[int], bytes]] = {
    "keys": root,
    "signatures": lambda n: root(1, signatures=[{"keyid": _id(number), "sig": "00"} for number in range(n)]),
    "signatures by keys": _signed_by_many,
    "targets": lambda n: _metadata("targets", targets=_targets(n)),
    "roles": lambda n: _metadata("targets", targets={}, delegations=_delegated(n)),
    "paths": lambda n: _metadata("targets", targets={}, delegations=_delegated(1, paths=["*/*/*"] * n)),
    "stars": lambda n: _metadata("targets", targets={}, delegations=_delegated(1, paths=["d*" * n + "/releases/*"])),
    "hashed bins": lambda n: _metadata("targets", targets={}, delegations=_bins(n)),
    "versions": lambda n: _metadata("snapshot", meta={f"{number:x}.json": {"version": 1} for number in range(n)}),
    "fields of no meaning": lambda n: _metadata("snapshot", meta={}, x=[[]] * n),
    "a long expiry": lambda n: _metadata("snapshot", meta={}, expires="2999-01-01T00:00:00" + "0" * n + "Z"),
    "400 lists in each other": lambda _: _nested(400),
    "900 lists in each other": lambda _: _nested(900),
    "30,000 lists in each other": lambda _: _nested(30_000),
}


def _full(shape: Callable[[int], bytes]) -> tuple[bytes, ...]:
    return (largest(shape, MOST_BYTES),)


def _tuf() -> Iterator[Bomb]:
    for name, shape in _METADATA.items():
        yield Bomb("metadata", name, partial(_full, shape))


def written_as_json() -> Iterator[Bomb]:
    """All bombs that are JSON."""
    yield from _records()
    yield from _tuf()
