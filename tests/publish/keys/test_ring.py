"""Secret keys: wrapped, private, and refused without their passphrase."""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]  # exported, but not by __all__

from patcher import disk
from patcher.errors import UsageError
from patcher.publish import repository
from patcher.publish.keys import wrapping
from patcher.publish.keys.ring import KeyRing, Passphrases, name_of
from tests.support.publisher import PASSPHRASE, Publisher, files_below, lay


@pytest.mark.posix("modes")
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
        return "typed by a person"

    ring = KeyRing(tmp_path, Passphrases(ask=ask))
    keys = [ring.make(name, protect=True) for name in ("holder-1", "snapshot", "timestamp")]
    assert len(questions) == 4  # two for the holder, two for both online keys
    questions.clear()
    again = KeyRing(tmp_path, Passphrases(ask=ask))
    for key in keys:
        again.signer(key)
    assert questions == ["Passphrase of the key holder-1: ", "Passphrase of the key online: "]


def test_two_different_answers_make_no_key(tmp_path: Path) -> None:
    answers = iter(["one of two sentences", "another sentence"])
    with pytest.raises(UsageError, match="differ"):
        KeyRing(tmp_path, Passphrases(ask=lambda _: next(answers))).make("holder-1", protect=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["a", "correct hor", "aaaaaaaaaaaaaaaa", "123451234512345"])
def test_a_passphrase_that_is_soon_guessed_makes_no_key(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        KeyRing(tmp_path / "keys", Passphrases(text)).make("holder-1", protect=True)
    assert caught.value.code == "usage.passphrase_weak"
    assert not (tmp_path / "keys").exists()


# ---------------------------------------------------------------- keys of an older Shoal


@pytest.fixture
def old_key(tmp_path: Path) -> SSlibKey:
    """A key file as it was written with the library's 2,048 rounds, under a passphrase that was taken then."""
    key = KeyRing(tmp_path, Passphrases()).make("holder-1", protect=False)
    secret = load_pem_private_key((tmp_path / "holder-1.pem").read_bytes(), None)
    old = secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a"))
    (tmp_path / "holder-1.pem").write_bytes(old)
    return key


def _open(folder: Path, key: SSlibKey, said: list[str] | None = None) -> None:
    passphrases = Passphrases("a", say=(said if said is not None else []).append)
    signature = KeyRing(folder, passphrases).signer(key).sign(b"text")
    key.verify_signature(signature, b"text")


@pytest.mark.posix("modes")
def test_an_old_key_opens_with_a_notice_and_is_wrapped_anew_once(tmp_path: Path, old_key: SSlibKey) -> None:
    file, said = tmp_path / "holder-1.pem", list[str]()
    assert wrapping.is_weak(file.read_bytes())
    _open(tmp_path, old_key, said)
    assert [text.partition(":")[0] for text in said] == [
        "The passphrase of the key holder-1 is too easy to guess",
        "The key holder-1 is wrapped more strongly now; replace its backups.",
    ]
    wrapped = file.read_bytes()
    assert not wrapping.is_weak(wrapped)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    said.clear()
    _open(tmp_path, old_key, said)
    assert file.read_bytes() == wrapped
    assert len(said) == 1


def test_a_crash_while_a_key_is_wrapped_anew_leaves_one_whole_file(
    tmp_path: Path, old_key: SSlibKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "holder-1.pem"
    old, steps = file.read_bytes(), list[str]()
    monkeypatch.setattr(disk, "hook", lambda name, _: steps.append(name))
    _open(tmp_path, old_key)
    assert {"rename", "sync_file"} | ({"sync_folder"} if os.name != "nt" else set()) <= set(steps)
    for point in range(len(steps)):
        file.write_bytes(old)
        left = iter(range(point))

        def crash(name: str, arguments: tuple[object, ...], left: Iterator[int] = left) -> None:
            if next(left, None) is None:
                raise KeyboardInterrupt

        monkeypatch.setattr(disk, "hook", crash)
        with pytest.raises(KeyboardInterrupt):
            _open(tmp_path, old_key)
        monkeypatch.setattr(disk, "hook", None)
        wrapping.unwrap(file.read_bytes(), "a")
        _open(tmp_path, old_key)
        assert not wrapping.is_weak(file.read_bytes())


@pytest.mark.posix("symlinks")
def test_a_key_that_lies_elsewhere_is_wrapped_where_it_lies(tmp_path: Path, old_key: SSlibKey) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    (tmp_path / "holder-1.pem").rename(stick / "holder.pem")
    (tmp_path / "holder-1.pem").symlink_to(stick / "holder.pem")
    _open(tmp_path, old_key)
    assert (tmp_path / "holder-1.pem").is_symlink()
    assert not wrapping.is_weak((stick / "holder.pem").read_bytes())


def test_a_key_that_cannot_be_written_signs_all_the_same(
    tmp_path: Path, old_key: SSlibKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(name: str, _: tuple[object, ...]) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    said: list[str] = []
    monkeypatch.setattr(disk, "hook", read_only)
    _open(tmp_path, old_key, said)
    assert "still wrapped as an older Shoal did it" in said[1]


def test_a_wrong_passphrase_wraps_nothing_anew(tmp_path: Path, old_key: SSlibKey) -> None:
    before = (tmp_path / "holder-1.pem").read_bytes()
    with pytest.raises(UsageError, match="does not open"):
        KeyRing(tmp_path, Passphrases("b")).signer(old_key)
    assert (tmp_path / "holder-1.pem").read_bytes() == before


def test_demo_keys_stay_as_they_are(tmp_path: Path) -> None:
    key = KeyRing(tmp_path, Passphrases()).make("timestamp", protect=False)
    before = (tmp_path / "timestamp.pem").read_bytes()
    KeyRing(tmp_path, Passphrases()).signer(key)
    assert before == (tmp_path / "timestamp.pem").read_bytes()
    assert before.startswith(b"-----BEGIN PRIVATE KEY-----")


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe"])
def test_a_passphrase_file_must_hold_one(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "passphrase"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        Passphrases.of_user(file, print)
    assert caught.value.code == "usage.passphrase"


def test_a_passphrase_comes_from_file_before_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOAL_PASSPHRASE", "from environment")
    file = tmp_path / "passphrase"
    file.write_text("from file\nsecond line\n")
    assert Passphrases.of_user(file, print).for_key("x") == "from file"
    assert Passphrases.of_user(None, print).for_key("x") == "from environment"


def test_only_a_plain_name_leads_to_a_file(tmp_path: Path) -> None:
    key = KeyRing(tmp_path, Passphrases(PASSPHRASE)).make("holder-1", protect=True)
    key.unrecognized_fields["x-shoal-name"] = "../holder-1"
    with pytest.raises(UsageError, match="has no name"):
        KeyRing(tmp_path, Passphrases(PASSPHRASE)).signer(key)


def test_no_secret_is_in_the_feed_folder(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path)
    assert not [path for path, data in files_below(publisher.folder).items() if b"PRIVATE" in data]
    assert repository.load(publisher.folder).fingerprint == publisher.made.fingerprint
