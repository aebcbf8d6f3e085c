"""The secret keys of a feed: one file each in ``home/keys/FEED``, encrypted with a passphrase.

A key file is an ed25519 key as PKCS#8 PEM, or says on which token the key is (`tokens`). Its name (`holder-1`,
`timestamp`, ...) stands beside the public key in the signed metadata, in the field `NAME_FIELD`, so that the metadata
tells which file is needed.
"""

import getpass
import os
import sys
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.exceptions import KeyMismatchError
from securesystemslib.signer import (  # type: ignore[attr-defined]  # exported, but not by __all__
    CryptoSigner,
    Signer,
    SSlibKey,
)

from patcher import disk
from patcher.errors import DiskError, UsageError
from patcher.publish.keys import tokens, wrapping
from patcher.publish.store import Say, make_folder

NAME_FIELD = "x-shoal-name"
"""The field of a public key that names its key file."""


class Passphrases:
    """The source of passphrases: one for all keys, or a prompt for each.

    ``ask`` shows its text and returns the input; it is None without a terminal. ``say`` gets sentences for people.
    """

    def __init__(
        self, given: str = "", ask: Callable[[str], str] | None = None, say: Say = lambda _: None, pin: str = ""
    ) -> None:
        self._given, self._pin = given, pin
        self._ask = ask
        self.say = say
        self._typed: dict[str, str] = {}
        self._judged: set[str] = set()

    @classmethod
    def of_user(cls, file: Path | None, say: Say) -> "Passphrases":
        """From ``--passphrase-file``, SHOAL_PASSPHRASE or the terminal, in this order; PINs from SHOAL_PIN or there.

        Raises UsageError (usage.passphrase) when the file cannot be read or is empty.
        """
        given = _first_line(file) if file is not None else os.environ.get("SHOAL_PASSPHRASE", "")
        ask = getpass.getpass if sys.stdin.isatty() else None
        return cls(given, ask, say, os.environ.get("SHOAL_PIN", ""))

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

    def pin(self, token: str) -> str:
        """The PIN of a token. Raises UsageError (usage.pin) when there is nobody to ask."""
        if self._pin:
            return self._pin
        if self._ask is None:
            message = f"The PIN of the token {token} is needed and there is no terminal to ask for it."
            raise UsageError("usage.pin", message, token=token)
        return self._ask(f"PIN of the token {token}: ")

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
        self._signers: dict[str, Signer] = {}
        self._closed: set[str] = set()

    def has(self, key: SSlibKey) -> bool:
        """Whether the secret half of ``key`` may be here, or on a token: a file has its name."""
        name = name_of(key)
        return key.keyid not in self._closed and (self._path(name).is_file() or self._token_path(name).is_file())

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

    def adopt(self, name: str, where: tokens.TokenKey) -> SSlibKey:
        """A key on a token, made there if it has none of this number. Raises UsageError (usage.pin, usage.token)."""
        key = where.public(name, self._passphrases.pin)
        key.unrecognized_fields[NAME_FIELD] = name
        make_folder(self.folder)
        disk.set_private(self.folder)
        where.write(self._token_path(name))
        return key

    def public(self, name: str) -> SSlibKey:
        """The public half of a key that is here. Raises UsageError (usage.key_missing, usage.passphrase, usage.pin)."""
        token = self._token_path(name)
        if token.is_file():
            return self.adopt(name, tokens.read(token))
        path = self._path(name)
        if not path.is_file():
            raise UsageError("usage.key_missing", f"The key {name} is not on this machine.", path=str(path))
        key = SSlibKey.from_crypto(self._secret(name).public_key())
        key.unrecognized_fields[NAME_FIELD] = name
        return key

    def signer(self, key: SSlibKey) -> Signer:
        """The signer for the public ``key``.

        Raises UsageError (usage.key_missing, usage.passphrase, usage.pin, usage.token).
        """
        if key.keyid not in self._signers:
            name = name_of(key)
            path, token = self._path(name), self._token_path(name)
            if token.is_file():
                self._signers[key.keyid] = tokens.signer(tokens.read(token), key, self._passphrases.pin)
                return self._signers[key.keyid]
            if not path.is_file():
                raise UsageError("usage.key_missing", f"The key {name} is not on this machine.", path=str(path))
            try:
                self._signers[key.keyid] = CryptoSigner(self._secret(name), key)
            except KeyMismatchError as error:
                message = f"The key file {path.name} belongs to another feed."
                raise UsageError("usage.key_missing", message, path=str(path)) from error
        return self._signers[key.keyid]

    def _secret(self, name: str) -> Ed25519PrivateKey:
        return self._unwrap(self._path(name), lambda: self._passphrases.for_key(_group_of(name)))

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

    def _token_path(self, name: str) -> Path:
        return self.folder / f"{name}{tokens.SUFFIX}"


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
