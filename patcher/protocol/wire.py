"""Commands, events and snapshots as JSON: on the engine's socket, and commands in the registry."""

import dataclasses
import enum
import json
import types
import typing

from patcher import strict_json
from patcher.protocol import commands, events

MAX_BYTES = 1 << 26
"""The most that one message may have: a snapshot holds what every feed says of its titles."""

_NAMED = {
    c.__name__: c
    for c in (*typing.get_args(events.Event), *typing.get_args(commands.Command), events.Snapshot, events.Failure)
}


def to_json(value: object) -> bytes:
    """A command, an event or a snapshot as JSON: its fields, and its class as ``type``."""
    assert dataclasses.is_dataclass(value) and not isinstance(value, type)
    return json.dumps({"type": type(value).__name__, **dataclasses.asdict(value)}, ensure_ascii=False).encode()


def from_json(data: bytes) -> typing.Any:
    """The reverse of `to_json`. Raises ValueError for any other data."""
    fields = strict_json.loads(data, MAX_BYTES)
    try:
        return build(_NAMED[fields.pop("type")], fields)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a fact of the engine: {error}") from error


def build(cls: type, fields: dict[str, typing.Any]) -> typing.Any:
    """A frozen dataclass of any room from its fields.

    Raises TypeError, KeyError, AttributeError, ValueError when they are not its own or not of their types.
    """
    hints = typing.get_type_hints(cls)
    return cls(**{name: _cast(hints[name], value) for name, value in fields.items()})


def _cast(hint: typing.Any, value: typing.Any) -> object:
    if isinstance(hint, types.UnionType) and types.NoneType in typing.get_args(hint):
        if value is None:
            return None
        hint = next(option for option in typing.get_args(hint) if option is not types.NoneType)
    if dataclasses.is_dataclass(hint):
        return build(typing.cast(type, hint), value)
    if typing.get_origin(hint) is dict:
        return {key: _cast(typing.get_args(hint)[1], item) for key, item in value.items()}
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, list | tuple):
            raise TypeError("a list is missing")
        return tuple(_cast(typing.get_args(hint)[0], item) for item in value)
    return hint(value) if isinstance(hint, enum.EnumType) else _plain(hint, value)


def _plain(hint: typing.Any, value: object) -> object:
    if hint is float and type(value) is int:
        return value
    if isinstance(hint, type | types.UnionType) and not isinstance(value, hint):
        raise TypeError(f"{value!a:.40} is no {hint}")
    if typing.get_origin(hint) is typing.Literal and value not in typing.get_args(hint):
        raise ValueError(f"{value!a:.40} is not among {typing.get_args(hint)}")
    return value
