"""Run-length encoded BMP pixels: every operation, and data that end early, never end, or lead nowhere."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from renderer.codecs import bmp
from renderer.errors import BrokenImage

LINE_END, END = b"\0\0", b"\0\1"


def rle_file(operations: bytes, *, width: int, height: int, bits: int = 8) -> bytes:
    """A BMP file whose color number n has n + 1 in every band, so that 0 is a pixel that nothing set."""
    colors = 1 << bits
    palette = b"".join(bytes(3 * [(number + 1) % 256] + [0]) for number in range(colors))
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, 1 if bits == 8 else 2, 0, 0, 0, colors, 0)
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 54 + len(palette)) + info + palette + operations


def numbers(file: bytes, *, strict: bool = True) -> list[list[int]]:
    """The color numbers of the picture's rows; -1 where nothing was set."""
    samples = bmp.decode(file, lambda: None, strict=strict).samples
    assert (samples == samples[:, :, :1]).all()
    rows: list[list[int]] = (samples[:, :, 0].astype(int) - 1).tolist()
    return rows


@pytest.mark.parametrize(
    ("operations", "rows"),
    [
        pytest.param(b"\4\7" + LINE_END + b"\4\6" + LINE_END, [[7, 7, 7, 7], [6, 6, 6, 6]], id="runs"),
        pytest.param(b"\1\7\2\5\1\7" + LINE_END + b"\4\6" + END, [[7, 5, 5, 7], [6, 6, 6, 6]], id="runs and end"),
        pytest.param(b"\0\4abcd" + LINE_END + b"\4\6" + END, [[97, 98, 99, 100], [6, 6, 6, 6]], id="literals"),
        pytest.param(b"\0\3abc\0\1d" + END, [[97, 98, 99, 100], [-1, -1, -1, -1]], id="padded literals"),
        pytest.param(b"\0\4\0\1\0\1" + LINE_END + END, [[0, 1, 0, 1], [-1, -1, -1, -1]], id="literals like ends"),
        pytest.param(b"\2\7" + LINE_END + b"\1\6" + END, [[7, 7, -1, -1], [6, -1, -1, -1]], id="short lines"),
        pytest.param(END, [[-1, -1, -1, -1], [-1, -1, -1, -1]], id="nothing"),
        pytest.param(b"\1\7\0\2\2\0\1\5" + END, [[7, -1, -1, 5], [-1, -1, -1, -1]], id="move right"),
        pytest.param(b"\1\7\0\2\0\0\1\5" + END, [[7, 5, -1, -1], [-1, -1, -1, -1]], id="move nowhere"),
        pytest.param(b"\3\7\0\2\xff\0\1\5" + END, [[7, 7, 7, -1], [-1, -1, -1, -1]], id="move beyond the edge"),
        pytest.param(b"\xff\7" + LINE_END + b"\1\6" + END, [[7, 7, 7, 7], [6, -1, -1, -1]], id="run beyond the edge"),
        pytest.param(b"\3\7\0\4abcd\1\5" + END, [[7, 7, 7, 97], [-1, -1, -1, -1]], id="literals beyond the edge"),
    ],
)
def test_operations_set_pixels(operations: bytes, rows: list[list[int]]) -> None:
    """Top-down here, so the first line is the top row."""
    assert numbers(rle_file(operations, width=4, height=-2)) == rows


@pytest.mark.parametrize(
    ("operations", "row"),
    [
        (b"\6\x12", [1, 2, 1, 2, 1, 2, -1]),
        (b"\3\x12\3\x34", [1, 2, 1, 3, 4, 3, -1]),
        (b"\0\5\x12\x34\x50\0", [1, 2, 3, 4, 5, -1, -1]),
        (b"\1\x70\0\3\x12\x34\2\x56", [7, 1, 2, 3, 5, 6, -1]),
        (b"\0\2\1\0\3\x12", [-1, 1, 2, 1, -1, -1, -1]),
    ],
    ids=["run", "odd runs", "literals", "literals from an odd column", "run from an odd column"],
)
def test_four_bit_runs_take_the_two_colors_of_a_byte_in_turn(operations: bytes, row: list[int]) -> None:
    """Every run and every literal operation begins with a byte's high half."""
    assert numbers(rle_file(operations + END, width=7, height=1, bits=4)) == [row]


def test_the_first_line_is_the_lowest_row_when_the_height_is_positive() -> None:
    """As in files without compression."""
    assert numbers(rle_file(b"\1\7" + LINE_END + b"\1\6" + END, width=1, height=3)) == [[-1], [6], [7]]


def test_a_move_down_ends_the_line_and_skips_lines() -> None:
    """It goes one line further than its number and keeps the column, as the reference does."""
    operations = b"\1\7\0\2\1\1\1\6" + END

    assert numbers(rle_file(operations, width=3, height=-4)) == [
        [7, -1, -1],
        [-1, -1, -1],
        [-1, -1, 6],
        [-1, -1, -1],
    ]


def test_moves_below_the_picture_end_it() -> None:
    """What follows sets nothing, and nothing is missing."""
    assert numbers(rle_file(b"\1\7\0\2\0\xff\1\6", width=1, height=2)) == [[-1], [7]]


