"""Players at home: behind real routers, in network namespaces. `make prove` has more of them."""

from pathlib import Path

import pytest

from tests.support import homes
from tests.support.homes import CASES, Case

pytestmark = pytest.mark.posix("network namespaces")


@pytest.mark.parametrize("case", CASES[:3], ids=lambda case: f"{case.seeder}-{case.asker}")
def test_players_behind_routers_exchange_data(case: Case, tmp_path: Path) -> None:
    """A router that maps ports lets them in; through two others a third player helps them to meet; IPv6 needs none."""
    seen = homes.run(case, tmp_path)
    assert (seen.reach, seen.source) == (case.reach, case.source)
