"""Who signs a feed, and for how long: the profiles that `init` offers."""

from collections.abc import Mapping
from dataclasses import dataclass

from tuf.api.metadata import Root  # type: ignore[attr-defined]  # exported, but not by __all__

PROFILE_FIELD = "x-shoal-profile"
"""Field of the root role that names one of `PROFILES`."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Who signs, and for how many days a signature is good."""

    holders: int
    threshold: int
    root_days: int
    targets_days: int
    releases_days: int
    channels_days: int
    snapshot_days: int
    timestamp_days: int

    def days(self, role: str) -> int:
        """Lifetime of ``role``. The `feed` role has that of a title's channels."""
        kind = {"feed": "channels"}.get(role, role.rpartition("-")[2])
        return int(getattr(self, f"{kind}_days"))


PROFILES: Mapping[str, Profile] = {
    "solo": Profile(1, 1, 365, 180, 90, 90, 30, 30),
    "studio": Profile(3, 2, 365, 180, 90, 90, 14, 14),
    "archive": Profile(1, 1, *[5 * 365] * 6),
}


def profile_of(root: Root) -> Profile:
    """The profile that a feed's root names; `solo` if it names none of ours."""
    return PROFILES.get(str(root.unrecognized_fields.get(PROFILE_FIELD)), PROFILES["solo"])
