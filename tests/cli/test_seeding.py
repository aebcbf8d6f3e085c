"""The sizes that `shoal seed --max-size` takes."""

import pytest

from patcher.cli.__main__ import parser
from patcher.errors import UsageError


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [("100GB", 100 * 10**9), ("1.5t", 15 * 10**11), ("2 MB", 2 * 10**6), ("7", 7), ("7b", 7), ("0", 0), ("", 0)],
)
def test_a_size_is_a_number_with_a_decimal_unit(text: str, size_bytes: int) -> None:
    assert parser().parse_args(["seed", "https://feed.example", "--max-size", text]).max_size == size_bytes


@pytest.mark.parametrize("text", ["GB", "100XB", "1.GB", "-1", "inf", "nan", "1e3", "٣GB", "9" * 16])
def test_other_text_is_a_wrong_argument(text: str) -> None:
    with pytest.raises(UsageError):
        parser().parse_args(["seed", "https://feed.example", f"--max-size={text}"])
