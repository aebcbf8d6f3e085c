"""`shoal tuf-client`: still to come."""

from typing import Any


def add_verbs(verbs: Any) -> None:
    """Add nothing yet."""
