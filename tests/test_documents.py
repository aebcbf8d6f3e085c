"""What docs/publishing.md and docs/operating.md tell a newcomer to type works, and so do the units they hand out."""

import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.support.documents import DOCUMENTS, ROOT, commands, run

UNITS = sorted((ROOT / "packaging/systemd").glob("shoal-*"))
EXPOSURE = 20
"""In tenths, as `systemd-analyze security` counts: 96 is a service that may do anything."""
pytestmark = pytest.mark.posix("namespaces, systemd")


@pytest.mark.timeout(300)
def test_every_command_of_the_documents_works_in_their_order() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # its path is short enough for sockets
        done = run(Path(folder))
    assert done.returncode == 0, done.stdout[-5000:]
    (*_, ran) = commands(ROOT / DOCUMENTS[-1])
    assert f"{ran.place}: {ran.text}" in done.stdout


def test_a_command_is_a_line_of_a_block_without_a_language(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("`no`\n```\none\ntwo \\\n  three\nfour  # ends with 11\n```\n```text\nno\n```\n")
    assert [each[1:] for each in commands(page)] == [("one", 0), ("two   three", 0), ("four  # ends with 11", 11)]


def test_the_units_are_what_systemd_reads_and_may_do_little(tmp_path: Path) -> None:
    (tmp_path / "shoal").symlink_to("/bin/true")
    copies = [tmp_path / unit.name for unit in UNITS]
    for unit, copy in zip(UNITS, copies, strict=True):
        copy.write_text(unit.read_text().replace("/usr/local/bin/shoal", str(tmp_path / "shoal")))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *copies], capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    for copy in copies:
        if copy.suffix == ".service":
            words = ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", str(copy)]
            done = subprocess.run(words, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout
