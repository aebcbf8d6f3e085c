"""Nothing in patcher/ and launcher/ is there for tests alone."""

import functools

from vulture import Vulture  # type: ignore[import-untyped]  # it carries no types

from tests.gates.sources import ROOT

BY_OTHERS = {
    # Qt calls them
    "closeEvent", "dragEnterEvent", "dropEvent", "hasHeightForWidth", "isEmpty", "loadResource", "paintEvent",
    # libtorrent reads them from the parameters of a torrent
    "have_pieces", "piece_priorities", "renamed_files", "save_path", "tracker_tiers", "unfinished_pieces",
    # multiprocessing calls it
    "_new_handle",
    # tarfile writes them
    "gname", "linkname", "mtime",
    # paramiko calls them
    "get_name", "recv_ready",
    # python-tuf, requests and urllib3 call them
    "ConnectionCls", "_new_conn", "_persist_file", "cert_verify", "conn", "download_file",
    # fields that are read by a computed name, or leave as JSON
    "error_soft", "files_kept", "files_moved", "info_soft", "ok", "ok_soft", "releases_days",
    "seed_peers",
}  # fmt: skip
"""Names that nothing of ours calls."""


@functools.cache
def unused() -> dict[str, str]:
    """The names that no line of patcher/ and launcher/ uses, as far as vulture sees, and where they are defined."""
    found = Vulture()
    found.scavenge([str(ROOT / folder) for folder in ("launcher", "patcher")])
    items = (item for item in found.get_unused_code() if item.typ != "import")  # ruff knows these better
    return {item.name: f"{item.filename}:{item.first_lineno} {item.typ}" for item in items}


def test_every_name_is_used_by_the_program_itself() -> None:
    """What only a test calls is removed, or moves to tests/support."""
    assert {name: where for name, where in unused().items() if name not in BY_OTHERS} == {}


def test_every_allowance_is_still_needed() -> None:
    assert BY_OTHERS - unused().keys() == set()
