"""Whatever was there and whatever comes: a plan reaches the new tree, once each byte, and touches nothing else."""

from dataclasses import replace
from pathlib import Path

from bencode2 import bencode
from hypothesis import given
from hypothesis import strategies as st

from patcher.content import merkle, patch_index, records
from patcher.content.manifest import Manifest, encode
from patcher.content.merkle import BLOCK_BYTES, ref_of, spans
from patcher.install.commit import Change
from patcher.install.scan import Have
from patcher.update.planning import plan as planning
from patcher.update.planning.costs import LocalRange, Rebuild
from patcher.update.planning.plan import PatchStep, Plan
from patcher.update.target import Offer
from tests.support import indexes, trees
from tests.support.trees import File, Layout

_CONTENTS = [b"", b"a", b"b" * 700, trees.noise(1, 70_000), trees.noise(2, 200_000), trees.prose(3, 90_000)]
_NAMES = ["a", "b", "d/a", "d/b", "d/e/c", "x"]
_FOLDER = Path("/nowhere")


def _is_tree(layout: dict[str, File]) -> bool:
    return not any(other.startswith(f"{path}/") for path in layout for other in layout)


files = st.builds(File, st.sampled_from(_CONTENTS), st.booleans())
layouts = st.dictionaries(st.sampled_from(_NAMES), files, max_size=6).filter(_is_tree)


def _offer(new: Layout, old: Layout | None) -> Offer:
    m = trees.manifest_of(new)
    document = encode(m)
    part = records.Part("main", (), False, ref_of(document), m.info_hash, None, None)
    if old is None:
        return Offer(part, document, m)
    index, _ = trees.make_patch(new, old)
    return Offer(part, document, m, trees.manifest_of(old), index)


def _have(old: Layout, damaged: frozenset[str]) -> Have:
    entries = [entry for entry in trees.manifest_of(old).entries if entry.path not in damaged]
    executable = frozenset(entry.path for entry in entries if entry.executable)
    return Have(
        intact={entry.path: entry.root for entry in entries},
        sources={entry.root: _FOLDER / entry.path for entry in entries if entry.root},
        modified=tuple(sorted(damaged & old.keys())),
        executable=executable,
    )


