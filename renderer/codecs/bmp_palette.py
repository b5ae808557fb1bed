"""Palettes of BMP files: which colors one byte of pixel data stands for (spec 02 section 2.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from renderer.codecs.bmp_header import BmpHeader


def colors_of_bytes(data: bytes, header: BmpHeader) -> NDArray[np.uint8]:
    """The RGB colors of each of the 256 bytes that pixel data can hold.

    The answer is 256 x pixels per byte x 3; the highest bits of a byte are its first pixel. Palette entries are blue,
    green, red and an unused byte. Pixels may number colors that the palette lacks: those are black.
    """
    entries = np.frombuffer(data, np.uint8, 4 * header.palette_colors, header.palette_offset).reshape(-1, 4)
    palette = np.zeros((256, 3), np.uint8)
    palette[: header.palette_colors] = entries[:, 2::-1]
    bits = header.bits_per_pixel
    shifts = np.arange(8 - bits, -1, -bits)
    numbers = np.arange(256)[:, np.newaxis] >> shifts & (1 << bits) - 1
    colors: NDArray[np.uint8] = palette[numbers]
    return colors
