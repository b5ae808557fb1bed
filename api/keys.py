"""What a key may be, and how it is read from a path (DESIGN section 6). Pure.

The rules keep a key one thing everywhere: in S3, in a URL, in a folder, in a cache tag, on a screen.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from api.problems import InvalidKey
from renderer.formats import ImageFormat

INCOMING: Final = "incoming/"
"""Where large files arrive; what lies there is no original yet."""

MAX_BYTES: Final = 1024
"""Of S3 (in UTF-8)."""

_CONTENT_ADDRESSED: Final = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{62})\.[a-z]{3,4}")
_HALF_ENCODED: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_FORBIDDEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f?\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)
"""Control characters, `?` (it separates an object's version in source URLs), marks of direction (a name must not show
other than it is), separators of lines, and what is no character."""


_SEGMENT: Final = (
    r"(?!\.{1,2}(?:/|$))[^/?\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]+"
)
PATTERN: Final = rf"^(?!incoming(?:/|$)){_SEGMENT}(?:/{_SEGMENT})*$"
"""The same in ECMA 262's regular expressions, for the document; it cannot say NFC and bytes."""


def checked_key(text: str) -> str:
    """The key, unchanged.

    Raises:
        InvalidKey: it breaks a rule; the detail says which.
    """
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidKey("A key must be valid Unicode.") from error
    if not 0 < size <= MAX_BYTES:
        raise InvalidKey(f"A key has 1 to {MAX_BYTES:,} bytes of UTF-8, this one has {size:,}.")
    if found := _FORBIDDEN.search(text):
        raise InvalidKey(f"A key must not contain U+{ord(found[0]):04X}.")
    if text != (composed := unicodedata.normalize("NFC", text)):
        raise InvalidKey(f"A key must be in Unicode's form NFC; percent-encoded that is {quote(composed)}.")
    if any(part in ("", ".", "..") for part in text.split("/")):
        raise InvalidKey("A key must not begin or end with a slash, and no part of it may be empty, `.` or `..`.")
    if text.startswith(INCOMING) or text == INCOMING.rstrip("/"):
        raise InvalidKey(f"Keys under {INCOMING} are for files that are on their way.")
    return text


def key_from_path(encoded: str) -> str:
    """The key that a path ends with, percent-decoded once.

    Raises:
        InvalidKey: it is no key, or not decodable.
    """
    if _HALF_ENCODED.search(encoded):
        raise InvalidKey("The key has a percent sign without two hexadecimal digits; a percent sign itself is %25.")
    try:
        return checked_key(unquote_to_bytes(encoded).decode())
    except UnicodeDecodeError as error:
        raise InvalidKey("The key, percent-decoded, is not UTF-8.") from error


def content_key(data: bytes, format: ImageFormat) -> str:
    """The key of a picture that was given none: equal files are one object."""
    digest = hashlib.sha256(data).hexdigest()
    return f"{digest[:2]}/{digest}{format.extension}"


def is_content_key(key: str) -> bool:
    """Whether a key names its content, so that what lies there never changes."""
    return _CONTENT_ADDRESSED.fullmatch(key) is not None
