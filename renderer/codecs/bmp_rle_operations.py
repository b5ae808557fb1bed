"""The operations of run-length encoded BMP data (spec 02 section 2.5): which pixel runs and movements they stand for.

An operation starts at an even byte whatever comes before it, so the data are an array of pairs:

- count, byte: that many pixels of the byte's color (RLE4: its two colors in turn);
- 0, 0: the line ends. 0, 1: the picture ends. 0, n (3 and more): n pixels follow literally, padded to two bytes;
- 0, 2, then dx, dy: the position moves. With dy above 0 it ends the line and skips dy lines, which is one line more
  than the format's own documents say; with dy 0 it stays in the line.

Only pairs that begin with 0 can change what later pairs mean. A loop visits those; the rest is array arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Bytes: TypeAlias = NDArray[np.uint8]
    Integers: TypeAlias = NDArray[np.int64]

LONGEST_LITERAL_PAIRS: Final = 128
"""How many pairs the data of one operation take at most."""

_END: Final = 1
_MOVE: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Escapes:
    """The operations of a block that are no runs, by the index of their first data pair.

    Attributes:
        used: how many pairs the block's operations take; may reach past the end of the data.
        has_ended: whether an end mark follows them.
        literals: where literal data start.
        literal_pixels: how many pixels each of them has.
        moves: where the two numbers of a move stand.
    """

    used: int
    has_ended: bool
    literals: list[int]
    literal_pixels: list[int]
    moves: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """What the pairs of a block do; pixel runs have two places for each pair where there is literal data, else one.

    Attributes:
        lengths: pixels of each run, pairs x places; 0 where there is none.
        values: the byte that each run repeats.
        advances: by how many columns each run or move goes on.
        line_ends: pairs after which the column is 0.
        row_steps: how many rows each pair goes on.
    """

    lengths: Integers
    values: Bytes
    advances: Integers
    line_ends: NDArray[np.bool_]
    row_steps: Integers


def find_escapes(pairs: Bytes, *, window: int, pixels_per_byte: int) -> Escapes:
    """Find literal runs, moves and the end mark among the operations that start in the first `window` pairs.

    A pair that looks like one may be data of the operation before it, which only going through them in order can tell.
    """
    pairs = pairs[:window]
    found = np.flatnonzero((pairs[:, 0] == 0) & (pairs[:, 1] != 0))
    literals: list[int] = []
    literal_pixels: list[int] = []
    moves: list[int] = []
    used = 0
    has_ended = False
    for index, code in zip(found.tolist(), pairs[found, 1].tolist(), strict=True):
        if index < used:
            continue
        used = index
        if code == _END:
            has_ended = True
            break
        if code == _MOVE:
            moves.append(index + 1)
            used = index + 2
        else:
            literals.append(index + 1)
            literal_pixels.append(code)
            used = index + 1 + -(-code // (2 * pixels_per_byte))
    return Escapes(
        used=used if has_ended else max(len(pairs), used),
        has_ended=has_ended,
        literals=literals,
        literal_pixels=literal_pixels,
        moves=moves,
    )


def pixel_runs(pairs: Bytes, escapes: Escapes, *, pixels_per_byte: int) -> Runs:
    """The pixel runs and movements of the pairs that `escapes` was found in, up to `escapes.used`.

    An encoded run is one run of its byte; a pair of literal data is up to two, a byte each.
    """
    places = 2 if escapes.literals else 1
    lengths = np.zeros((len(pairs), places), np.int64)
    lengths[:, 0] = pairs[:, 0]
    values = np.array(pairs[:, -places:])
    values[:, 0] = pairs[:, 1]
    line_ends = (pairs[:, 0] | pairs[:, 1]) == 0
    if escapes.literals:
        data, remaining = _literal_pairs(escapes, len(pairs), pixels_per_byte=pixels_per_byte)
        lengths[data, 0] = remaining.clip(0, pixels_per_byte)
        lengths[data, 1] = (remaining - pixels_per_byte).clip(0, pixels_per_byte)
        values[data] = pairs[data]
        line_ends[data] = False

    moves = np.array([index for index in escapes.moves if index < len(pairs)], np.int64)
    lengths[moves, 0] = 0
    line_ends[moves] = False
    advances = lengths.copy()
    advances[moves, 0] = pairs[moves, 0]
    lines_down = pairs[moves, 1].astype(np.int64)
    row_steps = line_ends.astype(np.int64)
    row_steps[moves] = np.where(lines_down > 0, lines_down + 1, 0)
    return Runs(lengths=lengths, values=values, advances=advances, line_ends=line_ends, row_steps=row_steps)


def _literal_pairs(escapes: Escapes, count: int, *, pixels_per_byte: int) -> tuple[Integers, Integers]:
    """The index below `count` of each pair of literal data, and how many pixels of its operation are left there."""
    starts = np.array(escapes.literals, np.int64)
    pixels = np.array(escapes.literal_pixels, np.int64)
    counts = -(-pixels // (2 * pixels_per_byte))
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    indices = np.repeat(starts, counts) + within
    remaining = np.repeat(pixels, counts) - within * 2 * pixels_per_byte
    return indices[indices < count], remaining[indices < count]
