"""Patch or not: never more than the patch for all, and never more than an old file is worth."""

from itertools import chain, combinations

from hypothesis import given
from hypothesis import strategies as st

from patcher.content.merkle import Ref
from patcher.update.planning.patch_or_whole import Windows, by_patch

ROOTS = [bytes([n]) * 32 for n in range(5)]
OLD = [Ref(bytes([n]) * 32, 1) for n in range(100, 103)]


@st.composite
def problems(draw: st.DrawFn) -> tuple[Windows, dict[bytes, int], dict[bytes, int]]:
    numbers = range(draw(st.integers(1, 4)))
    costs = st.integers(0, 100)
    made = draw(st.dictionaries(st.sampled_from(ROOTS), st.frozensets(st.sampled_from(numbers), min_size=1)))
    lost = {number: draw(st.frozensets(st.sampled_from(OLD))) for number in numbers}
    windows = Windows(made, lost, {number: draw(costs) for number in numbers})
    return windows, {ref.root: draw(costs) for ref in OLD}, {root: draw(costs) for root in ROOTS}


def cost(kept: set[bytes], windows: Windows, restore_bytes: dict[bytes, int], alone_bytes: dict[bytes, int]) -> int:
    used = {number for root in kept for number in windows.made[root]}
    olds = {ref.root for number in used for ref in windows.lost[number]}
    fetched = sum(windows.length[number] for number in used) + sum(restore_bytes[old] for old in olds)
    return fetched + sum(alone_bytes[root] for root in windows.made.keys() - kept)


@given(problems())
def test_it_never_costs_more_than_the_patch_for_all(
    problem: tuple[Windows, dict[bytes, int], dict[bytes, int]],
) -> None:
    windows, kept = problem[0], by_patch(*problem)
    assert kept <= windows.made.keys()
    assert cost(kept, *problem) <= cost(set(windows.made), *problem)


@given(problems())
def test_what_depends_on_one_old_file_is_decided_as_well_as_can_be(
    problem: tuple[Windows, dict[bytes, int], dict[bytes, int]],
) -> None:
    windows, restore_bytes, alone_bytes = problem
    own = {root: frozenset([number]) for number, root in enumerate(windows.made)}
    apart = Windows(own, dict.fromkeys(range(5), frozenset(OLD[:1])), {n: windows.length.get(n, 7) for n in range(5)})
    kept = by_patch(apart, restore_bytes, alone_bytes)
    every = chain.from_iterable(combinations(own, count) for count in range(len(own) + 1))
    best = min(cost(set(some), apart, restore_bytes, alone_bytes) for some in every)
    all_or_nothing = min(cost(set(some), apart, restore_bytes, alone_bytes) for some in ((), own))
    assert best <= cost(kept, apart, restore_bytes, alone_bytes) <= all_or_nothing
