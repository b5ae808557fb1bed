"""Refuses files that are a picture and something else as well. Pure; time in proportion to the file, nothing copied.

Refused are:

- bytes behind the picture's end that `api.inspection.trailers` does not know;
- files that archive programs open: an end of a ZIP's directory that points to a directory which is there;
- RAR and 7-Zip archives behind the picture's end, whatever they are inside of;
- `%PDF-` in the first 1,024 bytes, where readers of PDF look for it;
- markup and PHP: `<script`, `<html`, `<!doctype html` and `<?php` in any case, in parts that hold no pixels and in the
  first 4 KiB; among pixels too if readable text follows;
- scripts: a first line that reads as an expression and opens a comment (a JPEG whose first segment has 0x2F2A bytes, a
  GIF whose size spells it), where behind the comment's end a program goes on.

Of 6,982 different pictures on one machine, most of them icons, only broken ones are refused. Two whole ones were at
first, for what a camera and an editor had left behind their ends; `api.inspection.trailers` knows it since.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Final

from api.inspection.picture_parts import WALKS
from api.inspection.trailers import is_expected
from api.problems import BrokenImage, Polyglot
from renderer.formats import ImageFormat

_TOLD_BY_DECODERS: Final = frozenset({ImageFormat.JPEG, ImageFormat.BMP, ImageFormat.ICO})
"""Formats of which decoders say what is missing, and know better: a JPEG may lack its end marker."""

_HEAD_BYTES: Final = 4096
_PDF: Final = b"%PDF-"
_PDF_BYTES: Final = 1024

_ARCHIVE: Final = re.compile(rb"Rar!\x1a\x07|7z\xbc\xaf\x27\x1c")

_MARKUP: Final = re.compile(rb"<(?:script[\s/>]|html[\s/>]|!doctype\s+html|\?php\s)", re.IGNORECASE)
_READABLE_MARKUP: Final = re.compile(_MARKUP.pattern + rb"[\t\n\r -~]{8}", re.IGNORECASE)
"""With eight readable bytes behind it: by chance that is among 2**50 bytes once, `<?php ` alone among 2**42."""
_PHP: Final = re.compile(rb"<\?php\s", re.IGNORECASE)

_COMMENT_OPENS: Final = re.compile(rb"[A-Za-z0-9_$=\s\xaa\xb5\xba\xc0-\xff]{2,14}?/\*")
_PROGRAM_GOES_ON: Final = re.compile(
    rb"\*/(?P<space>\s*+)(?:[=;,.(\[?:+*/%&|^<>-][\t\n\r\x20-\x7e\xa0-\xff]|(?P<word>[A-Za-z_$]))"
)


def refuse_polyglot(data: bytes, format: ImageFormat, check: Callable[[], None]) -> None:
    """Returns if the file is a picture only.

    Args:
        data: the file.
        format: as its first bytes show it.
        check: called between steps; what it raises ends the work.

    Raises:
        Polyglot: it is more than a picture; the detail says what.
        BrokenImage: it breaks off where decoders would not mind.
    """
    if data.find(_PDF, 0, _PDF_BYTES) >= 0:
        raise Polyglot("The file is a PDF document as well.")
    if _is_archive(data):
        raise Polyglot("The file is a ZIP archive as well.")
    if format.traits.is_vector:
        if _PHP.search(data):
            raise Polyglot("The file holds PHP.")
        return
    if _is_script(data):
        raise Polyglot("The file is a script as well.")
    _refuse_markup(data, format, check)


def _refuse_markup(data: bytes, format: ImageFormat, check: Callable[[], None]) -> None:
    def found(start: int, stop: int) -> None:
        check()
        # One byte more than the part: a name may end where the part does.
        _refuse(_MARKUP.search(data, start, stop + 1))

    _refuse(_MARKUP.search(data, 0, _HEAD_BYTES))
    end = WALKS[format](data, 0, len(data), found)
    check()
    if end is None:
        if format not in _TOLD_BY_DECODERS:
            raise BrokenImage(f"The {format.value} file breaks off.")
    elif end < len(data):
        _refuse_rest(data, end, check)
    check()
    _refuse(_READABLE_MARKUP.search(data))


def _refuse_rest(data: bytes, end: int, check: Callable[[], None]) -> None:
    """Refuses what stands behind a picture's end, unless it is known."""
    if _ARCHIVE.search(data, end):
        raise Polyglot("The file is a RAR or 7-Zip archive as well.")
    if not is_expected(data, end, lambda _start, _stop: check()):
        raise Polyglot(
            f"The picture ends at byte {end:,}, and {len(data) - end:,} bytes follow that are neither padding nor what"
            " cameras and editors append."
        )


def _refuse(markup: re.Match[bytes] | None) -> None:
    if markup is not None:
        kind = "PHP" if markup[0].startswith(b"<?") else "HTML"
        raise Polyglot(f"The file holds {kind} at byte {markup.start():,}.")


def _is_script(data: bytes) -> bool:
    if not _COMMENT_OPENS.match(data):
        return False
    comment_ends = data.find(b"*/", 8)
    program = _PROGRAM_GOES_ON.match(data, comment_ends) if comment_ends >= 0 else None
    # A word begins a program only where a line ended before it.
    return program is not None and (program["word"] is None or b"\n" in program["space"])


_ZIP_END: Final = b"PK\x05\x06"
_ZIP_END_FIELDS: Final = struct.Struct("<4s4HIIH")
_ZIP_END_WINDOW: Final = 0xFFFF + _ZIP_END_FIELDS.size
"""How far before the end of a file readers look: the comment may have 65,535 bytes."""
_ZIP_ENTRY: Final = b"PK\x01\x02"
_ZIP64_LOCATOR: Final = b"PK\x06\x07"
_ZIP64_LOCATOR_BYTES: Final = 20


def _is_archive(data: bytes) -> bool:
    """Whether a directory stands before its end; the four bytes alone occur in one of 65,000 photographs."""
    position = len(data)
    first = max(0, len(data) - _ZIP_END_WINDOW)
    while (position := data.rfind(_ZIP_END, first, position)) >= 0:
        if position + _ZIP_END_FIELDS.size <= len(data) and _has_directory(data, position):
            return True
    return False


def _has_directory(data: bytes, end: int) -> bool:
    if data.startswith(_ZIP64_LOCATOR, max(0, end - _ZIP64_LOCATOR_BYTES)):
        return True
    *_, size, offset, _comment = _ZIP_END_FIELDS.unpack_from(data, end)
    # Where it should be, or where it is if something was put before the archive.
    return any(0 < start < end and data.startswith(_ZIP_ENTRY, start) for start in (end - size, offset))
