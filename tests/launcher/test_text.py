"""The words: sizes, times, names from strangers, and every error with a way out."""

from dataclasses import replace
from typing import Literal, get_args, get_type_hints

import pytest
from PySide6.QtCore import QLocale

from launcher import failures, text
from launcher.failures import EXPLANATIONS, Remedy
from launcher.page import Page, PrimaryAction
from patcher.errors import CODES
from patcher.protocol.commands import Verb
from patcher.protocol.events import Failure, Held, Outcome, Phase, Progress, Reachability, Sources
from tests.launcher import scenes
from tests.launcher.scenes import NAME, installed

_PUBLISHING = (
    "content.feed", "content.unsafe_path", "content.special_file", "content.link_outside", "usage.passphrase",
    "usage.passphrase_weak", "usage.key_missing", "usage.signatures", "usage.feed_folder", "usage.release",
    "usage.ambiguous_title", "usage.sites", "usage.store", "usage.expired",
    "origin.upload", "origin.upload_refused", "origin.stale", "origin.read_back", "usage.newer_feed",
    "usage.other_feed", "usage.pin", "usage.token", "usage.executor", "origin.cluster",
)  # fmt: skip


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_error_has_a_sentence_what_stays_safe_and_a_way_out(code: str) -> None:
    safe, hint = CODES[code]
    explanation = failures.explain(Failure(code, "message", safe, hint, 1))
    assert explanation.title and explanation.safe and explanation.hint
    assert Remedy.DETAILS in explanation.remedies
    assert "`" not in explanation.text  # no command line in the window
    assert (code in EXPLANATIONS) is (code not in _PUBLISHING)


def test_what_cannot_happen_to_an_install_that_is_not_there_is_not_said() -> None:
    failure = Failure("origin.unreachable", "m", CODES["origin.unreachable"].safe, "h", 4)
    assert "still starts" in failures.explain(failure).safe
    assert failures.explain(failure, installed=False).safe == "Nothing was changed."
    assert failures.explain(failure).is_offline


def test_a_server_that_refuses_is_not_taken_for_a_missing_network() -> None:
    told = failures.explain(Failure("origin.unreachable", "m", "s", "h", 4, {"refused": 1}))
    assert "offline" not in told.title and "port" in told.title
    assert not told.is_offline


def test_what_became_of_a_game_is_said_with_the_way_on() -> None:
    facts: dict[str, str | int] = {"exit_code": "SIGSEGV", "log": "game.log"}
    told = failures.explain(Failure("content.closed", "m", "s", "h", 5, facts))
    assert told.title == "The game closed at once (code SIGSEGV)."
    assert told.remedies == (Remedy.VERIFY, Remedy.LOG, Remedy.DETAILS)
    del facts["log"]
    assert Remedy.LOG not in failures.explain(Failure("content.closed", "m", "s", "h", 5, facts)).remedies
    unable = failures.explain(Failure("content.launch", "m", "s", "h", 5, {"unable": 1}))
    assert (unable.title, unable.remedies[0]) == ("This system cannot start the game.", Remedy.VERIFY)
    gone = failures.explain(Failure("disk.modified", "m", "s", "h", 6, {"missing": 1}))
    assert (gone.title, gone.remedies[0]) == ("A file of the game is missing.", Remedy.REPAIR)


def test_the_file_or_folder_that_is_in_the_way_is_named() -> None:
    told = failures.explain(Failure("disk.volume", "m", "s", "h", 6, {"path": "/games/one/data"}))
    assert told.text.endswith("\n/games/one/data")
    assert told.remedies == (Remedy.RETRY, Remedy.DETAILS), "another folder does not help"
    hostile = failures.explain(Failure("disk.in_the_way", "m", "s", "h", 6, {"path": "a\nb\x1b" + "c" * 900}))
    assert hostile.text.count("\n") == 1
    assert len(hostile.text) < 500


def test_details_are_what_a_report_needs() -> None:
    failure = Failure("disk.full", "games needs 5 bytes", "safe", "hint", 6, {"path": "games\nx", "needed_bytes": 5})
    words = failures.details(failure, "0.1.0")
    assert words.splitlines() == [
        "Shoal 0.1.0", "disk.full", "games needs 5 bytes", "safe", "hint", "path: games x", "needed_bytes: 5",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (45_300, "45 kB"), (1_440_000, "1.4 MB"), (412_400_000, "412 MB"),
     (1_400_000_000, "1.4 GB"), (99_960_000, "100 MB")],
)  # fmt: skip
def test_sizes_have_as_many_digits_as_people_read(count: int, words: str) -> None:
    assert text.size(count) == words


