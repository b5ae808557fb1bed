"""Run-length encoded BMP pixels, RLE8 and RLE4 (spec 02 section 2.5).

What the operations are is in `bmp_rle_operations`; here they find their place in the picture. Rows come in the order
of the file. Runs and moves stop at the right edge and never reach the next line. Pixels that nothing sets are black,
whatever the palette's first color.

Theory of operation: a running sum of the lengths of all runs, less its value where the line began, is each run's
column, and `numpy.repeat` writes the runs. Places never decrease, so the runs of a block and the gaps between them are
one slice of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from renderer.codecs.bmp_palette import colors_of_bytes
from renderer.codecs.bmp_rle_operations import LONGEST_LITERAL_PAIRS, Runs, find_escapes, pixel_runs
from renderer.errors import BrokenImage

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from numpy.typing import NDArray

    from renderer.codecs.bmp_header import BmpHeader

    Bytes: TypeAlias = NDArray[np.uint8]
    Integers: TypeAlias = NDArray[np.int64]

PAIRS_BETWEEN_CHECKS: Final = 8192
"""Operations in one step; the data of the last one come on top."""

PIXELS_PAINTED_AT_ONCE: Final = 1 << 20
"""Some milliseconds of work; bounds the indices that numpy holds in eight bytes each."""

LONGEST_PAINTED_GAP: Final = 1 << 16
"""Gaps of more pixels are jumped over, so that a few moves do not make a whole picture's worth of work. Shorter ones
cost less to paint than to jump."""


@dataclass(slots=True)
class _Position:
    """Where the next pixel goes, in the file's order of rows; the column is at most the width."""

    row: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _PlacedRuns:
    """Runs inside the picture, none of them empty: the index of the first pixel, the pixels, the byte repeated."""

    starts: Integers
    lengths: Integers
    values: Bytes

    def between(self, begin: int, end: int) -> _PlacedRuns:
        """The runs with these numbers."""
        part = slice(begin, end)
        return _PlacedRuns(starts=self.starts[part], lengths=self.lengths[part], values=self.values[part])


def decode_rle(data: bytes, header: BmpHeader, check: Callable[[], None], *, strict: bool) -> Bytes:
    """The samples of a run-length encoded file, height x width x 3, top row first.

    Args:
        data: the whole file.
        header: as read from `data`.
        check: called every `PAIRS_BETWEEN_CHECKS` operations and `PIXELS_PAINTED_AT_ONCE` pixels; it may raise.
        strict: whether data that end without an end mark before the last pixel are refused.

    Raises:
        BrokenImage: there is no operation at all, there are far more than the picture's pixels can need, or `strict`
            and pixels are missing.
    """
    pairs = _operation_pairs(data, header)
    colors = colors_of_bytes(data, header)
    samples = np.zeros((header.height, header.width, 3), np.uint8)
    in_file_order = samples if header.is_top_down else samples[::-1]
    position = _Position()
    has_ended = False
    done = 0
    while not has_ended and position.row < header.height and done < len(pairs):
        check()
        block = pairs[done : done + PAIRS_BETWEEN_CHECKS + LONGEST_LITERAL_PAIRS]
        escapes = find_escapes(block, window=PAIRS_BETWEEN_CHECKS, pixels_per_byte=colors.shape[1])
        if escapes.used:
            runs = pixel_runs(block[: escapes.used], escapes, pixels_per_byte=colors.shape[1])
            _paint(_placed(runs, position, samples.shape), colors, in_file_order, check)
        has_ended = escapes.has_ended
        done += escapes.used
    if not has_ended and position.row < header.height:
        _check_ending(position, header, is_cut=len(pairs) == _most_pairs(header), strict=strict)
    return samples


