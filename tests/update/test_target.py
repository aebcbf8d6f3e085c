"""What is offered of a release must be able to stand in one folder."""

import pytest

from patcher.errors import ContentError
from patcher.update.target import check_together
from tests.support import trees
from tests.support.trees import File, Layout, Link


@pytest.mark.parametrize(
    "other", [{"data": File(b"2")}, {"data/a": File(b"2")}, {"Data/b": File(b"2")}, {"data": Link("elsewhere")}]
)
def test_parts_that_collide_are_refused_before_anything_is_fetched(other: Layout) -> None:
    main, extra = trees.manifest_of({"data/a": File(b"1")}), trees.manifest_of(other, "game.extra")
    check_together([main])
    check_together([main, trees.manifest_of({"data/c": File(b"1")}, "game.extra")])
    with pytest.raises(ContentError, match="cannot stand beside") as caught:
        check_together([main, extra])
    assert caught.value.code == "content.unsafe_path"
