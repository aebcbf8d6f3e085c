"""The search of a job: in which local files, and what it makes of hashes that are wrong, gone or out of reach."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patcher.beneath import below
from patcher.content import landmarks, manifest, merkle, records
from patcher.content.merkle import BLOCK_BYTES, Ref, ref_of
from patcher.errors import ContentError, Missing, OriginError
from patcher.install.folder import InstallFolder
from patcher.install.registry import Installation
from patcher.install.scan import Have
from patcher.publish import build
from patcher.update.planning import plan as planning
from patcher.update.planning.costs import Rebuild
from patcher.update.planning.local_search import LocalFile, LocalSearch, Search
from patcher.update.planning.plan import Mend
from patcher.update.progress import Meter
from patcher.update.staging import Stage
from patcher.update.target import Access, Offer, Target
from tests.support import trees
from tests.support.trees import File, Layout

OLD = trees.noise(1, 600_000)
NEW = OLD[:200_000] + trees.noise(2, 1000) + OLD[200_000:]


@dataclass
class Origin:
    """The documents of hashes at a server."""

    documents: dict[Ref, bytes] = field(default_factory=dict)
    error: OriginError | None = None
    requests: int = 0

    def read(self, ref: Ref, offset: int, length: int, *, as_content: bool = True) -> Iterator[bytes]:
        assert not as_content, "hashes are metadata"
        self.requests += 1
        if self.error or ref not in self.documents:
            raise self.error or Missing("no")
        yield self.documents[ref][offset : offset + length]


class Home:
    """An install folder and what the server says of releases."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.origin = Origin()

    def offer(self, new: Layout, old: Layout | None = None) -> Offer:
        m = trees.manifest_of(new)
        document = manifest.encode(m)
        offer = Offer(self._part(new), document, m)
        if old is None:
            return offer
        index, _ = trees.make_patch(new, old)
        return replace(offer, old=trees.manifest_of(old), old_part=self._part(old), patch=index)

    def _part(self, layout: Layout) -> records.Part:
        m, leaves = trees.manifest_of(layout), trees.leaves_of(layout)
        files = [file for file in layout.values() if isinstance(file, File) and file.data]
        marks = {ref_of(file.data).root: landmarks.of([file.data], len(file.data)) for file in files}
        documents = build.leaves_document(m, leaves), landmarks.document(m, marks)
        refs = [ref_of(data) if data else None for data in documents]
        self.origin.documents |= {ref: data for ref, data in zip(refs, documents, strict=True) if ref}
        return records.Part("main", (), False, ref_of(manifest.encode(m)), m.info_hash, None, *refs)

    def finder(self, offer: Offer, have: Have, *ours: Layout, mend: bool = False) -> LocalSearch:
        access = Access(SimpleNamespace(origin=self.origin))  # type: ignore[arg-type]  # a feed of which only that is asked
        target = Target(Installation("demo/game", InstallFolder.at(self.folder)), None, (offer,), access, mend=mend)
        meter = Meter(1, "game", lambda: False, lambda _: None)
        return LocalSearch(
            InstallFolder.at(self.folder), target, [trees.manifest_of(layout) for layout in ours], have, meter
        )

    def rebuilds(self, offer: Offer, *ours: Layout, have: Have | None = None) -> dict[bytes, Rebuild]:
        return self.finder(offer, have or Have(), *ours).rebuilds(())

    def mends(self, offer: Offer, path: str) -> list[Mend]:
        return self.finder(offer, Have(modified=(path,)), mend=True).mends()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_a_new_file_is_looked_for_in_the_file_of_its_path(home: Home) -> None:
    trees.write(home.folder, {"data/a.pak": File(OLD)})
    (rebuild,) = home.rebuilds(home.offer({"data/a.pak": File(NEW)})).values()
    assert rebuild.content == ref_of(NEW)
    assert {found.source for found in rebuild.found} == {below(home.folder) / "data/a.pak"}
    assert rebuild.fetch_bytes <= 2 * BLOCK_BYTES


def test_a_renamed_file_is_found_by_its_name(home: Home) -> None:
    old: Layout = {"data-1.0.pak": File(OLD)}
    trees.write(home.folder, old)
    offer = home.offer({"data-1.1.pak": File(NEW)})
    (rebuild,) = home.rebuilds(offer, old).values()
    assert {found.source.name for found in rebuild.found} == {"data-1.0.pak"}
    assert home.rebuilds(offer) == {}, "an unknown install has no names to go by"