def _made(plan: Plan) -> dict[bytes, int]:
    """Root to how many of its bytes the steps bring."""
    made = {copy.root: copy.size_bytes for copy in plan.copies}
    made |= {rebuild.content.root: rebuild.found_bytes for rebuild in plan.rebuilds}
    for step in plan.patches:
        assert step.offer.patch
        for number in step.windows:
            for span in step.offer.patch.windows[number].new:
                root = step.offer.manifest.entries[span.file].root
                made[root] = made.get(root, 0) + span.length
    for tree in plan.trees:
        piece_bytes = tree.offer.manifest.piece_bytes
        wanted = {piece for run in tree.wanted for piece in run}
        assert wanted.isdisjoint(tree.held) and tree.partial.keys() <= wanted
        assert len(wanted) == sum(map(len, tree.wanted))
        for number, entry in enumerate(tree.offer.manifest.entries):
            pieces = tree.offer.manifest.layout.pieces(number)
            for piece in set(pieces) & wanted:
                length = min(piece_bytes, entry.size_bytes - (piece - pieces.start) * piece_bytes)
                blocks = tree.partial.get(piece, range(-(-length // BLOCK_BYTES)))
                made[entry.root] = made.get(entry.root, 0) + sum(count for _, count in spans(blocks, length))
    return made


def _rebuild(data: bytes, missing: frozenset[int]) -> Rebuild:
    """Some of the file's blocks are somewhere on this machine, the others are not."""
    blocks = range(-(-len(data) // BLOCK_BYTES))
    some = [(block, length) for block, (_, length) in zip(blocks, spans(blocks, len(data)), strict=True)]
    found = tuple(LocalRange(b * BLOCK_BYTES, n, _FOLDER, 0) for b, n in some if b not in missing)
    lacking = tuple(range(block, block + 1) for block, _ in some if block in missing)
    return Rebuild(ref_of(data), merkle.leaves_of(data), found, lacking)


def _after(old: Layout, change: Change, plan: Plan, contents: dict[bytes, bytes]) -> Layout:
    """What the commit of this change makes of the old tree."""
    tree = {path: file for path, file in old.items() if path not in change.remove}
    roots = {file.staged: file.root for file in plan.files}
    for staged, path, executable in change.place:
        tree[path] = File(contents[roots[staged]], executable)
    for path, executable in change.modes:
        file = tree[path]
        assert isinstance(file, File)
        tree[path] = File(file.data, executable)
    return tree


rebuilds = st.dictionaries(st.sampled_from(_CONTENTS[1:]), st.frozensets(st.integers(0, 14)))


@given(
    old=layouts,
    new=layouts,
    damaged=st.frozensets(st.sampled_from(_NAMES)),
    is_patched=st.booleans(),
    found=rebuilds,
    server_only=st.booleans(),
)
def test_a_plan_reaches_the_new_tree_whatever_is_left_of_the_old(
    old: dict[str, File],
    new: dict[str, File],
    damaged: frozenset[str],
    is_patched: bool,
    found: dict[bytes, frozenset[int]],
    server_only: bool,
) -> None:
    offer, have = _offer(new, old if is_patched else None), _have(old, damaged)
    installed: list[Manifest] = [trees.manifest_of(old)]
    by_root = {ref_of(data).root: _rebuild(data, missing) for data, missing in found.items()}
    plan = planning.make([offer], installed, have, (), by_root, server_only=server_only)
    needed = {file.root: file.size_bytes for file in plan.files if file.root}
    made = _made(plan)
    assert {root: made.get(root, 0) for root in needed} == needed
    assert plan.totals.fetch_bytes == 0 or plan.patches or plan.trees
    assert len({file.staged for file in plan.files}) == len(plan.files)
    contents = {ref_of(file.data).root: file.data for file in new.values() if file.data} | {b"": b""}
    change = planning.change(plan, installed, have, ())
    assert _after(old, change, plan, contents) == new


def test_pieces_side_by_side_are_one_run() -> None:
    layout: Layout = {"large": File(trees.noise(5, 1_000_000))}
    (tree,) = planning.make([_offer(layout, None)], [], Have(), server_only=False).trees
    (run,) = tree.wanted
    assert len(run) > 10


def test_a_modified_file_comes_the_cheapest_way() -> None:
    before = trees.noise(4, 500_000)
    after = before[:-9] + b"and more"
    old, new = {"large": File(before)}, {"large": File(after)}
    offer, have = _offer(new, old), _have(old, frozenset({"large"}))
    back, anew = _rebuild(before, frozenset({3})), _rebuild(after, frozenset({3, 30}))

    def plan(*found: Rebuild, have: Have = have) -> Plan:
        mine = {rebuild.content.root: rebuild for rebuild in found}
        return planning.make([offer], [trees.manifest_of(old)], have, (), mine, server_only=True)

    for cheap in (plan(back), plan(back, anew)):
        assert [step.restores for step in cheap.patches] == [(back,)]
        assert (cheap.trees, cheap.rebuilds, cheap.totals.block_bytes) == ((), (), BLOCK_BYTES)
    by_blocks, whole = plan(anew), plan()
    assert (by_blocks.rebuilds, by_blocks.patches, whole.patches) == ((anew,), (), ())
    assert (by_blocks.totals.block_bytes, by_blocks.totals.full_bytes) == (anew.fetch_bytes, 0)
    assert (whole.totals.block_bytes, whole.totals.full_bytes) == (0, len(after))
    gone = replace(have, gone=frozenset({ref_of(before).root}))
    assert plan(back, have=gone).totals.full_bytes == len(after)


@given(old=layouts, new=layouts)
def test_what_is_here_under_any_name_is_not_fetched(old: dict[str, File], new: dict[str, File]) -> None:
    here = {file.data for file in old.values()}
    plan = planning.make([_offer(new, old)], [trees.manifest_of(old)], _have(old, frozenset()), server_only=True)
    assert not plan.trees
    news = {ref_of(file.data).root for file in new.values() if file.data and file.data not in here}
    windows = [step.offer.patch.windows[n] for step in plan.patches if step.offer.patch for n in step.windows]
    entries = plan.patches[0].offer.manifest.entries if plan.patches else ()
    assert {entries[span.file].root for window in windows for span in window.new} == news


@given(layout=layouts)
def test_nothing_new_is_nothing_to_do(layout: dict[str, File]) -> None:
    offer, have = _offer(layout, layout), _have(layout, frozenset())
    plan = planning.make([offer], [trees.manifest_of(layout)], have, server_only=False)
    change = planning.change(plan, [trees.manifest_of(layout)], have, ())
    assert not plan.files
    assert (change.place, change.remove, change.remove_folders, change.modes) == ((), (), (), ())
    assert plan.totals.files_kept == len(layout)


def test_uninstalling_is_an_update_to_the_empty_list() -> None:
    old = trees.scenario("links and empty folders").old
    manifest = trees.manifest_of(old)
    have = Have(intact={entry.path: entry.root for entry in manifest.entries})
    plan = planning.make([], [manifest], have, server_only=True)
    change = planning.change(plan, [manifest], have, ())
    assert set(change.remove) == {path for path, item in old.items() if not isinstance(item, trees.Folder)}
    assert change.remove_folders.index("logs/old") < change.remove_folders.index("logs")


def test_a_map_is_fetched_once_for_all_windows_that_read_through_it() -> None:
    m = indexes.NEW
    part = records.Part("main", (), False, ref_of(encode(m)), m.info_hash, None, None)
    document = indexes.mapped(pack={b"root": bytes(32), b"size": 150}, inline=b"")
    offer = Offer(part, encode(m), m, indexes.OLD, patch_index.parse(bencode(document), m, indexes.OLD))
    costs = {(0,): 20 + 50, (1,): 30, (2,): 50, (0, 1): 100, (0, 1, 2): 150}
    assert {windows: PatchStep(offer, windows).pack_bytes for windows in costs} == costs


def test_a_plan_asks_once_for_the_layers_of_each_part_that_needs_them_and_of_no_other() -> None:
    old: Layout = {"a": File(_CONTENTS[3])}
    patched, whole = _offer({"a": File(_CONTENTS[4])}, old), _offer({"b": File(_CONTENTS[5])}, None)
    asked: list[Offer] = []

    def complete(offer: Offer) -> Offer:
        asked.append(offer)
        return replace(offer, layers={b"r": b"layer"})

    have = _have(old, frozenset())
    plan = planning.make([patched, whole], [trees.manifest_of(old)], have, server_only=False, complete=complete)
    assert (len(plan.patches), len(plan.trees), asked) == (1, 1, [whole])
    assert [offer.layers for offer in plan.offers] == [{}, {b"r": b"layer"}]
    assert plan.trees[0].offer is plan.offers[1]
