"""Pieces that are here in part: the blocks they lack come from wherever there is somebody, and no others."""

from dataclasses import replace

import pytest

from patcher.transfer.origin.readers import TreeSource
from patcher.transfer.swarm.session import Session
from patcher.transfer.swarm.torrent import Torrent
from tests.support.peers import Player
from tests.transfer.conftest import SIZES, Game


class Half:
    """The game as it was installed, and its large file staged but for a few blocks, which hold nothing yet."""

    def __init__(self, game: Game, *peers: tuple[str, int]) -> None:
        number = list(SIZES).index("data/big.pak")
        pieces = game.layout.pieces(number)
        self.right = (game.folder / "data/big.pak").read_bytes()
        self.place = game.staging / "big.pak"
        self.place.parent.mkdir(parents=True)
        paths = [game.folder / name for name in SIZES]
        paths[number] = self.place
        lacking = {pieces[0]: (3,), pieces[7]: (0, 2), pieces[-1]: (0,)}  # the last piece is one short block
        self.torrent = replace(Torrent.parse(game.data, paths), peers=peers, partial=lacking)
        self.wanted = {*lacking, pieces[20]}
        self.have = frozenset(game.everything) - self.wanted
        self.lacking_bytes = 0
        staged = bytearray(self.right)
        for span in map(game.layout.span, self.wanted):
            piece = pieces.start + span.offset // game.layout.piece_bytes
            for offset, length in self.torrent.missing(piece):
                staged[span.offset + offset : span.offset + offset + length] = bytes(length)
                self.lacking_bytes += length
        self.place.write_bytes(staged)


@pytest.mark.parametrize("p2p", [True, False])
def test_the_origin_brings_only_the_blocks_that_are_missing(game: Game, session: Session, p2p: bool) -> None:
    half, shelf = Half(game), game.shelf()
    source = TreeSource(shelf.read, half.torrent)
    got = game.fetch(session if p2p else None, half.torrent, source, have=half.have)
    assert half.place.read_bytes() == half.right
    assert set(game.reported) == half.wanted
    assert got.sources.origin_bytes == shelf.sent_bytes == game.samples[-1].done_bytes == half.lacking_bytes


def test_players_bring_only_the_blocks_that_are_missing(game: Game, session: Session) -> None:
    with Player() as seed:
        half = Half(game, seed.seed(game.data, game.folder).address)
        got = game.fetch(session, half.torrent, None, have=half.have)
        assert half.place.read_bytes() == half.right
        assert got.sources.lan_bytes == seed.sent_bytes == game.samples[-1].done_bytes == half.lacking_bytes


def test_a_block_that_was_not_what_it_seemed_is_fetched_anew_with_its_piece(game: Game, session: Session) -> None:
    with Player() as seed:
        half = Half(game, seed.seed(game.data, game.folder).address)
        with half.place.open("r+b") as file:
            file.write(b"rot")
        got = game.fetch(session, half.torrent, None, have=half.have)
        assert half.place.read_bytes() == half.right
        assert half.lacking_bytes < got.sources.lan_bytes <= half.lacking_bytes + 2 * game.layout.piece_bytes
