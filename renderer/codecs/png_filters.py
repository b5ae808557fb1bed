"""How much work a PNG is worth: the row filters and the compression level, chosen from a sample of its rows.

Rule: imgproxy tries all five filters on every row and compresses at level 6. Most of that is spent on Paeth and on
level 6, and deflate rarely thanks for it: with Sub and Average alone, photographs are as small. What deflate makes of
a picture whose neighbors differ is told by the entropy of its filtered samples, so a few rows are filtered here all
ways and compared; and the noisier they are, the less there is to be found by searching. Flat pictures live on
repetition, which entropy does not see: they get imgproxy's settings.

Between two pictures the processor has forgotten all of this code, and then the first call of each kind of numpy's costs
10 to 40 µs, all others one or two. So there are few kinds: arrays of one row without gaps, and bytes, whose overflow is
what PNG asks for. Entropy is counted once; that of other filters follows from their sums, as twice the difference is
one bit more.

Measured on 12 detailed photographs of 512 px: 10.0 ms with the choice, where imgproxy's settings take 18.8; 1.4 %
larger, 2.7 % at most on one. The PNG answers of the conformance corpus: 1.2 % larger, 7.2 % at most on one (decision
0007).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
from msgspec import Struct

if TYPE_CHECKING:
    from numpy.typing import NDArray


NONE: Final = 0x08
SUB: Final = 0x10
UP: Final = 0x20
AVERAGE: Final = 0x40
PAETH: Final = 0x80
"""Libpng's flags of the row filters, which libvips passes on."""
ALL: Final = NONE | SUB | UP | AVERAGE | PAETH

_SAMPLED: Final = 9_000
_MIN_ROWS: Final = 6
_MAX_ROWS: Final = 64
"""About how many samples are looked at, in how many rows."""
MIN_SAMPLES: Final = 32_768
"""Smaller pictures are written as imgproxy writes them: they are cheap, and a few bytes are many percent of them."""
_MAX_FLAT: Final = 0.67
_MAX_FLAT_FOR_PAIR: Final = 0.6
_MAX_FLAT_FOR_SHORT: Final = 0.35
"""Shares of pixels that equal a neighbor, up to which there is a choice, two filters may do, a level below 5 may do."""
_MIN_ENTROPY: Final = 0.5
_MIN_ENTROPY_FOR_PAIR: Final = 2.2
_MIN_ENTROPY_FOR_ONE: Final = 3.4
"""Bits a sample, from which on the entropy is to be trusted for a choice of three filters, two, one."""
_LEVELS: Final = ((3.8, 2), (3.0, 3), (1.9, 4))
_LEVELS_OF_MANY: Final = ((2.3, 3), (2.0, 4))
"""Bits a sample and the level from there on, for one filter or two, and for more: the noisier, the less a longer search
finds."""
_TOLERATED_ONE: Final = 1.012
_TOLERATED_PAIR: Final = 1.03
_TOLERATED_TRIPLE: Final = 1.05
"""By how much the entropy of one, two and three filters may be above that of all."""
_ZERO: Final = np.array(0, np.uint8)
_ONE: Final = np.array(1, np.uint8)
"""With a number of Python's own, numpy would look for a type first."""


class PngEffort(Struct, frozen=True):
    """The filters to try on each row, and the compression level."""

    filters: int
    compression: int


REFERENCE: Final = PngEffort(ALL, 6)
"""imgproxy's own."""


