"""Where the machines of a fleet are: a file that gives networks a path such as ``eu/fra1/rack7``.

One network and its path on a line, separated by spaces; of networks that contain each other the smaller one counts.
Empty lines, and what follows a ``#``, are ignored. The path goes from the largest area to the smallest, the rack.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from patcher.errors import UsageError

Rack = bytes
"""Two bytes for each rack of the file; empty for addresses outside all networks."""

_PATH = re.compile(r"[\w.-]+(/[\w.-]+){0,7}", re.ASCII)
_MOST_RACKS = 0xFFFF
_MOST_BYTES = 16 << 20


class Sites:
    """The racks of a fleet, and how near they are to each other. Raises UsageError (usage.sites)."""

    def __init__(self, lines: Iterable[str]) -> None:
        paths: dict[str, Rack] = {}
        found: dict[tuple[int, int], dict[int, Rack]] = {}
        for number, line in enumerate(lines, 1):
            words = line.partition("#")[0].split()
            if words:
                kind, prefix, path = _parsed(words, number)
                rack = paths.setdefault(path, (len(paths) + 1).to_bytes(3)[1:])
                if found.setdefault(kind, {}).setdefault(prefix, rack) != rack:
                    raise _wrong(number, f"{words[0]} has another path already")
                if len(paths) > _MOST_RACKS:
                    raise _wrong(number, f"there are more than {_MOST_RACKS} racks")
        self._networks = dict(sorted(found.items(), reverse=True))
        """By the bytes of an address and the bits of a prefix, longest prefix first: prefixes and their racks."""
        self._rings = _rings(paths)

    @classmethod
    def read(cls, file: Path) -> "Sites":
        """Read a file in UTF-8."""
        try:
            with file.open(encoding="utf-8") as lines:
                return cls(lines.read(_MOST_BYTES).splitlines())
        except (OSError, ValueError) as error:
            raise UsageError("usage.sites", f"The site map {file} cannot be read: {error}.", path=str(file)) from error

    def rack(self, address: bytes) -> Rack:
        """The rack of a compact address (6 or 18 bytes)."""
        ip, width = int.from_bytes(address[:-2]), len(address) - 2
        for (of, bits), racks in self._networks.items():
            if of == width and (rack := racks.get(ip >> width * 8 - bits)):
                return rack
        return b""

    def rings(self, rack: Rack) -> Sequence[frozenset[Rack]]:
        """The rack itself, then what else is in the area around it, and so on outwards."""
        return self._rings.get(rack, ())


def _parsed(words: Sequence[str], number: int) -> tuple[tuple[int, int], int, str]:
    if len(words) != 2 or not _PATH.fullmatch(words[1]):
        raise _wrong(number, "it is not a network and a path such as eu/fra1/rack7")
    try:
        network = ipaddress.ip_network(words[0])
    except ValueError as error:
        raise _wrong(number, str(error)) from error
    packed, bits = network.network_address.packed, network.prefixlen
    return (len(packed), bits), int.from_bytes(packed) >> len(packed) * 8 - bits, words[1]


def _rings(paths: Mapping[str, Rack]) -> dict[Rack, tuple[frozenset[Rack], ...]]:
    areas: dict[str, set[Rack]] = {}
    for path, rack in paths.items():
        for area in _areas(path):
            areas.setdefault(area, set()).add(rack)
    rings = {}
    for path, rack in paths.items():
        around = [areas[area] for area in _areas(path)]
        rings[rack] = tuple(
            frozenset(outer - inner) for inner, outer in zip([set[Rack](), *around], around, strict=False)
        )
    return rings


def _areas(path: str) -> list[str]:
    """A path, and those of the areas around it."""
    names = path.split("/")
    return ["/".join(names[:count]) for count in range(len(names), 0, -1)]


def _wrong(number: int, what: str) -> UsageError:
    return UsageError("usage.sites", f"Line {number} of the site map: {what}.", line=number)
