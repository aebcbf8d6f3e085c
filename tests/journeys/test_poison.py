"""Half of a swarm lies. `make prove` does the same with 512 MB."""

from pathlib import Path

from tests.support import poison


def test_half_of_a_swarm_lies_and_the_download_is_right_and_the_liars_are_banned(tmp_path: Path) -> None:
    seen = poison.run(tmp_path, 48_000_000, 2)
    assert seen.is_right
    assert seen.liars
    assert seen.liars <= seen.banned