def test_sizes_are_written_as_the_language_does() -> None:
    QLocale.setDefault(QLocale(QLocale.Language.German))
    assert text.size(1_400_000_000).startswith("1,4")


@pytest.mark.parametrize(
    ("wild", "clean"),
    [
        ("<b>Bold</b> & <img src=x>", "<b>Bold</b> & <img src=x>"),
        ("a\u202eexe.gnp\u2066", "aexe.gnp"),
        ("one\n\ttwo\u2029three\0", "one two three"),
        ("x" * 500, "x" * 119 + "…"),
        ("", ""),
        ("Ω≈ç 日本語 👩‍🚀", "Ω≈ç 日本語 👩‍🚀"),
    ],
)
def test_a_strangers_words_are_one_plain_line(wild: str, clean: str) -> None:
    assert text.plain(wild) == clean


def test_an_ampersand_is_no_shortcut() -> None:
    assert text.button_text("Sword & Shield") == "Sword && Shield"


def test_a_name_is_in_the_players_language_else_english() -> None:
    assert text.label_of(installed()) == "Emberfall"
    QLocale.setDefault(QLocale("de_AT"))
    assert text.label_of(installed()) == "Emberfall (deutsch)"
    assert text.summary_of(installed().about) == "A journey through ash and fire."


def test_the_button_says_word_amount_and_time() -> None:
    progress = Progress(7, NAME, Phase.FETCH, 1_400_000_000, 3_800_000_000, 1, 119)
    page = Page(NAME, PrimaryAction.PAUSE, verb=Verb.UPDATE, progress=progress, fraction=0.368)
    label, detail = text.button_texts(page)
    assert label == "UPDATING  36%"
    assert detail.startswith("1.4 GB of 3.8 GB · 2 minute")
    assert text.progress_line(Progress(7, NAME, Phase.SCAN)) == "Scanning files"
    resting = Progress(7, NAME, Phase.FETCH, 1, 2, rest_s=1)
    assert text.progress_line(resting).startswith("The server is busy. The download goes on in 1 second")
    assert text.progress_line(Progress(7, NAME, Phase.VERIFY, 1, 2)) == "Checking · 1 bytes of 2 bytes"
    assert text.percent(0.9999) == "99%"


@pytest.mark.parametrize("action", list(PrimaryAction))
def test_every_state_of_the_button_has_words(action: PrimaryAction) -> None:
    is_job = action in {PrimaryAction.PAUSE, PrimaryAction.STOP}
    label, detail = text.button_texts(Page(NAME, action, verb=Verb.UPDATE if is_job else Verb.NONE))
    assert label
    assert isinstance(detail, str)


def test_every_phase_has_a_word_and_a_new_one_too() -> None:
    assert len({text.phase_label(step) for step in Phase}) == len(Phase)
    assert text.phase_label("something new") == "Working"


def test_the_result_says_what_was_planned_and_what_it_took() -> None:
    outcome = Outcome("1", "2", 412_000_000, Sources(1_000_000, 380_000_000, 28_000_000))
    assert text.result_line(Verb.UPDATE, outcome) == "Updated to 2: 409 MB downloaded, 412 MB planned"
    assert text.sources_line(outcome) == "380 MB from players · 1.0 MB from the local network · 28.0 MB from the server"
    assert text.result_line(Verb.VERIFY, Outcome()) == "All files are intact."
    assert text.result_line(Verb.CANCEL, Outcome()) == "Cancelled. What was downloaded was removed."
    assert text.result_line(Verb.UNINSTALL, Outcome()) == "No longer installed."


def test_time_left_is_rough() -> None:
    assert text.duration(30) == "less than a minute left"
    assert text.duration(10_000).startswith("3 hour")
    assert text.duration(900_000) == "more than two days left"


@pytest.mark.parametrize("sharing", ["off", "lan"])
def test_each_reason_why_less_is_shared_has_its_words(sharing: Literal["off", "lan"]) -> None:
    now = scenes.snapshot(sharing="everyone")
    assert text.held(now) == ""
    said = {text.held(replace(now, held=each, allowed_sharing=sharing)) for each in Held if each}
    assert len(said) == len(Held) - 1
    assert all(words.startswith("Not sharing" if sharing == "off" else "Sharing in the local") for words in said)


def test_each_judgement_of_who_can_be_reached_has_its_words() -> None:
    reasons = [why for why in get_args(get_type_hints(Reachability)["why"]) if why]
    said = {why: text.reach(Reachability(why, 7000, "10.0.0.2")) for why in reasons}
    assert text.reach(Reachability()) == ""
    assert len(set(said.values())) == len(reasons)
    assert all("can reach you" in words for why, words in said.items() if Reachability(why).is_reachable)
    assert "7000" in said["mapped"] and "10.0.0.2" in said["double"]