def test_what_an_update_replaced_and_an_interrupted_one_staged_are_used(home: Home) -> None:
    trees.write(home.folder / ".shoal/previous/files", {"a.pak": File(OLD)})
    half = NEW[:300_000] + bytes(len(NEW) - 300_000)
    have = Have(staged={ref_of(NEW).root: merkle.leaves_of(half)})
    (rebuild,) = home.rebuilds(home.offer({"a.pak": File(NEW)}), have=have).values()
    assert rebuild.missing == ()
    assert min(found.offset for found in rebuild.found) == 300_000 // BLOCK_BYTES * BLOCK_BYTES


def test_an_old_file_is_put_back_for_a_patch_and_then_the_new_one_is_not_looked_for(home: Home) -> None:
    modified = bytearray(OLD)
    modified[50_000] ^= 1
    trees.write(home.folder, {"a.pak": File(bytes(modified))})
    offer = home.offer({"a.pak": File(NEW)}, {"a.pak": File(OLD)})
    large = trees.noise(3, 4_000_000)
    assert set(home.rebuilds(offer, {"a.pak": File(OLD)})) == {ref_of(OLD).root, ref_of(NEW).root}
    trees.write(home.folder, {"b.pak": File(b"mod" + large[3:])})
    offer = home.offer({"b.pak": File(large + b"more")}, {"b.pak": File(large)})
    (rebuild,) = home.rebuilds(offer, {"b.pak": File(large)}).values()
    assert (rebuild.content, rebuild.missing) == (ref_of(large), (range(1),))


def test_nobody_looks_where_nothing_can_be_saved(home: Home) -> None:
    trees.write(home.folder, {"tiny": File(b"x" * 60_000), "huge": File(OLD[:70_000]), "whole": File(OLD)})
    new: Layout = {"tiny": File(b"y" * 60_000), "huge": File(trees.noise(4, 5_000_000)), "none": File(NEW)}
    assert home.rebuilds(home.offer(new)) == {}
    assert home.origin.requests == 0


FAULTS = {"missing": Missing("no"), "unreachable": OriginError("origin.unreachable", "no"), "wrong": None}


@pytest.mark.parametrize("fault", FAULTS)
def test_hashes_that_are_not_to_be_had_are_no_error(home: Home, fault: str) -> None:
    trees.write(home.folder, {"a.pak": File(OLD)})
    offer = home.offer({"a.pak": File(NEW)})
    for ref, data in home.origin.documents.items():
        home.origin.documents[ref] = data[32:] + data[:32]
    home.origin.error = FAULTS[fault]
    assert home.rebuilds(offer) == {}


def test_a_file_that_changes_after_the_search_is_no_source_any_more(home: Home) -> None:
    trees.write(home.folder, {"a.pak": File(OLD)})
    offer = home.offer({"a.pak": File(NEW)})
    found = home.rebuilds(offer)
    plan = planning.make([offer], [], Have(), (), found, server_only=True)
    stage = Stage(InstallFolder.at(home.folder), {}, lambda name, count: None)
    stage.take(plan)
    staged = stage.path(ref_of(NEW).root).path.read_bytes()
    (rebuild,) = plan.rebuilds
    for stretch in rebuild.found:
        assert staged[stretch.offset :][: stretch.length] == NEW[stretch.offset :][: stretch.length]
    (home.folder / "a.pak").write_bytes(OLD[:300_000] + b"!" + OLD[300_001:])
    with pytest.raises(ContentError) as raised:
        stage.take(plan)
    assert raised.value.facts["root"] == ref_of(NEW).hex


def test_a_large_damaged_file_is_mended_where_it_stands_unless_it_has_two_names(home: Home) -> None:
    right = trees.noise(5, 9_000_000)
    wrong = bytearray(right)
    wrong[5_000_000] ^= 1
    trees.write(home.folder, {"world.bin": File(bytes(wrong))})
    offer = home.offer({"world.bin": File(right)})
    (mend,) = home.mends(offer, "world.bin")
    block = 5_000_000 // BLOCK_BYTES
    assert (mend.path, mend.rebuild.missing, mend.rebuild.found) == ("world.bin", (range(block, block + 1),), ())
    (home.folder / "second").hardlink_to(home.folder / "world.bin")
    assert home.mends(offer, "world.bin") == []


# ---------------------------------------------------------------- the search for one file

_LARGE = trees.noise(1, 1_500_000)


