"""Each module has a test file of its name, or a line here that says which file tests it."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.gates.sources import files, python_files

BY_OTHERS: Mapping[str, str] = {
    "launcher/__main__": "launcher/test_journey",
    "launcher/failures": "launcher/test_text",
    "launcher/page": "launcher/test_state",
    "launcher/prefs": "launcher/test_window",
    "launcher/roles": "launcher/test_models",
    "launcher/views/actions": "launcher/test_window",
    "launcher/views/first_run": "launcher/test_window",
    "launcher/views/layout": "launcher/test_pages",
    "launcher/views/library": "launcher/test_pages",
    "launcher/views/notes": "launcher/test_hostile",
    "launcher/views/sheet": "launcher/test_window",
    "launcher/views/title": "launcher/test_pages",
    "launcher/views/transfer": "launcher/test_pages",
    "launcher/views/widgets/": "launcher/test_widgets",
    "patcher/__main__": "engine/test_server",
    "patcher/cli/__main__": "cli/test_output",
    "patcher/cli/demo": "journeys/test_demo_titles",
    "patcher/cli/operator": "serve/test_operator",
    "patcher/cli/player": "journeys/test_updates",
    "patcher/cli/playground": "journeys/test_demo_titles",
    "patcher/cli/publisher_launcher": "launcher/test_own",
    "patcher/cli/publisher_order": "cli/test_publisher",
    "patcher/cli/publisher_preload": "journeys/test_preload",
    "patcher/cli/rehearsal_report": "cli/test_publisher_rehearse",
    "patcher/cli/tuf_client": "feed/test_tuf_client",
    "patcher/cli/verbs": "cli/test_output",
    "patcher/closing": "transfer/test_fetch",
    "patcher/content/feed_paths": "publish/test_check",
    "patcher/content/json_fields": "content/test_records",
    "patcher/content/native/": "content/native/test_references",
    "patcher/feed/catalog": "engine/test_engine",
    "patcher/feed/verified": "feed/test_guard",
    "patcher/install/conflicts": "journeys/test_planted",
    "patcher/install/genuine": "journeys/test_forged",
    "patcher/protocol/commands": "protocol/test_wire",
    "patcher/protocol/events": "protocol/test_wire",
    "patcher/publish/build": "content/test_manifest",
    "patcher/publish/keys/public": "publish/test_ceremony",
    "patcher/publish/metadata_files": "publish/test_repository",
    "patcher/publish/patches/drafts": "publish/patches/test_windows",
    "patcher/publish/patches/pool": "publish/patches/test_packs",
    "patcher/publish/patches/native/matches": "publish/patches/native/test_fitting",
    "patcher/publish/profiles": "publish/test_repository",
    "patcher/publish/store": "publish/test_release",
    "patcher/publish/summary": "publish/test_signing",
    "patcher/publish/upload/destination": "publish/upload/test_upload",
    "patcher/serve/allowlist": "journeys/test_tracker",
    "patcher/transfer/origin/shelf": "journeys/test_preload",
    "patcher/transfer/swarm/session": "transfer/test_fetch",
    "patcher/transfer/swarm/swarm": "transfer/test_fetch",
    "patcher/transfer/without_peers": "transfer/test_fetch",
    "patcher/update/command_runner": "engine/test_engine",
    "patcher/update/preload": "journeys/test_preload",
    "patcher/update/planning/costs": "update/planning/test_plan",
    "patcher/update/self_update": "journeys/test_self_update",
    "patcher/update/staging": "update/test_download",
    "patcher/versions": "test_stub",
    "patcher/volumes": "test_disk",
}
"""A module, or with a slash at its end all others of a folder, and below ``tests`` the file that tests it."""


def of_its_name(module: str) -> Path:
    """The test file of a module's name: tests mirror the rooms of patcher/, and those of the launcher are in one."""
    *rooms, name = Path(module).parts
    return Path("tests", *(rooms[1:] if rooms[0] == "patcher" else rooms[:1]), f"test_{name}.py")


def modules() -> Iterator[str]:
    """The modules as paths without an ending; a room's front page is none."""
    for path in python_files("launcher", "patcher"):
        if path.name != "__init__.py":
            yield path.with_suffix("").as_posix()


def _by_another(module: str) -> str | None:
    """The line that holds for a module: its own, or that of its folder."""
    return next((key for key in (module, f"{Path(module).parent.as_posix()}/") if key in BY_OTHERS), None)


def test_each_module_has_a_test_file() -> None:
    assert [each for each in modules() if of_its_name(each) not in files() and not _by_another(each)] == []


def test_the_files_that_test_others_are_there() -> None:
    assert [name for name in BY_OTHERS.values() if Path("tests", f"{name}.py") not in files()] == []


def test_no_line_is_left_of_a_module_that_is_gone_or_has_its_own_file() -> None:
    needed = {_by_another(each) for each in modules() if of_its_name(each) not in files()}
    assert sorted(set(BY_OTHERS) - needed) == []
