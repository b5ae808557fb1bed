"""What a file is called, for people to read; nothing is ever opened under such a name. Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import unquote

from multipart import content_disposition_unquote, parse_options_header

MAX_CHARACTERS: Final = 255
"""What common file systems take."""

_MAX_HEADER: Final = 8192
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
"""Unicode's categories of characters that show nothing, or make a name show other than it is."""
_EXTENDED: Final = re.compile(r"utf-8'[^']*'(.*)", re.IGNORECASE)


def plain_name(text: str) -> str:
    """The name without folders and without characters that nobody sees, cut to a sane length; may be empty."""
    name = text.replace("\\", "/").rpartition("/")[2][: 4 * MAX_CHARACTERS]
    visible = "".join(character for character in name if unicodedata.category(character) not in _INVISIBLE)
    return unicodedata.normalize("NFC", visible)[:MAX_CHARACTERS].strip()


def disposition_name(header: str) -> str:
    """The name in a Content-Disposition header, the extended one if there are two (RFC 6266 section 4.3)."""
    _, options = parse_options_header(header[:_MAX_HEADER], unquote=content_disposition_unquote)
    extended = _EXTENDED.fullmatch(options.get("filename*", ""))
    return (plain_name(unquote(extended[1])) if extended else "") or plain_name(_decoded(options.get("filename", "")))


def url_name(url: str) -> str:
    """The name in a URL: its last segment, decoded."""
    path = re.split("[?#]", url, maxsplit=1)[0].partition("://")[2].partition("/")[2]
    return plain_name(unquote(path.rpartition("/")[2]))


def _decoded(text: str) -> str:
    """Bytes that were no UTF-8, as aiohttp passes them on, are ISO 8859-1 (RFC 9110 section 5.5)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape").decode("latin-1")
    return text
