"""ICO files: which of their pictures counts, and the file around one PNG.

An ICO is a directory of pictures, each a PNG file or a BMP file without its file header. The rules are spec 02
sections 2.6 and 7.10. The pixels are the business of the PNG loader and of `renderer.codecs.bmp`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from renderer.codecs.bmp_header import FILE_HEADER, INFO_HEADER
from renderer.errors import BrokenImage

MAX_SIDE: Final = 256

_DIRECTORY: Final = struct.Struct("<HHH")
_ENTRY: Final = struct.Struct("<BBBBHHII")
_ICON: Final = 1
_PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class IcoEntry:
    """The picture that an ICO file is shown as.

    Attributes:
        width: pixels, 1 to 256, as the directory says.
        height: likewise.
        payload: a whole PNG file, or a whole BMP file that `bmp.decode` reads.
        is_png: which of the two. A BMP's size was compared with the directory's; a PNG's is the caller's to compare,
            once its header is read: another size makes the file broken. Of either, pixels alone count, no metadata
            and no palette.
    """

    width: int
    height: int
    payload: bytes
    is_png: bool


def best_entry(data: bytes, *, strict: bool = False) -> IcoEntry:
    """The picture of an ICO file that counts.

    Args:
        data: the whole file.
        strict: whether a picture that goes on beyond the end of the file is refused. Else what is there is its
            payload, for the picture's decoder to judge.

    Raises:
        BrokenImage: no directory, no picture, a picture outside the file, or a BMP whose size is not the directory's.
    """
    raw_width, raw_height, size, offset = _chosen(data)
    width, height = raw_width or MAX_SIDE, raw_height or MAX_SIDE
    if not 0 < offset < len(data):
        raise BrokenImage(f"ICO: a picture starts at byte {offset} of a file of {len(data)}")
    if strict and offset + size > len(data):
        raise BrokenImage(f"ICO: a picture of {size} bytes at {offset} in a file of {len(data)}")
    stored = data[offset : offset + size]
    if stored.startswith(_PNG_SIGNATURE):
        return IcoEntry(width=width, height=height, payload=stored, is_png=True)
    return IcoEntry(width=width, height=height, payload=_bmp_file(stored, width, height), is_png=False)


def encode(png: bytes, *, width: int, height: int, has_alpha: bool) -> bytes:
    """An ICO file around one PNG file.

    Args:
        png: the picture, RGB or RGBA.
        width: its width, 1 to 256 pixels.
        height: its height, likewise.
        has_alpha: whether it is RGBA.

    Raises:
        BrokenImage: a side that an ICO cannot name.
    """
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise BrokenImage(f"ICO: {width} x {height} cannot be written, only sides of 1 to {MAX_SIDE}")
    offset = _DIRECTORY.size + _ENTRY.size
    bits = 32 if has_alpha else 24
    entry = _ENTRY.pack(width % MAX_SIDE, height % MAX_SIDE, 0, 0, 1, bits, len(png), offset)
    return _DIRECTORY.pack(0, _ICON, 1) + entry + png


def _chosen(data: bytes) -> tuple[int, int, int, int]:
    """Raw width, raw height, size and offset of the entry that counts.

    An entry replaces the one before when it is wider or higher, and always with a side of 0, which stands for 256.
    Since 0 is also the smallest number, whatever follows such an entry replaces it: that is the reference's choice.
    """
    if len(data) < _DIRECTORY.size:
        raise BrokenImage(f"ICO: {len(data)} bytes do not hold a directory")
    reserved, kind, count = _DIRECTORY.unpack_from(data)
    if (reserved, kind) != (0, _ICON):
        raise BrokenImage("ICO: no icon signature")
    directory = data[_DIRECTORY.size : _DIRECTORY.size + count * _ENTRY.size]
    if count == 0 or len(directory) < count * _ENTRY.size:
        raise BrokenImage(f"ICO: the directory of {count} pictures has {len(directory)} bytes")
    best = (0, 0, 0, 0)
    for width, height, _, _, _, _, size, offset in _ENTRY.iter_unpack(directory):
        if width > best[0] or height > best[1] or 0 in (width, height):
            best = (width, height, size, offset)
    return best


def _bmp_file(stored: bytes, width: int, height: int) -> bytes:
    """A BMP file of a picture that is stored without file header, its mask counted into its height."""
    if len(stored) < INFO_HEADER.size:
        raise BrokenImage(f"ICO: {len(stored)} bytes are neither PNG nor BMP")
    fields = list(INFO_HEADER.unpack_from(stored))
    bits, colors = fields[4], fields[9]
    # Rounded toward zero, and negative when the rows are stored top down.
    fields[2] = -(-fields[2] // 2) if fields[2] < 0 else fields[2] // 2
    if (fields[1], abs(fields[2])) != (width, height):
        raise BrokenImage(f"ICO: a BMP of {fields[1]} x {abs(fields[2])} where the directory says {width} x {height}")
    if colors == 0 and bits <= 8:
        colors = 1 << bits
    file_size = FILE_HEADER.size + len(stored)
    pixel_offset = FILE_HEADER.size + INFO_HEADER.size + 4 * colors
    if pixel_offset >= file_size:
        raise BrokenImage(f"ICO: pixel data starts at byte {pixel_offset} of a BMP of {file_size}")
    file_header = FILE_HEADER.pack(b"BM", file_size, 0, 0, pixel_offset)
    return file_header + INFO_HEADER.pack(*fields) + stored[INFO_HEADER.size :]
