"""Decides the file name under which a browser would save an answer (spec 03 section 2.10).

The name comes from the text after the source URL's last slash, or from the `filename` option. It is sent as UTF-8
without further encoding; of the characters that would end the quotes or the header, `"` becomes `%22` and control
characters are dropped. Bytes that are no UTF-8 become U+FFFD, because headers are written as UTF-8.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from renderer.formats import TRAITS

FALLBACK_STEM: Final = "image"

_HTTP_PATH: Final = re.compile(r"https?://[^/?#]*([^?#]*)")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_ESCAPED_BYTE: Final = re.compile(r"[\ud800-\udfff]")

_EXTENSIONS: Final = {traits.mime: traits.extension for traits in TRAITS.values()} | {
    "application/pdf": ".pdf",
    "image/heic": ".heic",
    "image/vnd.microsoft.icon": ".ico",
    "image/x-ms-bmp": ".bmp",
    "video/mp4": ".mp4",
}
"""Extensions of raw answers whose URL has none."""


def content_disposition(*, source_url: str, extension: str, filename: str = "", is_attachment: bool = False) -> str:
    """`Content-Disposition` of a rendered picture.

    Args:
        source_url: the preprocessed source URL; its query is part of the name.
        extension: of the result's format, with its dot; it replaces the URL's.
        filename: the `filename` option, decoded; its own extension stays part of the name. Empty for none.
        is_attachment: asks the browser to save the file instead of showing it.
    """
    stem, _ = _divided(source_url)
    return _header(filename, stem, extension, is_attachment=is_attachment)


def raw_content_disposition(
    *, source_url: str, content_type: str | None, filename: str = "", is_attachment: bool = False
) -> str:
    """`Content-Disposition` of a source that is passed through untouched.

    Args:
        source_url: of an http(s) URL only the decoded path counts; other URLs are opaque and count whole.
        content_type: the source's; it gives the extension when the URL has none and the type is known.
        filename: the `filename` option, decoded; it replaces the name but not the extension. Empty for none.
        is_attachment: asks the browser to save the file instead of showing it.
    """
    path = _HTTP_PATH.match(source_url)
    stem, extension = _divided(unquote(path[1]) if path else source_url)
    media_type = (content_type or "").partition(";")[0].strip().lower()
    return _header(filename, stem, extension or _EXTENSIONS.get(media_type, ""), is_attachment=is_attachment)


def _divided(url: str) -> tuple[str, str]:
    """The last segment's name and its extension with the dot."""
    stem, dot, extension = url.rpartition("/")[2].rpartition(".")
    return (stem, dot + extension) if dot else (extension, "")


def _header(filename: str, stem: str, extension: str, *, is_attachment: bool) -> str:
    kind = "attachment" if is_attachment else "inline"
    return f'{kind}; filename="{_quotable(filename) or _quotable(stem) or FALLBACK_STEM}{_quotable(extension)}"'


def _quotable(text: str) -> str:
    return _ESCAPED_BYTE.sub("\ufffd", _CONTROL.sub("", text)).replace('"', "%22")
