"""Fields that are put away come back as they were."""

from dataclasses import fields as columns

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from patcher.content.native.fields import NO_BASE, Fields, Kept

_WIDE = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 2**32) | st.just(NO_BASE)
_SMALL = st.integers(-128, 127)
_ROW = st.tuples(_WIDE, _SMALL, _WIDE, _WIDE, _SMALL, _SMALL, _SMALL)
_KINDS = (np.int64, np.int8, np.int64, np.int64, np.int8, np.int8, np.int8)


@given(st.lists(_ROW, max_size=20))
def test_kept_fields_are_the_same_again(rows: list[tuple[int, ...]]) -> None:
    found = Fields(*(np.array([row[n] for row in rows], kind) for n, kind in enumerate(_KINDS)))
    again = Kept.of(found).fields()
    for column in columns(Fields):
        mine, theirs = getattr(again, column.name), getattr(found, column.name)
        assert mine.dtype == theirs.dtype
        assert np.array_equal(mine, theirs)


def test_nearby_references_take_half_the_memory() -> None:
    places = np.arange(1000, dtype=np.int64)
    small = np.ones(1000, np.int8)
    found = Fields(places + 2**33, small * 4, places * 4099 + 2**40, places + 2**33, small, small, small)
    taken = sum(more.nbytes for _, more in Kept.of(found).columns)
    assert 2 * taken < sum(getattr(found, column.name).nbytes for column in columns(Fields))
