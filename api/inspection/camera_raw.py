"""Camera raw files that look like TIFF; their first picture is often a thumbnail. Pure."""

from __future__ import annotations

import struct
from typing import Final

_CR2: Final = b"CR"
_CR2_AT: Final = 8
_SUBFILE_TYPE, _SUB_DIRECTORIES, _DNG_VERSION = 254, 330, 50706
_REDUCED: Final = 1
_MOST_TAGS: Final = 512


def is_camera_raw(data: bytes) -> bool:
    """Whether a file with TIFF's signature is CR2, DNG, or has a thumbnail first and the picture in a sub-directory.

    NEF, ARW, PEF and others are of the last kind.
    """
    if data.startswith(_CR2, _CR2_AT):
        return True
    try:
        tags = _first_directory(data)
    except struct.error:
        return False  # the file ends in its directory
    return _DNG_VERSION in tags or (bool(tags.get(_SUBFILE_TYPE, 0) & _REDUCED) and _SUB_DIRECTORIES in tags)


def _first_directory(data: bytes) -> dict[int, int]:
    """Tags and their values of four bytes (TIFF 6.0 section 2)."""
    order = "<" if data.startswith(b"II") else ">"
    (offset,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, offset)
    entry = struct.Struct(f"{order}HHII")
    places = range(offset + 2, offset + 2 + min(count, _MOST_TAGS) * entry.size, entry.size)
    return {tag: value for tag, _, _, value in (entry.unpack_from(data, place) for place in places)}
