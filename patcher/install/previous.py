"""How much of the old release an update keeps for a step back: all that it replaces, or nothing."""

_LEAST_BYTES = 5_000_000_000
_SHARE = 10


def most_kept_bytes(release_bytes: int) -> int:
    """Replaced files of more bytes than this are not kept: a tenth of the new release, and at least 5 GB."""
    return max(_LEAST_BYTES, release_bytes // _SHARE)
