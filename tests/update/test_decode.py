"""Windows are decoded apart from the engine: whatever is in one, the engine lives and the files it touches are ours."""

import multiprocessing
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from patcher.content import delta
from patcher.errors import ContentError
from patcher.update.decode import MEMORY_BYTES, Decoders, Output, Task
from tests.support import trees

_BUSY_S = 0.01
_OLD = trees.noise(1, 400_000)
_NEW = trees.edited(_OLD, 2) + trees.prose(3, 50_000)


@pytest.fixture
def task(tmp_path: Path) -> Task:
    (tmp_path / "old").write_bytes(_OLD)
    codec, data = delta.make(_NEW, _OLD)
    old = (((str(tmp_path / "old"), 0, len(_OLD)), None),)
    new = (
        Output(str(tmp_path / "first"), 100_000, 0, 100_000),
        Output("", 50_000, 0, 50_000),
        Output(str(tmp_path / "rest"), len(_NEW), 150_000, len(_NEW) - 150_000),
    )
    return Task(codec, data, old, new, len(_NEW), sha256(_NEW).digest())


def _run(*tasks: Task) -> int:
    with Decoders() as decoders:
        for each in tasks:
            decoders.add(each)
        _wait(decoders)
        return decoders.done_bytes


def _wait(decoders: Decoders) -> None:
    while not decoders.is_idle:
        decoders.look()
        time.sleep(_BUSY_S)


def test_a_window_goes_to_the_files_that_need_it(task: Task, tmp_path: Path) -> None:
    assert _run(task, *[replace(task, new=()) for _ in range(9)]) == 10 * len(_NEW)
    assert (tmp_path / "first").read_bytes() == _NEW[:100_000]
    assert (tmp_path / "rest").read_bytes()[150_000:] == _NEW[150_000:]


def test_a_window_whose_bytes_are_in_the_pack_cache_is_read_there(task: Task, tmp_path: Path) -> None:
    assert isinstance(task.data, bytes)
    (tmp_path / "pack").write_bytes(b"before" + task.data + b"behind")
    assert _run(replace(task, data=(str(tmp_path / "pack"), 6, len(task.data)))) == len(_NEW)


def test_an_old_file_that_changed_is_noticed_before_a_byte_is_written(task: Task, tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(_OLD[:-1] + b"!")
    with pytest.raises(ContentError) as failure:
        _run(task)
    assert failure.value.code == "content.window"
    assert not (tmp_path / "first").exists()


def test_a_window_that_wants_more_memory_than_it_may_fails_alone(task: Task, tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(2 * MEMORY_BYTES)
    with pytest.raises(ContentError) as failure:
        _run(replace(task, old=(((str(tmp_path / "huge"), 0, 2 * MEMORY_BYTES), None),)))
    assert failure.value.code == "content.window"


def test_a_decoder_that_dies_is_an_error_and_no_more(task: Task) -> None:
    before = set(multiprocessing.active_children())
    with Decoders(1) as decoders:
        decoders.add(task)
        for worker in set(multiprocessing.active_children()) - before:
            worker.kill()
        with pytest.raises(ContentError) as failure:
            _wait(decoders)
    assert failure.value.code == "content.window"
