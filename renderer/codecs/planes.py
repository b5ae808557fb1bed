"""Decoded pixels on their way between codecs and libvips: 8 or 16 bits, interleaved, top row first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Planes:
    """A whole picture in memory.

    Attributes:
        samples: height x width x bands, uint8 or uint16 over its whole range, C-contiguous. One band is grey, two are
            grey and alpha, three RGB, four RGBA. Frames of an animation are stacked.
        is_premultiplied: whether colors are multiplied with alpha already.
        palette_bits: 1, 2, 4 or 8 when the file has a palette: how many bits number its colors. PNG results of such
            a picture get a palette of that depth (spec 02 sections 2.5 and 7.4). None without a palette.
    """

    samples: NDArray[np.uint8] | NDArray[np.uint16]
    palette_bits: int | None = None
    is_premultiplied: bool = False

    def __post_init__(self) -> None:
        """Hold every producer to the memory layout that libvips reads."""
        is_readable = self.samples.dtype in (np.uint8, np.uint16) and self.samples.flags.c_contiguous
        if self.samples.ndim != 3 or not is_readable:
            raise ValueError(f"not height x width x bands of contiguous whole numbers: {self.samples.shape}")

    @property
    def width(self) -> int:
        """Pixels in a row."""
        return int(self.samples.shape[1])

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.samples.shape[0])

    @property
    def bands(self) -> int:
        """Samples of a pixel."""
        return int(self.samples.shape[2])
