"""Which doors stand open by the two settings that decide it: one table for the rule, the session and the wire."""

from typing import NamedTuple

from patcher.transfer.swarm.policy import PeerScope

_TABLE = """
    off      none  idle  shut  none  none
    off      none  job   shut  none  none
    off      lan   idle  shut  none  none
    off      lan   job   open  lan   none
    off      all   idle  shut  none  none
    off      all   job   open  all   none
    lan      none  idle  shut  none  none
    lan      none  job   shut  none  none
    lan      lan   idle  open  none  lan
    lan      lan   job   open  lan   lan
    lan      all   idle  open  none  lan
    lan      all   job   open  all   lan
    everyone none  idle  shut  none  none
    everyone none  job   shut  none  none
    everyone lan   idle  open  none  lan
    everyone lan   job   open  lan   lan
    everyone all   idle  open  none  all
    everyone all   job   open  all   all
"""


class Row(NamedTuple):
    """One state of a player who has a title installed, and maybe fetches another from players."""

    sharing: str
    peers: str
    fetches: bool
    is_open: bool
    """TCP and UDP listen, and the local network is asked by multicast."""
    fetched: PeerScope
    offered: PeerScope
    """With whom, trackers included, the session speaks of the one title and of the other."""

    @property
    def is_mapped(self) -> bool:
        """The router is asked to let players of the Internet in."""
        return self.sharing == "everyone" and self.peers == "all"


def _row(line: str) -> Row:
    sharing, peers, work, port, fetched, offered = line.split()
    scopes: dict[str, PeerScope] = {"none": "none", "lan": "lan", "all": "all"}
    return Row(sharing, peers, work == "job", port == "open", scopes[fetched], scopes[offered])


ROWS = tuple(_row(line) for line in _TABLE.strip().splitlines())
