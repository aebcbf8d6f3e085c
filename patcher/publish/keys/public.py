"""The public half of a key as a small file, which its holder hands over. It is no secret."""

import json
import re
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]  # exported, but not by __all__

from patcher import disk, strict_json
from patcher.errors import UsageError
from patcher.publish.keys.ring import NAME_FIELD, name_of
from patcher.publish.store import make_folder

_BYTES = 4096
_NAME = re.compile(r"(holder-[0-9]{1,3}|channels|snapshot|timestamp)(?:-([0-9]{1,9}))?")


def write(key: SSlibKey, feed: str, to: Path) -> Path:
    """Write ``FEED-NAME.json`` into the folder ``to``. Raises DiskError."""
    path = to / f"{feed}-{name_of(key)}.json"
    fields = {"format": 1, "feed": feed, "name": name_of(key), key.keytype: key.keyval["public"]}
    make_folder(to)
    disk.write_atomic(path, json.dumps(fields, indent=1).encode())
    return path


def read(path: Path, feed: str) -> SSlibKey:
    """The key in such a file. Its id is computed, so that no holder counts twice under two ids.

    Raises UsageError (usage.argument), also for a key that was made for another feed.
    """
    try:
        fields = strict_json.load(path, _BYTES)
        key = SSlibKey.from_crypto(_loaded(fields))
        key.unrecognized_fields[NAME_FIELD] = str(fields["name"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError("usage.argument", f"{path} is no public key: {error}.", path=str(path)) from error
    if fields["feed"] != feed:
        message = f"{path} is a key for the feed {str(fields['feed'])!r}, not for {feed!r}."
        raise UsageError("usage.argument", message, path=str(path))
    parsed(name_of(key))
    return key


def _loaded(fields: dict[str, str]) -> Ed25519PublicKey | EllipticCurvePublicKey:
    if "ed25519" in fields:
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(fields["ed25519"]))
    key = load_pem_public_key(fields["ecdsa"].encode())
    if not isinstance(key, EllipticCurvePublicKey):
        raise TypeError("it is neither ed25519 nor ECDSA")
    return key


def base(name: str) -> str:
    """`timestamp-2` takes the place of `timestamp`. Raises UsageError (usage.argument)."""
    return parsed(name)[1]


def parsed(name: str) -> "re.Match[str]":
    """The name of a key: whose place it has, and its number there. Raises UsageError (usage.argument)."""
    if match := _NAME.fullmatch(name):
        return match
    raise UsageError("usage.argument", f"{name!r} is no key of a feed that Shoal made.", key=name)
