"""A fetch in a process of its own, to be killed: `python -m tests.transfer.killed TORRENT FILE PORT`.

Prints a line for each report.
"""

import sys
from dataclasses import replace
from pathlib import Path

from patcher.transfer.fetch import fetch
from patcher.transfer.sample import Arrived
from patcher.transfer.swarm.session import Session
from patcher.transfer.swarm.torrent import Torrent
from tests.support.peers import HOST
from tests.transfer.conftest import all_of, settings


def main(torrent_path: str, path: str, port: str) -> None:
    """Fetch all pieces of a single file from the one peer."""
    torrent = Torrent.parse(Path(torrent_path).read_bytes(), [Path(path)])
    torrent = replace(torrent, peers=((HOST, int(port)),))
    session = Session(settings())
    for event in fetch(session, all_of(torrent), None):
        if isinstance(event, Arrived):
            sys.stdout.write("more\n")
            sys.stdout.flush()
    session.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
