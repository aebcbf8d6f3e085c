"""Nothing that comes from outside is trusted for what it says. `make prove` takes 100,000 mutants of each."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from patcher import processes
from patcher.update.decode import MEMORY_BYTES
from tests.support import mutants

COUNT = 400


@pytest.fixture(scope="module")
def decoder() -> Iterator[ProcessPoolExecutor]:
    with processes.pool(1, MEMORY_BYTES) as pool:
        pool.submit(len, ()).result()  # its threads are there before the first test
        yield pool


@pytest.mark.parametrize("target", mutants.TARGETS)
def test_mutants_are_refused_or_keep_to_bounds(decoder: ProcessPoolExecutor, tmp_path: Path, target: str) -> None:
    assert mutants.run(decoder, target, tmp_path, COUNT, seed=7).more_bytes < mutants.MORE_BYTES
