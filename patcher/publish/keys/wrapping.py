"""The format of a secret key file: PKCS#8 PEM, encrypted as RFC 5958 and RFC 8018 (PBES2) describe.

`openssl pkey` reads it. The cryptography library reads and writes the same format, but always writes 2,048 rounds. So
this module writes the few bytes around the encrypted key itself.
"""

import base64
import hashlib
import os
import textwrap

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

ROUNDS = 600_000
"""Rounds of PBKDF2 with HMAC-SHA256: a tenth of a second for us, and for each guess of a thief."""
MIN_LENGTH, MIN_DIFFERENT = 12, 6
"""Bounds of a passphrase, in characters."""

_SEQUENCE, _INTEGER, _OCTETS, _NULL = 0x30, 0x02, 0x04, 0x05
_PBES2, _PBKDF2, _HMAC_SHA256, _AES256_CBC = (
    bytes.fromhex(identifier)
    for identifier in (
        "06092a864886f70d01050d", "06092a864886f70d01050c", "06082a864886f70d0209", "060960864801650304012a",
    )
)  # fmt: skip
"""Object identifiers, in DER."""
_BEGIN, _END = b"-----BEGIN ENCRYPTED PRIVATE KEY-----", b"-----END ENCRYPTED PRIVATE KEY-----"


def is_weak_passphrase(passphrase: str) -> bool:
    """Whether it is too short, or has too few different characters."""
    return len(passphrase) < MIN_LENGTH or len(set(passphrase)) < MIN_DIFFERENT


def is_wrapped(data: bytes) -> bool:
    """Whether a key file needs a passphrase."""
    return _BEGIN in data


def wrap(secret: Ed25519PrivateKey, passphrase: str) -> bytes:
    """The key file; not encrypted if the passphrase is empty."""
    if not passphrase:
        return secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    salt, start = os.urandom(16), os.urandom(16)
    key = hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, ROUNDS)
    padder = PKCS7(128).padder()
    plain = padder.update(secret.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())) + padder.finalize()
    cipher = Cipher(algorithms.AES(key), modes.CBC(start)).encryptor()
    rounds = ROUNDS.to_bytes(ROUNDS.bit_length() // 8 + 1)
    hashing = _der(_SEQUENCE, _HMAC_SHA256, _der(_NULL))
    derivation = _der(_SEQUENCE, _PBKDF2, _der(_SEQUENCE, _der(_OCTETS, salt), _der(_INTEGER, rounds), hashing))
    encryption = _der(_SEQUENCE, _AES256_CBC, _der(_OCTETS, start))
    algorithm = _der(_SEQUENCE, _PBES2, _der(_SEQUENCE, derivation, encryption))
    document = _der(_SEQUENCE, algorithm, _der(_OCTETS, cipher.update(plain) + cipher.finalize()))
    lines = textwrap.wrap(base64.b64encode(document).decode(), 64)
    return b"\n".join((_BEGIN, *(line.encode() for line in lines), _END, b""))


def unwrap(data: bytes, passphrase: str) -> PrivateKeyTypes:
    """The key of any kind in a key file. Raises ValueError for a wrong passphrase or no key file."""
    try:
        return load_pem_private_key(data, passphrase.encode() if is_wrapped(data) else None)
    except TypeError as error:  # an empty one
        raise ValueError(str(error)) from error


def is_weak(data: bytes) -> bool:
    """Whether a key file that `unwrap` opened has fewer than `ROUNDS` rounds."""
    if not is_wrapped(data):
        return False
    document = base64.b64decode(data.partition(_BEGIN)[2].partition(_END)[0])
    _, found, parameters = document.partition(_PBKDF2)
    salt = parameters[2:]  # behind the head of their sequence
    rounds = salt[2 + salt[1] :] if found else b""
    return bool(rounds) and int.from_bytes(rounds[2 : 2 + rounds[1]]) < ROUNDS


def _der(tag: int, *contents: bytes) -> bytes:
    """One element of at most 255 bytes."""
    content = b"".join(contents)
    length = bytes([len(content)]) if len(content) < 0x80 else bytes([0x81, len(content)])
    return bytes([tag]) + length + content
