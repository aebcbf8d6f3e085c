"""An install of the old release of `crash`, on each kind of disk."""

from pathlib import Path

import pytest

from tests.support import crash
from tests.support.crash import OLD
from tests.support.ignore_case import IgnoreCase
from tests.support.windows_like import WindowsLike

_PLAYED = pytest.mark.posix("plays Windows")


@pytest.fixture(
    params=[
        "this system",
        pytest.param("windows-like", marks=_PLAYED),
        pytest.param("ignoring case", marks=_PLAYED),
        pytest.param("windows-like, ignoring case", marks=_PLAYED),
    ]
)
def kind(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each kind of disk."""
    if "windows-like" in request.param:
        WindowsLike().take_over(monkeypatch.setattr)
    if "ignoring case" in request.param:
        IgnoreCase(tmp_path).take_over(monkeypatch.setattr)
    return str(request.param)


@pytest.fixture
def game(tmp_path: Path, kind: str) -> Path:
    """An install of the old release, on each kind of disk."""
    crash.put(tmp_path / "game", OLD)
    return tmp_path / "game"
