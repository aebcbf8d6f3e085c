"""What the window knows after each message, and what a title's page shows of it. No Qt, no engine."""

import subprocess
import sys
from dataclasses import replace

import pytest

from launcher import page, state
from launcher.page import MenuAction, PrimaryAction
from launcher.state import Accepted, Link, LinkChanged, Refused, State
from patcher.protocol import commands
from patcher.protocol.commands import Verb
from patcher.protocol.events import (
    Changed,
    Failed,
    Failure,
    FeedFound,
    FeedSnapshot,
    Finished,
    Notice,
    Outcome,
    Phase,
    Planned,
    Progress,
    Rates,
    Snapshot,
    TitleSnapshot,
    Totals,
)  # fmt: skip
from tests.launcher.scenes import LOST, NAME, NO_SOURCE, TOTALS, installed, messages, snapshot, title

_FULL = Failure("disk.full", "full", "safe", "hint", 6, {"needed_bytes": 500})


def _known(*heard: state.Message) -> State:
    known = State()
    for number, message in enumerate(heard):
        known = state.apply(known, message, 10.0 + number)
    return known


def _page(known: State, free_bytes: int = -1) -> page.Page:
    shown = known.title(NAME)
    assert shown is not None
    return page.page_of(known, shown, free_bytes)


def _up(first: TitleSnapshot, *heard: state.Message) -> State:
    return _known(LinkChanged(Link.UP), snapshot(first), *heard)


def test_neither_the_state_nor_the_page_needs_qt() -> None:
    code = "import launcher.state, launcher.page, sys; sys.exit(any('PySide6' in name for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize(
    ("samples", "percent"),
    [
        ((), -1),
        ((Progress(7, NAME, Phase.QUEUED),), -1),
        ((Progress(7, NAME, Phase.FETCH, 999, 1000),), 99),
        ((Progress(7, NAME, Phase.FETCH, 250, 1000), Progress(8, "demo/other", Phase.FETCH, 2500, 4500)), 50),
    ],
)
def test_the_taskbar_is_told_how_far_all_jobs_are_together(samples: tuple[Progress, ...], percent: int) -> None:
    busy = replace(snapshot(), titles=(installed(job=7), title("other", "Other", job=8)))
    assert _known(LinkChanged(Link.UP), busy, *samples).percent_done == percent
    assert _known(LinkChanged(Link.UP), busy, *samples, snapshot(installed())).percent_done == -1


# ---------------------------------------------------------------- the big button


@pytest.mark.parametrize(
    ("facts", "action"),
    [
        ({"installed": False, "version": ""}, PrimaryAction.INSTALL),
        ({"installed": False, "version": "", "offered_version": ""}, PrimaryAction.WAIT),
        ({}, PrimaryAction.UPDATE),
        ({"version": "1.9.0"}, PrimaryAction.PLAY),
        ({"paused": True}, PrimaryAction.RESUME),
        ({"installed": False, "paused": True}, PrimaryAction.RESUME),
        ({"interrupted": True}, PrimaryAction.RESUME),
        ({"playing": True}, PrimaryAction.PLAYING),
        ({"job": 7, "verb": Verb.UPDATE}, PrimaryAction.PAUSE),
        ({"job": 7, "verb": Verb.PLAY}, PrimaryAction.PLAYING),
        ({"job": 7, "verb": Verb.UNINSTALL}, PrimaryAction.WAIT),
        ({"job": 7, "verb": Verb.UPDATE, "progress": Progress(7, NAME, Phase.SCAN)}, PrimaryAction.PAUSE),
        ({"job": 7, "verb": Verb.UPDATE, "progress": Progress(7, NAME, Phase.COMMIT)}, PrimaryAction.WAIT),
        ({"job": 7, "verb": Verb.VERIFY, "progress": Progress(7, NAME, Phase.SCAN)}, PrimaryAction.STOP),
        ({"failure": replace(NO_SOURCE, code="disk.modified")}, PrimaryAction.REPAIR),
        ({"version": "", "failure": replace(NO_SOURCE, code="trust.description")}, PrimaryAction.REPAIR),
        ({"version": ""}, PrimaryAction.PLAY),
        ({"installed": False, "folder_missing": True}, PrimaryAction.LOCATE),
        ({"installed": False, "folder_missing": True, "paused": True}, PrimaryAction.LOCATE),
        ({"failure": NO_SOURCE}, PrimaryAction.UPDATE),
    ],
)
def test_the_button_is_what_can_be_done_next(facts: dict[str, object], action: PrimaryAction) -> None:
    assert _page(_up(installed(**facts))).action is action


