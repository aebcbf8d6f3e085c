"""Facts on the socket and in the registry: what `to_json` wrote comes back, all else is a ValueError."""

import typing

import pytest

from patcher.protocol import commands, events, wire
from patcher.protocol.commands import Verb
from patcher.protocol.events import Failure, Phase, Progress, Snapshot, Sources, TitleSnapshot

_SNAPSHOT = Snapshot(
    "1.0", 7, "/home", 0,
    titles=(TitleSnapshot("a/b", "B", tags=("lang:de",), job=1, verb=Verb.UPDATE,
                          progress=Progress(1, "a/b", Phase.FETCH, sources=Sources(1)),
                          failure=Failure("disk.full", "m", "s", "h", 6, {"path": "/x", "free": 3})),),
    settings={"sharing": "off", "listen_port": 0, "local_discovery": True},
)  # fmt: skip


@pytest.mark.parametrize(
    "fact",
    [
        _SNAPSHOT,
        commands.Install("a/b", "/x", tags=("lang:de",), only="plan", network=commands.Network(ca="/ca")),
        events.Finished(1, "a/b", events.Outcome(seconds=1.5, files=("x",))),
        events.Failed(1, "a/b", None),
        events.Changed(),
    ],
)
def test_a_fact_comes_back_as_it_was(fact: object) -> None:
    assert wire.from_json(wire.to_json(fact)) == fact


def test_the_verb_of_a_job_is_one_word_and_comes_back_as_a_verb() -> None:
    said = wire.to_json(_SNAPSHOT)
    assert b'"verb": "update"' in said
    assert isinstance(wire.from_json(said).titles[0].verb, Verb)
    with pytest.raises(ValueError, match="lunch"):
        wire.from_json(said.replace(b'"verb": "update"', b'"verb": "lunch"'))


def test_every_command_has_a_verb_of_its_own() -> None:
    verbs = [command.verb for command in typing.get_args(commands.Command)]
    assert sorted([*verbs, Verb.NONE]) == sorted(Verb)


def test_a_whole_number_of_seconds_is_one_too() -> None:
    said = wire.to_json(events.Finished(1, "a/b", events.Outcome(seconds=2.0))).replace(b"2.0", b"2")
    assert wire.from_json(said).outcome.seconds == 2


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\xff", b"null", b"[]", b"7", b'"Update"', b"{}", b"[" * 200_000, b'{"type":' * 100_000,
        b'{"type": []}', b'{"type": "Engine"}', b'{"type": "Update"}', b'{"type": "Update", "title": "a", "x": 1}',
        b'{"type": "Update", "title": 7}', b'{"type": "Update", "title": ["a"]}', b'{"type": "Update", "title": null}',
        b'{"type": "Update", "title": "a", "only": "everything"}',
        b'{"type": "Update", "title": "a", "network": []}', b'{"type": "Update", "title": "a", "network": {"ca": {}}}',
        b'{"type": "SetTags", "title": "a", "tags": "lang:de"}', b'{"type": "SetTags", "title": "a", "tags": [7]}',
        b'{"type": "Cancel", "job": 1e5}', b'{"type": "Cancel", "job": 123456789012345678901}',
        b'{"type": "Progress", "job": 1, "title": "a", "phase": "lunch"}',
        b'{"type": "Failed", "job": 1, "title": "a", "failure": {"code": 1}}',
    ],
)  # fmt: skip
def test_what_is_no_fact_is_a_value_error_and_nothing_else(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        wire.from_json(data)
