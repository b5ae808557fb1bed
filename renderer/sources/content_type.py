"""The Content-Type of files that this server hands out as they are (spec 03 section 4.5).

The first bytes decide, by the part of the WHATWG table that matters for files that are or pretend to be pictures; a
file that looks like text or like nothing is typed by its extension.
"""

from __future__ import annotations

import mimetypes
import re
from typing import Final

from renderer.formats import ImageFormat

SNIFFED_BYTES: Final = 512

_HTML_TAGS: Final = rb"!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p"
_SIGNATURES: Final = tuple(
    (content_type, re.compile(pattern, re.DOTALL))
    for content_type, pattern in (
        ("text/html; charset=utf-8", rb"[\t\n\x0c\r ]*<(?i:(?:" + _HTML_TAGS + rb")[ >]|!--)"),
        ("text/xml; charset=utf-8", rb"[\t\n\x0c\r ]*<\?xml"),
        ("application/pdf", rb"%PDF-"),
        ("application/postscript", rb"%!PS-Adobe-"),
        ("text/plain; charset=utf-16be", rb"\xfe\xff.."),
        ("text/plain; charset=utf-16le", rb"\xff\xfe.."),
        ("text/plain; charset=utf-8", rb"\xef\xbb\xbf."),
        ("image/x-icon", rb"\x00\x00[\x01\x02]\x00"),
        ("image/bmp", rb"BM"),
        ("image/gif", rb"GIF8[79]a"),
        ("image/webp", rb"RIFF....WEBPVP"),
        ("image/png", rb"\x89PNG\r\n\x1a\n"),
        ("image/jpeg", rb"\xff\xd8\xff"),
        ("video/mp4", rb"\x00\x00..ftypmp4"),
        ("video/webm", rb"\x1a\x45\xdf\xa3"),
        ("application/x-gzip", rb"\x1f\x8b\x08"),
        ("application/zip", rb"PK\x03\x04"),
    )
)
_BINARY: Final = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_UNDECIDED: Final = ("text/plain", "application/octet-stream")

# Python's own table, not the machine's: an answer must not depend on which packages are installed.
_TYPES: Final = mimetypes.MimeTypes().types_map[True] | {
    ".jpeg": ImageFormat.JPEG.mime,
    ".tif": ImageFormat.TIFF.mime,
    ".heif": ImageFormat.HEIC.mime,
    **{picture.extension: picture.mime for picture in ImageFormat},
}


def content_type(head: bytes, *, name: str) -> str:
    """The media type of a file that begins with `head` (up to `SNIFFED_BYTES`) and is called `name`."""
    sniffed = _sniffed(head[:SNIFFED_BYTES])
    if not sniffed.startswith(_UNDECIDED):
        return sniffed
    _, dot, extension = name.rpartition("/")[2].rpartition(".")
    return _TYPES.get(f".{extension.lower()}", sniffed) if dot else sniffed


def _sniffed(head: bytes) -> str:
    for sniffed, signature in _SIGNATURES:
        if signature.match(head):
            return sniffed
    return "application/octet-stream" if _BINARY.search(head) else "text/plain; charset=utf-8"
