"""Values of log lines as text that cannot end the line, color the terminal or look like another field.

The escapes are those of a Go string literal, because that is what imgproxy's lines have (spec 03 section 7.5).
"""

from __future__ import annotations

import math
import re
from typing import Final

_NAMED: Final = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    '"': '\\"',
    "\\": "\\\\",
}
_NEEDS_NO_QUOTES: Final = re.compile(r"[!#-&(-9;<>-\[\]^_a-z|~]*")
"""ASCII without space, quotes, backtick, backslash, braces, colon and equals sign."""

_INVISIBLE: Final = re.compile("[\x7f-\x9f\u2028\u2029]")
"""What JSON lets through although terminals obey it or editors break lines there."""


def quoted(text: str) -> str:
    """The text between double quotes, with everything escaped that is no visible character or space."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(_NAMED.get(character) or escaped(character) for character in text) + '"'


def quoted_if_needed(text: str) -> str:
    """The text itself if it cannot be mistaken for anything else, else between quotes."""
    return text if _NEEDS_NO_QUOTES.fullmatch(text) else quoted(text)


def unbroken(text: str) -> str:
    """The text on one line, without control characters, quotes as they are."""
    return text if text.isprintable() else "".join(map(escaped, text))


def without_invisible(json_text: str) -> str:
    """JSON with C1 control characters and Unicode's line ends as escapes."""
    if json_text.isascii() and "\x7f" not in json_text:
        return json_text
    return _INVISIBLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json_text)


def escaped(character: str) -> str:
    """A character as it is, or as an escape if it is not printable; undecodable bytes show as bytes."""
    if character.isprintable():
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"  # how `surrogateescape` keeps a byte that is no UTF-8
    if character in _NAMED:
        return _NAMED[character]
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def go_number(value: float) -> str:
    """A number with as few digits as tell it from its neighbors: `5`, `0.25`, `1e+21`."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    # Go's logger writes numbers from 1e21 on with an exponent; so does repr, from 1e16 on.
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e21 else repr(value)
