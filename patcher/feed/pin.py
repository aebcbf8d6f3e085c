"""A feed's address and fingerprint, as a publisher hands them out and a player's machine keeps them."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from patcher import strict_json
from patcher.errors import NeedsNewer, TrustError
from patcher.protocol.commands import PIN_SUFFIX
from patcher.transfer.origin.hosts import Reach

PIN_FILE = f"feed{PIN_SUFFIX}"
"""Its name in a feed's own folder below the home folder."""
_MAX_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Pin:
    """A feed's address and the fingerprint of its first root, as in a ``.shoalfeed`` file."""

    url: str
    fingerprint: str
    """SHA-256 of ``metadata/1.root.json``, in hex."""
    near: Reach = Reach.PUBLIC
    """Where the address led when the player added the feed; a publisher's file does not say."""
    ca: str = ""
    """The file of the authority that the player named then, which counts for this feed while no other one is named."""

    def encode(self) -> bytes:
        """The ``.shoalfeed`` file that a player's machine keeps."""
        return json.dumps({"format": 1, **dataclasses.asdict(self)}, indent=1).encode() + b"\n"

    def published(self) -> bytes:
        """The ``.shoalfeed`` file that a publisher hands out."""
        return json.dumps({"format": 1, "url": self.url, "fingerprint": self.fingerprint}, indent=1).encode()


def read_pin(path: Path) -> Pin:
    """Read a ``.shoalfeed`` file. Raises OSError, TrustError: trust.not_a_feed, trust.needs_newer."""
    try:
        fields = strict_json.load(path, _MAX_BYTES)
        version, url, fingerprint = fields["format"], fields["url"], fields["fingerprint"]
        near, ca = Reach(fields.get("near", Reach.PUBLIC)), str(fields.get("ca", ""))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrustError("trust.not_a_feed", "This is no .shoalfeed file.") from error
    if version != 1:
        raise NeedsNewer(f"This .shoalfeed file has format {version!a:.40}, which is not known.")
    if not (isinstance(url, str) and isinstance(fingerprint, str)):
        raise TrustError("trust.not_a_feed", "This .shoalfeed file has no address or no fingerprint.")
    return Pin(url, fingerprint, near, ca)
