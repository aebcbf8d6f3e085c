"""The door to the terminal: what a publisher, a server or a file name holds is shown, and does nothing."""

import io
import json

import pytest

from patcher.cli.output import Output
from patcher.errors import OriginError
from patcher.protocol import events
from tests.test_plain import HOSTILE

MARKUP = {"bold": "[bold]x[/bold]", "link": "[link=https://evil.example]x[/link]", "emoji": ":bomb:", "open": "[/x] [x"}
TEXTS = HOSTILE | MARKUP


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


def said(text: str, capsys: pytest.CaptureFixture[str], stream: io.StringIO, *, json_lines: bool) -> str:
    """All that is printed when each way of printing gets ``text``."""
    error = OriginError("origin.protocol", "x")
    error.message = error.safe = error.hint = text  # as an older engine may have kept them
    error.facts["url"] = text
    for for_publisher in (False, True):
        with Output(json_lines=json_lines, stream=stream) as out:
            out.for_publisher = for_publisher
            out.line(text)
            out.progress(text, 1, 2)
            out.show(events.Progress(1, text, events.Phase.FETCH, 1, 2))
            out.notice(text, error)
            out.result({text: text})
            out.error(error)
            out.cancelled()
    return stream.getvalue() + capsys.readouterr().err


@pytest.mark.parametrize("name", TEXTS)
def test_people_see_what_is_there_and_nothing_happens(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = said(TEXTS[name], capsys, io.StringIO(), json_lines=False)
    assert all(line.isprintable() for line in shown.split("\n"))
    assert "shoal: all is well" not in shown.split("\n")
    if name in MARKUP:
        assert shown.count(TEXTS[name]) >= 8


@pytest.mark.parametrize("name", TEXTS)
def test_a_bar_shows_no_more(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = said(TEXTS[name], capsys, Terminal(), json_lines=False)
    if not TEXTS[name].isprintable():
        assert TEXTS[name] not in shown
    for start in ("\x1b]", "\x1b[31m", "\x1b[H", "\x9b", "\x9d", "\u202e", "\u2066", "\a", "\0"):
        assert start not in shown


@pytest.mark.parametrize("name", TEXTS)
def test_scripts_get_the_text_itself_in_json_that_is_as_plain(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = said(TEXTS[name], capsys, io.StringIO(), json_lines=True)
    lines = shown.split("\n")[:-1]
    assert all(line.isprintable() for line in lines)
    results = [line for line in map(json.loads, lines) if line.get("ok")]
    assert [line[TEXTS[name]] for line in results] == [TEXTS[name]] * 2


@pytest.mark.parametrize("encoding", ["cp1252", "iso-8859-1", "ascii", "utf-8"])
def test_any_text_is_printed_in_any_encoding(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "1.0 → 2.0 · Größe 寿司 🍣"
    for json_lines in (True, False):
        streams = [io.TextIOWrapper(io.BytesIO(), encoding) for _ in range(2)]
        monkeypatch.setattr("sys.stderr", streams[1])
        with Output(json_lines=json_lines, stream=streams[0]) as out:
            out.line(text)
            out.progress(text, 1, 2)
            out.notice(text)
            out.error(OriginError("origin.protocol", text))
            out.cancelled()
        printed = "".join(stream.buffer.getvalue().decode(encoding) for stream in streams)
        if json_lines:
            assert text in {json.loads(line).get("text") for line in printed.splitlines()}
        else:
            assert ("1.0 → 2.0" if encoding == "utf-8" else "1.0 -> 2.0") in printed
