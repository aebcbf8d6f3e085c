"""Bencoded documents: read in their one canonical form, packed or not, within bounds."""

import pytest
from backports import zstd
from bencode2 import bencode
from hypothesis import given
from hypothesis import strategies as st

from patcher.content import bencoded, codec
from patcher.errors import ContentError, NeedsNewer

MOST_BYTES = 1 << 16
HEAD: dict[bytes, object] = {b"format": 1, b"requires": []}

_values = st.recursive(
    st.integers() | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.binary(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(value=st.dictionaries(st.binary(max_size=8), _values, max_size=5), packed=st.booleans())
def test_a_dictionary_is_read_as_it_was_written_packed_or_not(value: dict[bytes, object], packed: bool) -> None:
    data = bencode(value)
    assert bencoded.decode(zstd.compress(data) if packed else data, "a document", MOST_BYTES) == value


@pytest.mark.parametrize(
    "data",
    [b"", b"d", b"de-", b"dee", b"le", b"i1e", b"d1:bi1e1:ai1ee", b"d1:ai01ee", b"d1:ai1e1:ai1ee", b"d" * 5000,
     b"\xef\xbb\xbfde", b"d1:ai" + b"9" * 5000 + b"ee-", codec.ZSTD_MAGIC, codec.ZSTD_MAGIC + bytes(40)],
)  # fmt: skip
def test_any_other_form_is_refused(data: bytes) -> None:
    with pytest.raises(ContentError) as caught:
        bencoded.decode(data, "a document", MOST_BYTES)
    assert caught.value.code == "content.invalid"


@given(data=st.binary(max_size=200))
def test_whatever_is_not_refused_is_written_as_it_was_read(data: bytes) -> None:
    try:
        value = bencoded.decode(data, "a document", MOST_BYTES)
    except ContentError:
        return
    assert bencode(value) == data


@pytest.mark.parametrize("packed", [False, True])
def test_a_document_beyond_its_bound_is_refused(packed: bool) -> None:
    data = bencode({b"a": bytes(MOST_BYTES)})
    with pytest.raises(ContentError):
        bencoded.decode(zstd.compress(data) if packed else data, "a document", MOST_BYTES)


@pytest.mark.parametrize("changes", [{b"format": 2}, {b"requires": [b"later"]}, {b"requires": [b"known", b"later"]}])
def test_a_document_of_the_future_says_that_it_needs_a_newer_shoal(changes: dict[bytes, object]) -> None:
    with pytest.raises(NeedsNewer):
        bencoded.check_format(HEAD | changes, "a document", [b"known"])


@pytest.mark.parametrize("changes", [{b"format": 0}, {b"format": b"1"}, {b"requires": b"known"}, {b"requires": None}])
def test_a_document_without_a_format_is_refused(changes: dict[bytes, object]) -> None:
    with pytest.raises(ContentError):
        bencoded.check_format(HEAD | changes, "a document", [b"known"])


def test_a_document_may_require_what_is_known() -> None:
    bencoded.check_format(HEAD | {b"requires": [b"known"]}, "a document", [b"known"])