def test_a_job_that_waits_for_another_is_queued() -> None:
    other = title("tidebound", "Tidebound", installed=True, version="1", job=6, verb=Verb.UPDATE)
    for progress in (None, Progress(7, NAME, Phase.QUEUED)):
        first = installed(job=7, verb=Verb.UPDATE, progress=progress)
        assert (
            _page(_known(LinkChanged(Link.UP), replace(snapshot(first), titles=(first, other)))).action
            is PrimaryAction.QUEUED
        )


def test_before_the_engine_answers_nothing_can_be_pressed_and_when_it_is_lost_neither() -> None:
    assert not _page(_known(snapshot(installed()))).enabled
    lost = _page(_up(installed(), LinkChanged(Link.LOST, LOST)))
    assert not lost.enabled
    assert lost.menu_actions == frozenset()
    assert not lost.can_play


def test_missing_space_is_said_before_the_click_and_is_gone_when_there_is_room() -> None:
    planned = Planned(5, NAME, "1.8.2", "1.9.0", Totals(patch_bytes=10, peak_extra_bytes=500))
    known = _up(installed(), planned)
    assert (_page(known, 499).action, _page(known, 499).needed_bytes) == (PrimaryAction.NEEDS_SPACE, 500)
    assert _page(known, 500).action is PrimaryAction.UPDATE
    assert _page(known).action is PrimaryAction.UPDATE
    failed = _up(installed(), Failed(7, NAME, _FULL))
    assert _page(failed, 100).action is PrimaryAction.NEEDS_SPACE
    assert (
        _page(_up(title("emberfall", "E", offered_version="1", failure=_FULL)), 100).action is PrimaryAction.NEEDS_SPACE
    )


# ---------------------------------------------------------------- jobs


def test_a_question_in_the_background_is_no_work_and_leaves_its_answer() -> None:
    asked = _up(installed(job=5, verb=Verb.UPDATE), Accepted(commands.Update(NAME, only="plan"), 5))
    assert _page(asked).action is PrimaryAction.UPDATE
    assert not asked.is_working
    assert asked.is_planning(NAME)
    told = state.apply(asked, Planned(5, NAME, "1.8.2", "1.9.0", TOTALS))
    told = state.apply(told, Finished(5, NAME, Outcome("1.8.2", "1.9.0")))
    assert _page(told).plan == TOTALS
    assert _page(told).result is None
    assert not told.is_planning(NAME)


def test_an_answer_that_comes_after_the_snapshot_still_counts() -> None:
    known = _up(installed(version="1.9.0"), Accepted(commands.Verify(NAME), 7), snapshot(installed(version="1.9.0")))
    known = state.apply(known, Finished(7, NAME, Outcome(files=("data.pak",), work_left=True)))
    assert _page(known).action is PrimaryAction.REPAIR
    known = state.apply(known, Accepted(commands.Repair(NAME), 8))
    assert _page(state.apply(known, Finished(8, NAME, Outcome()))).action is PrimaryAction.PLAY


def test_the_graph_shows_the_engines_own_rates_once_a_second() -> None:
    known = _up(installed(job=7, verb=Verb.UPDATE), Accepted(commands.Update(NAME), 7))
    for second, (peer, origin) in enumerate([(0, 0), (100, 50), (200, 10)]):
        rates = Rates(5, peer, origin)
        sample = Progress(7, NAME, Phase.FETCH, 180 * second, 1000, rates=rates, upload_bps=9)
        known = state.apply(known, sample, 20.0 + second)
        known = state.apply(known, replace(sample, rates=Rates(1, 1, 1)), 20.1 + second)
    assert _page(known).rate_samples == ((50, 5, 100, 9), (10, 5, 200, 9))
    assert _page(known).fraction == 0.36
    assert page.page_of(known, installed(job=7, verb=Verb.UPDATE)).fraction == 0.36


