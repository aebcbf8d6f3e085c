"""Text that others wrote, made plain before anybody reads it: at a terminal, in a log, in an error.

Nothing in plain text moves a cursor, names a window, turns the direction of reading, hides, or begins a line of its
own: every such character is written out as its escape.
"""

import json
import re

TURNING = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""What turns the direction of reading (Unicode bidirectional algorithm), as a range of a pattern."""
QUOTE_LENGTH = 200
"""As much as a sentence of ours quotes of what a server says."""

_HIDDEN = re.compile(
    f"[\\x00-\\x1f\\x7f-\\x9f{TURNING}\xad\u180e\u200b\u2028\u2029\u2060-\u2064\u206a-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)


def plain(text: str) -> str:
    r"""``text`` in one line, what is hidden written out: ``\x1b[31m``."""
    return _HIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def quoted(text: str, length: int = QUOTE_LENGTH) -> str:
    """The beginning of what others say, plain."""
    return plain(text if len(text) <= length else f"{text[:length]}…")


def json_line(fields: dict[str, object]) -> str:
    """An object as JSON that a terminal can show; readers of JSON see what is in ``fields``."""
    text = json.dumps(fields, ensure_ascii=False)
    return _HIDDEN.sub(lambda found: json.dumps(found[0])[1:-1], text)
