import dataclasses
import json
import random
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from patcher.content import codec, manifest, merkle, records
from patcher.content.file_tree import Entry
from patcher.content.manifest import Manifest
from patcher.content.merkle import Ref
from patcher.content.patch_index import Window
from patcher.errors import Cancelled
from patcher.feed.reader import DOCUMENT_MAX_BYTES, Reader
from patcher.publish import build
from patcher.publish.patches import encode, windows
from patcher.transfer.origin.client import Origin
from patcher.transfer.origin.hosts import Reach
from patcher.transfer.origin.retry import RetryPolicy
from tests.feed.player import Player, fails
from tests.support import names
from tests.support.hostile_origin import HostileOrigin, content_path
from tests.support.repository_simulator import RepositorySimulator

FILES = {f"file-{number:03}": random.Random(number).randbytes(40_000) for number in range(40)}
PIECE = 16384


def _manifest(files: dict[str, bytes]) -> Manifest:
    entries = tuple(Entry(name, len(data), merkle.ref_of(data).root) for name, data in sorted(files.items()))
    return Manifest("demo.main", PIECE, entries)


OLD = _manifest(FILES)
NEW = _manifest(FILES | {"file-007": b"changed"})
NEW_DATA, OLD_DATA = manifest.encode(NEW), manifest.encode(OLD)
LAYERS = build.layers_document(NEW, {merkle.ref_of(data).root: merkle.leaves_of(data) for data in FILES.values()}
                                  | {merkle.ref_of(b"changed").root: merkle.leaves_of(b"changed")})  # fmt: skip
PART = records.Part(
    "main", (), False, merkle.ref_of(NEW_DATA), NEW.info_hash, merkle.ref_of(LAYERS), merkle.ref_of(b"leaves")
)
RELEASE = records.Release("demo", 1, "1.0", (PART,), {})


@pytest.fixture
def reader(player: Player, feed: RepositorySimulator, server: HostileOrigin) -> Iterator[Reader]:
    feed.put("demo/releases/1.json", records.encode(RELEASE))
    for document in (NEW_DATA, LAYERS):
        server.put(document)
    trust = player.trust()
    with Origin([server.url], retry=RetryPolicy(back_off_s=0)) as origin:
        yield Reader(trust, origin)


# ---------------------------------------------------------------- records


def test_records_are_read_as_facts(reader: Reader, feed: RepositorySimulator) -> None:
    said = records.Feed("games", "Games", ("https://updates.example/",), titles=("demo",))
    title = records.Title("demo", "game", {"en": records.Text("Demo")})
    channel = records.Channel(1, records.Rollout(50, "salt"))
    patches = records.Patches(1, (records.PartPatches("main", None),))
    feed.put("feed.json", records.encode(said))
    feed.put("demo/title.json", records.encode(title))
    feed.put("demo/channels/live.json", records.encode(channel))
    feed.put("demo/patches/1.json", records.encode(patches))
    assert reader.feed() == said
    assert reader.title("demo") == title
    assert reader.channel("demo", "live") == channel
    assert reader.release("demo", 1) == RELEASE
    assert reader.patches("demo", 1) == patches


@pytest.mark.parametrize(
    ("pinned", "kept"),
    [("https://updates.example", ""), ("https://10.7.0.1", "10.9.0.1"), ("https://127.0.0.1", "127.0.0.2")],
    ids=["public", "private", "loopback"],
)
def test_what_leads_nearer_than_the_feed_itself_is_left_out(
    player: Player, feed: RepositorySimulator, monkeypatch: pytest.MonkeyPatch, pinned: str, kept: str
) -> None:
    names.lead(monkeypatch, {"mirror.example": ["8.8.8.8"]})
    hosts = ["mirror.example", "10.9.0.1", "127.0.0.2", "0.0.0.0", "239.0.0.1"]
    links = {f"link-{number}": f"https://{host}/index.html?a=b#c" for number, host in enumerate(hosts)}
    said = records.Feed("games", "Games", tuple(f"https://{h}/" for h in hosts), tuple(f"udp://{h}:1" for h in hosts))
    feed.put("feed.json", records.encode(said))
    feed.put("demo/title.json", records.encode(records.Title("demo", "game", {}, links=links)))
    with Origin([pinned], reach=Reach.PUBLIC) as origin:
        reader = Reader(player.trust(), origin)
        record, title = reader.feed(), reader.title("demo")
    allowed = {"mirror.example", kept} - {""}
    for urls in (record.origins, record.trackers, title.links.values()):
        assert {urlsplit(url).hostname for url in urls} == allowed


def test_releases_are_listed_newest_last(reader: Reader, feed: RepositorySimulator) -> None:
    for name in ("2", "10", "x", "1.5", "٣", "9" * 17, "9" * 5000):
        feed.put(f"demo/releases/{name}.json", records.encode(RELEASE))
    assert reader.releases("demo") == (1, 2, 10)
    assert reader.releases("other") == ()


def test_a_release_without_patches_has_none(reader: Reader) -> None:
    assert reader.patches("demo", 1) is None


def test_what_there_is_not_is_not_offered(reader: Reader) -> None:
    assert fails(lambda: reader.release("demo", 2)) == "trust.not_offered"
    assert fails(lambda: reader.channel("demo", "beta")) == "trust.not_offered"
    assert fails(lambda: reader.title("other")) == "trust.not_offered"


def test_a_signed_record_in_another_ones_place_is_refused(reader: Reader, feed: RepositorySimulator) -> None:
    feed.put("demo/releases/2.json", records.encode(RELEASE))
    feed.put("demo/title.json", records.encode(records.Title("other", "game", {})))
    feed.put("demo/patches/2.json", records.encode(records.Patches(1)))
    assert fails(lambda: reader.release("demo", 2)) == "trust.record"
    assert fails(lambda: reader.title("demo")) == "trust.record"
    assert fails(lambda: reader.patches("demo", 2)) == "trust.record"


