"""How much work a PNG is worth: the row filters and the compression level, chosen from a sample of its rows.

Rule: imgproxy tries all five filters on every row and compresses at level 6. Most of that is spent on Paeth and on
level 6, and deflate rarely thanks for it: with Sub and Average alone, photographs are as small. What deflate makes of
a picture whose neighbors differ is told by the entropy of its filtered samples, so a few rows are filtered here both
ways and compared; and the noisier they are, the less there is to be found by searching. Flat pictures live on
repetition, which entropy does not see: they get imgproxy's settings.

Measured on 12 detailed photographs of 512 px: 9.4 ms with the choice, where imgproxy's settings take 17; 1.1 % larger,
3.4 % at most on one. The PNG answers of the conformance corpus: 0.7 % larger, 7.6 % at most on one (decision 0007).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


NONE: Final = 0x08
SUB: Final = 0x10
UP: Final = 0x20
AVERAGE: Final = 0x40
PAETH: Final = 0x80
"""Libpng's flags of the row filters, which libvips passes on."""
ALL: Final = NONE | SUB | UP | AVERAGE | PAETH

_SAMPLED: Final = 12_000
_MIN_ROWS: Final = 6
"""About how many samples are looked at; they take half a millisecond."""
MIN_SAMPLES: Final = 32_768
"""Smaller pictures are written as imgproxy writes them: they are cheap, and a few bytes are many percent of them."""
_MAX_FLAT: Final = 0.75
_MAX_FLAT_FOR_PAIR: Final = 0.6
_MAX_FLAT_FOR_SHORT: Final = 0.35
"""Shares of pixels that equal a neighbor, up to which there is a choice, two filters may do, a level below 5 may do."""
_MIN_ENTROPY: Final = 0.5
_MIN_ENTROPY_FOR_PAIR: Final = 2.2
_MIN_ENTROPY_FOR_ONE: Final = 3.4
"""Bits a sample, from which on the entropy is to be trusted for a choice of three filters, two, one."""
_LEVELS: Final = ((4.5, 2), (3.4, 3), (2.7, 4))
"""Bits a sample and the level from there on: the noisier, the less a longer search finds."""
_TOLERATED_ONE: Final = 1.005
_TOLERATED_PAIR: Final = 1.03
_TOLERATED_TRIPLE: Final = 1.05
"""By how much the entropy of one, two and three filters may be above that of all."""


@dataclass(frozen=True, slots=True)
class PngEffort:
    """The filters to try on each row, and the compression level."""

    filters: int
    compression: int


REFERENCE: Final = PngEffort(ALL, 6)
"""imgproxy's own."""


def effort(pixels: NDArray[np.uint8]) -> PngEffort:
    """What a picture is worth.

    Args:
        pixels: height x width x bytes of a pixel; two bytes a sample where there are 16 bits, in any order.
    """
    height, width, depth = pixels.shape
    if pixels.size < MIN_SAMPLES or height <= 1:
        return REFERENCE
    number = min(max(_MIN_ROWS, _SAMPLED // (width * depth)), height - 1)
    at = np.linspace(1, height - 1, number).astype(np.intp)
    rows = pixels.reshape(height, width * depth)
    return _effort(rows[at].astype(np.int16), rows[at - 1].astype(np.int16), depth)


def _effort(current: NDArray[np.int16], above: NDArray[np.int16], depth: int) -> PngEffort:
    before = _shifted(current, depth)
    sub, up, average = current - before, current - above, current - ((before + above) >> 1)
    flat = _flatness(sub, up, depth)
    if flat > _MAX_FLAT:
        return REFERENCE
    paeth = current - _paeth(before, above, _shifted(above, depth))
    least = _entropy(current, sub, up, average, paeth)
    is_varied = flat <= _MAX_FLAT_FOR_SHORT
    if is_varied and least >= _MIN_ENTROPY_FOR_ONE and _entropy(average) <= _TOLERATED_ONE * least:
        return PngEffort(AVERAGE, _level(least))
    may_be_pair = least >= _MIN_ENTROPY_FOR_PAIR and flat <= _MAX_FLAT_FOR_PAIR
    if may_be_pair and _entropy(sub, average) <= _TOLERATED_PAIR * least:
        return PngEffort(SUB | AVERAGE, _level(least) if is_varied else 5)
    if least >= _MIN_ENTROPY and _entropy(sub, up, average) <= _TOLERATED_TRIPLE * least:
        return PngEffort(SUB | UP | AVERAGE, 5)
    return PngEffort(ALL, 5)


def _level(entropy: float) -> int:
    return next((level for least, level in _LEVELS if entropy >= least), 5)


def _shifted(rows: NDArray[np.int16], depth: int) -> NDArray[np.int16]:
    """The pixels to the left; black before the first."""
    shifted = np.zeros_like(rows)
    shifted[:, depth:] = rows[:, :-depth]
    return shifted


def _flatness(sub: NDArray[np.int16], up: NDArray[np.int16], depth: int) -> float:
    """The share of pixels that are the same as the one before or the one above."""
    number = len(sub)
    same_before = ~sub.reshape(number, -1, depth).any(axis=2)
    same_above = ~up.reshape(number, -1, depth).any(axis=2)
    return float((same_before | same_above).mean())


def _paeth(before: NDArray[np.int16], above: NDArray[np.int16], corner: NDArray[np.int16]) -> NDArray[np.int16]:
    """Paeth's predictor: of the three neighbors the one nearest to before + above - corner (RFC 2083 section 6.6)."""
    to_before = np.abs(above - corner)
    to_above = np.abs(before - corner)
    to_corner = np.abs(before + above - 2 * corner)
    predicted = np.where(to_above <= to_corner, above, corner)
    return np.where((to_before <= to_above) & (to_before <= to_corner), before, predicted)


def _entropy(*candidates: NDArray[np.int16]) -> float:
    """Bits a sample when each row is filtered as libpng does it: by the filter whose sum of differences is least."""
    filtered = np.stack([candidate.astype(np.int8) for candidate in candidates])
    sums = np.abs(filtered.astype(np.int16)).sum(axis=2, dtype=np.int32)
    chosen = filtered[sums.argmin(axis=0), np.arange(filtered.shape[1])]
    counts = np.bincount(chosen.view(np.uint8).ravel(), minlength=256)
    counts = counts[counts > 0]
    total = float(chosen.size)
    return float(np.log2(total) - (counts * np.log2(counts)).sum() / total)
