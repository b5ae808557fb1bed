"""Decoded pixels on their way between our own codecs and libvips: 8-bit samples, interleaved, top row first."""

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
        samples: height x width x bands, uint8, C-contiguous. One band is grey, three are RGB, four RGBA (not
            premultiplied).
        palette_bits: 1, 2, 4 or 8 when the file has a palette: how many bits number its colors. PNG results of such
            a picture get a palette of that depth (spec 02 sections 2.5 and 7.4). None without a palette.
    """

    samples: NDArray[np.uint8]
    palette_bits: int | None = None

    def __post_init__(self) -> None:
        """Hold every producer to the memory layout that libvips reads."""
        if self.samples.ndim != 3 or self.samples.dtype != np.uint8 or not self.samples.flags.c_contiguous:
            raise ValueError(f"not height x width x bands of contiguous bytes: {self.samples.shape}")

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
