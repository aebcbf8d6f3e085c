"""The secret keys of a feed: one file each in ``home/keys/FEED``, encrypted with a passphrase.

A key file is an ed25519 key as PKCS#8 PEM. Its name (`holder-1`, `timestamp`, ...) stands beside the public key in the
signed metadata, in the field `NAME_FIELD`, so that the metadata tells which file is needed.
"""

import getpass
import os
import sys
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.exceptions import KeyMismatchError
from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined]  # exported, but not by __all__

from patcher import disk
from patcher.errors import DiskError, UsageError
from patcher.publish import wrapping
from patcher.publish.store import Say, make_folder

NAME_FIELD = "x-shoal-name"
"""The field of a public key that names its key file."""


class Passphrases:
    """The source of passphrases: one for all keys, or a prompt for each.

    ``ask`` shows its text and returns the input; it is None without a terminal. ``say`` gets sentences for people.
    """

    def __init__(self, given: str = "", ask: Callable[[str], str] | None = None, say: Say = lambda _: None) -> None:
        self._given = given
        self._ask = ask
        self.say = say
        self._typed: dict[str, str] = {}
        self._judged: set[str] = set()

    @classmethod
    def of_user(cls, file: Path | None, say: Say) -> "Passphrases":
        """From ``--passphrase-file``, SHOAL_PASSPHRASE or the terminal, in this order.

        Raises UsageError (usage.passphrase) when the file cannot be read or is empty.
        """
        if file is not None:
            return cls(_first_line(file), say=say)
        if given := os.environ.get("SHOAL_PASSPHRASE", ""):
            return cls(given, say=say)
        return cls(ask=getpass.getpass if sys.stdin.isatty() else None, say=say)

    def for_new(self, name: str) -> str:
        """The passphrase to wrap a new key with, typed twice.

        Raises UsageError (usage.passphrase, usage.passphrase_weak).
        """
        first = self._typed.get(name) or self._question(f"New passphrase for the key {name}: ")
        if not first:
            raise UsageError("usage.passphrase", f"The passphrase for the key {name} is empty.", key=name)
        if wrapping.is_weak_passphrase(first):
            raise UsageError(
                "usage.passphrase_weak", f"The passphrase for the key {name} is too easy to guess.", key=name
            )
        if not self._given and name not in self._typed and self._question("Once more: ") != first:
            raise UsageError("usage.passphrase", "The two passphrases differ.", key=name)
        self._typed[name] = first
        return first

    def for_key(self, name: str) -> str:
        """The passphrase of an existing key, asked for once. Raises UsageError (usage.passphrase)."""
        if name not in self._typed:
            self._typed[name] = self._question(f"Passphrase of the key {name}: ")
        return self._typed[name]

    def warn_weak(self, name: str, passphrase: str) -> None:
        """Warn once if the passphrase that opened a key of this name is too weak for a new key."""
        if wrapping.is_weak_passphrase(passphrase) and name not in self._judged:
            self._judged.add(name)
            self.say(f"The passphrase of the key {name} is too easy to guess: a new key would not take it.")

    def _question(self, text: str) -> str:
        if self._given:
            return self._given
        if self._ask is None:
            raise UsageError("usage.passphrase", "A passphrase is needed and there is no terminal to ask for it.")
        return self._ask(text)


