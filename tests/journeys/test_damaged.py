"""A damaged file of Shoal's own costs what its message says, and no more. `make prove` takes every file and way."""

from collections.abc import Iterator

import pytest

from tests.support.damage import FILES, Walk


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    with Walk(tmp_path_factory.mktemp("walk")) as made:
        yield made


_SOME = [(file, own.ways[number % len(own.ways)]) for number, (file, own) in enumerate(FILES.items())]


@pytest.mark.parametrize(("file", "way"), _SOME)
def test_play_and_doctor_work_and_the_way_out_leads_on(walk: Walk, file: str, way: str) -> None:
    walk.check(file, way)