def effort(samples: memoryview | bytes, *, height: int, length: int, depth: int) -> PngEffort:
    """What a picture is worth.

    Args:
        samples: its rows, one after the other; two bytes a sample where there are 16 bits, in any order.
        height: the number of rows.
        length: bytes of a row.
        depth: bytes of a pixel.
    """
    if height * length < MIN_SAMPLES or height < 2 or length <= depth:
        return REFERENCE
    number = min(max(_MIN_ROWS, _SAMPLED // length), _MAX_ROWS, height - 1)
    distance = -((1 - height) // number)
    # Row above and row, pixel before and pixel: all four lie side by side.
    shape = 2, 2, (height - 1) // distance, length - depth
    steps = length, depth, distance * length, 1
    return _effort(np.ndarray(shape, np.uint8, samples, (distance - 1) * length, steps), depth)


def _effort(neighbors: NDArray[np.uint8], depth: int) -> PngEffort:
    """The choice by some rows, from their second pixel on, and by what is around them."""
    corner, above, before, current = neighbors.reshape(4, -1)
    filtered = np.ndarray((4, current.size), np.uint8)
    average, sub, up, paeth = filtered
    np.subtract(current, before, out=sub)
    np.subtract(current, above, out=up)
    flat = _flatness(sub, up, depth)
    if flat > _MAX_FLAT:
        return REFERENCE
    by_average, by_paeth = _predictions(np.minimum(before, above), np.maximum(before, above), corner)
    np.subtract(current, by_average, out=average)
    np.subtract(current, by_paeth, out=paeth)
    return _choice(flat, _sums(filtered, neighbors.shape[2]), average)


def _flatness(sub: NDArray[np.uint8], up: NDArray[np.uint8], depth: int) -> float:
    """The share of pixels that are the same as the one before or the one above; where it is small, something above it.

    A pixel is the same if all its samples are, so their share, which is counted at once, is never less.
    """
    unlike = np.minimum(sub, up)
    most = 1 - np.count_nonzero(unlike) / unlike.size
    if most <= _MAX_FLAT_FOR_SHORT:
        return most
    unlike_before, unlike_above = sub[::depth], up[::depth]
    for byte in range(1, depth):
        unlike_before, unlike_above = unlike_before | sub[byte::depth], unlike_above | up[byte::depth]
    unlike = np.minimum(unlike_before, unlike_above)
    return 1 - np.count_nonzero(unlike) / unlike.size


def _predictions(
    low: NDArray[np.uint8], high: NDArray[np.uint8], corner: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """What the filters Average and Paeth expect between two sides and a corner.

    Paeth: the one of the three that is nearest to low + high - corner (RFC 2083 section 6.6). In bytes: a corner
    outside is as good as one on the side next to it. Where it is at least twice as far from one side as from the other,
    the far side is nearest; elsewhere, the corner itself.
    """
    nearest = np.minimum(corner, high)
    np.maximum(nearest, low, out=nearest)
    ways = np.ndarray((3, low.size), np.uint8)
    apart, up, down = ways
    np.subtract(high, low, out=apart)
    np.subtract(high, nearest, out=up)
    np.subtract(nearest, low, out=down)
    middle, half_up, half_down = ways >> _ONE
    is_up, is_down = (down <= half_up).view(np.uint8), (up <= half_down).view(np.uint8)
    up *= is_up
    down *= is_down
    nearest += up
    nearest -= down
    middle += low
    return middle, nearest


def _sums(filtered: NDArray[np.uint8], number: int) -> tuple[int, int, int, int]:
    """The differences of all rows with one filter, two, three and all, each row filtered as libpng does it.

    It takes the filter whose sum of differences is least.
    """
    sizes = np.subtract(_ZERO, filtered)
    np.minimum(sizes, filtered, out=sizes)
    # 32 bits hold a row of 32 MiB, half of what is looked at at most; 64 take twice as long.
    average, sub, up, paeth = np.add.reduce(sizes.reshape(4, number, -1), 2, np.uint32).tolist()
    pair = list(map(min, average, sub))
    triple = list(map(min, pair, up))
    return sum(average), sum(pair), sum(triple), sum(map(min, triple, paeth))


def _choice(flat: float, sums: tuple[int, int, int, int], average: NDArray[np.uint8]) -> PngEffort:
    one, pair, triple, least_sum = sums
    if not least_sum:
        return PngEffort(ALL, 5)
    surplus = math.log2(one / least_sum)
    least = _entropy(average) - surplus
    is_varied = flat <= _MAX_FLAT_FOR_SHORT
    level = _level(least, _LEVELS) if is_varied else 5
    if is_varied and least >= _MIN_ENTROPY_FOR_ONE and least + surplus <= _TOLERATED_ONE * least:
        return PngEffort(AVERAGE, level)
    may_be_pair = least >= _MIN_ENTROPY_FOR_PAIR and flat <= _MAX_FLAT_FOR_PAIR
    if may_be_pair and least + math.log2(pair / least_sum) <= _TOLERATED_PAIR * least:
        return PngEffort(SUB | AVERAGE, level)
    level = _level(least, _LEVELS_OF_MANY) if is_varied else 5
    if least >= _MIN_ENTROPY and least + math.log2(triple / least_sum) <= _TOLERATED_TRIPLE * least:
        return PngEffort(SUB | UP | AVERAGE, level)
    return PngEffort(ALL, level)


def _level(entropy: float, levels: tuple[tuple[float, int], ...]) -> int:
    for least, level in levels:
        if entropy >= least:
            return level
    return 5


def _entropy(samples: NDArray[np.uint8]) -> float:
    """Bits a sample."""
    # A value that does not occur adds as little as one that occurs once.
    counts = np.maximum(np.bincount(samples), 1.0)
    return math.log2(samples.size) - float(np.dot(counts, np.log2(counts))) / samples.size
