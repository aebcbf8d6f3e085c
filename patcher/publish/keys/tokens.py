"""Keys that never leave a PKCS#11 token: a smart card, a YubiKey, an HSM. `securesystemslib` signs with them.

Such a key is ECDSA on P-256 or P-384. Its file in `home/keys/FEED` holds no secret, only where the key is: the PKCS#11
library of the token's maker, the label of the token, and the number of the key on it.
"""

import importlib.util
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from securesystemslib.signer import HSMSigner, SSlibKey  # type: ignore[attr-defined]  # exported, but not by __all__

from patcher import disk, strict_json
from patcher.errors import UsageError

SUFFIX = ".token"
DEFAULT_NUMBER = 2
"""The slot for digital signatures (9c) of a PIV card such as a YubiKey."""
_FILE_BYTES = 4096
_LIBRARY = "PYKCS11LIB"
"""The variable in which `HSMSigner` expects the path of the PKCS#11 library."""

AskPin = Callable[[str], str]
"""Called with the name of a token; returns its PIN. Raises UsageError (usage.pin)."""


@dataclass(frozen=True, slots=True)
class TokenKey:
    """Where a key is: the PKCS#11 library, the token's label, and the key's number (CKA_ID) on it."""

    library: str
    token: str
    number: int = DEFAULT_NUMBER

    def public(self, name: str, ask: AskPin) -> SSlibKey:
        """The public half; the key is made if the token has none of this number. Raises UsageError."""
        with _opened(self) as token:
            pin = _checked(token, self, ask(self.token))
            with token.open(rw=True, user_pin=pin) as session:
                _make(session, self.number, name)
            _, key = HSMSigner.import_(self.number, self.token, lambda _: pin)
        return key

    def write(self, path: Path) -> None:
        """Write the file that says where the key is. Raises DiskError."""
        disk.write_atomic(path, json.dumps({"format": 1, **asdict(self)}, indent=1).encode(), 0o600)


def signer(where: TokenKey, key: SSlibKey, ask: AskPin) -> HSMSigner:
    """The signer for the public ``key``, once the PIN is right. Raises UsageError (usage.pin, usage.token)."""
    with _opened(where) as token:
        pin = _checked(token, where, ask(where.token))
        _, found = HSMSigner.import_(where.number, where.token, lambda _: pin)
    if found.keyid != key.keyid:
        message = f"Key {where.number} of the token {where.token} is not the one that the feed knows."
        raise UsageError("usage.token", message, token=where.token)
    return HSMSigner(where.number, key, lambda _: pin, where.token)


def read(path: Path) -> TokenKey:
    """Read a token's key file. Raises UsageError (usage.token)."""
    try:
        fields = strict_json.load(path, _FILE_BYTES)
        found = TokenKey(str(fields["library"]), str(fields["token"]), int(fields["number"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError("usage.token", f"{path} does not say where a key is: {error}.", path=str(path)) from error
    return found


@contextmanager
def _opened(where: TokenKey) -> Iterator[Any]:
    """The token. Raises UsageError (usage.token) for what fails with it inside of the block."""
    if importlib.util.find_spec("pkcs11") is None:
        raise UsageError("usage.token", "Keys on tokens need a library of Shoal's extra `token`, which is not here.")
    import pkcs11

    if not Path(where.library).is_file():
        raise UsageError("usage.token", f"There is no PKCS#11 library {where.library}.", path=where.library)
    os.environ[_LIBRARY] = where.library
    try:
        yield pkcs11.lib(where.library).get_token(token_label=where.token)
    except (pkcs11.exceptions.PKCS11Error, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise UsageError("usage.token", f"The token {where.token}: {reason}.", token=where.token) from error


def _checked(token: Any, where: TokenKey, pin: str) -> str:
    """The PIN, tried. Raises UsageError (usage.pin)."""
    from pkcs11 import exceptions

    try:
        token.open(user_pin=pin).close()
    except (exceptions.PinIncorrect, exceptions.PinLenRange, exceptions.PinInvalid) as error:
        message = f"The token {where.token} refuses this PIN. After a few wrong ones it locks itself."
        raise UsageError("usage.pin", message, token=where.token) from error
    except exceptions.PinLocked as error:
        message = f"The token {where.token} is locked after too many wrong PINs; its own tool unlocks it."
        raise UsageError("usage.pin", message, token=where.token) from error
    return pin


def _make(session: Any, number: int, name: str) -> None:
    """Make a key on the token unless it has one of this number."""
    from pkcs11 import Attribute, KeyType, ObjectClass
    from pkcs11.util import biginteger
    from pkcs11.util.ec import encode_named_curve_parameters

    wanted = {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.ID: biginteger(number)}
    if not any(session.get_objects(wanted)):
        curve = {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
        parameters = session.create_domain_parameters(KeyType.EC, curve, local=True)
        parameters.generate_keypair(store=True, id=biginteger(number), label=name)
