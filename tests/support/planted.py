"""The slow proof that each promise of trust is guarded by a test: take away the line that keeps it, and one fails.

    python -m tests.support.planted [--only NAME ...]

Each bug is one small change to a copy of the checkout. The test that is to find it passes without the bug and must fail
with it. A row whose line of code has changed is an error: mend it with the code, so that the table stays true.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.gates import sources


@dataclass(frozen=True, slots=True)
class Planted:
    """A bug: what the text ``old``, which stands once in a file of the engine, becomes, and the test that finds it."""

    name: str
    file: str
    old: str
    new: str
    test: str


_JOURNEY = "tests/journeys/test_planted.py::test_"
_FOLDER = "tests/install/test_folder.py::test_"
_FORGED = "tests/journeys/test_forged.py::test_"
_SAID = _FORGED + "a_changed_description_is_said_and_only_repair_and_uninstall_act_on_the_folder"
_BOMBS = "tests/update/test_bombs.py::test_"
_ENGINE = "tests/engine/test_engine.py::test_"
_FLOOR = "tests/feed/test_guard.py::test_"
_ROTATION = "tests/publish/test_rotation.py::test_"
_PLAY = "tests/install/test_launch.py::test_what_is_not_as_released_is_refused_and_not_started"
_WATCHDOG = "tests/transfer/origin/test_watchdog.py::test_"
_BUDGETS = "tests/serve/test_budgets.py::test_"

LINKS = (
    Planted("folders on the way may be links", "beneath.py",
        "os.open(part, _FOLDER | _NO_LINK, dir_fd=folder)", "os.open(part, _FOLDER, dir_fd=folder)",
        "tests/test_disk.py::test_no_way_leads_over_a_link"),
    Planted("another folder in its place is taken for ours", "beneath.py", "base.check(os.fstat(folder))", "pass",
        _FOLDER + "a_folder_that_takes_the_place_of_another_is_not_taken_for_it"),
    Planted("a file with a second name is written", "beneath.py",
        "return stat.S_ISREG(found.st_mode) and found.st_nlink <= 1", "return stat.S_ISREG(found.st_mode)",
        _FOLDER + "a_lock_file_with_a_second_name_is_not_written"),
    Planted("a tree is removed through links", "disk.py",
        "if stat.S_ISDIR(each.st_mode) and beneath.is_folder(inner):", "if path_of(inner).is_dir():",
        "tests/test_disk.py::test_folders_are_made_with_parents_and_removed_with_all_below"),
    Planted("links for our folders are not looked for", "install/folder.py",
        "for folder in (*folders, *inner):", "for folder in ():",
        _FOLDER + "what_stands_for_one_of_our_folders_is_named_before_anything_changes"),
    Planted("fields of a journal may be anything", "install/journal.py", "if not is_right:", "if False:",
        "tests/install/test_journal.py::test_a_journal_that_is_not_exactly_as_ours_are_is_not_followed"),
    Planted("paths of a journal may lead out", "install/journal.py", "    check_paths(_paths(operations))\n", "",
        "tests/install/test_journal.py::test_a_journal_that_leads_out_of_the_folder_is_not_obeyed"),
    Planted("a journal may place files where it makes no folder", "install/journal.py",
        "    if not {path.rpartition", "    if False and not {path.rpartition",
        "tests/install/test_journal.py::test_a_journal_that_is_not_exactly_as_ours_are_is_not_followed"),
    Planted("the mode of a file with a second name is changed", "install/conflicts.py",
        "if found.st_nlink > 1:", "if False:",
        "tests/install/test_commit.py::test_a_mode_is_not_changed_of_a_file_that_may_be_somebodys_too"),
)  # fmt: skip
LAUNCHERS = (
    Planted("a version starts because it lies there", "versions.py",
        "return [each for each in found if not faults[each.name]], {n", "return found, {n",
        "tests/test_stub.py::test_nothing_starts_because_it_lies_there"),
    Planted("a version's program may be anywhere", "versions.py",
        "argv[0] in files and all(map(_is_inside, files))", "True",
        "tests/test_stub.py::test_nothing_starts_because_it_lies_there"),
    Planted("a launcher goes back to an older version", "update/self_update.py", "    if is_older:", "    if False:",
        "tests/journeys/test_self_update.py::test_a_launcher_never_goes_back_to_an_older_version"),
    Planted("the pinned root is not asked for", "feed/feeds.py",
        "return dataclasses.replace(pin, fingerprint=ours.fingerprint)", "return pin",
        "tests/launcher/test_own.py::test_the_engine_adds_no_other_feed_and_the_own_one_only_by_its_root"),
)  # fmt: skip
STAGED = (
    Planted("staged files with a second name are counted on", "install/scan.py",
        "if each and beneath.is_own(each)}", "if beneath.is_file(folder / name)}",
        "tests/install/test_scan.py::test_only_a_file_of_our_own_counts_as_staged"),
    Planted("staged links and second names are kept", "update/staging.py",
        "elif name not in names or not (found and beneath.is_own(found)):", "elif name not in names:",
        _JOURNEY + "what_stands_for_a_staged_file_keeps_no_update_from_its_end"),
    Planted("a download is opened before it is ours", "update/staging.py",
        "                disk.Staged(paths[-1], entry.size_bytes).close()", "                pass",
        "tests/update/test_download.py::test_nothing_is_fetched_into_what_is_not_a_file_of_our_own"),
    Planted("a download goes by the path", "beneath.py",
        'return f"{_DESCRIPTORS}/{self._folders[folder]}/{where.name}"', "return str(where)",
        "tests/transfer/test_fetch.py::test_a_folder_that_is_swapped_for_a_link_meanwhile_is_not_followed"),
)  # fmt: skip
GENUINE = (
    Planted("a description counts without a signature", "install/genuine.py",
        "return installed if installed and registry.is_signed(title, installed.release) else None", "return installed",
        _SAID + "[another launch]"),
    Planted("any signed release proves every other", "install/registry.py",
        'title = ? AND digest = ?", *known)', 'title = ?", title)',
        _SAID + "[another launch]"),
    Planted("a release of the feed proves another with its number", "install/genuine.py",
        "            if signed == described.release:", "            if signed:", _SAID + "[an earlier sequence]"),
    Planted("a changed description says what is ours", "install/genuine.py",
        "return installed or (_last(", "return _described(install.folder.current) or (_last(",
        _SAID + "[files of the player]"),
    Planted("what was put into one folder counts in another", "install/genuine.py",
        "known is None or known.folder.path != install.folder.path or", "known is None or",
        _FORGED + "what_was_put_into_one_folder_says_nothing_of_another"),
    Planted("any tags of a folder are taken over", "install/genuine.py",
        "tags=tuple(tag for tag in installed.tags if tag in tags)", "tags=installed.tags",
        _FORGED + "the_choices_in_a_folder_that_is_handed_over_count_as_far_as_the_feed_knows_them"),
    Planted("a commit begins before its release is known", "update/pipeline.py",
        "            self._registry.note_signed(title, target.release, placed=True)", "            pass",
        _FORGED + "a_release_is_known_as_genuine_before_its_commit_can_be_interrupted"),
    Planted("play takes a changed description", "engine/engine.py",
        "installed = genuine.required(self._registry, install)\n        known",
        "installed = genuine.installed(self._registry, install)\n        known",
        _SAID + "[another launch]"),
    Planted("a step back takes a changed description", "update/command_runner.py",
        "before = genuine.proved(self._registry, command.title, previous)",
        "before = genuine._described(previous)",
        _FORGED + "a_changed_previous_release_is_no_step_back_and_goes_with_the_next_update"),
    Planted("a changed description is offered", "seeding/seeder.py",
        "genuine.proved(registry, install.title, install.folder.current)", "genuine._described(install.folder.current)",
        "tests/seeding/test_seeder.py::test_a_title_whose_description_nobody_signed_is_not_offered"),
)  # fmt: skip
COSTS = (
    Planted("a packed document unfolds without end", "content/codec.py",
        "    max_bytes = min(max_bytes, MAX_RATIO * len(data))\n", "",
        _BOMBS + "small_signed_documents_cost_an_engine_little_memory[manifest]"),
    Planted("a manifest delta unfolds without end", "content/codec.py",
        "if ref.size_bytes > len(old) + MAX_RATIO * len(delta):", "if False:",
        _BOMBS + "a_manifest_delta_unfolds_to_the_old_manifest_and_sixteen_times_its_size"),
    Planted("paths of a tree unfold without end", "content/file_tree.py", "if self._room < 0:", "if False:",
        "tests/content/test_file_tree.py::test_paths_that_take_too_much_are_refused_before_all_are_there"),
    Planted("each wanted piece is a range of its own", "update/planning/plan.py",
        "costs.without(layout.pieces(file), mine.held)",
        "[range(n, n + 1) for n in layout.pieces(file) if n not in mine.held]",
        "tests/update/planning/test_plan.py::test_pieces_side_by_side_are_one_run"),
    Planted("JSON of any depth is read", "strict_json.py", "    _check_depth(data)\n", "",
        "tests/test_strict_json.py::test_what_is_no_plain_json_is_a_value_error_and_nothing_else"),
    Planted("a job may kill the engine three times", "engine/jobs.py", "MOST_DEATHS = 2\n", "MOST_DEATHS = 3\n",
        _ENGINE + "a_job_with_which_the_engine_died_twice_waits_for_the_player"),
    Planted("a job that ends counts as a death", "engine/jobs.py",
        "            if job.command.verb.waits:\n                self._registry.end(job.title)\n", "",
        _ENGINE + "a_job_with_which_the_engine_died_once_goes_on_by_itself"),
    Planted("a job that begins is not counted", "engine/jobs.py",
        "                self._registry.begin(job.title)", "                pass",
        _ENGINE + "an_engine_that_closes_did_not_die_with_its_job"),
    Planted("one damaged install stops the engine", "engine/engine.py",
        "except Exception as error:  # noqa: BLE001 - what lies", "except ShoalError as error:  # what lies",
        _ENGINE + "an_install_that_cannot_be_recovered_stops_no_other"),
    Planted("a client hears nothing of a call that died", "engine/server.py",
        "except Exception as error:  # noqa: BLE001 - the client", "except ShoalError as error:  # the client",
        _ENGINE + "whatever_a_call_dies_of_is_its_answer"),
)  # fmt: skip
KEYS = (
    Planted("new keys do not end a fast-forward", "feed/verified.py", " and not is_of(name, renewed)", "",
        _FLOOR + "new_keys_in_a_new_root_end_a_fast_forward"),
    Planted("new keys forget no old versions", "feed/trust.py", "known.signed_at, gone)", "known.signed_at)",
        _FLOOR + "new_keys_in_a_new_root_end_a_fast_forward"),
    Planted("delegated roles go with the targets", "feed/verified.py",
        'else "snapshot") in roles', 'else "targets") in roles', _FLOOR + "new_keys_in_a_new_root_end_a_fast_forward"),
    Planted("a key that is only added renews a role", "feed/verified.py",
        "return len(set(before.keyids) & set(now.keyids)) < now.threshold",
        "return set(before.keyids) != set(now.keyids)",
        _FLOOR + "a_key_that_is_only_added_opens_no_way_back"),
    Planted("old new keys renew a role again", "feed/verified.py",
        "before = self._roots.get(version)", "before = next(iter(self._roots.values()))",
        _FLOOR + "what_was_signed_before_new_keys_cannot_come_back"),
    Planted("an impossible version is kept", "feed/trust.py", "            check_versions(data)", "            pass",
        _FLOOR + "an_impossible_version_does_not_reach_the_floor"),
    Planted("new keys forget again and again", "feed/guard.py",
        "name = 'root.json') < :root", "name = 'root.json') <= :root",
        _FLOOR + "new_keys_forget_the_old_versions_once"),
    Planted("an older role on the disk is not noticed", "feed/trust.py",
        "return bool(behind(versions, floor, known.renewed_since(floor.get(ROOT, 0))))", "return False",
        _FLOOR + "an_older_role_on_the_disk_is_noticed_and_still_read"),
    Planted("a new root is written too early", "publish/repository.py",
        "if root and not all(map(ring.has, online)):", "if root:",
        _ROTATION + "killed_at_every_step_the_same_command_goes_on"),
    Planted("old players cannot read a new timestamp", "publish/repository.py",
        'sign(root, "timestamp", timestamp, ring, roots[-1])', 'sign(root, "timestamp", timestamp, ring)',
        _ROTATION + "killed_at_every_step_the_same_command_goes_on"),
    Planted("the timestamp key stays", "publish/rotation.py",
        '_named(repo, {*order.names, "timestamp"})', "_named(repo, order.names)",
        _ROTATION + "old_and_new_players_read_on_and_the_timestamp_key_is_always_new"),
    Planted("old holders do not sign for new ones", "publish/signing.py",
        "(now,) if before == now else (now, before))", "(now,))",
        _ROTATION + "another_holders_key_takes_the_old_threshold_and_the_new"),
    Planted("whatever asks for signatures is signed", "publish/rotation.py",
        "signing.adopt(request, wanted, repo, now) if request else wanted", "request or wanted",
        _ROTATION + "a_planted_request_is_not_signed"),
)  # fmt: skip
PLAYED = (
    Planted("play starts the player's own files", "install/launch.py",
        "for part in installed.parts if not part.defaults]", "for part in installed.parts]",
        _PLAY + "[a_program_of_the_players_own_settings]"),
    Planted("play starts other bytes of the same size", "install/launch.py",
        "is_sized and (is_known or scan.root_of(program, watch) == entry.root)", "is_sized",
        _PLAY + "[other_bytes_of_the_same_size]"),
    Planted("play starts what nobody verified beside damaged manifests", "install/launch.py",
        "is_right = is_known", "is_right = True",
        _PLAY + "[a_changed_program_beside_damaged_manifests]"),
    Planted("a damaged root is replaced by any other", "feed/trust.py",
        "if (found := hashlib.sha256(data).hexdigest()) != self.fingerprint:", "if not data:",
        "tests/feed/test_trust.py::test_a_damaged_root_is_fetched_again_and_no_other_takes_its_place"),
    Planted("a lost registry takes its floors along unsaid", "engine/restored.py",
        "        feeds.raise_floors()\n", "",
        "tests/engine/test_restored.py::test_a_lost_registry_is_made_anew_with_what_this_home_chose"),
    Planted("play starts in folders behind links", "install/launch.py",
        "place = _place(folder.root, command.cwd)", "place = folder.root / command.cwd",
        _PLAY + "[a_folder_to_start_in_that_is_a_link]"),
    Planted("a link to a private folder is private", "private.py",
        "status = os.lstat(folder)", "status = os.stat(folder)",
        "tests/test_private.py::test_a_folder_is_private_when_nobody_else_may_enter_it[a link to one of ours]"),
    Planted("a home is ours before we look whose it is", "config.py",
        "self.check()\n        disk.set_private(self.root)", "disk.set_private(self.root)\n        self.check()",
        "tests/test_private.py::test_an_engine_does_not_close_the_home_of_another_user_to_its_owner"),
    Planted("a client waits for an engine for ever", "engine/client.py",
        "            door.setsockopt(socket.SOL_SOCKET, option, limit)", "            pass",
        "tests/engine/test_client.py::"
        "test_an_engine_that_falls_silent_at_any_word_of_its_greeting_is_named[half a word]"),
    Planted("a key is wrapped weakly", "publish/keys/wrapping.py", "ROUNDS = 600_000\n", "ROUNDS = 2_048\n",
        "tests/publish/keys/test_wrapping.py::test_a_guess_costs_as_many_rounds_as_are_advised"),
    Planted("a key that lies elsewhere is copied", "publish/keys/ring.py",
        "disk.write_atomic(path.resolve(), ", "disk.write_atomic(path, ",
        "tests/publish/keys/test_ring.py::test_a_key_that_lies_elsewhere_is_wrapped_where_it_lies"),
)  # fmt: skip
OTHERS = (
    Planted("an engine without a home goes on", "engine/server.py",
        "return error.errno not in (errno.ENOENT, errno.ENOTDIR)", "return True",
        "tests/engine/test_server.py::test_an_engine_whose_home_is_gone_ends_with_all_it_offers[home removed]"),
    Planted("an update may lead below what is allowed", "feed/feeds.py",
        "return release.sequence >= self.reader.channel(release.title, channel).not_below", "return True",
        "tests/journeys/test_too_old.py::test_no_update_leads_below_it"),
    Planted("a step back does not ask when nobody knows", "update/command_runner.py",
        "install.channel, unknown=False)", "install.channel, unknown=True)",
        "tests/journeys/test_too_old.py::test_a_step_back_asks_too_when_nobody_knows_what_is_allowed"),
    Planted("two homes write in one install", "install/folder.py", "            if other:\n", "            if False:\n",
        _FOLDER + "an_install_has_one_writer_and_the_other_hears_who"),
    Planted("what others say reaches a terminal as it is", "cli/output.py",
        "self._console.print(plain(text))", "self._console.print(text)",
        "tests/cli/test_output.py::test_people_see_what_is_there_and_nothing_happens"),
    Planted("names of emoji become others' text", "cli/output.py", ", markup=False, emoji=False)", ", markup=False)",
        "tests/cli/test_output.py::test_people_see_what_is_there_and_nothing_happens"),
    Planted("JSON reaches a terminal as it is", "plain.py",
        "return _HIDDEN.sub(lambda found: json.dumps(found[0])[1:-1], text)", "return text",
        "tests/cli/test_output.py::test_scripts_get_the_text_itself_in_json_that_is_as_plain"),
)  # fmt: skip
SERVERS = (
    Planted("any byte is progress", "transfer/origin/retry.py", "        if is_enough:", "        if size_bytes:",
        _WATCHDOG + "a_server_that_brings_nothing_is_given_up_in_35_seconds"),
    Planted("the first server may take all the time", "transfer/origin/retry.py",
        "self._stall.left_s / sum(self._tries[url] <= most for url in self._urls)", "self._stall.left_s",
        "tests/transfer/origin/test_retry.py::test_the_last_of_many_origins_still_gets_its_share"),
    Planted("servers may ask for any wait", "transfer/origin/retry.py",
        "not backs_off and rest_s > self._stall.rest_left_s + LOOK_S", "False",
        "tests/transfer/origin/test_turns.py::test_all_waits_together_are_bounded_until_something_comes"),
    Planted("connections that wait at the same time wait twice", "transfer/origin/retry.py",
        "passed = max(0.0, now - max(since, self._until))", "passed = now - since",
        _WATCHDOG + "connections_that_wait_at_the_same_time_wait_once"),
    Planted("a handshake is not watched", "transfer/origin/dialling.py", "context.sslsocket_class = _TlsSocket", "pass",
        "tests/transfer/origin/test_dialling.py::test_a_cancel_ends_the_wait_wherever_it_is[handshake]"),
    Planted("the first address may take all the time", "transfer/origin/dialling.py",
        "share_s = now_s + (until_s - now_s) / (len(allowed) - number)", "share_s = until_s",
        "tests/transfer/origin/test_dialling.py::test_no_address_takes_the_time_of_the_others"),
    Planted("a network has no budget", "serve/budgets.py",
        "return address[: 3 if len(address) == IPV4_BYTES else 6]", "return host_of(address)",
        _BUDGETS + "one_host_or_network_never_keeps_others_out"),
    Planted("each address of a /64 has a budget", "serve/budgets.py",
        "return address[: 4 if len(address) == IPV4_BYTES else 8]", "return address[:-2]",
        _BUDGETS + "one_host_or_network_never_keeps_others_out"),
    Planted("who leaves keeps their place", "serve/peers.py",
        "        self._places.free(address)\n        self._places_in_swarm.free(address, info_hash)\n", "",
        _BUDGETS + "who_leaves_or_is_forgotten_gives_the_budget_back"),
    Planted("who is refused by a swarm keeps their place", "serve/peers.py",
        "            self._places.free(address)\n            return False", "            return False",
        _BUDGETS + "a_place_that_a_swarm_refuses_is_free_for_another_swarm"),
    Planted("a scrape is not counted", "serve/tracker.py",
        "            self._note_ask(asker, int(self._clock()))\n", "",
        _BUDGETS + "one_host_or_network_never_takes_all_the_time"),
    Planted("a connection id lives on", "serve/tracker.py", "return age <= _ID_LIFE_S and hmac", "return hmac",
        "tests/serve/test_tracker.py::test_a_connection_id_belongs_to_an_address_and_to_two_minutes"),
    Planted("a tracker answers more than it is asked", "serve/tracker.py",
        "return error if is_proven or len(error) <= len(packet) else None", "return error",
        "tests/serve/test_tracker.py::test_nobody_can_be_flooded_with_our_answers"),
    Planted("a connection to a tracker lives on", "serve/tracker.py", ", life_s=CONNECTION_S, ", ", ",
        "tests/serve/test_http_hostile.py::test_nobody_keeps_a_connection_of_a_tracker_for_himself"),
)  # fmt: skip
CONSENT = (
    Planted("a port is open with nothing to give or fetch", "transfer/swarm/policy.py",
        'listens = (fetched, offered) != ("none", "none")', 'listens = allowed.peers != "none"',
        "tests/transfer/swarm/test_policy.py::test_which_doors_are_open"),
    Planted("a port stays open when all is let go", "transfer/swarm/session.py",
        "offer.is_good = False\n        self._apply_ports()", "offer.is_good = False",
        "tests/transfer/test_consent.py::test_a_port_is_open_only_for_what_is_fetched_or_may_be_given"),
    Planted("what was fetched is offered to everybody", "transfer/swarm/session.py",
        "self._filter.apply(scope, ", 'self._filter.apply("all", ',
        "tests/transfer/test_consent.py::test_what_was_fetched_from_everybody_is_offered_to_whom_the_player_chose"),
    Planted("a month that cannot be read is unused", "seeding/seeder.py",
        "return cap", "return 0",
        "tests/update/test_gone.py::test_a_month_that_cannot_be_read_is_used_up"),
    Planted("what is not installed any more is offered", "seeding/seeder.py",
        "self._forget(self._titles.keys() - {install.title for install in installs})", "pass",
        "tests/update/test_gone.py::test_what_is_removed_is_withdrawn_from_those_who_download_it"),
)  # fmt: skip
PLANTED = (*LINKS, *LAUNCHERS, *STAGED, *GENUINE, *COSTS, *KEYS, *PLAYED, *OTHERS, *SERVERS, *CONSENT)

_ROOM = "patcher"
_MOST_S = 240.0
"""For the tests of one bug. Two run at a time."""
_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Run:
    """How tests ended. Only a test that failed counts: none that could not be read, was not there, or was skipped."""

    code: int
    output: str
    seconds: float

    @property
    def failed(self) -> str:
        """The first test that failed, and of what; empty for none."""
        lines = (line for line in self.output.splitlines() if line.startswith("FAILED "))
        return next(lines, "") if self.code == 1 else ""


def changed(bug: Planted, text: str) -> str:
    """The file with the bug in it. Raises ValueError unless the row fits the file and what comes of it is Python."""
    count = text.count(bug.old)
    if count != 1:
        raise ValueError(f"{bug.name}: what is to change stands {count} times in {_ROOM}/{bug.file}")
    text = text.replace(bug.old, bug.new)
    compile(text, bug.file, "exec")
    return text


@contextmanager
def checkout() -> Iterator[Path]:
    """A folder with a copy of the project as it is now, and room for others beside it."""
    with tempfile.TemporaryDirectory(prefix="shoal-planted-") as folder:
        for file in sources.files():
            target = Path(folder, "sound", file)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(sources.ROOT / file, target)
        yield Path(folder, "sound")


def run(root: Path, tests: Sequence[str], *options: str, most_s: float = _MOST_S) -> Run:
    """Run tests on the copy ``root``."""
    started_s, said = time.monotonic(), root.with_name(root.name + ".log")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *options, *tests]
    told = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
    told["PYTHONPATH"] = str(root)  # before the checkout itself, for the engines too that tests start
    with said.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=root, env=told, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            code = process.wait(most_s)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            code = process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
    return Run(code, said.read_text(errors="replace"), time.monotonic() - started_s)


def plant(sound: Path, bug: Planted) -> Run:
    """Run the bug's tests on a copy that has it."""
    with tempfile.TemporaryDirectory(prefix="bug-", dir=sound.parent) as folder:
        root = Path(folder, "buggy")
        shutil.copytree(sound, root)
        file = root / _ROOM / bug.file
        file.write_text(changed(bug, file.read_text("utf-8")), "utf-8")
        return run(root, [bug.test], "-n", "0")


