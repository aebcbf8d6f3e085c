from collections.abc import Iterator

import pytest

from tests.support.certificates import Authority
from tests.support.hostile_origin import HostileOrigin
from tests.transfer.origin.servers import CONTENT, DATA


@pytest.fixture
def server() -> Iterator[HostileOrigin]:
    with HostileOrigin({"a.json": b"{}", CONTENT: DATA}) as server:
        yield server


@pytest.fixture
def second() -> Iterator[HostileOrigin]:
    with HostileOrigin({"a.json": b"{}", CONTENT: DATA}) as server:
        yield server


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))
