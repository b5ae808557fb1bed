"""What cameras, telephones and editors write behind a picture's end. Pure.

Accepted are, in any order:

- padding: zeros, ones, white space;
- whole JPEGs: previews and gain maps (CIPA DC-007 Multi-Picture Format, ISO 21496-1), depth maps;
- a whole film in ISO boxes: Motion Photo (Android's "Motion Photo format 1.0");
- data whose own footer says where it begins: Samsung's (SEFT), Canon's (recipes of Digital Photo Professional), of
  Photo Mechanic, of FotoStation; the layouts are those that ExifTool documents;
- Vivo's, which has no footer with a length and is known by its beginning;
- previews of Minolta's cameras: JPEGs whose first byte is not 0xFF, behind a few bytes that say nothing;
- up to 16 bytes of any kind but markup, left over by programs that write into the old file: too few to be anything.
"""

from __future__ import annotations

import re
import struct
from typing import Final

from api.inspection.picture_parts import Found, boxes_end, jpeg_end

_PADDING: Final = re.compile(rb"(?:(?!.{4}ftyp)[\x00\t\n\r ]|\xff(?!\xd8))*+", re.DOTALL)
"""Without the zeros that the size of a film's first box begins with, and the first byte of a JPEG."""
_JPEG: Final = b"\xff\xd8\xff"
_FILM: Final = b"ftyp"
_VIVO: Final = (b'vivo{"', b"streamdata")

_SPOILED_JPEG: Final = re.compile(rb".{0,16}?(?=.\xd8\xff\xdb)", re.DOTALL)
_TOO_SHORT: Final = 16

_ZEROS: Final = bytes(4096)
_MOST_PARTS: Final = 64
"""Pictures and films behind one another: a multi-picture file has a dozen at most."""
_MOST_TRAILERS: Final = 8
"""Programs leave one each; a picture that went through eight of them has them all."""


def is_expected(data: bytes, start: int, found: Found) -> bool:
    """Whether all that stands from `start` to the file's end is of the kinds above; `found` is told of its parts."""
    stop = len(data)
    for _ in range(_MOST_TRAILERS):
        # A footer may end in zeros of its own, or have some behind it.
        begin = _footed_trailer(data, start, stop)
        if begin is None:
            begin = _footed_trailer(data, start, _before_padding(data, start, stop))
        if begin is None:
            break
        stop = begin
    position = start
    for _ in range(_MOST_PARTS):
        position = _after_padding(data, position, stop)
        if stop - position <= _TOO_SHORT and data.find(b"<", position, stop) < 0:
            return True
        after = _after_part(data, position, stop, found)
        if after is None:
            return False
        position = after
    return False


def _after_padding(data: bytes, start: int, stop: int) -> int:
    padding = _PADDING.match(data, start, stop)
    return padding.end() if padding is not None else start


def _before_padding(data: bytes, start: int, stop: int) -> int:
    """Where zeros at the end begin: they may follow any footer."""
    while stop - start >= len(_ZEROS) and data.startswith(_ZEROS, stop - len(_ZEROS)):
        stop -= len(_ZEROS)
    while stop > start and data[stop - 1] == 0:
        stop -= 1
    return stop


def _after_part(data: bytes, start: int, stop: int, found: Found) -> int | None:
    """Behind a picture, a film or what has no footer; None if there is nothing of the kind."""
    if data.startswith(_JPEG, start):
        return jpeg_end(data, start, stop, found)
    if data.startswith(_FILM, start + 4):
        end = boxes_end(data, start, stop, found)
        return end if end is None or end > start else None
    if data.startswith(_VIVO, start):
        return stop
    spoiled = _SPOILED_JPEG.match(data, start, stop)
    return None if spoiled is None else jpeg_end(data, spoiled.end(), stop, found)


_LITTLE: Final = struct.Struct("<I")
_BIG: Final = struct.Struct(">I")


def _footed_trailer(data: bytes, start: int, stop: int) -> int | None:
    """Where the trailer begins that ends at `stop`, if it is one that says so, and between `start` and `stop`."""
    for footer, place in _PLACES:
        at = stop - footer[0]
        if at >= start and data.startswith(footer[1], at):
            begin = place(data, start, stop)
            return begin if begin is not None and start <= begin < stop else None
    return None


_SEF_ENTRY: Final = struct.Struct("<HHII")
_SEF_HEADER: Final = struct.Struct("<4sII")


def _samsung(data: bytes, start: int, stop: int) -> int | None:
    """A directory and its length come last; its entries say how far before the directory their data begins."""
    (length,) = _LITTLE.unpack_from(data, stop - 8)
    directory = stop - 8 - int(length)
    if directory < start or length < _SEF_HEADER.size:
        return None
    name, _, count = _SEF_HEADER.unpack_from(data, directory)
    if name != b"SEFH" or count * _SEF_ENTRY.size > length - _SEF_HEADER.size:
        return None
    first = directory + _SEF_HEADER.size
    backs = (_SEF_ENTRY.unpack_from(data, first + index * _SEF_ENTRY.size)[2] for index in range(count))
    return directory - int(max(backs, default=0))


def _canon(data: bytes, _start: int, stop: int) -> int:
    """A header of 28 bytes, the data, a footer of 64 that has its length."""
    return stop - 64 - 28 - int(_BIG.unpack_from(data, stop - 64 + 20)[0])


def _photo_mechanic(data: bytes, _start: int, stop: int) -> int:
    """The data, its length, a name of 8 bytes."""
    return stop - 12 - int(_BIG.unpack_from(data, stop - 12)[0])


def _foto_station(data: bytes, _start: int, stop: int) -> int | None:
    """A record: the data, its kind in 2 bytes, the length of all, 4 bytes that are always the same."""
    (length,) = _BIG.unpack_from(data, stop - 8)
    return stop - int(length) if length >= 10 else None


_PLACES: Final = (
    ((4, b"SEFT"), _samsung),
    ((64, b"CANON OPTIONAL DATA\0"), _canon),
    ((8, b"cbipcbbl"), _photo_mechanic),
    ((4, b"\xa1\xb2\xc3\xd4"), _foto_station),
)
"""How far before its end a trailer has which bytes, and what finds its beginning."""
