"""The boxes of a HEIF file that say which items it has and what they are to each other (ISO 14496-12, 23008-12).

Pixels are not read here. Every box must lie inside the one around it, so the work is bounded by the file's size.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from renderer.errors import BrokenImage

_HEADER: Final = struct.Struct(">I4s")
_LARGE_SIZE: Final = struct.Struct(">Q")
_FULL_BOX: Final = 4
"""Bytes of version and flags, which come first in a box that has a version."""

_HEVC: Final = frozenset({b"hvc1", b"hev1", b"lhv1"})
_THUMBNAIL: Final = b"thmb"
"""The reference of a thumbnail to its picture."""
_MAX_BOXES: Final = 20_000
"""How many boxes one box may hold; telephones write about a hundred."""


@dataclass(frozen=True, slots=True)
class Box:
    """One box: its type, and where its content is in the file."""

    type: bytes
    start: int
    end: int


def boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    """The boxes between two places of a file.

    Raises:
        BrokenImage: a box goes beyond the end, or there are too many.
    """
    for _ in range(_MAX_BOXES):
        if start + _HEADER.size > end:
            return
        size, type = _HEADER.unpack_from(data, start)
        content = start + _HEADER.size
        if size == 1:
            if content + _LARGE_SIZE.size > end:
                raise BrokenImage("HEIF: a box's size is cut short")
            size = _LARGE_SIZE.unpack_from(data, content)[0]
            content += _LARGE_SIZE.size
        stop = end if size == 0 else start + size
        if not content <= stop <= end:
            raise BrokenImage(f"HEIF: a box of {size} bytes at {start}, where {end - start} are left")
        yield Box(type, content, stop)
        start = stop
    raise BrokenImage(f"HEIF: more than {_MAX_BOXES} boxes in one")


def names_thumbnail(data: bytes) -> bool:
    """Whether a file may say that an item is another one's thumbnail; quick, and never wrong when it says no."""
    try:
        return any(
            data.find(_THUMBNAIL, box.start, box.end) >= 0 for box in boxes(data, 0, len(data)) if box.type != b"mdat"
        )
    except BrokenImage:
        return True


def child(data: bytes, parent: Box, type: bytes) -> Box | None:
    """The first box of a type inside another one that has a version."""
    return next((box for box in boxes(data, parent.start + _FULL_BOX, parent.end) if box.type == type), None)


def meta(data: bytes) -> Box:
    """The box that describes the items.

    Raises:
        BrokenImage: there is none.
    """
    for box in boxes(data, 0, len(data)):
        if box.type == b"meta":
            return box
    raise BrokenImage("HEIF: no description of items")


def items(data: bytes, parent: Box) -> Iterator[tuple[bytes, int]]:
    """The items' types, and where in the file each is written: `hvc1` is HEVC, `av01` is AV1, `Exif` is metadata."""
    return ((type, place) for _, type, place in _numbered_items(data, parent))


def _numbered_items(data: bytes, parent: Box) -> Iterator[tuple[int, bytes, int]]:
    listed = child(data, parent, b"iinf")
    if listed is None:
        return
    count_bytes = 2 if version(data, listed) == 0 else 4
    for entry in boxes(data, listed.start + _FULL_BOX + count_bytes, listed.end):
        id_bytes = 2 if version(data, entry) <= 2 else 4
        start = entry.start + _FULL_BOX
        place = start + id_bytes + 2
        if place + 4 <= entry.end:
            yield number(data, start, id_bytes), data[place : place + 4], place


def primary_type(data: bytes, parent: Box) -> bytes | None:
    """The type of the item that the file shows; None if it names none."""
    named = child(data, parent, b"pitm")
    if named is None:
        return None
    wanted = number(data, named.start + _FULL_BOX, 2 if version(data, named) == 0 else 4)
    return next((type for item, type, _ in _numbered_items(data, parent) if item == wanted), None)


def properties(data: bytes, parent: Box) -> frozenset[bytes]:
    """The types of all properties that items of the file have, such as `ispe` for a size and `irot` for a turn."""
    described = child(data, parent, b"iprp")
    inside = () if described is None else boxes(data, described.start, described.end)
    container = next((box for box in inside if box.type == b"ipco"), None)
    return frozenset(() if container is None else (box.type for box in boxes(data, container.start, container.end)))


def is_hevc(data: bytes) -> bool:
    """Whether an item of the file is coded as HEVC.

    Raises:
        BrokenImage: the boxes of the file make no sense.
    """
    return any(type in _HEVC for type, _ in items(data, meta(data)))


def version(data: bytes, box: Box) -> int:
    """The version of a box that has one."""
    return number(data, box.start, 1)


def number(data: bytes, start: int, length: int) -> int:
    """A big-endian number.

    Raises:
        BrokenImage: it is not there whole.
    """
    if start + length > len(data):
        raise BrokenImage("HEIF: a number is cut short")
    return int.from_bytes(data[start : start + length], "big")
