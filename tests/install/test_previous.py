"""How much of the old release is kept for a step back."""

import pytest

from patcher.install.previous import most_kept_bytes

GB = 1_000_000_000


@pytest.mark.parametrize(("release_gb", "most_gb"), [(0, 5), (1, 5), (50, 5), (60, 6), (1000, 100)])
def test_a_tenth_of_a_release_is_kept_and_of_a_small_one_five_gigabytes(release_gb: int, most_gb: int) -> None:
    assert most_kept_bytes(release_gb * GB) == most_gb * GB