def test_the_rates_of_the_last_two_minutes_are_kept() -> None:
    known = _up(installed(job=7, verb=Verb.UPDATE), Accepted(commands.Update(NAME), 7))
    for second in range(203):
        sample = Progress(7, NAME, Phase.FETCH, 1, 1000, upload_bps=second)
        known = state.apply(known, sample, 20.0 + second)
    kept = _page(known).rate_samples
    assert (len(kept), kept[0].upload_bps, kept[-1].upload_bps) == (120, 83, 202)


def test_a_paused_title_shows_how_far_it_came_and_can_be_given_up() -> None:
    came = Progress(0, NAME, Phase.FETCH, 1_210_000, 2_200_000)
    shown = _page(_up(installed(paused=True, progress=came)))
    assert (shown.action, shown.fraction, shown.can_discard) == (PrimaryAction.RESUME, 0.55, True)
    assert not _page(_up(installed(paused=True, interrupted=True))).can_discard
    assert not _page(_up(installed())).can_discard
    failed = replace(installed(), installed=False, version="")
    assert _page(_up(failed)).can_discard, "a first install that failed"
    assert not _page(_up(replace(failed, folder=""))).can_discard, "never begun, or given up"
    busy = _page(_up(installed(paused=True, progress=came, job=7, verb=Verb.UPDATE)))
    assert not busy.can_discard


def test_what_was_planned_and_taken_stays_to_be_read() -> None:
    known = _known(*messages("playable"))
    shown = _page(known)
    assert shown.action is PrimaryAction.PLAY
    assert shown.result is not None and shown.result.planned_bytes == 412_000_000
    assert shown.plan is None
    assert shown.version_to == ""


def test_a_release_to_come_is_fetched_by_a_job_that_is_no_question_and_then_is_here() -> None:
    started, outcome = messages("preload"), Outcome("1.8.2", "1.8.2", 412_000_000)
    offered = _page(_known(*started))
    assert (offered.preload, offered.action) == ("offered", PrimaryAction.PLAY)
    started += [
        Accepted(commands.Preload(NAME), 7),
        snapshot(installed(offered_version="1.8.2", preload="offered", job=7, verb=Verb.PRELOAD)),
    ]
    busy = _page(_known(*started))
    assert (busy.preload, busy.action) == ("", PrimaryAction.STOP)
    here = _page(_known(*started, Finished(7, NAME, outcome), *messages("preloaded")))
    assert (here.preload, here.result, here.result_verb) == ("here", outcome, Verb.PRELOAD)


def test_the_sizes_of_a_step_back_or_of_a_title_that_went_are_not_those_of_an_update() -> None:
    back, volume = Planned(7, NAME, "1.9.0", "1.8.2", TOTALS), replace(NO_SOURCE, code="disk.volume")
    newest = installed(version="1.9.0", job=7, verb=Verb.ROLLBACK)
    known = _up(newest, Accepted(commands.Rollback(NAME), 7), back)
    assert _page(known).plan == TOTALS, "while it runs"
    for message in (Failed(7, NAME, volume), snapshot(installed(version="1.9.0"))):
        known = state.apply(known, message)
    assert _page(known).plan is None
    update = _up(installed(), Planned(5, NAME, "1.8.2", "1.9.0", TOTALS))
    assert _page(update).plan == TOTALS
    gone = state.apply(update, snapshot(title("emberfall", "Emberfall", offered_version="1.9.0")))
    assert _page(gone).plan is None, "an install takes more"


def test_playing_does_not_wipe_out_how_the_update_went() -> None:
    known = _known(*messages("playable"), Accepted(commands.Play(NAME), 8), Finished(8, NAME, Outcome()))
    result = _page(known).result
    assert result is not None
    assert result.planned_bytes == 412_000_000


