"""Where a picture ends inside its file, and which of its parts hold no pixels. Pure.

Each walk costs time in proportion to the file, copies nothing, and tells `found` of a part as soon as it has seen it.
It answers the position behind the picture; the file's end where the file does not say; None where it breaks off before.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Final, TypeAlias

from api.problems import BrokenImage
from renderer.formats import ImageFormat

Found: TypeAlias = Callable[[int, int], None]
"""Called with the start and the stop of each part without pixels, and with an empty one for what else is a step."""

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_STANDALONE: Final = frozenset({0x00, 0x01, _SOI, *range(0xD0, 0xD8)})
_MARKER: Final = re.compile(rb"\xff[^\xff]", re.DOTALL)
"""The fill bytes before a marker are 0xFF as well."""
_AFTER_SCAN: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""What ends the data of a scan: no stuffed zero, no restart, no fill byte (ITU-T T.81 section B.1.1.2)."""
_LENGTH: Final = struct.Struct(">H")
_WORTH_TELLING: Final = 65_536
"""Bytes of segments that are told as one part."""
_MOST_SCANS: Final = 256
"""Encoders write ten, and a hostile file thousands of a few bytes, each of which costs a pass over all pixels."""


def jpeg_end(data: bytes, start: int, stop: int, found: Found) -> int | None:
    """Behind the end-of-image marker of the JPEG that begins at `start` (ITU-T T.81 annex B).

    Raises:
        BrokenImage: it has more scans than any encoder writes.
    """
    position = described = start + 2
    scans = 0
    while (marker := _MARKER.search(data, position, stop)) is not None:
        position, kind = marker.end(), data[marker.end() - 1]
        if kind == _EOI:
            found(described, position)
            return position
        if kind not in _STANDALONE:
            position = _after_segment(data, position, stop)
        # From the last part on: what stands between two segments is passed over by decoders, not by readers of text.
        if kind == _SOS:
            found(described, position)
            scans += 1
            described = position = _after_scan(data, position, stop, scans)
        elif position - described >= _WORTH_TELLING:
            found(described, position)
            described = position
    return None


def _after_segment(data: bytes, position: int, stop: int) -> int:
    if position + _LENGTH.size > stop:
        return stop
    (length,) = _LENGTH.unpack_from(data, position)
    return min(stop, position + max(2, int(length)))


def _after_scan(data: bytes, position: int, stop: int, scans: int) -> int:
    if scans > _MOST_SCANS:
        raise BrokenImage(f"The jpeg file has more than {_MOST_SCANS} scans.")
    after = _AFTER_SCAN.search(data, position, stop)
    return stop if after is None else after.start()


_PNG_CHUNK: Final = struct.Struct(">I4s")
_PNG_PIXELS: Final = frozenset({b"IDAT", b"fdAT"})


def png_end(data: bytes, start: int, stop: int, found: Found) -> int | None:
    """Behind the chunk IEND (PNG section 5)."""
    position = start + 8
    while position + 12 <= stop:
        length, kind = _PNG_CHUNK.unpack_from(data, position)
        end = position + 12 + length
        if end > stop:
            return None
        if kind == b"IEND":
            return int(end)
        found(position if kind not in _PNG_PIXELS else end, end)
        position = end
    return None


_GIF_NOTHINGS: Final = re.compile(rb"\x00+")
_GIF_EXTENSION, _GIF_FRAME, _GIF_TRAILER = 0x21, 0x2C, 0x3B


def gif_end(data: bytes, start: int, stop: int, found: Found) -> int | None:
    """Behind the trailer, or before the first byte that begins no block (GIF89a section 12).

    A file that ends between two frames instead is whole: much of the web's is so.
    """
    try:
        position = start + 13 + _color_table(data[start + 10])
        while position < stop:
            kind = data[position]
            if kind == _GIF_EXTENSION:
                before, position = position, _after_blocks(data, position + 2)
                found(before, min(position, stop))
            elif kind == _GIF_FRAME:
                position = _after_blocks(data, position + 11 + _color_table(data[position + 9]))
                found(position, position)
            elif (zeros := _GIF_NOTHINGS.match(data, position, stop)) is not None:
                position = zeros.end()
            else:
                return position + (kind == _GIF_TRAILER)
    except IndexError:
        return None  # the file breaks off
    return stop


def _color_table(flags: int) -> int:
    """The bytes of a color table, by the flags that announce it."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_blocks(data: bytes, position: int) -> int:
    """Behind a chain of data blocks, each with its length before it, and the empty one that ends it."""
    while length := data[position]:
        position += length + 1
    return position + 1


_RIFF_CHUNK: Final = struct.Struct("<4sI")
_RIFF_HEADER: Final = 12
_WEBP_PIXELS: Final = frozenset({b"VP8 ", b"VP8L", b"ALPH", b"ANMF"})


def webp_end(data: bytes, start: int, stop: int, found: Found) -> int | None:
    """Behind as many bytes as the file's header says (RFC 9649 section 2.4)."""
    _, size = _RIFF_CHUNK.unpack_from(data, start)
    end = start + 8 + size + (size & 1)
    position = start + _RIFF_HEADER
    while position + _RIFF_CHUNK.size <= min(end, stop):
        kind, length = _RIFF_CHUNK.unpack_from(data, position)
        after = position + _RIFF_CHUNK.size + length + (length & 1)
        after_or_stop = min(after, stop)
        found(position if kind not in _WEBP_PIXELS else after_or_stop, after_or_stop)
        position = after
    # Writers differ in whether the padding of the last chunk is there.
    return end if end <= stop else stop if end == stop + 1 else None


