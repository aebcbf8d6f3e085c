"""Names are made of the words of docs/vocabulary.md, and no two classes share one."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.gates.sources import python_files, text_of, tree_of

PAGE = Path("docs/vocabulary.md")
PLAIN = "## Plain words used in names"

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_BOLD = re.compile(r"\*\*(.+?)\*\*")
_ENDINGS = (
    ("ies", "y"),
    ("es", ""),
    ("s", ""),
    ("ed", ""),
    ("ed", "e"),
    ("ing", ""),
    ("ing", "e"),
    ("er", ""),
    ("er", "e"),
)


def words(text: str) -> list[str]:
    """The words of a name or text in lower case; single letters are units or numbers."""
    return [word.lower() for word in _WORD.findall(text) if len(word) > 1]


def defined() -> set[str]:
    """The words that the page explains: what is bold in the first column of a table, or in an explanation."""
    tables = text_of(PAGE).partition(PLAIN)[0]
    return {word for bold in _BOLD.findall(tables) for word in words(bold)}


def plain() -> list[str]:
    """The words of the list, as the page has them."""
    _, _explanation, listed, *_ = text_of(PAGE).partition(PLAIN)[2].split("\n\n")
    return words(listed)


def forms(word: str) -> set[str]:
    """The word, and the shorter ones that it may be an inflection of: cutting, cut; decoders, decoder, decode."""
    found = {word}
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(stem := word.removesuffix(ending)) > 1:
            found |= forms(stem + instead)
            if stem[-1:] == stem[-2:-1]:
                found.add(stem[:-1])
    return found


def names() -> Iterator[tuple[str, str]]:
    """Where each public name of a module, class or function of patcher/ stands, and the name."""
    for path in python_files("patcher"):
        package = path.parent if path.stem.startswith("__") else path
        yield str(path), package.stem
        yield from ((f"{path}:{line}", name) for line, name in _public(tree_of(path).body))


def _public(body: Iterable[ast.stmt]) -> Iterator[tuple[int, str]]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.lineno, node.name
            if isinstance(node, ast.ClassDef):
                yield from _public(node.body)
        elif isinstance(node, ast.If | ast.Try):
            yield from _public(node.body)


def unknown(found: Iterable[tuple[str, str]], known: set[str]) -> Mapping[str, list[str]]:
    """The words that no page explains, and the names that use them."""
    uses = defaultdict(list)
    for where, name in found:
        for word in words(name):
            if forms(word).isdisjoint(known):
                uses[word].append(f"{where} {name}")
    return dict(uses)


def test_every_word_of_a_public_name_stands_in_the_vocabulary() -> None:
    """Take the field's word; if there is none, define one, or add a plain word to the list at the page's end."""
    assert unknown(names(), defined() | set(plain())) == {}


def test_the_list_of_plain_words_is_sorted_and_each_is_used() -> None:
    used = {form for _, name in names() for word in words(name) for form in forms(word)}
    assert plain() == sorted(set(plain()) - defined())
    assert [word for word in plain() if word not in used] == []


def test_no_two_classes_share_a_name() -> None:
    places = defaultdict(list)
    for path in python_files("patcher"):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(f"{path}:{node.lineno}")
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


@pytest.mark.parametrize(
    ("word", "form"),
    [("copies", "copy"), ("cutting", "cut"), ("planned", "plan"), ("pickers", "pick"), ("cached", "cache")],
)
def test_an_inflection_counts_as_its_word(word: str, form: str) -> None:
    assert form in forms(word)


def test_the_gate_sees_a_word_of_our_own() -> None:
    assert unknown([("a.py:1", "tend_swarm")], {"swarm"}) == {"tend": ["a.py:1 tend_swarm"]}