def test_a_failure_is_there_until_it_is_read_or_tried_again() -> None:
    known = _known(*messages("failed"))
    assert _page(known).failure == NO_SOURCE
    assert page.page_of(known, installed()).failure == NO_SOURCE
    assert _page(state.dismiss(known, NAME)).failure is None
    assert page.retry(known, installed()) == commands.Update(NAME)
    server_only = page.retry(known, installed(), server_only=True)
    assert isinstance(server_only, commands.Update) and server_only.network.server_only
    again = state.apply(known, Accepted(commands.Update(NAME), 8))
    assert again.activity(NAME).failure is None


def test_a_plan_that_succeeds_takes_the_error_of_an_older_one_away() -> None:
    plan = commands.Install(NAME, "there", only="plan")
    failed = (Accepted(plan, 5), Failed(5, NAME, NO_SOURCE), Accepted(plan, 6))
    known = _up(title("emberfall", "Emberfall", offered_version="1.9.0"), *failed)
    assert _page(known).failure == NO_SOURCE
    for message in (Planned(6, NAME, "", "1.9.0", TOTALS), Finished(6, NAME, Outcome())):
        known = state.apply(known, message)
    assert (_page(known).failure, _page(known).plan) == (None, TOTALS)


def test_a_game_that_closed_at_once_can_be_updated_and_played_again() -> None:
    closed = replace(NO_SOURCE, code="content.closed", exit_code=5)
    known = _up(installed(), Accepted(commands.Play(NAME), 7), Finished(7, NAME, Outcome()), Failed(0, NAME, closed))
    assert (_page(known).failure, _page(known).action) == (closed, PrimaryAction.UPDATE)
    assert _page(known).can_play
    assert page.plan_to_request(known, NAME) == commands.Update(NAME, only="plan")


def test_a_cancelled_job_is_no_failure() -> None:
    known = _up(installed(), Accepted(commands.Update(NAME), 7), Failed(7, NAME, None))
    assert _page(known).failure is None


def test_after_a_restart_trying_again_goes_on_with_what_was_begun() -> None:
    assert page.retry(State(), installed()) == commands.Update(NAME)
    begun = title("emberfall", "E", folder="there", tags=("lang:de",))
    assert page.retry(State(), begun) == commands.Install(NAME, "there", "live", ("lang:de",))


def test_a_refused_command_is_a_failure_and_a_refused_question_is_none() -> None:
    busy = replace(NO_SOURCE, code="busy.title")
    assert _up(installed(), Refused(commands.Update(NAME), busy)).activity(NAME).failure == busy
    assert _up(installed(), Refused(commands.Update(NAME, only="plan"), busy)).activity(NAME).failure is None


def test_another_engine_counts_its_jobs_anew() -> None:
    known = _known(*messages("updating"), LinkChanged(Link.LOST, LOST))
    assert known.link_failure == LOST
    known = state.apply(known, LinkChanged(Link.UP))
    assert (known.jobs, known.activity(NAME).progress, known.link_failure) == ({}, None, None)


def test_a_title_whose_files_changed_wants_repair() -> None:
    known = _up(installed(version="1.9.0"), Notice(0, NAME, "its files changed"))
    assert _page(known).action is PrimaryAction.REPAIR


# ---------------------------------------------------------------- feeds and settings


def test_a_feed_is_looked_at_added_and_what_is_wrong_with_it_forgotten() -> None:
    found = FeedSnapshot("demo", "https://example.org", "ab" * 32)
    look = commands.AddFeed("https://example.org", only="look")
    known = _known(LinkChanged(Link.UP), Accepted(look, 1), FeedFound(1, "", found), Finished(1, "", Outcome()))
    assert known.found_feed == found
    known = state.apply(known, Refused(look, NO_SOURCE))
    assert known.problems == {"+": NO_SOURCE}
    assert state.apply(known, Accepted(look, 2)).problems == {}
    read = _known(Accepted(commands.RefreshFeed("demo"), 3), Failed(3, "", NO_SOURCE))
    assert read.problems == {"demo": NO_SOURCE}
    read = state.apply(state.apply(read, Accepted(commands.RefreshFeed("demo"), 4)), Finished(4, "", Outcome()))
    assert read.problems == {}
    wrong = _known(Refused(commands.ChangeSetting("listen_port", "x"), NO_SOURCE))
    assert wrong.problems == {"=": NO_SOURCE}


