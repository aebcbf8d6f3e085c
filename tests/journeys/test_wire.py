"""What listens and what leaves a player's machine in each state, by the kernel's list and on the cable."""

import pytest

from tests.support import wire
from tests.support.doors import ROWS, Row
from tests.support.wire import Seen

pytestmark = pytest.mark.posix("network namespaces")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[Row, Seen]:
    """One engine on a cable, led through all rows."""
    return wire.run(tmp_path_factory.mktemp("wire"))


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_what_listens_and_what_leaves_is_what_the_settings_allow(seen: dict[Row, Seen], row: Row) -> None:
    assert seen[row] == wire.expected(row)
