"""What a disk can hold is found by trying; what it cannot is no fault of the files."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from patcher import disk
from patcher.beneath import Beneath, below
from patcher.errors import DiskError
from patcher.install import trials


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Beneath]:
    yield below(tmp_path) / "trial"
    assert os.listdir(tmp_path) == []


def refuses(number: int) -> Callable[..., None]:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


@pytest.mark.posix("modes, symlinks")
def test_this_disk_keeps_modes_and_links(trial: Beneath) -> None:
    assert trials.holds_modes(trial)
    assert trials.holds_links(trial)


def test_this_disk_keeps_names_of_the_world(trial: Beneath) -> None:
    trials.check_name(trial.parent / "日本語")


@pytest.mark.posix("modes")
@pytest.mark.parametrize("chmod", [refuses(errno.EPERM), refuses(errno.ENOTSUP), lambda *_: None])
def test_a_disk_without_modes_refuses_them_or_says_yes_and_keeps_none(
    trial: Beneath, monkeypatch: pytest.MonkeyPatch, chmod: Callable[..., None]
) -> None:
    monkeypatch.setattr(vars(disk)["os"], "fchmod", chmod)
    assert not trials.holds_modes(trial)


@pytest.mark.parametrize("symlink", [refuses(errno.EPERM), refuses(errno.ENOSYS), lambda *_, **__: None])
def test_a_disk_without_links_refuses_them_or_says_yes_and_makes_none(
    trial: Beneath, monkeypatch: pytest.MonkeyPatch, symlink: Callable[..., None]
) -> None:
    monkeypatch.setattr(vars(disk)["os"], "symlink", symlink)
    assert not trials.holds_links(trial)


def test_a_name_that_is_too_long_for_the_disk_is_said(trial: Beneath) -> None:
    with pytest.raises(DiskError) as caught:
        trials.check_name(trial.parent / ("x" * 256))
    assert caught.value.code == "disk.unsuitable"


@pytest.mark.posix("modes, symlinks")
def test_what_an_interrupted_trial_left_is_in_nobodys_way(trial: Beneath) -> None:
    for left in (trials.holds_modes, trials.holds_links):
        (trial.path / "deep").mkdir(parents=True)
        assert left(trial)


def test_a_disk_that_fails_is_an_error_and_no_answer(trial: Beneath, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vars(disk)["os"], "symlink", refuses(errno.EIO))
    with pytest.raises(DiskError):
        trials.holds_links(trial)
