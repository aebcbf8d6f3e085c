"""Signed records: written one way, read strictly, and open to the future by name only."""

import json
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patcher.content import records
from patcher.content.merkle import Ref, ref_of
from patcher.content.records import (
    Channel,
    Delta,
    Feed,
    Launch,
    Part,
    PartPatches,
    Patches,
    Release,
    Rollout,
    Text,
    Title,
)  # fmt: skip
from patcher.errors import TrustError

A, B = ref_of(b"a"), ref_of(b"b")
MAIN = Part("main", (), defaults=False, manifest=A, info_hash=bytes(32), layers=None, leaves=B)
GERMAN = Part("german", ("lang:de", "lang:at", "os:linux"), True, B, bytes(range(32)), A, B, A)
FEED = Feed("studio", "Süd Studio", ("https://cdn.example/feed/", "http://127.0.0.1:8000/"),
            ("udp://t.example:6969/announce",), ("cdn.example", "127.0.0.1:8000"), ("game",))  # fmt: skip
TITLE = Title("game", "game", {"en": Text("Game", "Fun.\nMore fun."), "pt-BR": Text("Jogo")}, A,
              {"site": "https://example.org"}, "MIT", "doi:10")  # fmt: skip
CHANNEL = Channel(7, Rollout(25, "salt"), 3, "1.2.3", 8)
RELEASE = Release("game", 7, "1.1", (MAIN, GERMAN), {"linux": Launch(("bin/game", "--x"), "bin")}, B)
PATCHES = Patches(7, (PartPatches("main", A, (Delta(6, A, B), Delta(5, None, B))), PartPatches("german", None)))

CODECS: dict[str, tuple[Any, Any, Any]] = {
    "feed": (FEED, records.encode, partial(records.parse, records.Feed)),
    "title": (TITLE, records.encode, partial(records.parse, records.Title)),
    "channel": (CHANNEL, records.encode, partial(records.parse, records.Channel)),
    "release": (RELEASE, records.encode, partial(records.parse, records.Release)),
    "patches": (PATCHES, records.encode, partial(records.parse, records.Patches)),
}
every_record = pytest.mark.parametrize("kind", CODECS)


def changed(kind: str, /, **fields: object) -> bytes:
    record, encode, _ = CODECS[kind]
    return json.dumps(json.loads(encode(record)) | fields).encode()


@every_record
def test_a_record_is_read_as_it_was_written_in_one_canonical_form(kind: str) -> None:
    record, encode, parse = CODECS[kind]
    data = encode(record)
    assert parse(data) == record
    value = json.loads(data)
    assert (value["format"], value["requires"]) == (1, [])
    assert data == json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@every_record
def test_unknown_keys_are_ignored_and_unknown_features_are_not(kind: str) -> None:
    record, _, parse = CODECS[kind]
    assert parse(changed(kind, colour="blue")) == record
    for fields in ({"requires": ["encryption"]}, {"format": 2}):
        with pytest.raises(TrustError) as caught:
            parse(changed(kind, **fields))
        assert caught.value.code == "trust.needs_newer"


@every_record
def test_a_field_of_another_type_is_refused(kind: str) -> None:
    record, encode, parse = CODECS[kind]
    wrong: object
    for key in json.loads(encode(record)):
        for wrong in (None, True, -1, 1.5, 2**53, "\x1b[31m", "x" * 100_000, ["\0"], {"../x": {}}, [[]], {"a": 1}):
            if wrong is None and key in ("art", "notes"):
                continue
            with pytest.raises(TrustError):
                parse(changed(kind, **{key: wrong}))


@every_record
@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{}", b"null", b"1", b"{", b"\xff", b'{"format":1,"format":1,"requires":[]}', b"[" * 100_000,
     b'{"format":1e0,"requires":[]}', b'{"format":NaN,"requires":[]}', b'{"format":true,"requires":[]}',
     b'{"format":1,"requires":{}}', b'{"a":' * 50_000, b'{"format":' + b"9" * 5000 + b"}", b" " * (5 << 20)],
    ids=lambda data: repr(data[:40]),
)  # fmt: skip
def test_what_is_no_record_is_refused(kind: str, data: bytes) -> None:
    with pytest.raises(TrustError):
        CODECS[kind][2](data)


