"""Verbs that upload: whom `shoal share` asks for, and the sizes that `shoal seed --max-size` takes."""

import io
from pathlib import Path

import pytest

from patcher.cli import seeding
from patcher.cli.__main__ import main, parser
from patcher.config import Home
from patcher.engine.client import Client
from patcher.errors import UsageError
from tests.support import engines
from tests.support.world import Shoal


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [("100GB", 100 * 10**9), ("1.5t", 15 * 10**11), ("2 MB", 2 * 10**6), ("7", 7), ("7b", 7), ("0", 0), ("", 0)],
)
def test_a_size_is_a_number_with_a_decimal_unit(text: str, size_bytes: int) -> None:
    assert parser().parse_args(["seed", "https://feed.example", "--max-size", text]).max_size == size_bytes


@pytest.mark.parametrize("text", ["GB", "100XB", "1.GB", "-1", "inf", "nan", "1e3", "٣GB", "9" * 16])
def test_other_text_is_a_wrong_argument(text: str) -> None:
    with pytest.raises(UsageError):
        parser().parse_args(["seed", "https://feed.example", f"--max-size={text}"])


@pytest.mark.parametrize(("answers", "question"), [((), "everyone"), (("lan", "off"), "local network, as before")])
@pytest.mark.parametrize("says", ["y\n", "\n"])
def test_share_returns_to_the_last_answer_and_shares_with_nobody_unasked(
    home: Path, answers: tuple[str, ...], question: str, says: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal(says))
    monkeypatch.setattr(seeding, "_stay", lambda *_: None)
    with engines.here(home):
        player = Shoal(home)
        for key, value in (("listen_host", "127.0.0.1"), *(("sharing", answer) for answer in answers)):
            player.run("settings", key, value)
        assert main(["--home", str(home), "share"]) == 0
        with Client(Home(home)) as client:
            sharing = client.snapshot().settings["sharing"]
    assert question in capsys.readouterr().out
    assert sharing == ((answers[0] if answers else "everyone") if says == "y\n" else "off")
