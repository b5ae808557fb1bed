"""BMP files, read and written.

Reading follows spec 02 section 2.5: three or four bands of 8 bits, whatever the file stores. Writing follows section
7.9: never compressed, the top row first. Decoding is separate from reading the header, so a picture's size can be
checked before it costs anything.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import numpy as np

from renderer.codecs.bmp_header import FILE_HEADER, INFO_HEADER, BmpHeader, read_header
from renderer.codecs.bmp_rle import decode_rle
from renderer.codecs.bmp_rows import decode_rows, pack_rows, row_bytes
from renderer.codecs.planes import Planes
from renderer.errors import BrokenImage

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BmpHeader", "decode", "encode", "read_header"]

_STORED_BANDS: Final = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}
# Four channel masks, color space, its end points and gammas, rendering intent, a profile's place and size, a reserved
# field. The alpha mask is there without alpha too, and the color space's name is written backwards: both as recorded.
_V5_EXTENSION: Final = struct.pack("<IIII4s48xI12x", 0x00FF_0000, 0x0000_FF00, 0x0000_00FF, 0xFF00_0000, b"BGRs", 4)
_GRAY_PALETTE: Final = b"".join(bytes((level, level, level, 0)) for level in range(256))


def decode(data: bytes, check: Callable[[], None], *, strict: bool = False) -> Planes:
    """The pixels of a BMP file.

    Args:
        data: the whole file.
        check: called between steps of some milliseconds; what it raises ends the work.
        strict: whether a file that ends before its last pixel is refused. Else what is there is decoded, and the rest
            is 0 in every band.

    Raises:
        BrokenImage: the header is not readable (see `read_header`), there is no pixel data, or its run-length
            operations are out of proportion; with `strict` also when pixels are missing.
    """
    header = read_header(data)
    decode_pixels = decode_rle if header.is_run_length_encoded else decode_rows
    return Planes(samples=decode_pixels(data, header, check, strict=strict), palette_bits=header.palette_bits)


def encode(planes: Planes) -> bytes:
    """A BMP file of grey (8 bits with a grey palette), RGB (24 bits) or RGBA (32 bits) pixels.

    Raises:
        BrokenImage: another number of bands, or a file beyond the format's 32-bit size.
    """
    if planes.bands not in _STORED_BANDS:
        raise BrokenImage(f"BMP: {planes.bands} bands cannot be written, only 1, 3 or 4")
    rows = pack_rows(planes.samples.astype(np.uint8, copy=False), _STORED_BANDS[planes.bands])
    return b"".join([_headers(planes), *rows])


def _headers(planes: Planes) -> bytes:
    """Everything that comes before the pixels."""
    is_gray = planes.bands == 1
    extension = _GRAY_PALETTE if is_gray else _V5_EXTENSION
    pixel_offset = FILE_HEADER.size + INFO_HEADER.size + len(extension)
    pixel_bytes = row_bytes(planes.width * planes.bands * 8) * planes.height
    if pixel_offset + pixel_bytes >= 1 << 32:
        raise BrokenImage(f"BMP: {planes.width} x {planes.height} pixels are too many for a file")
    length = INFO_HEADER.size + (0 if is_gray else len(extension))
    colors = 256 if is_gray else 0
    return (
        FILE_HEADER.pack(b"BM", pixel_offset + pixel_bytes, 0, 0, pixel_offset)
        + INFO_HEADER.pack(length, planes.width, -planes.height, 1, planes.bands * 8, 0, pixel_bytes, 0, 0, colors, 0)
        + extension
    )