@pytest.mark.parametrize("change", [{"format": 2}, {"requires": ["encryption"]}], ids=["format", "feature"])
def test_a_record_of_the_future_needs_a_newer_shoal(
    reader: Reader, feed: RepositorySimulator, change: dict[str, object]
) -> None:
    record = json.loads(records.encode(RELEASE)) | change
    feed.put("demo/releases/1.json", json.dumps(record).encode())
    assert fails(lambda: reader.release("demo", 1)) == "trust.needs_newer"


def test_a_signed_record_that_is_nonsense_is_refused(reader: Reader, feed: RepositorySimulator) -> None:
    feed.put("demo/releases/1.json", b"{")
    assert fails(lambda: reader.release("demo", 1)) == "trust.record"


# ---------------------------------------------------------------- manifests


def test_a_manifest_comes_whole(reader: Reader) -> None:
    assert reader.manifest(PART, None, None) == NEW_DATA


def test_a_manifest_comes_as_a_delta_where_there_is_one(reader: Reader, server: HostileOrigin) -> None:
    step = server.put(encode.manifest_delta(OLD_DATA, NEW_DATA))
    assert step.size_bytes < len(NEW_DATA) / 4
    assert reader.manifest(PART, OLD_DATA, step) == NEW_DATA
    assert server.paths == [content_path(step)]


@pytest.mark.parametrize("old", [None, OLD_DATA[:-1], b"", NEW_DATA], ids=["no", "damaged", "empty", "another"])
def test_a_delta_that_does_not_fit_is_made_up_for(reader: Reader, server: HostileOrigin, old: bytes | None) -> None:
    step = server.put(encode.manifest_delta(OLD_DATA, NEW_DATA))
    assert reader.manifest(PART, old, step) == NEW_DATA


@pytest.mark.parametrize("data", [b"garbage", b"", None], ids=["garbage", "empty", "missing"])
def test_a_damaged_delta_is_made_up_for(reader: Reader, server: HostileOrigin, data: bytes | None) -> None:
    step = server.put(encode.manifest_delta(OLD_DATA, NEW_DATA))
    del server.files[content_path(step)]
    if data is not None:
        server.files[content_path(step)] = data
    assert reader.manifest(PART, OLD_DATA, step) == NEW_DATA


def test_a_delta_to_something_else_is_made_up_for(reader: Reader, server: HostileOrigin) -> None:
    step = server.put(encode.manifest_delta(OLD_DATA, manifest.encode(_manifest({"evil": b"1"}))))
    assert reader.manifest(PART, OLD_DATA, step) == NEW_DATA


def test_a_tampered_manifest_is_refused(reader: Reader, server: HostileOrigin) -> None:
    server.files[content_path(PART.manifest)] = bytes(len(NEW_DATA))
    assert fails(lambda: reader.manifest(PART, None, None)) == "content.mismatch"


def test_a_manifest_that_cannot_be_had_says_so(reader: Reader, server: HostileOrigin) -> None:
    del server.files[content_path(PART.manifest)]
    assert fails(lambda: reader.manifest(PART, None, None)) == "origin.missing"


def test_a_document_too_large_for_the_memory_is_not_fetched(reader: Reader, server: HostileOrigin) -> None:
    part = dataclasses.replace(PART, manifest=Ref(PART.manifest.root, DOCUMENT_MAX_BYTES + 1))
    assert fails(lambda: reader.manifest(part, None, None)) == "content.invalid"
    assert server.asked == []


def test_a_cancel_is_not_taken_for_a_damaged_delta(player: Player, server: HostileOrigin) -> None:
    step = server.put(encode.manifest_delta(OLD_DATA, NEW_DATA))
    with Origin([server.url], cancel=lambda: True) as origin:
        reader = Reader(player.trust(), origin)
        with pytest.raises(Cancelled):
            reader.manifest(PART, OLD_DATA, step)


# ---------------------------------------------------------------- layers and indexes


def test_layers_are_folded_to_their_files(reader: Reader) -> None:
    layers = reader.layers(PART, NEW)
    assert len(layers) == len(FILES) - 1
    assert all(merkle.root_of_layer(layer, PIECE) == root for root, layer in layers.items())


def test_a_part_of_small_files_has_no_layers(reader: Reader, server: HostileOrigin) -> None:
    assert reader.layers(dataclasses.replace(PART, layers=None), _manifest({"small": b"1"})) == {}
    assert server.asked == []


def test_layers_of_something_else_are_refused(reader: Reader, server: HostileOrigin) -> None:
    other = server.put(random.Random(0).randbytes(len(LAYERS)))
    assert fails(lambda: reader.layers(dataclasses.replace(PART, layers=other), NEW)) == "content.mismatch"


def test_an_index_is_read_against_its_manifests(reader: Reader, server: HostileOrigin) -> None:
    (cut,) = windows.cut(NEW, OLD)
    kind, packed = encode.make_window(b"changed", FILES["file-007"])
    window = Window(0, len(packed), kind, cut.new, cut.old if kind == codec.HDIFF else (), 7, bytes(32))
    index = encode.index_of([window], merkle.leaves_of(packed), len(packed), packed)
    ref = server.put(encode.write_index(index, NEW, OLD))
    assert reader.index(ref, NEW, OLD) == index
    assert fails(lambda: reader.index(ref, _manifest({"small": b"1"}), None)) == "content.invalid"
