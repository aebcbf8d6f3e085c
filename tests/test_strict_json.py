"""JSON from anywhere: a value or a ValueError, whatever the bytes are."""

import os
import sys
from pathlib import Path

import pytest

from patcher import disk, strict_json

_MAX = 1 << 20

REFUSED = {
    "nothing": b"",
    "longer than allowed": b'"' + b"x" * _MAX + b'"',
    "200,000 lists deep": b"[" * 200_000,
    "200,000 lists deep and closed": b"[" * 200_000 + b"]" * 200_000,
    "200,000 objects deep": b'{"a":' * 200_000,
    "one level too deep": b"[" * 65 + b"]" * 65,
    "one level too deep, lists and objects": b'[{"a":' * 32 + b"[]" + b"}]" * 32,
    "many unclosed quotes": b'"' + b'\\"' * 400_000,
    "not UTF-8": b'"\xff"',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a key twice": b'{"a":1,"a":2}',
    "a key twice, deep inside": b'[{"b":{"a":1,"\\u0061":2}}]',
    "NaN": b"[NaN]",
    "Infinity": b"[-Infinity]",
    "a fraction beyond a float": b"[1e999]",
    "an integer of 21 digits": b"[" + b"1" * 21 + b"]",
    "an integer of 100,000 digits": b"1" * 100_000,
    "two values": b"{}{}",
    "a stray bracket in a string": b'["]"',
    "a control character": b'"\x00"',
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_what_is_no_plain_json_is_a_value_error_and_nothing_else(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        strict_json.loads(data, _MAX)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"null", None),
        (b' {"a": [1, -2, 1.5, true, "\\ud800"]} ', {"a": [1, -2, 1.5, True, "\ud800"]}),
        (b'{"}]{[\\"": "[[[["}', {'}]{["': "[[[["}),
        (b'{"a": 18446744073709551615}', {"a": 2**64 - 1}),
        ('["\u00e9\U0001f600"]'.encode(), ["\u00e9\U0001f600"]),
    ],
)
def test_plain_json_is_read_as_json_is(data: bytes, value: object) -> None:
    assert strict_json.loads(data, len(data)) == value


def test_64_levels_are_not_too_deep() -> None:
    value = strict_json.loads(b"[" * 64 + b"]" * 64, _MAX)
    for _ in range(63):
        (value,) = value
    assert value == []


@pytest.mark.posix("sparse files")
def test_a_file_is_read_up_to_its_limit_and_no_further(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    file.write_bytes(b'{"a":1}')
    assert strict_json.load(file, 7) == {"a": 1}
    with pytest.raises(ValueError, match="longer than 6"):
        strict_json.load(file, 6)
    disk.Staged(file, 1 << 40).close()  # its reader would run out of memory
    with pytest.raises(ValueError, match="longer"):
        strict_json.load(file, 7)
    with pytest.raises(FileNotFoundError):
        strict_json.load(tmp_path / "none", 7)
    with pytest.raises(OSError, match=str(tmp_path)):
        strict_json.load(tmp_path, 7)


@pytest.mark.posix("named pipes among files")
def test_a_pipe_in_the_place_of_a_file_keeps_nobody_waiting(tmp_path: Path) -> None:
    if sys.platform != "win32":  # there a pipe has no place among files
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(ValueError, match="regular"):
            strict_json.load(tmp_path / "pipe", 7)
