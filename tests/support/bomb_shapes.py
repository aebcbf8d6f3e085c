"""The shapes of signed documents that are made to cost much. `bombs` gives them all; they are the same each time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any

from backports import zstd
from bencode2 import bencode

from patcher.content import manifest, merkle
from patcher.content.file_tree import Entry
from patcher.content.manifest import Manifest
from tests.support import indexes
from tests.support.trees import noise

MOST_BYTES = 64 * 1024
_PIECE = 16 << 20
_RAW = b"@raw@"


@dataclass(frozen=True)
class Bomb:
    """What makes a document of at most 64 KiB, and those that it is read with; the first is the one that counts."""

    kind: str
    name: str
    make: Callable[[], tuple[bytes, ...]]
    is_quick: bool = True
    """To make: others fill megabytes and pack them."""


Shape = Callable[[int], bytes]
"""The document with so many of whatever makes it large."""


def largest(shape: Shape, most_bytes: int) -> bytes:
    """The shape at the largest power of two, or half more, at which it has at most ``most_bytes``."""
    count, last, found = 1, b"", shape(1)
    while len(found) <= most_bytes and found != last:  # some have a size of their own
        last, count = found, count * 2
        found = shape(count)
    more = shape(count * 3 // 4)
    return more if len(more) <= most_bytes else last


def raw(document: dict[bytes, Any], value: bytes) -> bytes:
    """The document with the bencoded ``value`` where it says `_RAW`."""
    return bencode(document).replace(bencode(_RAW), value, 1)


def many(unit: bytes, count: int) -> bytes:
    """A bencoded list."""
    return b"l" + unit * count + b"e"


def packed(plain: bytes) -> bytes:
    """As small as zstd makes it in no time."""
    return zstd.compress(plain, level=3)


def swollen(shape: Shape, times: int) -> tuple[bytes, bytes]:
    """The shape some ``times`` 64 KiB long, and a frame of it of at most 64 KiB with noise in it to look honest."""
    plain = largest(shape, times * MOST_BYTES)
    while len(packed(plain)) > MOST_BYTES - 1024:
        times -= 1
        plain = largest(shape, times * MOST_BYTES)
    padded = plain[:-1] + bencode(b"~") + bencode(noise(7, max(0, MOST_BYTES - len(packed(plain)) - 1024))) + b"e"
    return padded, packed(padded)


# ---------------------------------------------------------------- manifests

Tree = dict[bytes, Any]


def _file(size: int, root: bytes = bytes(32)) -> Tree:
    return {b"": {b"length": size, b"pieces root": root} if size else {b"length": 0}}


def _nested(names: list[str], inner: Tree) -> Tree:
    for name in reversed(names):
        inner = {name.encode(): inner}
    return inner


def document(tree: object, *, links: object = None, folders: object = (), piece: object = _PIECE, **more: Any) -> Tree:
    info = {b"file tree": tree, b"meta version": 2, b"name": b"game.main", b"piece length": piece}
    shoal = {b"empty folders": list(folders) if isinstance(folders, tuple) else folders, b"format": 1}
    shoal |= {b"links": {} if links is None else links, b"requires": []}
    return {b"info": info, b"shoal": shoal | {k.encode(): v for k, v in more.items()}}


def _files(count: int, size: int = 0) -> Tree:
    return {b"%x" % number: _file(size) for number in range(count)}


def _chains(count: int) -> Tree:
    return {b"%x" % number: _nested(["a"] * 40, _file(0)) for number in range(count)}


_LONG = ["a" * 200] * 4 + ["b" * 180]
_WIDE = ["\U0001f600" + "a" * 190] * 4 + ["b" * 180]
_UNFOLDING = ["\ufdfa" * 80] * 4
_HEXES = ["abcdef" * 33] * 4


def _tree(make: Callable[[int], Tree], above: list[str] | None = None) -> Shape:
    return lambda count: bencode(document(_nested(above or [], make(count))))


def _beside(unit: bytes) -> Shape:
    return lambda count: raw(document(_files(1)) | {b"x": _RAW}, many(unit, count))


MANIFESTS: dict[str, Shape] = {
    "empty files": _tree(_files),
    "files of one content": _tree(lambda count: _files(count, 1)),
    "files below a long path": _tree(_files, _LONG),
    "files below a long path of wide letters": _tree(_files, _WIDE),
    "files below letters that unfold": _tree(_files, _UNFOLDING),
    "files of one content below wide letters": _tree(lambda count: _files(count, 1), _WIDE),
    "files of one content below hexadecimal names": _tree(lambda count: _files(count, 1), _HEXES),
    "folders in folders": _tree(_chains),
    "folders in folders below a long path": _tree(_chains, _LONG),
    "folders in folders below wide letters": _tree(_chains, _WIDE),
    "a deep tree": lambda count: bencode(document(_nested(["a"] * min(count, 900), _file(0)))),
    "links": lambda count: bencode(document({}, links={b"%x" % n: b"a" for n in range(count)})),
    "links that climb": lambda count: bencode(
        document({}, links={b"/".join([b"a"] * 62 + [b"%x" % n]): b"../" * 62 + b"b" for n in range(count)})
    ),
    "links of wide letters": lambda count: bencode(
        document({}, links={b"%x" % n: ("\ufdfa" * 80).encode() for n in range(count)})
    ),
    "empty folders": lambda count: bencode(document({}, folders=tuple(b"%06x" % n for n in range(count)))),
    "one empty folder, many times": lambda count: raw(document({}, folders=_RAW), many(b"1:a", count)),
    "names of nothing": lambda count: raw(document({}, folders=_RAW), many(b"0:", count)),
    "files of a terabyte": _tree(lambda count: _files(count, 1 << 40)),
    "files of all there is": _tree(lambda count: _files(count, (1 << 63) - 1)),
    "a number of 4,000 digits as size": _tree(lambda count: _files(count, 10**4000)),
    "requirements": lambda count: raw(document({}, requires=_RAW), many(b"1:a", count)),
    "lists as requirements": lambda count: raw(document({}, requires=_RAW), many(b"le", count)),
    "empty lists beside": _beside(b"le"),
    "empty dictionaries beside": _beside(b"de"),
    "dictionaries beside": _beside(b"d1:a1:be"),
    "numbers beside": _beside(b"i1000e"),
    "strings beside": _beside(b"2:ab"),
    "lists in lists beside": lambda count: raw(document({}) | {b"x": _RAW}, b"l" * count + b"e" * count),
}
_SWELLING = ("empty lists beside", "one empty folder, many times", "requirements")
SINGLE_MANIFESTS: dict[str, Tree] = {
    **{
        f"a file of {count:,} pieces of {piece:,} bytes": document(_nested(["a"], _file(count * piece)), piece=piece)
        for piece in (16 << 10, 1 << 20, 16 << 20)
        for count in (500_000, 2_000_000, 8_388_600, 8_388_601)
    },
    "many files of many pieces": document(_files(700, 11_000 * (16 << 10)), piece=16 << 10),
    "pieces of 4,000 digits": document(_files(1), piece=10**4000),
    "pieces of nothing": document(_files(1), piece=0),
    "a format of 4,000 digits": document(_files(1), format=10**4000),
    "a format below nothing": document(_files(1), format=-(10**4000)),
    "a name of 60,000 letters": document({b"a" * 60_000: _file(0)}),
    "a root of 60,000 bytes": document({b"a": _file(1, bytes(60_000))}),
}
BROKEN: dict[str, bytes] = {
    "200,000 lists": b"l" * MOST_BYTES,
    "dictionaries in dictionaries": b"d1:a" * (MOST_BYTES // 4),
    "a number of 60,000 digits": b"d1:ai" + b"9" * 60_000 + b"ee",
    "a string longer than memory": b"d1:a9999999999999:",
    "a string longer than a number": b"d1:a" + b"9" * 60_000 + b":",
}


def _manifests() -> Iterator[Bomb]:
    for name, shape in MANIFESTS.items():
        yield Bomb("manifest", name, partial(_plain, shape))
    for name in _SWELLING:
        make = partial(_unmeasured, MANIFESTS[name])
        yield Bomb("manifest", f"{name}, a frame without measure", make, is_quick=False)
    for name, value in SINGLE_MANIFESTS.items():
        yield Bomb("manifest", name, partial(_plain, partial(_always, bencode(value))))
    for name, data in BROKEN.items():
        yield Bomb("manifest", name, partial(_plain, partial(_always, data)))


def _always(data: bytes, _: int) -> bytes:
    return data


def _plain(shape: Shape, *others: bytes) -> tuple[bytes, ...]:
    return largest(shape, MOST_BYTES), *others


def _padded(shape: Shape, *others: bytes) -> tuple[bytes, ...]:
    return swollen(shape, 15)[1], *others


def _unmeasured(shape: Shape, *others: bytes) -> tuple[bytes, ...]:
    return packed(largest(shape, 48 << 20)), *others


def _packed_manifest(shape: Shape) -> tuple[bytes, ...]:
    plain, frame = swollen(shape, 15)
    return frame, bencode(merkle.ref_of(plain).to_bencode()), b""


def _unmeasured_manifest(shape: Shape, old: bytes) -> tuple[bytes, ...]:
    plain = largest(shape, 48 << 20)
    return packed(plain), bencode(merkle.ref_of(plain).to_bencode()), old


def _manifest_deltas() -> Iterator[Bomb]:
    """From nothing as much as a small ratio allows, from nothing without measure, and from an honest old one."""
    kind = "manifest delta"
    for name, shape in MANIFESTS.items():
        yield Bomb(kind, f"{name}, packed", partial(_packed_manifest, shape), is_quick=False)
    for name in _SWELLING:
        for old, what in ((b"", "nothing"), (HONEST_MANIFEST, "an old one")):
            make = partial(_unmeasured_manifest, MANIFESTS[name], old)
            yield Bomb(kind, f"{name}, without measure from {what}", make, is_quick=False)


# ---------------------------------------------------------------- indexes


def of_sizes(*sizes: int) -> Manifest:
    """A manifest of files of these sizes, each with a content of its own."""
    entries = [Entry(f"{n:06x}", size, sha256(b"%d" % n).digest()) for n, size in enumerate(sizes)]
    return Manifest("game.main", 16 << 10, tuple(entries))


_ONE = manifest.encode(of_sizes(1))
_MANY = manifest.encode(of_sizes(*[1] * 700))
_MIB = manifest.encode(of_sizes(1 << 20))
_HUGE = manifest.encode(of_sizes(8000 * _PIECE))
HONEST_MANIFEST = manifest.encode(of_sizes(*range(1, 301)))


def _index(windows: bytes, **more: object) -> bytes:
    return raw(indexes.document(**{"windows": _RAW, "inline": bytes(50), **more}), b"l" + windows + b"e")


def _window(**changes: object) -> bytes:
    return bencode(indexes.window(**changes))


def _ranges(key: str, unit: bytes, **more: object) -> Shape:
    """One window with many ranges."""

    def shape(count: int) -> bytes:
        window = bencode(indexes.window(**{"new": [0], "old": [0], "output": 1, **more, key: _RAW}))
        return _index(window.replace(bencode(_RAW), many(unit, count)))

    return shape


def _copied(unit: bytes) -> Shape:
    def shape(count: int) -> bytes:
        fields = {"length": 0, "codec": 3, "sha": b"", "output": count}
        window = bencode(indexes.window(new=b"@new@", old=b"@old@", **fields))
        for name in (b"@new@", b"@old@"):
            window = window.replace(bencode(name), many(unit, count))
        return _index(window, inline=b"")

    return shape


def _windows(count: int) -> bytes:
    """Of one byte each, in a pack of one piece."""
    pack = {b"root": bytes(32), b"size": count}
    made = (_window(offset=n, length=1, codec=1, new=[[0, n, 1]], old=[], output=1) for n in range(count))
    return _index(b"".join(made), piece_length=_PIECE, pack=pack, inline=b"")


def _copies(count: int) -> bytes:
    fields = {"offset": 0, "length": 0, "codec": 3, "sha": b"", "output": 1}
    return _index(b"".join(_window(new=[[0, n, 1]], old=[[0, 0, 1]], **fields) for n in range(count)), inline=b"")


def _leaning(count: int) -> bytes:
    """Each window makes one new file and leans on all the old ones."""
    files = min(count, 700)
    olds = list(range(files))
    windows = (_window(offset=n, length=1, new=[n], old=olds, output=1) for n in range(files))
    return _index(b"".join(windows), inline=bytes(files))


def _filtered(count: int) -> bytes:
    files = min(count, 700)
    filters = [[n, b"x86-1", n, 1, bytes(32)] for n in range(files)]
    window = _window(offset=files, length=1, codec=4, new=[0], old=list(range(files)), output=1)
    return _index(window, requires=[b"x86-1"], filters=filters, inline=bytes(files + 1))


def _whole(count: int) -> bytes:
    """A full pack of windows of 1,024 pieces each."""
    files = min(count, 8000)
    pack = {b"root": bytes(32), b"size": files}
    made = (_window(offset=n, length=1, codec=1, new=[[0, n * _PIECE, _PIECE]], old=[], output=_PIECE)
            for n in range(files))  # fmt: skip
    return _index(b"".join(made), piece_length=_PIECE, pack=pack, inline=b"")


def _numbers(key: str) -> Shape:
    return lambda count: _index(_window(**{key: 10 ** min(4000, count)}))


_PATCHES: dict[str, tuple[Shape, bytes, bytes]] = {
    "an old file, many times": (_ranges("old", b"i0e"), _ONE, _ONE),
    "an old byte, many times": (_ranges("old", b"li0ei-1ei1ee"), _ONE, _ONE),
    "a new file, many times": (_ranges("new", b"i0e"), _ONE, _ONE),
    "a new file byte by byte": (_ranges("new", b"li0ei0ei1ee", output=1 << 20), _MIB, _ONE),
    "a copy byte by byte": (_copied(b"li0ei0ei1ee"), _MIB, _MIB),
    "a copy of one file, many times": (_copied(b"i0e"), _ONE, _ONE),
    "lists as ranges": (_ranges("old", b"le"), _ONE, _ONE),
    "long ranges": (_ranges("old", b"l" + b"i0e" * 50 + b"e"), _ONE, _ONE),
    "windows of a byte": (_windows, _MIB, _ONE),
    "copies of a byte": (_copies, _MIB, _MIB),
    "windows that lean on every file": (_leaning, _MANY, _MANY),
    "a filter for every file": (_filtered, _MANY, _MANY),
    "empty lists as windows": (lambda count: _index(b"le" * count), _ONE, _ONE),
    "numbers as windows": (lambda count: _index(b"i1000e" * count), _ONE, _ONE),
    "filters of nothing": (lambda count: raw(indexes.document(filters=_RAW), many(b"le", count)), _ONE, _ONE),
    "requirements": (lambda count: raw(indexes.document(requires=_RAW), many(b"5:x86-1", count)), _ONE, _ONE),
    "a long layer": (lambda count: _index(_window(), layer=bytes(count)), _ONE, _ONE),
    "a long pack inline": (lambda count: _index(_window(), inline=bytes(count)), _ONE, _ONE),
    "empty dictionaries beside": (lambda count: raw(indexes.document(x=_RAW), many(b"de", count)), _ONE, _ONE),
    **{f"a number of 4,000 digits as {key}": (_numbers(key), _ONE, _ONE)
       for key in ("offset", "length", "codec", "output")},
}  # fmt: skip


def _indexes() -> Iterator[Bomb]:
    for name, (shape, *others) in _PATCHES.items():
        yield Bomb("patch index", name, partial(_plain, shape, *others))
        yield Bomb("patch index", f"{name}, packed", partial(_padded, shape, *others), is_quick=False)
    for name in ("an old file, many times", "empty lists as windows", "a copy of one file, many times"):
        make = partial(_unmeasured, _PATCHES[name][0], _ONE, _ONE)
        yield Bomb("patch index", f"{name}, without measure", make, is_quick=False)
    for name, data in BROKEN.items():
        yield Bomb("patch index", name, partial(_plain, partial(_always, data), _ONE, _ONE))
    yield Bomb("full index", "windows of many pieces", partial(_plain, _whole, _HUGE))
    yield Bomb("full index", "windows of many pieces, packed", partial(_padded, _whole, _HUGE), is_quick=False)


# ---------------------------------------------------------------- hashes


def _layered(piece: int, pieces: int) -> tuple[bytes, ...]:
    """64 KiB of layers, and a manifest with a file of so many pieces."""
    layer = b"a" * MOST_BYTES
    root = merkle.root_of_layer(layer, piece)
    return layer, manifest.encode(Manifest("game.main", piece, (Entry("a", pieces * piece, root),)))


def _hashes() -> Iterator[Bomb]:
    for piece in (16 << 10, 16 << 20):
        yield Bomb("layers", f"pieces of {piece:,} bytes", partial(_layered, piece, MOST_BYTES // 32))
        yield Bomb("layers", f"too few of {piece:,} bytes", partial(_layered, piece, 8_388_600))
    for name, data in {"one digest": b"a" * MOST_BYTES, "many digests": noise(1, MOST_BYTES)}.items():
        yield Bomb("landmarks", name, partial(_plain, partial(_always, data)))


def bencoded() -> Iterator[Bomb]:
    """All bombs that are no JSON."""
    yield from _manifests()
    yield from _manifest_deltas()
    yield from _indexes()
    yield from _hashes()
