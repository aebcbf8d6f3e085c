"""Servers and clients of Debian that `make setup` unpacked, or that the machine has."""

import os
import shutil
import sys
from pathlib import Path

FOLDER = Path(sys.prefix) / "debian/bin"
SEARCHED = os.pathsep.join((str(FOLDER), os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
"""As PATH: a program that setup unpacked comes first."""


def program(name: str) -> str:
    """Its path."""
    found = shutil.which(name, path=SEARCHED)
    assert found is not None, f"{name} is not here: make setup"
    return found
