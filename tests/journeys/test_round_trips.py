"""Any two releases: there by a patch, and back by a patch, file by file. `make prove` takes many more."""

from itertools import count

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.support import round_trips
from tests.support.round_trips import Recipe
from tests.support.world import World


def test_any_two_releases_lead_to_each_other(tmp_path_factory: pytest.TempPathFactory) -> None:
    with World(tmp_path_factory.mktemp("trips")) as world:
        player, numbers = world.player("ann", peers="none"), count()

        @settings(max_examples=5, phases=[Phase.generate])
        @given(round_trips.recipes("tiny", "block", "prose", "small"), st.booleans())
        def there_and_back(recipe: Recipe, extra: bool) -> None:
            round_trips.check(world, player, f"title{next(numbers)}", recipe, extra=extra)

        there_and_back()
