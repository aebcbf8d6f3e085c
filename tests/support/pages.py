"""Runs the commands of a page of the documentation, as the people whom it names would."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.world import Shoal

_WHERE = re.compile(r"# on ([a-z0-9-]+)'s ((?:new )?machine)")
_ENDS = re.compile(r"  # ends with (\d+)$")


def section(page: str, heading: str) -> str:
    """The text of a section; that of the page without a heading."""
    text = Path("docs", page).read_text("utf-8")
    return text.partition(f"## {heading}\n")[2].partition("\n## ")[0] if heading else text


def run(text: str, folder: Path) -> list[str]:
    """Run every line of the code blocks in a folder; returns the verbs that ran.

    Each person's machine is a home of its name below ``folder``; `publisher` begins.
    """
    done, person = [], Shoal(folder / "publisher")
    for line in _lines(text):
        if found := _WHERE.fullmatch(line):
            person = Shoal(folder / (found[1] if found[2] == "machine" else f"{found[1]}-new"))
        elif line.startswith("shoal "):
            expect = int(ends[1]) if (ends := _ENDS.search(line)) else 0
            words = shlex.split(_ENDS.sub("", line))[1:]
            before = os.getcwd()
            os.chdir(folder)
            try:
                person.run(*words, expect=expect)
            finally:
                os.chdir(before)
            done.append(" ".join(words[1:3]))
        else:
            home = {**os.environ, "SHOAL_HOME": str(person.home)}
            subprocess.run(line, shell=True, cwd=folder, env=home, check=True)
    return done


def _lines(text: str) -> Iterator[str]:
    for block in text.split("```\n")[1::2]:
        yield from block.splitlines()