def test_a_plan_is_asked_for_once_and_only_at_rest() -> None:
    known = _up(installed())
    assert page.plan_to_request(known, NAME) == commands.Update(NAME, only="plan")
    assert page.plan_to_request(_up(installed(version="1.9.0")), NAME) is None
    assert page.plan_to_request(_up(installed(paused=True)), NAME) is None
    died = Failure("internal.job_died", "", "", "", 1)
    assert page.plan_to_request(_up(installed(failure=died)), NAME) is None
    assert page.plan_to_request(_up(installed(job=3, verb=Verb.VERIFY)), NAME) is None
    assert page.plan_to_request(_known(*messages("ready")), NAME) is None
    assert page.plan_to_request(state.apply(known, Accepted(commands.RefreshFeed("demo"), 1)), NAME) is None
    assert page.plan_to_request(_known(*messages("lost")), NAME) is None
    assert page.plan_to_request(known, "demo/nothing") is None


def test_the_options_are_those_that_make_sense() -> None:
    assert MenuAction.ROLLBACK in _page(_up(installed())).menu_actions
    assert MenuAction.ROLLBACK not in _page(_up(installed(previous_version=""))).menu_actions
    assert _page(_up(title("emberfall", "E", offered_version="1"))).menu_actions == frozenset()
    assert _page(_up(installed(playing=True))).menu_actions == frozenset()


def test_a_missing_folder_is_a_failure_until_it_is_back() -> None:
    missing = replace(NO_SOURCE, code="disk.folder_missing")
    gone = installed(installed=False, folder_missing=True, failure=missing)
    failed = _up(gone, Failed(7, NAME, missing))
    assert _page(failed).menu_actions == {MenuAction.FORGET}
    assert (_page(failed).failure, _page(failed).can_play) == (missing, False)
    back = state.apply(failed, snapshot(installed()))
    assert _page(back).failure is None
    other = state.apply(failed, Failed(8, NAME, NO_SOURCE))
    assert _page(other).failure == missing, "what the engine sees now counts"


def test_why_a_missing_folder_was_not_located_is_said_until_it_is_back() -> None:
    missing, refused = replace(NO_SOURCE, code="disk.folder_missing"), replace(NO_SOURCE, code="disk.not_empty")
    gone = installed(installed=False, folder_missing=True, failure=missing)
    located = Accepted(commands.Install(NAME, "there", locate=True), 7)
    failed = _up(gone, located, Failed(7, NAME, refused))
    assert _page(failed).failure == refused
    assert _page(state.apply(failed, snapshot(installed()))).failure is None


def test_space_on_the_drive_of_the_home_is_not_asked_of_that_of_the_game() -> None:
    planned = Planned(5, NAME, "1.8.2", "1.9.0", Totals(peak_extra_bytes=500, home_bytes=200))
    assert _page(_up(installed(), planned), 300).action is PrimaryAction.UPDATE
    assert _page(_up(installed(), planned), 299).needed_bytes == 300


def test_a_change_alone_changes_nothing() -> None:
    assert state.apply(State(), Changed()) == State()
    assert state.apply(State(), Snapshot("1", 1, "h", 0)).title("nothing") is None


@pytest.mark.parametrize(
    ("command", "version", "verb"),
    [
        (commands.Uninstall(NAME), "", Verb.CANCEL),
        (commands.Uninstall(NAME), "1.8.2", Verb.UNINSTALL),
        (commands.Uninstall(NAME, forget=True), "", Verb.UNINSTALL),
    ],
)
def test_an_install_that_was_given_up_is_called_cancelled_and_not_uninstalled(
    command: commands.Uninstall, version: str, verb: Verb
) -> None:
    known = _up(installed(paused=True), Accepted(command, 7), Finished(7, NAME, Outcome(version)))
    assert known.activity(NAME).verb is verb
