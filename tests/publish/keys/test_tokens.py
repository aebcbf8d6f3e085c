"""Keys on a PKCS#11 token: they sign what players accept, and a wrong PIN is said at once."""

from pathlib import Path

import pytest

from patcher.errors import UsageError
from patcher.publish.keys import tokens
from patcher.publish.keys.ring import KeyRing, Passphrases
from patcher.publish.keys.tokens import TokenKey
from tests.support import softhsm

pytestmark = pytest.mark.posix("SoftHSM2 is unpacked from Debian's package")


def _ring(folder: Path, pin: str = softhsm.PIN) -> KeyRing:
    return KeyRing(folder / "keys", Passphrases(pin=pin))


def test_a_key_on_a_token_signs_and_leaves_no_secret_in_its_file(tmp_path: Path) -> None:
    where = softhsm.place()
    key = _ring(tmp_path).adopt("holder-3", where)
    assert (key.keytype, key.scheme) == ("ecdsa", "ecdsa-sha2-nistp256")
    ring = _ring(tmp_path)
    assert ring.has(key)
    signature = ring.signer(key).sign(b"text")
    key.verify_signature(signature, b"text")
    assert tokens.read(tmp_path / "keys" / "holder-3.token") == where


def test_the_key_that_is_on_the_token_is_used(tmp_path: Path) -> None:
    where = softhsm.place()
    assert _ring(tmp_path / "one").adopt("holder-1", where) == _ring(tmp_path / "two").adopt("holder-1", where)


def test_a_wrong_pin_is_a_clear_error(tmp_path: Path) -> None:
    key = _ring(tmp_path).adopt("holder-3", softhsm.place())
    with pytest.raises(UsageError, match="refuses this PIN") as caught:
        _ring(tmp_path, pin="000000").signer(key)
    assert (caught.value.code, "SHOAL_PIN" in caught.value.hint) == ("usage.pin", True)
    signature = _ring(tmp_path).signer(key).sign(b"text")
    key.verify_signature(signature, b"text")


def test_the_pin_is_asked_for_once(tmp_path: Path) -> None:
    key = _ring(tmp_path).adopt("holder-3", softhsm.place())
    questions: list[str] = []

    def ask(text: str) -> str:
        questions.append(text)
        return softhsm.PIN

    signer = KeyRing(tmp_path / "keys", Passphrases(ask=ask)).signer(key)
    for _ in range(2):
        signer.sign(b"text")
    assert questions == [f"PIN of the token {softhsm.TOKEN}: "]


def test_nobody_to_ask_for_the_pin_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no terminal") as caught:
        KeyRing(tmp_path, Passphrases()).adopt("holder-3", softhsm.place())
    assert caught.value.code == "usage.pin"


def test_a_token_that_is_not_plugged_in_a_library_that_is_not_there_and_another_key_are_told_apart(
    tmp_path: Path,
) -> None:
    where, ring = softhsm.place(), _ring(tmp_path)
    key = ring.adopt("holder-3", where)
    cases = {
        "No token": TokenKey(where.library, "in the drawer", where.number),
        "no PKCS#11 library": TokenKey(str(tmp_path / "none.so"), where.token, where.number),
        "not the one": softhsm.place(),
    }
    _ring(tmp_path / "other").adopt("holder-3", cases["not the one"])
    for text, wrong in cases.items():
        wrong.write(tmp_path / "keys" / "holder-3.token")
        with pytest.raises(UsageError, match=text) as caught:
            _ring(tmp_path).signer(key)
        assert caught.value.code == "usage.token"


def test_a_file_that_names_no_token_is_told(tmp_path: Path) -> None:
    file = tmp_path / "holder-1.token"
    file.write_text("{}")
    with pytest.raises(UsageError) as caught:
        tokens.read(file)
    assert caught.value.code == "usage.token"
