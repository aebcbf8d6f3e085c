"""Windows are decoded apart from the engine: whatever is in one, the engine lives and the files it touches are ours."""

import multiprocessing
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from patcher.content import codec
from patcher.content.native.rebase import Rebased
from patcher.content.native.sections import Read
from patcher.errors import ContentError
from patcher.publish.patches import encode
from patcher.publish.patches.native.fitting import fit
from patcher.update.decode import MEMORY_BYTES, Decoders, Map, OutputRange, Task
from tests.support import trees
from tests.support.libraries import library

_BUSY_S = 0.01
_OLD = trees.noise(1, 400_000)
_NEW = trees.edited(_OLD, 2) + trees.prose(3, 50_000)


@pytest.fixture
def task(tmp_path: Path) -> Task:
    (tmp_path / "old").write_bytes(_OLD)
    codec, data = encode.make_window(_NEW, _OLD)
    old = (((tmp_path / "old", 0, len(_OLD)), None),)
    new = (
        OutputRange(tmp_path / "first", 100_000, 0, 100_000),
        OutputRange(None, 50_000, 0, 50_000),
        OutputRange(tmp_path / "rest", len(_NEW), 150_000, len(_NEW) - 150_000),
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
        decoders.poll()
        time.sleep(_BUSY_S)


def test_a_window_goes_to_the_files_that_need_it(task: Task, tmp_path: Path) -> None:
    assert _run(task, *[replace(task, new=()) for _ in range(9)]) == 10 * len(_NEW)
    assert (tmp_path / "first").read_bytes() == _NEW[:100_000]
    assert (tmp_path / "rest").read_bytes()[150_000:] == _NEW[150_000:]


def test_a_window_whose_bytes_are_in_the_pack_cache_is_read_there(task: Task, tmp_path: Path) -> None:
    assert isinstance(task.data, bytes)
    (tmp_path / "pack").write_bytes(b"before" + task.data + b"behind")
    assert _run(replace(task, data=(tmp_path / "pack", 6, len(task.data)))) == len(_NEW)


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
        _run(replace(task, old=(((tmp_path / "huge", 0, 2 * MEMORY_BYTES), None),)))
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


def test_windows_that_are_abandoned_are_not_decoded_and_leave_no_worker(task: Task, tmp_path: Path) -> None:
    before = set(multiprocessing.active_children())
    last = replace(task, new=(OutputRange(tmp_path / "last", len(_NEW), 0, len(_NEW)),))
    with Decoders(1) as decoders:
        for each in (*[task] * 5, last):
            decoders.add(each)
    assert not decoders.is_idle
    assert not (tmp_path / "last").exists()
    assert set(multiprocessing.active_children()) == before


# ---------------------------------------------------------------- through maps


@pytest.fixture
def mapped(tmp_path: Path) -> Task:
    """A window that makes a new version of a library."""
    old, new = library(80), library(80, 3)
    fitted = fit(_bytes(old), len(old), _bytes(new), len(new))
    assert fitted
    rebased = Rebased(_bytes(old), len(old), fitted.filter, fitted.data).read(0, len(old))
    (tmp_path / "old.so").write_bytes(old)
    by = Map(fitted.filter, fitted.data, sha256(fitted.data).digest(), len(old))
    places = (OutputRange(tmp_path / "new.so", len(new), 0, len(new)),)
    window = (((tmp_path / "old.so", 0, len(old)), by),)
    return Task(
        codec.HDIFF_REBASED, encode.make_window(new, rebased)[1], window, places, len(new), sha256(new).digest()
    )


def _bytes(data: bytes) -> Read:
    return lambda offset, length: data[offset : offset + length]


def test_an_old_library_is_read_through_its_map(mapped: Task, tmp_path: Path) -> None:
    assert len(mapped.data) < 500
    _run(mapped, mapped)
    assert (tmp_path / "new.so").read_bytes() == library(80, 3)


def test_a_map_in_the_pack_cache_is_read_there(mapped: Task, tmp_path: Path) -> None:
    ((old, by),) = mapped.old
    assert by and isinstance(by.data, bytes)
    (tmp_path / "pack").write_bytes(by.data + b"behind")
    _run(replace(mapped, old=((old, replace(by, data=(tmp_path / "pack", 0, len(by.data)))),)))
    assert (tmp_path / "new.so").read_bytes() == library(80, 3)


def test_a_copy_through_a_map_is_any_stretch_of_the_file_as_the_map_moves_it(mapped: Task, tmp_path: Path) -> None:
    ((old, by),) = mapped.old
    assert by and isinstance(by.data, bytes)
    data = library(80)
    whole = Rebased(_bytes(data), len(data), by.filter, by.data).read(0, len(data))
    stretches = [(0, 10), (90_001, 20_000), (len(data) - 7, 7)]
    new = tuple(OutputRange(tmp_path / f"{at}", length, 0, length) for at, length in stretches)
    _run(Task(codec.COPY_REBASED, b"", tuple(((old[0], *each), by) for each in stretches), new, 20_017, b""))
    assert [(tmp_path / f"{at}").read_bytes() for at, _ in stretches] == [whole[a : a + n] for a, n in stretches]
    assert whole != data


def test_an_old_library_that_changed_still_gives_the_stretches_that_did_not(mapped: Task, tmp_path: Path) -> None:
    changed = bytearray(library(80))
    changed[200:208] = b"modified"
    (tmp_path / "old.so").write_bytes(changed)
    with pytest.raises(ContentError) as failure:
        _run(mapped)
    assert failure.value.code == "content.window"
    ((old, by),) = mapped.old
    assert by and isinstance(by.data, bytes)
    place = OutputRange(tmp_path / "part", 30_000, 0, 30_000)
    _run(Task(codec.COPY_REBASED, b"", (((old[0], 60_000, 30_000), by),), (place,), 30_000, b""))
    whole = Rebased(_bytes(library(80)), len(changed), by.filter, by.data).read(60_000, 30_000)
    assert (tmp_path / "part").read_bytes() == whole


@pytest.mark.parametrize("data", [b"", b"\0" * 12, b"\xff" * 12, b"\0\0\0\1" * 9, trees.noise(9, 4000)])
def test_a_map_that_is_none_is_a_bad_window(mapped: Task, data: bytes) -> None:
    ((old, by),) = mapped.old
    assert by
    for bad in (replace(by, data=data), replace(by, data=data, sha256=sha256(data).digest())):
        with pytest.raises(ContentError) as failure:
            _run(replace(mapped, old=((old, bad),)))
        assert failure.value.code == "content.window"