def prove(bugs: Sequence[Planted]) -> list[Planted]:
    """Plant each bug by itself, and say what came of it; those that no test found. Raises ValueError: no proof."""
    for bug in bugs:
        changed(bug, (sources.ROOT / _ROOM / bug.file).read_text("utf-8"))
    missed = []
    with checkout() as sound, ThreadPoolExecutor(_AT_ONCE) as pool:
        tests = list(dict.fromkeys(bug.test for bug in bugs))
        before = run(sound, tests, "-n", str(_AT_ONCE), most_s=2 * _MOST_S)
        if before.code:
            raise ValueError(f"the tests fail without a bug:\n{before.output[-4000:]}")
        _say(f"{len(tests)} tests pass without a bug ({before.seconds:.0f} s)")
        for bug, ended in zip(bugs, pool.map(lambda bug: plant(sound, bug), bugs), strict=True):
            _say(f"{'found ' if ended.failed else 'MISSED'} {ended.seconds:4.0f} s  {bug.name}")
            if not ended.failed:
                missed.append(bug)
                _say(ended.output[-2000:])
    return missed


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    """Plant all bugs, or those named."""
    parser = argparse.ArgumentParser(description="Each promise of trust is guarded by a test.")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=[bug.name for bug in PLANTED])
    only, started_s = parser.parse_args().only, time.monotonic()
    bugs = [bug for bug in PLANTED if not only or bug.name in only]
    missed = prove(bugs)
    _say(f"{len(bugs) - len(missed)} of {len(bugs)} planted bugs were found, in {time.monotonic() - started_s:.0f} s")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
