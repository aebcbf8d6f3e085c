"""Secret keys: wrapped, private, and refused without their passphrase."""

import stat
from pathlib import Path

import pytest

from patcher.errors import UsageError
from patcher.publish import repository
from patcher.publish.keys import KeyRing, Passphrases, name_of
from tests.support.publisher import PASSPHRASE, Publisher, files_below, lay


def test_a_key_file_is_wrapped_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    KeyRing(tmp_path / "keys", Passphrases(PASSPHRASE)).make("holder-1", protect=True)
    file = tmp_path / "keys" / "holder-1.pem"
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert file.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_key_signs_after_it_was_opened_again(tmp_path: Path) -> None:
    key = KeyRing(tmp_path, Passphrases(PASSPHRASE)).make("holder-1", protect=True)
    signature = KeyRing(tmp_path, Passphrases(PASSPHRASE)).signer(key).sign(b"text")
    key.verify_signature(signature, b"text")
    assert name_of(key) == "holder-1"


def test_an_interrupted_init_finds_the_keys_it_made(tmp_path: Path) -> None:
    first = KeyRing(tmp_path, Passphrases(PASSPHRASE)).make("holder-1", protect=True)
    assert KeyRing(tmp_path, Passphrases(PASSPHRASE)).make("holder-1", protect=True) == first


def test_demo_keys_need_no_passphrase(tmp_path: Path) -> None:
    key = KeyRing(tmp_path, Passphrases()).make("timestamp", protect=False)
    assert KeyRing(tmp_path, Passphrases()).signer(key).public_key == key


def test_a_wrong_passphrase_changes_nothing(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path, demo_keys=False)
    tree = lay(tmp_path / "tree", {"readme.txt": b"hello"})
    before = files_below(publisher.folder)
    publisher.passphrases = Passphrases("wrong")
    with pytest.raises(UsageError, match="does not open") as caught:
        publisher.release(tree, "1.0")
    assert caught.value.code == "usage.passphrase"
    assert files_below(publisher.folder) == before


def test_nobody_to_ask_is_a_clear_error(tmp_path: Path) -> None:
    key = KeyRing(tmp_path, Passphrases(PASSPHRASE)).make("holder-1", protect=True)
    with pytest.raises(UsageError, match="no terminal") as caught:
        KeyRing(tmp_path, Passphrases()).signer(key)
    assert caught.value.code == "usage.passphrase"


def test_a_key_that_is_elsewhere_is_named(tmp_path: Path) -> None:
    key = KeyRing(tmp_path / "here", Passphrases(PASSPHRASE)).make("holder-1", protect=True)
    with pytest.raises(UsageError, match="holder-1 is not on this machine"):
        KeyRing(tmp_path / "there", Passphrases(PASSPHRASE)).signer(key)


def test_the_key_of_another_feed_is_told_apart(tmp_path: Path) -> None:
    key = KeyRing(tmp_path / "one", Passphrases(PASSPHRASE)).make("holder-1", protect=True)
    other = KeyRing(tmp_path / "two", Passphrases(PASSPHRASE))
    other.make("holder-1", protect=True)
    with pytest.raises(UsageError, match="another feed"):
        other.signer(key)


def test_a_typed_passphrase_is_typed_twice_when_new_and_asked_once_a_group(tmp_path: Path) -> None:
    questions: list[str] = []

    def ask(text: str) -> str:
        questions.append(text)
        return "typed"

    ring = KeyRing(tmp_path, Passphrases(ask=ask))
    keys = [ring.make(name, protect=True) for name in ("holder-1", "snapshot", "timestamp")]
    assert len(questions) == 4  # two for the holder, two for both online keys
    questions.clear()
    again = KeyRing(tmp_path, Passphrases(ask=ask))
    for key in keys:
        again.signer(key)
    assert questions == ["Passphrase of the key holder-1: ", "Passphrase of the key online: "]


def test_two_different_answers_make_no_key(tmp_path: Path) -> None:
    answers = iter(["one", "other"])
    with pytest.raises(UsageError, match="differ"):
        KeyRing(tmp_path, Passphrases(ask=lambda _: next(answers))).make("holder-1", protect=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe"])
def test_a_passphrase_file_must_hold_one(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "passphrase"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        Passphrases.of_user(file)
    assert caught.value.code == "usage.passphrase"


def test_a_passphrase_comes_from_file_before_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOAL_PASSPHRASE", "from environment")
    file = tmp_path / "passphrase"
    file.write_text("from file\nsecond line\n")
    assert Passphrases.of_user(file).for_key("x") == "from file"
    assert Passphrases.of_user(None).for_key("x") == "from environment"


def test_only_a_plain_name_leads_to_a_file(tmp_path: Path) -> None:
    key = KeyRing(tmp_path, Passphrases(PASSPHRASE)).make("holder-1", protect=True)
    key.unrecognized_fields["x-shoal-name"] = "../holder-1"
    with pytest.raises(UsageError, match="has no name"):
        KeyRing(tmp_path, Passphrases(PASSPHRASE)).signer(key)


def test_no_secret_is_in_the_feed_folder(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path)
    assert not [path for path, data in files_below(publisher.folder).items() if b"PRIVATE" in data]
    assert repository.load(publisher.folder).fingerprint == publisher.made.fingerprint
