"""Where everything is in a feed (docs/formats/feed.md): the folders on its host, and the target path of each record.

A target path is the name of a record in TUF's metadata. On the host its file is below `TARGETS`, with its hash in front
of its name (TUF section 6.2).
"""

from patcher.content.records import Channel, Feed, Patches, Release, Title

METADATA, TARGETS, CONTENT = "metadata", "targets", "content"
FIRST_ROOT, TIMESTAMP = "1.root.json", "timestamp.json"
"""Below `METADATA`: the root that a player pins, and the only file of a feed that is ever overwritten."""

FEED = "feed.json"


def title(title: str) -> str:
    """The path of a title's own record."""
    return f"{title}/title.json"


def channel(title: str, name: str) -> str:
    """The path of a channel's record."""
    return f"{title}/channels/{name}.json"


def release(title: str, sequence: int) -> str:
    """The path of a release's record."""
    return f"{title}/releases/{sequence}.json"


def is_release(path: str) -> bool:
    """Whether a target path is that of a release's record."""
    return kind_of(path) is Release


def patches(title: str, sequence: int) -> str:
    """The path of the record of the patches that lead to a release."""
    return f"{title}/patches/{sequence}.json"


def kind_of(path: str) -> type[Feed | Title | Channel | Release | Patches] | None:
    """The class of the record at a target path; None for a path unknown to this version."""
    kinds = {"title.json": Title, "channels": Channel, "releases": Release, "patches": Patches}
    return Feed if path == FEED else kinds.get(path.partition("/")[2].partition("/")[0])