@every_record
@given(st.data())
def test_a_mutant_is_refused_or_stays_a_record(kind: str, data: st.DataObject) -> None:
    record, encode, parse = CODECS[kind]
    document = bytearray(encode(record))
    place = data.draw(st.integers(0, len(document) - 1))
    document[place : place + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    try:
        mutant = parse(bytes(document))
    except TrustError:
        return
    assert parse(encode(mutant)) == mutant


BAD: list[tuple[str, dict[str, object]]] = [
    ("feed", {"origins": ["ftp://x.example/"]}), ("feed", {"origins": ["https://user@x.example/"]}),
    ("feed", {"origins": ["https:///x"]}), ("feed", {"origins": ["https://x.example/a b"]}),
    ("feed", {"origins": ["https://x.example/\n"]}), ("feed", {"origins": ["https://x.example:99999/"]}),
    ("feed", {"origins": ["https://x.example/?a=b"]}), ("feed", {"origins": ["https://x.example/?"]}),
    ("feed", {"origins": ["https://x.example/#a"]}), ("feed", {"trackers": ["udp://x.example:1?a"]}),
    ("feed", {"origins": ["file:///etc/passwd"]}), ("feed", {"trackers": ["javascript:alert(1)"]}),
    ("feed", {"hosts": ["a/b"]}), ("feed", {"hosts": ["A"]}), ("feed", {"titles": ["../x"]}),
    ("feed", {"titles": ["x"] * 10_001}), ("feed", {"name": "con"}), ("feed", {"label": "a\ud800"}),
    ("feed", {"label": "a\nb"}), ("feed", {"label": "a\tb"}), ("feed", {"label": "a\x1b[31m"}),
    ("feed", {"label": "a\x9bm"}), ("feed", {"label": "a\u202eb"}), ("feed", {"label": "a\u2028b"}),
    ("title", {"texts": {"en": {"label": "a\nb"}}}), ("title", {"texts": {"en": {"label": "a\u2066b"}}}),
    ("title", {"texts": {"en": {"label": "x", "summary": "a\u2067b"}}}), ("title", {"licence": "a\u202db"}),
    ("title", {"citation": "a\u202ab"}), ("release", {"version": "1\n2"}), ("release", {"version": "1\x1b[2J"}),
    ("release", {"version": "1\u202e2"}), ("release", {"version": "1\u20682"}),
    ("release", {"launch": {"linux": {"argv": ["a", "\u202eb"]}}}),
    ("title", {"texts": {"../en": {"label": "x"}}}), ("title", {"texts": {"en": {}}}),
    ("title", {"links": {"site": "javascript:alert(1)"}}), ("title", {"kind": "A game"}),
    ("channel", {"rollout": {"percent": 101, "salt": ""}}), ("channel", {"rollout": {"percent": 5}}),
    ("channel", {"min_launcher": "one"}), ("channel", {"release": -1}), ("release", {"sequence": 0}),
    ("release", {"parts": [json.loads(records.encode(RELEASE))["parts"][0]] * 2}),
    ("release", {"launch": {"linux": {"argv": []}}}), ("release", {"launch": {"linux": {"argv": ["/bin/sh"]}}}),
    ("release", {"launch": {"linux": {"argv": ["../x"]}}}), ("release", {"launch": {"linux": {"argv": ["a\0"]}}}),
    ("release", {"launch": {"linux": {"argv": ["a"], "cwd": "/"}}}), ("release",
    {"launch": {"Linux": {"argv": ["a"]}}}),
    ("release", {"notes": {"root": "x", "size": 1}}),
    ("patches", {"parts": [{"part": "a", "deltas": [{"from_sequence": 0}]}]}),
    ("patches", {"parts": [{"part": "a", "deltas": [{"from_sequence": 1}, {"from_sequence": 1}]}]}),
    ("patches", {"parts": [{"part": "a"}, {"part": "a"}]}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "fields"), BAD, ids=lambda value: str(value)[:80])  # Windows bounds it
def test_a_field_out_of_bounds_is_refused(kind: str, fields: dict[str, object]) -> None:
    with pytest.raises(TrustError) as caught:
        CODECS[kind][2](changed(kind, **fields))
    assert caught.value.code == "trust.record"


@pytest.mark.parametrize("field", ["name", "tags", "defaults", "manifest", "info_hash"])
def test_a_part_lacks_nothing_it_needs(field: str) -> None:
    value = json.loads(records.encode(RELEASE))
    value["parts"][1][field] = None
    with pytest.raises(TrustError):
        records.parse(records.Release, json.dumps(value).encode())


def test_nobody_signs_what_nobody_can_read() -> None:
    for bad in (replace(RELEASE, sequence=0), replace(RELEASE, version="\x1b[2J"), replace(RELEASE, version="\ud800")):
        with pytest.raises(TrustError):
            records.encode(bad)
    with pytest.raises(TrustError):
        records.encode(replace(RELEASE, parts=(MAIN, replace(MAIN, manifest=Ref(bytes(32), 1)))))


@pytest.mark.parametrize(
    ("tags", "installed"),
    [(set(), False), ({"lang:de"}, False), ({"os:linux"}, False), ({"lang:de", "os:linux"}, True),
     ({"lang:at", "os:linux"}, True), ({"lang:fr", "os:linux"}, False), ({"lang:de", "os:linux", "extra:hd"}, True)],
)  # fmt: skip
def test_a_part_is_chosen_when_each_group_it_names_is(tags: set[str], installed: bool) -> None:
    assert records.chosen(GERMAN, tags) is installed
    assert records.chosen(MAIN, tags)
