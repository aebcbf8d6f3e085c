"""The facts of `patcher.events` as JSON: how they travel over the engine's socket and lie in the registry."""

import dataclasses
import json
import types
import typing

from patcher import events, wishes

_NAMED = {
    c.__name__: c
    for c in (*typing.get_args(events.Event), *typing.get_args(wishes.Wish), events.Snapshot, events.Failure)
}


def to_json(value: object) -> bytes:
    """One frozen fact of `patcher.events` as JSON: its fields and its ``type``."""
    assert dataclasses.is_dataclass(value) and not isinstance(value, type)
    return json.dumps({"type": type(value).__name__, **dataclasses.asdict(value)}, ensure_ascii=False).encode()


def from_json(data: bytes) -> typing.Any:
    """The fact that `to_json` wrote. Raises ValueError when it is none."""
    fields = json.loads(data)
    try:
        return build(_NAMED[fields.pop("type")], fields)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a fact of the engine: {error}") from error


def build(cls: type, fields: dict[str, typing.Any]) -> typing.Any:
    """A frozen fact of any room from its fields. Raises TypeError, KeyError when they are not its own."""
    hints = typing.get_type_hints(cls)
    return cls(**{name: _cast(hints[name], value) for name, value in fields.items()})


def _cast(hint: typing.Any, value: typing.Any) -> object:
    if isinstance(hint, types.UnionType):
        if value is None:
            return None
        hint = next(option for option in typing.get_args(hint) if option is not types.NoneType)
    if dataclasses.is_dataclass(hint):
        return build(typing.cast(type, hint), value)
    if typing.get_origin(hint) is dict:
        return {key: _cast(typing.get_args(hint)[1], item) for key, item in value.items()}
    if typing.get_origin(hint) is tuple:
        return tuple(_cast(typing.get_args(hint)[0], item) for item in value)
    return events.Phase(value) if hint is events.Phase else value
