"""What others wrote is made plain before anybody reads it."""

import json
import logging
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patcher.engine import server
from patcher.errors import CODES, OriginError
from patcher.plain import QUOTE_LENGTH, human_bytes, json_line, plain, quoted

HOSTILE = {
    "colour": "\x1b[31mred",
    "window's name": "\x1b]0;you are root\x07",
    "link": "\x1b]8;;https://evil.example\x1b\\click",
    "clear": "\x1b[2J\x1b[H",
    "C1 escape": "\x9b31m \x9d0;x\x9c \x90q\x9c",
    "line of its own": "a\nshoal: all is well\r\n",
    "carriage return": "bad\rgood",
    "backspace": "bad\b\b\bgood",
    "tab, bell, null, delete": "\t\a\0\x7f",
    "override": "\u202egpj.exe\u202c",
    "isolate": "\u2066a\u2069\u2067b\u2069\u2068c\u2069",
    "marks": "\u200e\u200f\u061c",
    "line separators": "a\u2028b\u2029c\x85d\x0be\x0cf",
    "unseen": "a\u200bb\u2060c\ufeffd\xade",
    "tags": "a\U000e0041\U000e007f",
    "half a character": "a\ud800b\udcff",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_plain_does_anything_to_a_terminal(name: str) -> None:
    for text in (plain(HOSTILE[name]), quoted(HOSTILE[name]), json_line({HOSTILE[name]: HOSTILE[name]})):
        assert text.isprintable()


@given(st.text(st.characters(exclude_categories=())))
def test_plain_text_stays_as_it_is(text: str) -> None:
    once = plain(text)
    assert plain(once) == once
    assert not [c for c in once if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"}]
    assert json.loads(json_line({"text": text})) == {"text": text}


@pytest.mark.parametrize(
    "text", ["Süd · 東京 → عربي", "👩\u200d👩\u200d👧", "क\u094d\u200dष", "[bold]x[/bold] :bomb: %s {}"]
)
def test_what_people_write_is_left_alone(text: str) -> None:
    assert plain(text) == text
    assert json_line({"text": text}) == f'{{"text": "{text}"}}'


def test_a_quotation_is_short() -> None:
    assert quoted("x" * QUOTE_LENGTH) == "x" * QUOTE_LENGTH
    assert len(quoted("\x1b" * 10_000)) <= 4 * QUOTE_LENGTH + 1


@pytest.mark.parametrize("name", HOSTILE)
def test_an_error_is_one_plain_line_whatever_it_quotes(name: str) -> None:
    error = OriginError("origin.protocol", HOSTILE[name] * 1000)
    assert error.message.isprintable()
    assert str(error) == error.message
    assert len(error.message) < 20_000


def test_our_own_sentences_are_plain() -> None:
    for code in CODES.values():
        assert plain(code.safe) == code.safe
        assert plain(code.hint) == code.hint


@pytest.mark.parametrize("name", HOSTILE)
def test_the_log_is_one_object_a_line_of_bounded_length(tmp_path: Path, name: str) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        server._log_to(tmp_path / "engine.log")
        try:
            raise ValueError(HOSTILE[name] * 10_000)
        except ValueError:
            logging.getLogger("shoal.test").exception('of "%s" failed', HOSTILE[name])
            logging.getLogger("urllib3").warning("x" * 100_000)
        root.handlers[0].close()
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    line, long = (tmp_path / "engine.log").read_text("utf-8").split("\n")[:-1]
    said = json.loads(line)
    assert line.isprintable()
    assert max(len(said["trace"]), len(json.loads(long)["text"])) < 10_000
    assert said["text"] == f'of "{HOSTILE[name]}" failed'
    assert said["level"] == "ERROR"
    assert "raise ValueError(" in said["trace"]


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (99_499, "99.5 kB"), (999_600, "1.0 MB"), (1_400_000_000, "1.4 GB")],
)
def test_a_size_has_a_unit_and_two_or_three_digits(count: int, text: str) -> None:
    assert human_bytes(count) == text
