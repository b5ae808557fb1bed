"""Width, height and frames from the first bytes of a file, in microseconds: for estimates, never for limits.

Every walk over a file is bounded, whatever the file claims, and what is not understood is None. The library `imagesize`
answers a part of this; it knows no frames and no bounds, and it does not tell a progressive JPEG.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Final

from renderer.formats import ImageFormat
from renderer.pipeline.cost import Dimensions

_MOST_HOPS: Final = 512
"""Markers, chunks, boxes or entries that are looked at in one file."""

_MOST_GARBAGE: Final = 65_536
"""Bytes between two markers of a JPEG that are skipped, as its decoder skips them."""

_GIF_WINDOW: Final = 131_072
"""Bytes of a GIF in which frames are counted; beyond them they are taken to go on as densely."""


def dimensions(data: bytes, format: ImageFormat, *, max_frames: int = 1) -> Dimensions | None:
    """What a file's header says, or None when it cannot be told.

    Args:
        data: the file.
        format: as `renderer.formats.detect` sees it.
        max_frames: nobody wants to know of more; with 1, frames are not counted at all.
    """
    reader = _READERS.get(format)
    if reader is None:
        return None
    try:
        seen = reader(data, max_frames)
    except struct.error:
        return None  # the file ends in its header
    return seen if seen is not None and seen.width > 0 and seen.height > 0 else None


_MARK: Final = 0xFF
_FRAME_HEADERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE: Final = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_LAST_MARKERS: Final = frozenset({0xD9, 0xDA})
_SEGMENTS: Final = frozenset(range(2, _MARK)) - _FRAME_HEADERS - _LAST_MARKERS - set(range(0xD0, 0xD9))
"""Markers that a length follows, and nothing that is looked for."""
_MARKER: Final = struct.Struct(">BBH")
_FRAME_HEADER: Final = struct.Struct(">5xHH")


def _jpeg(data: bytes, _: int) -> Dimensions | None:
    """The frame header, the first marker of the C0 to CF row that is one (ITU-T T.81 annex B)."""
    position = 2
    for _hop in range(_MOST_HOPS):
        mark, marker, length = _MARKER.unpack_from(data, position)
        if mark != _MARK:
            position = data.find(b"\xff", position, position + _MOST_GARBAGE)
            if position < 0:
                return None
        elif marker in _SEGMENTS:
            position += 2 + max(2, length)
        elif marker in _FRAME_HEADERS:
            height, width = _FRAME_HEADER.unpack_from(data, position)
            return Dimensions(width=width, height=height, is_progressive=marker in _PROGRESSIVE)
        elif marker in _LAST_MARKERS:
            return None
        else:
            position += 1 if marker == _MARK else 2  # a filler, or a marker that stands alone
    return None


_PNG_HEADER: Final = struct.Struct(">8x4x4sII")


def _png(data: bytes, _: int) -> Dimensions | None:
    kind, width, height = _PNG_HEADER.unpack_from(data)
    return Dimensions(width=width, height=height) if kind == b"IHDR" else None


_GIF_HEADER: Final = struct.Struct("<6xHH")


def _gif(data: bytes, max_frames: int) -> Dimensions:
    width, height = _GIF_HEADER.unpack_from(data)
    if max_frames <= 1:
        return Dimensions(width=width, height=height)
    # A frame with a delay has a graphic control extension of four bytes before it (GIF89a, section 23).
    counted = data.count(b"!\xf9\x04", 0, _GIF_WINDOW)
    frames = counted * max(_GIF_WINDOW, len(data)) // _GIF_WINDOW
    return Dimensions(width=width, height=height, frames=max(1, min(frames, max_frames)))


_CHUNK: Final = struct.Struct("<4sI")
_WEBP_START: Final = 12
_LOSSY: Final = struct.Struct("<3x3sHH")
_LOSSLESS: Final = struct.Struct("<BI")


def _webp(data: bytes, max_frames: int) -> Dimensions | None:
    """The first chunk: a lossy picture (RFC 6386 section 9.1), a lossless one or an extended header (RFC 9649)."""
    kind, _ = _CHUNK.unpack_from(data, _WEBP_START)
    body = _WEBP_START + _CHUNK.size
    if kind == b"VP8 ":
        start, width, height = _LOSSY.unpack_from(data, body)
        return Dimensions(width=width & 0x3FFF, height=height & 0x3FFF) if start == b"\x9d\x01\x2a" else None
    if kind == b"VP8L":
        _, bits = _LOSSLESS.unpack_from(data, body)
        return Dimensions(width=(bits & 0x3FFF) + 1, height=(bits >> 14 & 0x3FFF) + 1)
    if kind != b"VP8X" or len(data) < body + 10:
        return None
    is_animated = bool(data[body] & 0x02) and max_frames > 1
    return Dimensions(
        width=int.from_bytes(data[body + 4 : body + 7], "little") + 1,
        height=int.from_bytes(data[body + 7 : body + 10], "little") + 1,
        frames=_webp_frames(data, max_frames) if is_animated else 1,
    )


def _webp_frames(data: bytes, max_frames: int) -> int:
    position, frames = _WEBP_START, 0
    for _hop in range(_MOST_HOPS):
        if position + _CHUNK.size > len(data) or frames >= max_frames:
            return max(1, frames)
        kind, length = _CHUNK.unpack_from(data, position)
        frames += kind == b"ANMF"
        position += _CHUNK.size + length + (length & 1)
    return max(1, min(max_frames, frames * len(data) // min(position, len(data))))


_BOX: Final = struct.Struct(">I4s")
_LARGE_BOX: Final = struct.Struct(">Q")
_EXTENTS: Final = struct.Struct(">4xII")
_Span = tuple[int, int]


def _boxes(data: bytes, span: _Span) -> Iterator[tuple[bytes, _Span]]:
    """Types and bodies of the boxes in a part of a file (ISO/IEC 14496-12 section 4.2)."""
    position, end = span
    for _hop in range(_MOST_HOPS):
        if position + _BOX.size > end:
            return
        length, kind = _BOX.unpack_from(data, position)
        head = _BOX.size
        if length == 1:
            (length,) = _LARGE_BOX.unpack_from(data, position + head)
            head += _LARGE_BOX.size
        stop = min(end, position + length) if length else end
        if stop < position + head:
            return
        yield kind, (position + head, stop)
        position = stop


def _box(data: bytes, span: _Span | None, wanted: bytes) -> _Span | None:
    return next((body for kind, body in _boxes(data, span or (0, 0)) if kind == wanted), None)


def _heif(data: bytes, _: int) -> Dimensions | None:
    """The largest extents that any item has: tiles and thumbnails are smaller (ISO/IEC 23008-12 section 6.5.3)."""
    meta = _box(data, (0, len(data)), b"meta")
    properties = _box(data, meta and (meta[0] + 4, meta[1]), b"iprp")
    container = _box(data, properties, b"ipco")
    extents = (
        _EXTENTS.unpack_from(data, start) for kind, (start, _) in _boxes(data, container or (0, 0)) if kind == b"ispe"
    )
    width, height = max(extents, key=lambda size: int(size[0] * size[1]), default=(0, 0))
    return Dimensions(width=width, height=height)


_TIFF_ENTRY: Final = {"<": struct.Struct("<HHII"), ">": struct.Struct(">HHII")}
_TIFF_SIDES: Final = frozenset({256, 257})
_TIFF_SHORT: Final = 3


def _tiff(data: bytes, _: int) -> Dimensions | None:
    """Tags 256 and 257 of the first directory (TIFF 6.0 section 2)."""
    order = "<" if data.startswith(b"II") else ">"
    (offset,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, offset)
    entry = _TIFF_ENTRY[order]
    sides: dict[int, int] = {}
    for index in range(min(count, _MOST_HOPS)):
        tag, kind, _number, value = entry.unpack_from(data, offset + 2 + index * entry.size)
        if tag in _TIFF_SIDES:
            # A short value stands in the first two of its four bytes.
            short = value >> 16 if order == ">" else value & 0xFFFF
            sides[tag] = short if kind == _TIFF_SHORT else value
        if len(sides) == len(_TIFF_SIDES):
            return Dimensions(width=sides[256], height=sides[257])
    return None


_BMP_HEADER: Final = struct.Struct("<14xIii")
_BMP_INFO_LENGTH: Final = 40


def _bmp(data: bytes, _: int) -> Dimensions | None:
    length, width, height = _BMP_HEADER.unpack_from(data)
    return Dimensions(width=width, height=abs(height)) if length >= _BMP_INFO_LENGTH else None


_ICO_HEADER: Final = struct.Struct("<4xH")
_ICO_ENTRY_BYTES: Final = 16


def _ico(data: bytes, _: int) -> Dimensions | None:
    """The largest sides of the directory; 0 stands for 256."""
    (count,) = _ICO_HEADER.unpack_from(data)
    directory = data[_ICO_HEADER.size : _ICO_HEADER.size + min(count, _MOST_HOPS) * _ICO_ENTRY_BYTES]
    entries = [directory[index : index + 2] for index in range(0, len(directory) - 1, _ICO_ENTRY_BYTES)]
    if not entries:
        return None
    return Dimensions(width=max(entry[0] or 256 for entry in entries), height=max(entry[1] or 256 for entry in entries))


_JXL_SIDE_BITS: Final = (9, 13, 18, 30)
_JXL_RATIOS: Final = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
_JXL_HEADER_BYTES: Final = 12


def _jxl(data: bytes, _: int) -> Dimensions | None:
    """The size header of the codestream, bare or in a box (ISO/IEC 18181-1 annex D, 18181-2)."""
    start = 0
    if not data.startswith(b"\xff\x0a"):
        bodies = ((kind, span[0]) for kind, span in _boxes(data, (0, len(data))) if kind in (b"jxlc", b"jxlp"))
        kind, start = next(bodies, (b"", len(data)))
        start += 4 if kind == b"jxlp" else 0
    if data[start : start + 2] != b"\xff\x0a":
        return None
    bits = _Bits(data[start + 2 : start + 2 + _JXL_HEADER_BYTES])
    is_small = bits.take(1)
    height = _jxl_side(bits, is_small=is_small)
    ratio = bits.take(3)
    if not ratio:
        return Dimensions(width=_jxl_side(bits, is_small=is_small), height=height)
    numerator, denominator = _JXL_RATIOS[ratio]
    return Dimensions(width=height * numerator // denominator, height=height)


def _jxl_side(bits: _Bits, *, is_small: int) -> int:
    if is_small:
        return 8 * (bits.take(5) + 1)
    return bits.take(_JXL_SIDE_BITS[bits.take(2)]) + 1


class _Bits:
    """Bits of a byte string, the lowest of the first byte first; zeros behind its end."""

    def __init__(self, data: bytes) -> None:
        self._left = int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        value = self._left & ((1 << count) - 1)
        self._left >>= count
        return value


_READERS: Final[dict[ImageFormat, Callable[[bytes, int], Dimensions | None]]] = {
    ImageFormat.JPEG: _jpeg,
    ImageFormat.PNG: _png,
    ImageFormat.GIF: _gif,
    ImageFormat.WEBP: _webp,
    ImageFormat.AVIF: _heif,
    ImageFormat.HEIC: _heif,
    ImageFormat.JXL: _jxl,
    ImageFormat.TIFF: _tiff,
    ImageFormat.BMP: _bmp,
    ImageFormat.ICO: _ico,
}
