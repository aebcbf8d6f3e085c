"""Makes text from servers, publishers and file names safe to show in a terminal, a log or an error.

Control characters, line breaks, invisible characters and those that change the direction of reading are replaced by
their escapes, so that plain text cannot move a cursor, name a window, hide, or begin a line of its own. Sizes are
written as people read them.
"""

import json
import re

_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""Characters that change the direction of reading (Unicode Annex 9), for a character class of a pattern."""
QUOTE_LENGTH = 200
"""Characters that an error quotes of a server's text."""

_UNITS = ("B", "kB", "MB", "GB", "TB")

_HIDDEN = re.compile(
    f"[\\x00-\\x1f\\x7f-\\x9f{_BIDI}\xad\u180e\u200b\u2028\u2029\u2060-\u2064\u206a-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)


def plain(text: str) -> str:
    r"""``text`` as one line, with hidden characters as escapes: ``\x1b[31m``."""
    return _HIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def quoted(text: str, length: int = QUOTE_LENGTH) -> str:
    """The first ``length`` characters of ``text``, plain."""
    return plain(text if len(text) <= length else f"{text[:length]}…")


def json_line(fields: dict[str, object], *, ascii_only: bool = False) -> str:
    """``fields`` as one line of JSON that is safe in a terminal. A JSON reader gets the original text."""
    text = json.dumps(fields, ensure_ascii=ascii_only)
    return _HIDDEN.sub(lambda found: json.dumps(found[0])[1:-1], text)


def human_bytes(count: float) -> str:
    """A size in decimal units, as downloads are shown: ``1.4 GB``."""
    unit = 0
    while count >= 999.5 and unit < len(_UNITS) - 1:
        count, unit = count / 1000, unit + 1
    return f"{count:.0f} {_UNITS[unit]}" if unit == 0 or count >= 99.5 else f"{count:.1f} {_UNITS[unit]}"