@pytest.mark.parametrize(
    ("operations", "rows"),
    [
        (b"\2\7" + LINE_END, [[7, 7], [-1, -1]]),
        (b"\2\7" + LINE_END + b"\2", [[7, 7], [-1, -1]]),
        (b"\2\7" + LINE_END + b"\0\2", [[7, 7], [-1, -1]]),
        (b"\0\4ab", [[97, 98], [-1, -1]]),
        (b"\2\7" + LINE_END + b"\1\6", [[7, 7], [6, -1]]),
    ],
    ids=["at a line", "in a run", "in a move", "in literals", "within the last line"],
)
def test_data_that_end_early_leave_the_rest_black(operations: bytes, rows: list[list[int]]) -> None:
    """Strictly they are an error."""
    file = rle_file(operations, width=2, height=-2)

    assert numbers(file, strict=False) == rows
    with pytest.raises(BrokenImage, match="ends in row"):
        numbers(file)


def test_a_picture_whose_last_pixel_is_set_needs_no_end_mark() -> None:
    """Strictly, too."""
    assert numbers(rle_file(b"\2\7" + LINE_END + b"\2\6", width=2, height=-2)) == [[7, 7], [6, 6]]


def test_data_without_one_whole_operation_are_refused() -> None:
    """One byte says nothing."""
    with pytest.raises(BrokenImage, match="no run-length operation"):
        numbers(rle_file(b"\1", width=1, height=1), strict=False)


@pytest.mark.parametrize("idle", [b"\0\2\0\0", b"\1\7", b"\0\3abc\0"], ids=["moves", "runs", "literals"])
def test_operations_without_end_are_refused(idle: bytes) -> None:
    """They set nothing beyond the first pixel; what they may cost is bounded by the picture and not by the file."""
    with pytest.raises(BrokenImage, match="too many run-length operations"):
        numbers(rle_file(idle * 5000, width=1, height=1), strict=False)


def test_a_deadline_gets_through_between_operations() -> None:
    """The check is called at least every few thousand operations."""
    calls: list[None] = []
    file = rle_file(b"\1\7" * 100_000, width=400, height=250)

    bmp.decode(file, lambda: calls.append(None))

    assert len(calls) >= 100_000 // 10_000


def encoded(operations: list[list[tuple[str, bytes]]], width: int) -> tuple[list[list[int]], bytes]:
    """The rows that lines of operations draw, and the operations as a file has them."""
    rows: list[list[int]] = []
    data = b""
    for line in operations:
        row: list[int] = []
        for kind, values in line:
            count = len(values)
            if kind == "run":
                data += bytes((count, values[0]))
                row += count * [values[0]]
            elif kind == "literals":
                data += bytes((0, count)) + values + bytes(count % 2)
                row += values
            else:
                data += bytes((0, 2, count, 0))
                row += count * [-1]
        rows.append((row + width * [-1])[:width])
        data += LINE_END
    return rows, data


OPERATION = st.tuples(
    st.sampled_from(["run", "literals", "move"]),
    st.binary(min_size=3, max_size=9).map(lambda values: values.replace(b"\xff", b"\0")),
)


@given(st.lists(st.lists(OPERATION, max_size=8), min_size=1, max_size=4), st.integers(1, 40))
@settings(max_examples=100, deadline=None)
def test_whatever_the_mix_of_operations_the_rows_come_out(lines: list[list[tuple[str, bytes]]], width: int) -> None:
    """Runs, literals and moves in any order, up to the edge, beyond it or not as far."""
    rows, operations = encoded(lines, width)

    assert numbers(rle_file(operations, width=width, height=-len(rows))) == rows


@pytest.mark.parametrize("literal_pixels", [0, 5, 250])
def test_operations_go_on_across_steps(literal_pixels: int) -> None:
    """More operations than one step takes, whatever stands where a step ends."""
    picture = np.random.default_rng(literal_pixels).integers(0, 255, (160, 250), np.uint8)
    operations = b""
    for row in picture:
        if literal_pixels:
            for start in range(0, 250, literal_pixels):
                part = row[start : start + literal_pixels].tobytes()
                operations += bytes((0, len(part))) + part + bytes(len(part) % 2)
        else:
            operations += b"".join(bytes((1, value)) for value in row)
        operations += LINE_END

    assert numbers(rle_file(operations, width=250, height=-160)) == picture.tolist()


def test_a_step_of_many_pixels_is_painted_whole() -> None:
    """More than a million pixels in a few thousand operations."""
    operations = b"".join(bytes((255, row % 255)) * 10 + LINE_END for row in range(500))

    rows = np.array(numbers(rle_file(operations, width=2550, height=-500)))

    assert np.array_equal(rows, np.arange(500)[:, np.newaxis] % 255 * np.ones((1, 2550)))


def test_what_a_long_way_jumps_over_stays_black() -> None:
    """A move of many lines between two pixels."""
    rows = np.array(numbers(rle_file(b"\1\7\0\2\5\xc8\1\6" + END, width=500, height=-210)))

    assert (rows[0, 0], rows[201, 6]) == (7, 6)
    assert np.count_nonzero(rows + 1) == 2
