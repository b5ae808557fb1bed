"""The size of a picture in its EXIF data: PixelXDimension and PixelYDimension (EXIF 2.32 section 4.6.5)."""

from __future__ import annotations

import struct
from typing import Final

_BYTE_ORDERS: Final = {b"II": "<", b"MM": ">"}
_POINTER: Final = 0x8769
"""The tag of the first directory that says where the second one is."""
_WIDTH, _HEIGHT = 0xA002, 0xA003
_LONG: Final = 4
"""The type of an entry that is a number of four bytes."""

_Entry = tuple[int, int, int, int]
"""Tag, type, count and value."""


def with_size(exif: bytes, was: tuple[int, int], now: tuple[int, int]) -> bytes | None:
    """EXIF data with another size in it; None if the size that it had is not written as two plain numbers.

    Args:
        exif: begins with a TIFF header.
        was: width and height that it says.
        now: width and height that it is to say.
    """
    order = _BYTE_ORDERS.get(exif[:2])
    if order is None:
        return None
    changed = bytearray(exif)
    try:
        (first,) = struct.unpack_from(order + "I", exif, 4)
        pointers = [entry[3] for _, entry in _entries(exif, order, first) if entry[0] == _POINTER]
        if len(pointers) != 1:
            return None
        entries = list(_entries(exif, order, pointers[0]))
        for tag, old, new in zip((_WIDTH, _HEIGHT), was, now, strict=True):
            found = [(place, entry) for place, entry in entries if entry[0] == tag]
            if [entry for _, entry in found] != [(tag, _LONG, 1, old)]:
                return None
            struct.pack_into(order + "I", changed, found[0][0] + 8, new)
    except struct.error:
        return None  # it ends before its entries do
    return bytes(changed)


def _entries(exif: bytes, order: str, start: int) -> list[tuple[int, _Entry]]:
    """The entries of a directory, and where in the data each is."""
    (count,) = struct.unpack_from(order + "H", exif, start)
    entry = struct.Struct(order + "HHII")
    places = [start + 2 + index * entry.size for index in range(count)]
    return [(place, entry.unpack_from(exif, place)) for place in places]
