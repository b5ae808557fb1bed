"""Uncompressed BMP pixels: rows of fixed length, padded to four bytes (spec 02 section 2.5).

A file that ends early is read as far as it goes; the pixels it lacks are 0 in every band: black, and transparent in a
picture with alpha.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from renderer.codecs.bmp_palette import colors_of_bytes
from renderer.errors import BrokenImage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    from numpy.typing import NDArray

    from renderer.codecs.bmp_header import BmpHeader

    Bytes: TypeAlias = NDArray[np.uint8]
    Unpack: TypeAlias = Callable[[Bytes, Bytes], None]

PIXELS_BETWEEN_CHECKS: Final = 1 << 20
"""A few milliseconds of work, and few enough to stay in the processor's cache."""


def decode_rows(data: bytes, header: BmpHeader, check: Callable[[], None], *, strict: bool) -> Bytes:
    """The samples of a file without compression, height x width x bands, top row first.

    Args:
        data: the whole file.
        header: as read from `data`.
        check: called between steps; it may raise.
        strict: whether a file that ends before its last pixel is refused.

    Raises:
        BrokenImage: `strict`, and pixels are missing.
    """
    samples = np.zeros((header.height, header.width, header.bands), np.uint8)
    in_file_order = samples if header.is_top_down else samples[::-1]
    stride = row_bytes(header.width * header.bits_per_pixel)
    available = min(len(data) - header.pixel_offset, stride * header.height)
    stored = np.frombuffer(data, np.uint8, available, header.pixel_offset)
    whole, rest = divmod(available, stride)
    rows = stored[: whole * stride].reshape(whole, stride)
    unpack = _unpacker(data, header)
    step = max(1, PIXELS_BETWEEN_CHECKS // header.width)
    for first in range(0, whole, step):
        check()
        unpack(rows[first : first + step], in_file_order[first : min(first + step, whole)])
    if whole < header.height:
        columns = min(header.width, rest * 8 // header.bits_per_pixel)
        if strict and (whole + 1 < header.height or columns < header.width):
            raise BrokenImage(f"BMP: the pixel data ends in row {whole + 1} of {header.height}")
        in_file_order[whole, :columns] = _partial_row(stored[whole * stride :], unpack, header)[:columns]
    return samples


def row_bytes(bits: int) -> int:
    """How many bytes a row with that many bits of pixels takes: a multiple of four."""
    return (bits + 31) // 32 * 4


def pack_rows(samples: Bytes, band_order: list[int]) -> Iterator[bytes]:
    """Rows as a file stores them, a few at a time.

    Args:
        samples: height x width x bands, in the file's order of rows.
        band_order: for each stored sample of a pixel, the band that it comes from.
    """
    height, width, bands = samples.shape
    step = max(1, PIXELS_BETWEEN_CHECKS // width)
    for first in range(0, height, step):
        part = samples[first : first + step]
        rows = np.zeros((len(part), row_bytes(width * bands * 8)), np.uint8)
        pixels = rows[:, : width * bands].reshape(part.shape)
        for position, band in enumerate(band_order):
            pixels[..., position] = part[..., band]
        yield rows.tobytes()


def _partial_row(stored: Bytes, unpack: Unpack, header: BmpHeader) -> Bytes:
    """The row that begins with `stored`, going on with zero bytes."""
    filled = np.zeros((1, row_bytes(header.width * header.bits_per_pixel)), np.uint8)
    filled[0, : stored.size] = stored
    row = np.zeros((1, header.width, header.bands), np.uint8)
    unpack(filled, row)
    return row.reshape(header.width, header.bands)


def _unpacker(data: bytes, header: BmpHeader) -> Unpack:
    """What turns stored rows into rows of samples."""
    if header.palette_colors:
        return partial(_unpack_palette, colors_of_bytes(data, header))
    if header.bits_per_pixel == 16:
        return partial(_unpack_16, header.masks)
    return partial(_unpack_channels, header.bits_per_pixel // 8)


def _unpack_palette(colors: Bytes, rows: Bytes, samples: Bytes) -> None:
    count, width, _ = samples.shape
    pixels_per_byte = colors.shape[1]
    used = rows[:, : -(-width // pixels_per_byte)]
    # `take` with "clip" is four times as fast as indexing; a byte always has its row in the table.
    taken = np.take(colors.reshape(256, -1), used, axis=0, mode="clip")
    samples[...] = taken.reshape(count, -1, 3)[:, :width]


def _unpack_16(masks: tuple[int, int, int], rows: Bytes, samples: Bytes) -> None:
    """Five or six bits to eight, the low ones left 0.

    The shifts are the reference's and fit the masks with six green bits only: 5-5-5 pixels come out with half the red
    and green, and a file without masks is black (spec 02 section 2.5; copied on purpose).
    """
    pixels = rows.view("<u2")[:, : samples.shape[1]]
    red, green, blue = masks
    samples[..., 0] = (pixels & red) >> 11 << 3
    samples[..., 1] = (pixels & green) >> 5 << 2
    samples[..., 2] = (pixels & blue) << 3


def _unpack_channels(pixel_bytes: int, rows: Bytes, samples: Bytes) -> None:
    count, width, bands = samples.shape
    pixels = rows[:, : width * pixel_bytes].reshape(count, width, pixel_bytes)
    for band, stored_band in zip(range(bands), (2, 1, 0, 3), strict=False):
        samples[..., band] = pixels[..., stored_band]
