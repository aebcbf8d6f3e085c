"""Names that are safe on every system, and names that are not."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patcher.content import paths
from patcher.errors import ContentError, UsageError

GOOD = [
    "a", "a/b/c.txt", "Game Data/Level 1 (final).pak", "münchen/straße", "日本語/データ.bin", ".hidden/.config",
    "lib.so.1.2.3", "console.txt", "com10", "communism/lpt", "nullable", "auxiliary.c", "a~b", "~", "x~1y",
    "longername~1",
    "👩\u200d🚀.png", "می\u200cخواهم", "-rf", "#!", "%2e%2e", "a" * 255, "/".join("d" * 64), "...a", "..a/b",
    "tilde~x.tar.gz",
    "shoal", ".shoals", "What\uff1f.ogg", " leading",
]  # fmt: skip

BAD = [
    "", "/", "/etc/passwd", "a//b", "a/", ".", "..", "a/../b", "./a", "a/.", "C:", "C:/x", "c:x", "a:stream",
    "\\\\host\\share",
    "a\\b", "a\0b", "a\nb", "a\x7fb", "a\x85b", "con", "CON.txt", "dir/Nul", "aux.tar.gz", "com1", "LPT9.x", "com¹",
    "lpt³.doc",
    "conin$", "CONOUT$", "clock$", "con .txt", "ＣＯＮ", "a.", "a ", "a./b", "a /b", "progra~1", "FOO~12.TXT",
    "ab~1.x",
    ".shoal", ".SHOAL/x", "a/.Shoal", ".sh\u200coal", "．ｓｈｏａｌ", "‥", "a\u202eb", "a\u2066b", "a\u200bb",
    "a\ufeff",
    "\u200e", "a\u00adb", "a\u2028b", "a\ud800", "a\uffff", "a\ufdd0", "\U0001fffe", "\U000e0041", "a?b", "a*",
    "a|b", "a<b", "a>b",
    'a"b', "a" * 256, "é" * 128, "/".join("d" * 65), "x/" * 600 + "x", "\u200d",
]  # fmt: skip


@pytest.mark.parametrize("path", GOOD)
def test_an_ordinary_name_is_safe(path: str) -> None:
    assert paths.check(path) == path
    paths.check_all([path])


@pytest.mark.parametrize("path", BAD)
def test_an_unsafe_name_is_refused_alone_and_in_a_tree(path: str) -> None:
    for check in (lambda: paths.check(path), lambda: paths.check_all(["fine/a", path])):
        with pytest.raises(ContentError) as caught:
            check()
        assert caught.value.code == "content.unsafe_path"
        assert caught.value.message.isascii(), "an error about a name must be safe to show"


@pytest.mark.parametrize(
    "pair",
    [("a", "a"), ("A", "a"), ("d/x", "D/y"), ("a", "a/b"), ("a/b", "a"), ("A", "a/b"), ("é", "e\u0301"), ("ﬁle",
     "file"),
     ("straße", "STRASSE"), ("ſ", "s"), ("Σ", "ς"), ("Å", "Å"), ("x/é/1", "x/e\u0301/2"), ("ab", "a\u200db"), ("Ａ",
     "a"),
     ("a/b/c/d", "a/b/C"), ("K", "K")],
)  # fmt: skip
def test_names_that_meet_on_some_system_cannot_stand_together(pair: tuple[str, str]) -> None:
    for both in (pair, pair[::-1]):
        for path in both:
            paths.check(path)
        with pytest.raises(ContentError):
            paths.check_all(both)


def test_names_that_differ_everywhere_stand_together() -> None:
    paths.check_all(["a/b", "a/c", "a-b", "ab", "b", "a.b", "a／b", "d/a/b", "ı", "i", "ö", "o"])


def test_a_long_but_legal_tree_is_fine() -> None:
    paths.check_all(f"d{n % 10}/e{n % 100}/file {n}" for n in range(3000))


@given(st.text(max_size=60))
def test_any_text_is_either_safe_or_refused(path: str) -> None:
    try:
        paths.check(path)
    except ContentError:
        return
    names = path.split("/")
    assert not {"", ".", ".."} & set(names) and "\\" not in path and "\0" not in path and ":" not in path
    assert all(name[-1] not in ". " for name in names)
    assert path.encode().decode() == path
    paths.check_all([path])


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=12))
def test_a_name_never_stands_beside_another_form_of_itself(name: str) -> None:
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        for other in (name.lower(), name.upper(), name.casefold(), name):
            twin = unicodedata.normalize(form, other)
            try:
                paths.check_all([name, twin])
            except ContentError:
                continue
            # ı and its like have an upper case that no system folds back; what is left over must be a name apart.
            assert unicodedata.normalize("NFKC", name).casefold() != unicodedata.normalize("NFKC", twin).casefold()


@pytest.mark.parametrize("name", ["a", "0", "game", "a-b-2", "x" * 41])
def test_a_plain_word_names_a_title(name: str) -> None:
    assert paths.check_name(name) == name


@pytest.mark.parametrize("name", ["", "-a", "A", "a_b", "a.b", "a/b", "ä", "x" * 42, "con", "com1", "a\n", " a"])
def test_other_names_are_refused_for_titles(name: str) -> None:
    with pytest.raises(UsageError):
        paths.check_name(name)


@pytest.mark.parametrize(
    ("path", "target", "aim"),
    [
        ("a/b", "c", "a/c"),
        ("a/b", "../c", "c"),
        ("a/b/c", "../../x/y", "x/y"),
        ("l", "d/e", "d/e"),
        ("a/b/c", "..", "a"),
    ],
)
def test_a_link_may_lead_anywhere_inside(path: str, target: str, aim: str) -> None:
    paths.check_link(path, target)
    assert paths.link_target(path, target) == aim


@pytest.mark.parametrize(
    "target",
    ["/etc/passwd", "../../x", "../..", "..", "x/../../..", "x/../y", "", ".", "./x", "x/", "C:/x", "..\\..\\x",
     "//h/s",
     "../.shoal/journal", ".shoal", "a\0", "../../../../../../etc"],
)  # fmt: skip
def test_a_link_that_may_lead_out_is_refused(target: str) -> None:
    with pytest.raises(ContentError) as caught:
        paths.check_link("a/link", target)
    assert caught.value.code == "content.link_outside"


def test_the_order_is_that_of_names_one_by_one() -> None:
    listed = ["a-b", "a/c", "a/b", "a", "a.b", "b", "a/b/c", "ä", "z"]
    assert sorted(listed, key=paths.order) == sorted(
        listed, key=lambda path: [name.encode() for name in path.split("/")]
    )
