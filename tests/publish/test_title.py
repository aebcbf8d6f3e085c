"""What a publisher says of a title: signed, by language, and no release is touched."""

from pathlib import Path
from typing import Any

import pytest

from patcher.cli.__main__ import main
from patcher.content import records
from patcher.content.merkle import ref_of
from patcher.errors import UsageError
from patcher.publish import title
from patcher.publish.store import Store
from patcher.publish.title import TitleText
from tests.support.publisher import Player, Publisher, lay

PNG = b"\x89PNG\r\n\x1a\n" + bytes(5000)


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    publisher = Publisher(tmp_path)
    publisher.release(lay(tmp_path / "tree", {"bin/game": b"#!/bin/sh\n"}), "1.0", label="A Game")
    return publisher


def describe(publisher: Publisher, **words: Any) -> tuple[records.Title, bool]:
    return title.describe(publisher.folder, publisher.home, "game", TitleText(**words), publisher.passphrases)


def seen(publisher: Publisher, home: Path) -> dict[str, bytes]:
    return Player(publisher.folder, home).visit()


def art_file(folder: Path, data: bytes = PNG) -> Path:
    (folder / "art.png").write_bytes(data)
    return folder / "art.png"


def test_a_player_reads_texts_in_each_language_and_finds_the_art(publisher: Publisher, tmp_path: Path) -> None:
    links = {"site": "https://example.org/game"}
    describe(publisher, summary="A small game.", art={"": art_file(tmp_path)}, links=links, kind="app", licence="MIT")
    describe(publisher, language="de", label="Ein Spiel", summary="Ein kleines Spiel.")
    about = records.parse(records.Title, seen(publisher, tmp_path / "player")["game/title.json"])
    assert about == records.Title(
        "game", "app",
        {"en": records.Text("A Game", "A small game."), "de": records.Text("Ein Spiel", "Ein kleines Spiel.")},
        ref_of(PNG), links, "MIT",
    )  # fmt: skip
    assert Store(publisher.folder).read(ref_of(PNG)) == PNG
    assert publisher.problems() == ()


def test_what_is_not_named_stays(publisher: Publisher, tmp_path: Path) -> None:
    first, _ = describe(publisher, summary="One.", art={"": art_file(tmp_path)}, links={"site": "https://example.org/"})
    second, _ = describe(publisher, links={"support": "https://example.org/give"})
    assert (second.texts, second.art) == (first.texts, first.art)
    assert set(second.links) == {"site", "support"}
    third, _ = describe(publisher, links={"site": ""})
    assert set(third.links) == {"support"}


def test_no_release_and_no_channel_changes(publisher: Publisher, tmp_path: Path) -> None:
    before = seen(publisher, tmp_path / "player")
    describe(publisher, summary="Another sentence.")
    after = seen(publisher, tmp_path / "player")
    assert {path for path in after if after[path] != before.get(path)} == {"game/title.json"}


def test_the_same_words_again_sign_nothing(publisher: Publisher) -> None:
    describe(publisher, summary="One.")
    metadata = sorted((publisher.folder / "metadata").iterdir())
    _, changed = describe(publisher, summary="One.")
    assert not changed
    assert sorted((publisher.folder / "metadata").iterdir()) == metadata


def test_lost_art_is_put_back(publisher: Publisher, tmp_path: Path) -> None:
    about, _ = describe(publisher, art={"": art_file(tmp_path)})
    assert about.art
    Store(publisher.folder).path(about.art).unlink()
    _, changed = describe(publisher, art={"": art_file(tmp_path)})
    assert not changed
    assert publisher.problems() == ()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"links": {"site": "javascript:alert(1)"}}, "usage.release"),
        ({"label": "two\nlines"}, "usage.release"),
        ({"summary": "read \u202esdrawkcab"}, "usage.release"),
        ({"links": {"site": "http://192.168.1.1/reboot"}}, "usage.release"),
        ({"links": {"support": "http://127.0.0.1:631/"}}, "usage.release"),
        ({"links": {"../x": "https://example.org/"}}, "usage.argument"),
        ({"label": "two\x07bells"}, "usage.release"),
        ({"language": "klingon!", "label": "x"}, "usage.release"),
        ({"kind": "malware"}, "usage.release"),
        ({"art": {"": Path("is-not-there.png")}}, "usage.release"),
    ],
)
def test_what_no_player_would_take_is_refused(
    publisher: Publisher, tmp_path: Path, words: dict[str, Any], code: str
) -> None:
    before = seen(publisher, tmp_path / "player")
    with pytest.raises(UsageError) as caught:
        describe(publisher, **words)
    assert caught.value.code == code
    assert seen(publisher, tmp_path / "player") == before


@pytest.mark.parametrize("data", [b"<svg onload='x'/>", b"", PNG + bytes(8 << 20)])
def test_art_that_is_no_image_or_too_large_is_refused(publisher: Publisher, tmp_path: Path, data: bytes) -> None:
    with pytest.raises(UsageError, match="PNG or JPEG"):
        describe(publisher, art={"": art_file(tmp_path, data)})


def test_a_title_begins_with_a_release(publisher: Publisher) -> None:
    with pytest.raises(UsageError) as caught:
        title.describe(publisher.folder, publisher.home, "other", TitleText(label="x"), publisher.passphrases)
    assert caught.value.code == "usage.unknown_title"


def test_one_online_key_is_enough_in_a_studio(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path, "studio")
    tree = lay(tmp_path / "tree", {"bin/game": b"#!/bin/sh\n"})
    outcome = publisher.release(tree, "1.0")
    assert outcome.request
    for holder in ("holder-1", "holder-2"):
        words = ["--home", str(publisher.home.root), "--json", "--yes", "publish", "sign", str(outcome.request)]
        assert main([*words, "--key", holder]) == 0
    publisher.release(tree, "1.0")
    for path in (publisher.home.keys / "shop").glob("holder-*"):
        path.unlink()
    _, changed = describe(publisher, summary="By the title's own key.")
    assert changed


def test_the_command_line_says_what_stands_there_now(
    publisher: Publisher, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verb = ["--home", str(publisher.home.root), "publish", "title", str(publisher.folder), "game"]
    assert main([*verb, "--lang", "de", "--label", "Ein Spiel", "--link", "site=https://example.org/", "--json"]) == 0
    assert '"de": {"label": "Ein Spiel"' in capsys.readouterr().out
    assert main([*verb, "--link", "site"]) == 2
    assert main([*verb, "--kind", "malware"]) == 2


def test_art_for_a_language_stands_beside_that_for_all(publisher: Publisher, tmp_path: Path) -> None:
    describe(publisher, art={"": art_file(tmp_path)})
    about, changed = describe(publisher, art={"de": art_file(tmp_path, PNG + b"Wiese")})
    assert changed and about.art and about.art_in
    found = [records.in_language(about.art_in, language, about.art) for language in ("de-AT", "de", "fr", "")]
    assert found == [about.art_in["de"], about.art_in["de"], about.art, about.art]
    assert all(ref and Store(publisher.folder).has(ref) for ref in found)
    again, _ = describe(publisher, summary="New.")
    assert again.art_in == about.art_in
