"""A key file is the standard's: the library opens it, and says of what it wrote itself that it is weak."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from patcher.publish.keys import wrapping

_ROUNDS = wrapping.ROUNDS
"""Before a fixture lowers them."""
_PASSPHRASES = ["correct horse battery", "späte Kühe, 雨", "x" * 300]


@pytest.fixture
def secret() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def _raw(secret: PrivateKeyTypes) -> bytes:
    assert isinstance(secret, Ed25519PrivateKey)
    return secret.private_bytes_raw()


def test_a_guess_costs_as_many_rounds_as_are_advised(
    secret: Ed25519PrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _ROUNDS >= 600_000
    monkeypatch.setattr(wrapping, "ROUNDS", _ROUNDS)
    data = wrapping.wrap(secret, "correct horse battery")
    assert not wrapping.is_weak(data)
    assert _raw(load_pem_private_key(data, b"correct horse battery")) == _raw(secret)
    monkeypatch.setattr(wrapping, "ROUNDS", _ROUNDS + 1)
    assert wrapping.is_weak(data)


@pytest.mark.parametrize("passphrase", _PASSPHRASES)
@pytest.mark.parametrize("rounds", [1, 127, 128, 255, 256, 65_535, 65_536])
def test_any_number_of_rounds_and_any_passphrase_is_read_back(
    secret: Ed25519PrivateKey, passphrase: str, rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wrapping, "ROUNDS", rounds)
    data = wrapping.wrap(secret, passphrase)
    assert _raw(wrapping.unwrap(data, passphrase)) == _raw(secret)
    assert not wrapping.is_weak(data)
    monkeypatch.setattr(wrapping, "ROUNDS", rounds + 1)
    assert wrapping.is_weak(data)


def test_two_files_of_one_key_have_no_encrypted_line_in_common(secret: Ed25519PrivateKey) -> None:
    one, other = (wrapping.wrap(secret, "correct horse battery").splitlines() for _ in range(2))
    assert not set(one[2:-1]) & set(other[2:-1])  # behind the first, which names the algorithms


@pytest.mark.parametrize("wrong", ["", "correct horse batter", "Correct horse battery"])
def test_a_wrong_passphrase_opens_nothing(secret: Ed25519PrivateKey, wrong: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):  # a wrong key may also decrypt to something
        wrapping.unwrap(wrapping.wrap(secret, "correct horse battery"), wrong)


def test_what_the_library_wraps_itself_is_weak_and_what_is_not_wrapped_is_left_alone(secret: Ed25519PrivateKey) -> None:
    assert wrapping.is_weak(secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a")))
    assert not wrapping.is_weak(wrapping.wrap(secret, ""))


@pytest.mark.parametrize(
    ("text", "is_guessable"),
    [("", True), ("a", True), ("short of it", True), ("abcdeabcdeabcde", True), ("abcdefabcdef", False)],
)
def test_a_passphrase_is_judged_by_its_length_and_its_different_characters(text: str, is_guessable: bool) -> None:
    assert wrapping.is_weak_passphrase(text) is is_guessable
