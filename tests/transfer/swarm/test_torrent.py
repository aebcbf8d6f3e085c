"""A torrent is made from what was verified, and is the one that its bytes describe."""

from pathlib import Path

import pytest

from patcher.content import manifest, merkle
from patcher.errors import Mismatch
from patcher.publish import build
from patcher.publish.patches import encode
from patcher.transfer.swarm.torrent import Torrent
from tests.support import trees
from tests.support.trees import File, noise

_TREE = {"data/big.pak": File(noise(1, 300_000)), "data/empty": File(b""), "readme.txt": File(b"read me")}


def _same(made: Torrent) -> bool:
    read = Torrent.parse(made.data, made.paths)
    return (read.info_hash, read.layout) == (made.info_hash, made.layout)


def test_the_torrent_of_a_tree_is_the_one_that_it_writes(tmp_path: Path) -> None:
    m = trees.manifest_of(_TREE)
    layers = manifest.split_layers(m, build.layers_document(m, trees.leaves_of(_TREE)))
    trees.write(tmp_path, _TREE)
    torrent = Torrent.of_tree(m, layers, [tmp_path / entry.path for entry in m.entries])
    assert _same(torrent)
    assert torrent.held() == frozenset(range(torrent.layout.count))


def test_a_tree_without_all_its_layers_is_no_torrent() -> None:
    with pytest.raises(Mismatch):
        Torrent.of_tree(trees.manifest_of(_TREE), {}, ())


@pytest.mark.parametrize("size", [70_000, 20_000])
def test_the_torrent_of_a_pack_is_the_one_that_it_writes(tmp_path: Path, size: int) -> None:
    pack = noise(2, size)
    (tmp_path / "pack").write_bytes(pack)
    torrent = Torrent.of_pack(encode.index_of((), merkle.leaves_of(pack), size), "game.main", tmp_path / "pack")
    assert _same(torrent)
    assert torrent.held() == frozenset(range(torrent.layout.count))


@pytest.mark.parametrize(
    "data",
    [b"", b"junk", b"d4:infod", b"de", b"le", b"d4:infoi1ee", b"d4:infod9:file treei1eee",
     b"d4:infod9:file treed1:ad0:deee12:piece lengthi1eee"],
)  # fmt: skip
def test_what_is_no_torrent_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="no v2 torrent"):
        Torrent.parse(data, ())
