"""`multipart/form-data`: the field `file`, and perhaps `key` (RFC 7578).

A form inside a form is no picture: its parts are not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from multipart import MultipartError, PushMultipartParser, parse_options_header

from api.problems import InvalidRequest

_FILE: Final = "file"
_KEY: Final = "key"
_MOST_PARTS: Final = 8
"""More fields than the form has: browsers and tools add some of their own."""
_MOST_BOUNDARY: Final = 70
"""RFC 2046 section 5.1.1."""
_MOST_KEY_BYTES: Final = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a form holds.

    Attributes:
        file: the content of the field `file`.
        content_type: that the part declares, None if it does not.
        file_name: that the part names; empty if it has none.
        key: the text of the field `key`, None without one.
    """

    file: bytes
    content_type: str | None
    file_name: str
    key: str | None


def form_of(body: bytes, content_type: str) -> Form:
    """The form in a body.

    Args:
        body: whole, and so bounded already.
        content_type: of the request, with the boundary.

    Raises:
        InvalidRequest: it is no such form, or lacks the file, or has one of the fields twice.
    """
    _, options = parse_options_header(content_type)
    boundary = options.get("boundary", "")
    if not 0 < len(boundary) <= _MOST_BOUNDARY or not boundary.isascii():
        raise InvalidRequest("The Content-Type of a form needs a boundary of 1 to 70 characters.")
    try:
        return _form(_parts(body, boundary))
    except (MultipartError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"The form cannot be read: {str(error)[:200]}.") from error


def _form(parts: dict[str, _Part]) -> Form:
    if _FILE not in parts:
        raise InvalidRequest("The form has no field `file`.")
    file, key = parts[_FILE], parts.get(_KEY)
    if key is not None and len(key.content) > _MOST_KEY_BYTES:
        raise InvalidRequest("The field `key` is too long.")
    return Form(
        file=bytes(file.content),
        content_type=file.content_type,
        file_name=file.file_name,
        key=None if key is None else key.content.decode(),
    )


@dataclass(slots=True)
class _Part:
    content: bytearray
    content_type: str | None
    file_name: str


def _parts(body: bytes, boundary: str) -> dict[str, _Part]:
    """The parts that count, by their names."""
    parts: dict[str, _Part] = {}
    part: _Part | None = None
    with PushMultipartParser(boundary, len(body), max_segment_count=_MOST_PARTS, strict=True) as parser:
        for event in parser.parse(body):
            if isinstance(event, bytearray):
                if part is not None:
                    part.content += event
            elif event is not None:
                part = _Part(bytearray(), event.content_type, event.filename or "")
                if event.name in parts:
                    raise InvalidRequest(f"The form has the field `{event.name}` twice.")
                if event.name in (_FILE, _KEY):
                    parts[event.name] = part
    return parts