_BMP_HEADER: Final = struct.Struct("<2sIHHIIiiHHII")
_BMP_UNCOMPRESSED: Final = frozenset({0, 3, 6})
_BMP_PROFILE: Final = struct.Struct("<II")
_BMP_V5_BYTES: Final = 124
_BMP_PROFILE_AT: Final = 14 + 112


def bmp_end(data: bytes, start: int, stop: int, found: Found) -> int | None:
    """Behind the pixels and the color profile. The file's own size counts where the pixels are compressed: elsewhere
    it is often wrong.
    """
    if stop - start < _BMP_HEADER.size:
        return None
    _, size, _, _, pixels, length, width, height, _, bits, compression, _ = _BMP_HEADER.unpack_from(data, start)
    found(start, min(start + pixels, stop))
    if compression not in _BMP_UNCOMPRESSED:
        return start + size if pixels < size <= stop - start else None
    end = pixels + (abs(width) * bits + 31) // 32 * 4 * abs(height)
    if length >= _BMP_V5_BYTES and stop - start >= _BMP_PROFILE_AT + _BMP_PROFILE.size:
        offset, profile = _BMP_PROFILE.unpack_from(data, start + _BMP_PROFILE_AT)
        end = max(end, 14 + offset + profile if profile else 0)
    return start + end if end <= stop - start else None


_BOX: Final = struct.Struct(">I4s")
_LEAST_LETTER: Final = 0x20
"""Types of boxes are four letters, which zeros are not."""
_LARGE_SIZE: Final = struct.Struct(">Q")
_BOX_PIXELS: Final = frozenset({b"mdat", b"jxlc", b"jxlp"})
_TOP_BOXES: Final = _BOX_PIXELS | {b"ftyp", b"meta", b"moov", b"free", b"skip", b"uuid", b"idat", b"mpvd", b"sefd"}
_CODESTREAM: Final = b"\xff\x0a"


def boxes_end(data: bytes, start: int, stop: int, found: Found) -> int | None:
    """Behind the last box (ISO/IEC 14496-12 section 4.2); a bare JPEG XL codestream does not say."""
    if data.startswith(_CODESTREAM, start):
        return stop
    position = start
    while position < stop:
        after = _after_box(data, position, stop)
        if after is None:
            return position
        kind = data[position + 4 : position + 8]
        if after > stop:
            # A file that breaks off inside a box, or something else that reads like one.
            return None if kind in _TOP_BOXES else position
        found(position if kind not in _BOX_PIXELS else after, after)
        position = after
    return position


def _after_box(data: bytes, position: int, stop: int) -> int | None:
    """Behind a box; None if there is none at this place."""
    if position + _BOX.size > stop:
        return None
    size, kind = _BOX.unpack_from(data, position)
    least = _BOX.size
    if min(kind) < _LEAST_LETTER:
        return None
    if size == 0:
        return stop
    if size == 1:
        least += _LARGE_SIZE.size
        if position + least > stop:
            return None
        (size,) = _LARGE_SIZE.unpack_from(data, position + _BOX.size)
    return position + size if size >= least else None


_ICO_DIRECTORY: Final = struct.Struct("<HHH")
_ICO_ENTRY: Final = struct.Struct("<8xII")


def ico_end(data: bytes, start: int, stop: int, found: Found) -> int | None:
    """Behind the picture that ends last."""
    if start + _ICO_DIRECTORY.size > stop:
        return None
    *_, count = _ICO_DIRECTORY.unpack_from(data, start)
    end = start + _ICO_DIRECTORY.size + count * _ICO_ENTRY.size
    if end > stop:
        return None
    found(start, end)
    for index in range(count):
        size, offset = _ICO_ENTRY.unpack_from(data, start + _ICO_DIRECTORY.size + index * _ICO_ENTRY.size)
        end = max(end, start + offset + size)
    return end if end <= stop else None


_MOST_DIRECTORIES: Final = 65_536
"""Of a TIFF; libtiff reads no more."""
_TIFF_ENTRY_BYTES: Final = 12


def tiff_end(data: bytes, start: int, stop: int, found: Found) -> int | None:
    """The file's end: a TIFF has none of its own, its directories point anywhere; they have to be there."""
    order = "<" if data.startswith(b"II", start) else ">"
    count, pointer = struct.Struct(f"{order}H"), struct.Struct(f"{order}I")
    place = start + 4
    for _ in range(_MOST_DIRECTORIES):
        if place + pointer.size > stop:
            return None
        (offset,) = pointer.unpack_from(data, place)
        if offset == 0:
            return stop
        directory = start + offset
        if directory + count.size > stop:
            return None
        (entries,) = count.unpack_from(data, directory)
        place = directory + count.size + entries * _TIFF_ENTRY_BYTES
        found(directory, min(place, stop))
    return stop


WALKS: Final[dict[ImageFormat, Callable[[bytes, int, int, Found], int | None]]] = {
    ImageFormat.JPEG: jpeg_end,
    ImageFormat.PNG: png_end,
    ImageFormat.GIF: gif_end,
    ImageFormat.WEBP: webp_end,
    ImageFormat.BMP: bmp_end,
    ImageFormat.HEIC: boxes_end,
    ImageFormat.AVIF: boxes_end,
    ImageFormat.JXL: boxes_end,
    ImageFormat.ICO: ico_end,
    ImageFormat.TIFF: tiff_end,
}
"""By format; a drawing has no pixels."""
