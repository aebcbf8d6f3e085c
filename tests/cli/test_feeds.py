"""`shoal feed add`: nothing is trusted unseen where somebody can be asked, and nothing silently where nobody can."""

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from patcher.cli.__main__ import main
from tests.support import engines
from tests.support.hostile_origin import HostileOrigin
from tests.support.publisher import Publisher, files_below
from tests.support.world import Shoal


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    return Publisher(tmp_path / "publisher")


@pytest.fixture
def url(publisher: Publisher) -> Iterator[str]:
    with HostileOrigin(files_below(publisher.folder)) as origin:
        yield origin.url


@pytest.fixture
def player(tmp_path: Path) -> Iterator[Shoal]:
    with engines.here(tmp_path):
        player = Shoal(tmp_path / "player")
        yield player
        player.stop_engine()


class Terminal(io.StringIO):
    """What a person sees and types."""

    def isatty(self) -> bool:
        return True


def _at_a_terminal(player: Shoal, answer: str, *words: str) -> tuple[int, str]:
    """Exit code, and what the terminal showed; ``answer`` is typed when a question stands there."""
    shown = Terminal()
    with pytest.MonkeyPatch.context() as patch:
        for name, stream in (("stdin", Terminal(f"{answer}\n")), ("stdout", shown), ("stderr", shown)):
            patch.setattr(sys, name, stream)
        code = main(["--home", str(player.home), *words])
    return code, shown.getvalue()


def _feeds(player: Shoal) -> list[str]:
    return [feed["fingerprint"] for feed in player.run("feed", "list")["feeds"]]


@pytest.mark.parametrize("quiet", [(), ("--quiet",)], ids=["", "quiet"])
@pytest.mark.parametrize(("answer", "code", "count"), [("y", 0, 1), ("n", 3, 0), ("", 3, 0)])
def test_at_a_terminal_the_fingerprint_is_shown_and_asked_about(
    player: Shoal, publisher: Publisher, url: str, answer: str, code: int, count: int, quiet: tuple[str, ...]
) -> None:
    got, shown = _at_a_terminal(player, answer, *quiet, "feed", "add", url)
    assert publisher.made.fingerprint in shown.partition("[y/N]")[0].replace("\r\n", "")
    assert "[y/N]" in shown
    assert got == code, shown
    assert _feeds(player) == [publisher.made.fingerprint] * count


def test_a_feed_file_carries_its_fingerprint_and_needs_no_question(
    player: Shoal, publisher: Publisher, url: str, tmp_path: Path
) -> None:
    invitation = tmp_path / "shop.shoalfeed"
    invitation.write_text(f'{{"format": 1, "url": "{url}", "fingerprint": "{publisher.made.fingerprint}"}}')
    code, shown = _at_a_terminal(player, "", "feed", "add", str(invitation))
    assert (code, "[y/N]" in shown) == (0, False)


def test_a_known_feed_is_no_question(player: Shoal, publisher: Publisher, url: str) -> None:
    player.run("feed", "add", url, "--fingerprint", publisher.made.fingerprint)
    code, shown = _at_a_terminal(player, "", "feed", "add", url)
    assert (code, "[y/N]" in shown) == (0, False)


@pytest.mark.parametrize("words", [(), ("--yes",)], ids=["no terminal", "yes"])
def test_a_script_goes_on_and_is_told_what_was_trusted(
    player: Shoal, publisher: Publisher, url: str, words: tuple[str, ...]
) -> None:
    command = [sys.executable, "-m", "patcher.cli", "--home", str(player.home), *words, "feed", "add", url]
    ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert ran.returncode == 0
    assert publisher.made.fingerprint in ran.stderr
    assert _feeds(player) == [publisher.made.fingerprint]


@pytest.mark.parametrize("given", [False, True], ids=["unseen", "compared"])
def test_a_script_that_reads_json_gets_a_notice_unless_it_compared(
    player: Shoal, publisher: Publisher, url: str, given: bool
) -> None:
    fingerprint = publisher.made.fingerprint
    added = player.run("feed", "add", url, *(("--fingerprint", fingerprint) if given else ()))
    told = [line["text"] for line in added["lines"] if line["event"] == "notice"]
    assert (added["fingerprint"], any(fingerprint in text for text in told)) == (fingerprint, not given)


def test_a_seeder_is_told_what_it_trusted(player: Shoal, publisher: Publisher, url: str) -> None:
    seeded = player.run("seed", url, "--once")
    told = [line["text"] for line in seeded["lines"] if line["event"] == "notice"]
    assert any(publisher.made.fingerprint in text for text in told)
