"""What a BMP file says about itself before its pixels: which files are readable, and how their pixels are stored.

The rule is spec 02 section 2.5, narrower than the format: the headers of 40, 108 and 124 bytes, one plane, three sets
of channel masks. Nothing here costs more than a few field reads, so limits can be checked on the answer before any
pixel is touched.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from renderer.errors import BrokenImage

FILE_HEADER: Final = struct.Struct("<2sIHHI")
"""Signature, file size, two reserved fields, offset of the pixels."""

INFO_HEADER: Final = struct.Struct("<IiiHHIIiiII")
"""Own length, width, height, planes, bits per pixel, compression, pixel bytes, two resolutions, palette colors, and how
many of them matter."""

MAX_SIDE: Final = 100_000_000
"""libvips holds no picture that is wider or higher."""

MAX_SAMPLES: Final = 2**31 - 1
"""Width times height times bands; what a signed 32-bit size holds."""

_READABLE_LENGTHS: Final = (40, 108, 124)
# The longer headers hold their masks where the masks that follow a 40-byte header stand.
_MASKS_OFFSET: Final = FILE_HEADER.size + INFO_HEADER.size
_READABLE_MASKS: Final[dict[int, tuple[tuple[int, ...], ...]]] = {
    16: ((0xF800, 0x07E0, 0x001F), (0x7C00, 0x03E0, 0x001F)),
    32: ((0x00FF_0000, 0x0000_FF00, 0x0000_00FF, 0xFF00_0000),),
}
_UNCOMPRESSED: Final = 0
_RUN_LENGTHS: Final = {1: 8, 2: 4}
_BITFIELDS: Final = (3, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class BmpHeader:
    """A readable BMP file's header.

    Attributes:
        width: pixels, at least 1.
        height: pixels, at least 1, whatever the order of the rows.
        bands: 3 for RGB, 4 for RGBA.
        bits_per_pixel: 1, 2, 4, 8 (with a palette), 16, 24 or 32.
        is_top_down: whether the file's first row is the picture's top row.
        is_run_length_encoded: whether the pixels are RLE8 or RLE4 operations instead of rows.
        masks: red, green and blue bits of a 16-bit pixel; all 0 when the file names none.
        palette_offset: where the palette's four-byte entries start.
        palette_colors: how many there are; 0 without a palette.
        pixel_offset: where the pixel data starts; inside the file.
    """

    width: int
    height: int
    bands: int
    bits_per_pixel: int
    is_top_down: bool
    is_run_length_encoded: bool
    masks: tuple[int, int, int]
    palette_offset: int
    palette_colors: int
    pixel_offset: int

    @property
    def palette_bits(self) -> int | None:
        """The fewest of 1, 2, 4 or 8 bits that number the palette's colors; None without a palette."""
        if not self.palette_colors:
            return None
        return next(bits for bits in (1, 2, 4, 8) if self.palette_colors <= 1 << bits)


def read_header(data: bytes) -> BmpHeader:
    """The header of a whole BMP file.

    Raises:
        BrokenImage: it is no BMP, of a kind that is not readable, or its parts do not fit into the file.
    """
    if len(data) < _MASKS_OFFSET:
        raise BrokenImage(f"BMP: {len(data)} bytes do not hold a header")
    pixel_offset = FILE_HEADER.unpack_from(data)[4]
    fields = INFO_HEADER.unpack_from(data, FILE_HEADER.size)
    length, width, height, planes, bits, compression = fields[:6]
    _check_kind(data, length=length, planes=planes, bits=bits)
    has_alpha = bits == 32 and (length == INFO_HEADER.size or _masks(data, 4)[3] != 0)
    header = BmpHeader(
        width=width,
        height=abs(height),
        bands=4 if has_alpha else 3,
        bits_per_pixel=bits,
        is_top_down=height < 0,
        is_run_length_encoded=_is_run_length_encoded(compression, bits=bits),
        masks=_channel_masks(data, bits) if compression in _BITFIELDS else (0, 0, 0),
        palette_offset=FILE_HEADER.size + length,
        palette_colors=_palette_colors(fields[9], bits=bits),
        pixel_offset=pixel_offset,
    )
    _check_size(header)
    _check_places(header, file_size=len(data))
    return header


def _check_kind(data: bytes, *, length: int, planes: int, bits: int) -> None:
    if not data.startswith(b"BM"):
        raise BrokenImage("BMP: no BM signature")
    if length not in _READABLE_LENGTHS:
        raise BrokenImage(f"BMP: an info header of {length} bytes is not supported")
    if len(data) < FILE_HEADER.size + length:
        raise BrokenImage("BMP: the info header is cut short")
    if planes != 1:
        raise BrokenImage(f"BMP: {planes} planes, not 1")
    if bits not in (1, 2, 4, 8, 16, 24, 32):
        raise BrokenImage(f"BMP: {bits} bits per pixel are not supported")


def _is_run_length_encoded(compression: int, *, bits: int) -> bool:
    if compression in _RUN_LENGTHS:
        if _RUN_LENGTHS[compression] != bits:
            raise BrokenImage(f"BMP: compression {compression} with {bits} bits per pixel")
        return True
    if compression != _UNCOMPRESSED and compression not in _BITFIELDS:
        raise BrokenImage(f"BMP: compression {compression} is not supported")
    return False


def _masks(data: bytes, count: int) -> tuple[int, ...]:
    if len(data) < _MASKS_OFFSET + 4 * count:
        raise BrokenImage("BMP: the channel masks are cut short")
    return struct.unpack_from(f"<{count}I", data, _MASKS_OFFSET)


def _channel_masks(data: bytes, bits: int) -> tuple[int, int, int]:
    masks = _masks(data, 4 if bits == 32 else 3)
    if masks not in _READABLE_MASKS.get(bits, ()):
        listed = " ".join(f"{mask:08X}" for mask in masks)
        raise BrokenImage(f"BMP: channel masks {listed} with {bits} bits per pixel are not supported")
    red, green, blue = masks[:3]
    return red, green, blue


def _palette_colors(declared: int, *, bits: int) -> int:
    if bits > 8:
        return 0
    if declared > 1 << bits:
        raise BrokenImage(f"BMP: {declared} palette colors with {bits} bits per pixel")
    return declared or 1 << bits


def _check_size(header: BmpHeader) -> None:
    size = f"{header.width} x {header.height}"
    if header.width <= 0 or header.height == 0:
        raise BrokenImage(f"BMP: no picture is {size}")
    if max(header.width, header.height) > MAX_SIDE or header.width * header.height * header.bands > MAX_SAMPLES:
        raise BrokenImage(f"BMP: {size} is too large")


def _check_places(header: BmpHeader, *, file_size: int) -> None:
    if header.palette_offset + 4 * header.palette_colors > file_size:
        raise BrokenImage("BMP: the palette is cut short")
    if header.pixel_offset >= file_size:
        raise BrokenImage(f"BMP: pixel data starts at byte {header.pixel_offset} of a file of {file_size}")
