"""How the values of references are stored, by their forms (see `fields`), and how they change as addresses move."""

import numpy as np
from numpy.typing import NDArray

from patcher.content.native.addresses import AddressMap
from patcher.content.native.fields import LOW12, PAGES21, Fields
from patcher.content.native.numbers import Bytes, Data, Ints, words

PAGE_BITS = 12

_WIDTHS = (4, 8)
_SHIFTS, _BITS = np.array([[0, 0, 5, 5, 5, 5, 10], [32, 26, 19, 14, 19, 19, 12]], np.int64)
"""By form: position of the lowest bit in the word, and number of bits."""
_LOW_BITS = np.array([0, 0, 0, 0, 2, 2, 0], np.int64)
"""By form: number of further low bits, which start at bit 29 of the word (immlo of ADR and ADRP)."""
_LOW_SHIFT = 29


def values(data: Data, offsets: Ints, fields: Fields) -> Ints:
    """The values at ``offsets`` in ``data``, each stored like the field of the same index."""
    numbers = np.empty(len(offsets), np.int64)
    for width in _WIDTHS:
        some = np.flatnonzero(fields.width == width)
        numbers[some] = words(data, f"<i{width}")[offsets[some]]
    hidden = np.flatnonzero(fields.form)
    numbers[hidden] = decode(numbers[hidden], fields.form[hidden])
    return numbers


def write(data: bytearray | Bytes, offsets: Ints, fields: Fields, numbers: Ints) -> None:
    """Store ``numbers`` at ``offsets``, likewise; each wraps at its width."""
    hidden = np.flatnonzero(fields.form)
    if hidden.size:
        numbers = numbers.copy()
        numbers[hidden] = _put(words(data, "<i4")[offsets[hidden]], fields.form[hidden], numbers[hidden])
    for width in _WIDTHS:
        some = np.flatnonzero(fields.width == width)
        words(data, f"<i{width}")[offsets[some]] = numbers[some].astype(f"<i{width}")


def moves(fields: Fields, addresses: AddressMap) -> Ints:
    """The number that the map adds to each value."""
    target_by, base_by = addresses.shift(fields.target), addresses.shift(fields.base)
    by = target_by - base_by
    scaled = np.flatnonzero(fields.scale != 1)
    by[scaled] //= fields.scale[scaled]
    for form, half in ((PAGES21, _pages), (LOW12, _low)):
        some = np.flatnonzero(fields.form == form)
        by[some] = half(fields.at(some), target_by[some], base_by[some])
    return by


def _pages(fields: Fields, target_by: Ints, base_by: Ints) -> Ints:
    far = ((fields.target + target_by) >> PAGE_BITS) - (fields.target >> PAGE_BITS)
    near: Ints = ((fields.base + base_by) >> PAGE_BITS) - (fields.base >> PAGE_BITS)
    return far - near


def _low(fields: Fields, target_by: Ints, _: Ints) -> Ints:
    within = (1 << PAGE_BITS) - 1
    by: Ints = ((fields.target + target_by) & within) // fields.scale - (fields.target & within) // fields.scale
    return by


# ---------------------------------------------------------------- bits of instructions


def decode(instructions: Ints, form: "NDArray[np.int8] | int") -> Ints:
    """The values that instructions of these forms hold."""
    low = _LOW_BITS[form]
    high = instructions >> _SHIFTS[form] & (1 << _BITS[form]) - 1
    return signed(high << low | instructions >> _LOW_SHIFT & (1 << low) - 1, form)


def _put(old: NDArray[np.integer], form: NDArray[np.int8], numbers: Ints) -> Ints:
    low = _LOW_BITS[form]
    high_mask, low_mask = (1 << _BITS[form]) - 1 << _SHIFTS[form], (1 << low) - 1 << _LOW_SHIFT
    bits: Ints = (numbers >> low) << _SHIFTS[form] & high_mask | numbers << _LOW_SHIFT & low_mask
    bits |= old & ~(high_mask | low_mask)
    return bits


def signed(numbers: Ints, form: "NDArray[np.int8] | int") -> Ints:
    """The numbers cut to the bits of their forms. The highest bit is the sign, except for `LOW12`."""
    bits = _BITS[form] + _LOW_BITS[form]
    cut: Ints = numbers & (1 << bits) - 1
    sign: Ints = np.where(np.equal(form, LOW12), 0, cut >> bits - 1 << bits)
    return cut - sign