def _operation_pairs(data: bytes, header: BmpHeader) -> Bytes:
    """The data as pairs, no more than `_most_pairs`; half a pair at the end is nothing."""
    count = min((len(data) - header.pixel_offset) // 2, _most_pairs(header))
    if count == 0:
        raise BrokenImage("BMP: no run-length operation")
    return np.frombuffer(data, np.uint8, 2 * count, header.pixel_offset).reshape(count, 2)


def _most_pairs(header: BmpHeader) -> int:
    """More pairs than a picture can need: at worst a move of two pairs and a run in front of each pixel.

    The margin is for encoders that fill rows up beyond the right edge. Without a bound, operations that set nothing
    would make any file as slow as it is long.
    """
    return 4 * header.width * header.height + 16 * header.height + 1024


def _check_ending(position: _Position, header: BmpHeader, *, is_cut: bool, strict: bool) -> None:
    """Judge operations that ran out before the last row was complete."""
    if is_cut:
        raise BrokenImage(f"BMP: too many run-length operations for {header.width} x {header.height} pixels")
    is_last_pixel_set = position.row == header.height - 1 and position.column == header.width
    if strict and not is_last_pixel_set:
        raise BrokenImage(f"BMP: the pixel data ends in row {position.row + 1} of {header.height}")


def _placed(runs: Runs, position: _Position, shape: tuple[int, ...]) -> _PlacedRuns:
    """The runs as far as they are inside the picture; the position becomes that of the next block."""
    height, width, _ = shape
    advanced = np.cumsum(runs.advances.ravel()).reshape(runs.advances.shape) + position.column
    before = advanced - runs.advances
    # What counts since the last line end. Stopping at the edge once, here, is the same as stopping after every run.
    line_starts = np.maximum.accumulate(np.where(runs.line_ends, before[:, 0], 0))
    columns = np.minimum(before - line_starts[:, np.newaxis], width)
    rows = np.cumsum(runs.row_steps) + position.row
    lengths = np.minimum(columns + runs.lengths, width) - columns
    lengths[rows >= height] = 0
    is_run = lengths > 0
    starts = rows[:, np.newaxis] * width + columns
    position.row = int(rows[-1])
    position.column = min(int(advanced[-1, -1] - line_starts[-1]), width)
    return _PlacedRuns(starts=starts[is_run], lengths=lengths[is_run], values=runs.values[is_run])


def _paint(runs: _PlacedRuns, colors: Bytes, samples: Bytes, check: Callable[[], None]) -> None:
    """Set the runs' pixels to the colors of their bytes; the samples are in the file's order of rows."""
    far = np.flatnonzero(np.diff(runs.starts) - runs.lengths[:-1] > LONGEST_PAINTED_GAP) + 1
    for begin, end in pairwise([0, *far.tolist(), len(runs.starts)]):
        if begin == end:
            continue
        codes = _codes(runs.between(begin, end), pixels_per_byte=colors.shape[1])
        table = np.concatenate([colors.reshape(-1, 3), np.zeros((colors.shape[1], 3), np.uint8)])
        first = int(runs.starts[begin])
        for done in range(0, len(codes), PIXELS_PAINTED_AT_ONCE):
            check()
            part = codes[done : done + PIXELS_PAINTED_AT_ONCE]
            _put(np.take(table, part, axis=0, mode="clip"), samples, first + done)


def _codes(runs: _PlacedRuns, *, pixels_per_byte: int) -> NDArray[np.uint16]:
    """For each pixel from the first run's to the last: its number among all colors of all bytes, in order.

    Pixels between runs get the number behind the last, or the next one.
    """
    gaps = np.diff(runs.starts, prepend=runs.starts[:1]) - np.concatenate([[0], runs.lengths[:-1]])
    codes = np.full((len(runs.starts), 2), 256 * pixels_per_byte, np.uint16)
    codes[:, 1] = runs.values * np.uint16(pixels_per_byte)
    if pixels_per_byte == 2:
        # A run begins with its byte's first color, be that at an odd or an even pixel of the slice.
        codes[:, 1] += (runs.starts - runs.starts[0] & 1).astype(np.uint16)
    repeated = np.repeat(codes.ravel(), np.stack([gaps, runs.lengths], axis=1).ravel())
    if pixels_per_byte == 2:
        repeated[1::2] ^= 1
    return repeated


def _put(pixels: Bytes, samples: Bytes, first: int) -> None:
    """Write pixels that follow each other, N x 3, from the one with the index `first`, across rows."""
    width = samples.shape[1]
    row, column = divmod(first, width)
    if column:
        head = pixels[: width - column]
        samples[row, column : column + len(head)] = head
        pixels = pixels[len(head) :]
        row += 1
    whole, rest = divmod(len(pixels), width)
    samples[row : row + whole] = pixels[: whole * width].reshape(whole, width, 3)
    if rest:
        samples[row + whole, :rest] = pixels[whole * width :]
