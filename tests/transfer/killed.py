"""A fetch in a process of its own, to be killed: `python -m tests.transfer.killed TORRENT FILE PORT`.

Prints a line for each report.
"""

import sys
from pathlib import Path

from patcher.content.layout import Layout
from patcher.transfer.fetch import Torrent, fetch
from patcher.transfer.swarm.session import Session
from tests.support.peers import HOST
from tests.transfer.conftest import settings


def main(torrent_path: str, path: str, port: str) -> None:
    """Fetch all pieces of a single file from the one peer."""
    torrent = Torrent(Path(torrent_path).read_bytes(), (Path(path),), (), ((HOST, int(port)),))
    session = Session(settings())

    def report(pieces: object) -> None:
        sys.stdout.write("more\n")
        sys.stdout.flush()

    pieces = range(Layout.parse(torrent.data).count)
    fetch(session, torrent, (), pieces, None, report, lambda _: None, lambda: False)
    session.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