class KeyRing:
    """The key files of one feed in one folder. `signer` opens each once."""

    def __init__(self, folder: Path, passphrases: Passphrases) -> None:
        self.folder = folder
        self._passphrases = passphrases
        self._signers: dict[str, CryptoSigner] = {}
        self._closed: set[str] = set()

    def has(self, key: SSlibKey) -> bool:
        """Whether the secret half of ``key`` may be here: a file has its name."""
        return key.keyid not in self._closed and self._path(name_of(key)).is_file()

    def leave_closed(self, key: SSlibKey) -> None:
        """Open ``key`` if its file is here; one that its passphrase does not open counts as elsewhere from now on."""
        try:
            _ = self.has(key) and self.signer(key)
        except UsageError as error:
            self._closed.add(key.keyid)
            self._passphrases.say(error.message)

    def make(self, name: str, protect: bool) -> SSlibKey:
        """A new key in a file readable by its owner alone; the file of an interrupted call is used again.

        Raises UsageError (usage.passphrase), DiskError.
        """
        path = self._path(name)
        passphrase = self._passphrases.for_new(_group_of(name)) if protect else ""
        if path.exists():
            secret = self._unwrap(path, lambda: passphrase)
        else:
            secret = Ed25519PrivateKey.generate()
            make_folder(self.folder)
            disk.set_private(self.folder)
            disk.write_atomic(path, wrapping.wrap(secret, passphrase), 0o600)
        key = SSlibKey.from_crypto(secret.public_key())
        key.unrecognized_fields[NAME_FIELD] = name
        self._signers[key.keyid] = CryptoSigner(secret, key)
        return key

    def signer(self, key: SSlibKey) -> CryptoSigner:
        """The signer for the public ``key``. Raises UsageError (usage.key_missing, usage.passphrase)."""
        if key.keyid not in self._signers:
            name = name_of(key)
            path = self._path(name)
            if not path.is_file():
                raise UsageError("usage.key_missing", f"The key {name} is not on this machine.", path=str(path))
            secret = self._unwrap(path, lambda: self._passphrases.for_key(_group_of(name)))
            try:
                self._signers[key.keyid] = CryptoSigner(secret, key)
            except KeyMismatchError as error:
                message = f"The key file {path.name} belongs to another feed."
                raise UsageError("usage.key_missing", message, path=str(path)) from error
        return self._signers[key.keyid]

    def _unwrap(self, path: Path, passphrase: Callable[[], str]) -> Ed25519PrivateKey:
        data = path.read_bytes()
        given = passphrase() if wrapping.is_wrapped(data) else ""
        try:
            secret = wrapping.unwrap(data, given)
        except ValueError as error:
            message = f"The passphrase does not open the key {path.stem}."
            raise UsageError("usage.passphrase", message, key=path.stem) from error
        if not isinstance(secret, Ed25519PrivateKey):
            raise UsageError("usage.key_missing", f"The key {path.stem} is not an ed25519 key.", path=str(path))
        if given:
            self._passphrases.warn_weak(_group_of(path.stem), given)
        if wrapping.is_weak(data):
            self._rewrap(path, secret, given)
        return secret

    def _rewrap(self, path: Path, secret: Ed25519PrivateKey, passphrase: str) -> None:
        """Encrypt a key file again like a new one. If the file cannot be changed, the key is used all the same."""
        try:
            disk.write_atomic(path.resolve(), wrapping.wrap(secret, passphrase), 0o600)
        except DiskError as error:
            self._passphrases.say(f"The key {path.stem} is still wrapped as an older Shoal did it: {error.message}")
        else:
            self._passphrases.say(f"The key {path.stem} is wrapped more strongly now; replace its backups.")

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.pem"


def name_of(key: SSlibKey) -> str:
    """The name of the file of ``key``; it must be plain. Raises UsageError (usage.key_missing)."""
    name = key.unrecognized_fields.get(NAME_FIELD)
    if not isinstance(name, str) or not name.replace("-", "").isalnum() or not name.isascii():
        raise UsageError("usage.key_missing", f"The key {key.keyid[:16]} has no name; another tool made it.")
    return name


def _group_of(name: str) -> str:
    """Keys that share a passphrase: each holder has one, and the online keys have one together."""
    return name if name.startswith("holder") else "online"


def _first_line(file: Path) -> str:
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise UsageError("usage.passphrase", f"The passphrase file cannot be read: {error}.", path=str(file)) from error
    if not lines or not lines[0]:
        raise UsageError("usage.passphrase", "The passphrase file is empty.", path=str(file))
    return lines[0]