def _searched(new: bytes, *olds: bytes, marks: bytes | None = None, here: bytes = b"") -> Rebuild:
    search = Search(merkle.ref_of(new), merkle.leaves_of(new))
    search.begin_with(merkle.leaves_of(here))
    for number, old in enumerate(olds):
        source = LocalFile(Path(str(number)), len(old), lambda at, length, old=old: old[at : at + length])  # type: ignore[misc]  # bound now
        search.search_in(source, landmarks.of([new], len(new)) if marks is None else marks)
    return search.result()


def _rebuilt(rebuild: Rebuild, new: bytes, *olds: bytes, here: bytes = b"") -> bytes:
    """What the file becomes when the missing blocks come from somewhere."""
    made = bytearray(here[: len(new)].ljust(len(new), b"\0"))
    for found in rebuild.found:
        old = olds[int(str(found.source))]
        made[found.offset : found.offset + found.length] = old[found.source_offset : found.source_offset + found.length]
    for block in rebuild.missing_blocks():
        made[block * BLOCK_BYTES : (block + 1) * BLOCK_BYTES] = new[block * BLOCK_BYTES : (block + 1) * BLOCK_BYTES]
    return bytes(made)


edits = st.lists(st.tuples(st.integers(0, len(_LARGE)), st.integers(0, 70_000), st.binary(max_size=300)), max_size=6)


@settings(max_examples=60, deadline=None)
@given(edits)
def test_what_was_not_touched_is_found_wherever_it_went(changes: list[tuple[int, int, bytes]]) -> None:
    new = bytearray(_LARGE)
    for at, cut, put in changes:
        new[at : at + cut] = put
    rebuild = _searched(bytes(new), _LARGE)
    assert _rebuilt(rebuild, bytes(new), _LARGE) == new
    missing = len(list(rebuild.missing_blocks()))
    # Each change breaks the blocks it touches; between two that are close there may be no landmark to go by.
    assert missing <= 1 + len(changes) * 8


@given(st.binary(max_size=2000))
def test_landmarks_that_lie_find_nothing_wrong(marks: bytes) -> None:
    new, old = _LARGE[100_000:500_000], _LARGE[:600_000]
    rebuild = _searched(new, old, marks=marks)
    assert _rebuilt(rebuild, new, old) == new


def test_landmarks_that_all_say_the_same_are_each_followed_once() -> None:
    old = bytes(400_000)
    digest = hashlib.sha256(bytes(landmarks.SECTION_BYTES)).digest()[:8]
    reads = 0

    def read(offset: int, length: int) -> bytes:
        nonlocal reads
        reads += 1
        return old[offset : offset + length]

    new = trees.noise(5, 10_000_000)
    search = Search(merkle.ref_of(new), merkle.leaves_of(new))
    search.search_in(LocalFile(Path("0"), len(old), read), (bytes(2) + digest) * 500)
    assert reads < 1100


def test_what_is_here_already_is_neither_found_nor_missing() -> None:
    new = trees.noise(6, 300_000)
    here = new[:100_000] + bytes(100_000) + new[200_000:]
    rebuild = _searched(new, trees.noise(7, 200_000), here=here)
    assert [*rebuild.missing_blocks()] == list(range(6, 13))
    assert (rebuild.found, rebuild.fetch_bytes) == ((), 7 * BLOCK_BYTES)
    assert _rebuilt(rebuild, new, here=here) == new
    assert _searched(new, here=new).missing == ()


def test_several_files_add_up_and_neighbours_are_one_stretch() -> None:
    one, two = trees.noise(8, 400_000), trees.noise(9, 400_000)
    new = one[:262_144] + two[262_144:]
    rebuild = _searched(new, one, two)
    assert [(found.offset, found.length, str(found.source)) for found in rebuild.found] == [
        (0, 262_144, "0"),
        (262_144, 400_000 - 262_144, "1"),
    ]
    assert (rebuild.found_bytes, rebuild.missing) == (400_000, ())


def test_the_last_block_is_short() -> None:
    new = trees.noise(10, 5 * BLOCK_BYTES + 7)
    rebuild = _searched(new, new[: 5 * BLOCK_BYTES], marks=b"")
    assert (rebuild.missing, rebuild.fetch_bytes) == ((range(5, 6),), 7)
    assert rebuild.matches(5, new[-7:]) and not rebuild.matches(5, new[:7])
    nothing = Rebuild.of_nothing(merkle.ref_of(new))
    assert (nothing.fetch_bytes, list(nothing.missing_blocks())) == (len(new), list(range(6)))
