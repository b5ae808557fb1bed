"""Uncompressed BMP pixels of every depth become RGB or RGBA samples, as far as the file goes."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from renderer.codecs import bmp
from renderer.errors import BrokenImage

BLACK, RED, GREEN, BLUE, WHITE = [0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]
PALETTE = bytes((1, 1, 1, 9, 0, 0, 255, 9, 0, 255, 0, 9, 255, 0, 0, 9))
"""Nearly black, red, green, blue: as the file stores them, with an unused fourth byte."""
NEARLY_BLACK = [1, 1, 1]


def bmp_file(
    pixels: bytes,
    *,
    width: int,
    height: int = -1,
    bits: int,
    palette: bytes = b"",
    masks: bytes = b"",
) -> bytes:
    """A BMP file with a 40-byte header; top-down unless the height is positive."""
    compression = 3 if masks else 0
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, 0, 0, 0, len(palette) // 4, 0)
    offset = 54 + len(masks) + len(palette)
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, offset) + info + masks + palette + pixels


def decoded(file: bytes, *, strict: bool = True) -> list[list[list[int]]]:
    """Rows of pixels of samples."""
    rows: list[list[list[int]]] = bmp.decode(file, lambda: None, strict=strict).samples.tolist()
    return rows


@pytest.mark.parametrize(
    ("bits", "palette", "pixels", "row"),
    [
        (1, PALETTE[:8], b"\x50\x80\0\0", [NEARLY_BLACK, RED, NEARLY_BLACK, RED] + 4 * [NEARLY_BLACK] + [RED]),
        (2, PALETTE, b"\x1b\0\0\0", [NEARLY_BLACK, RED, GREEN, BLUE, NEARLY_BLACK]),
        (4, PALETTE, b"\x01\x23\x40\0", [NEARLY_BLACK, RED, GREEN, BLUE, BLACK]),
        (8, PALETTE, b"\x03\x02\x01\xff", [BLUE, GREEN, RED, BLACK]),
        (24, b"", b"\0\0\xff\xff\xff\xff\0\0", [RED, WHITE]),
        (32, b"", b"\0\0\xff\x80\xff\0\0\0", [[255, 0, 0, 128], [0, 0, 255, 0]]),
    ],
)
def test_pixels_of_every_depth_are_read(bits: int, palette: bytes, pixels: bytes, row: list[list[int]]) -> None:
    """The first pixel is in the highest bits; colors that the palette lacks are black; stored order is blue first."""
    assert decoded(bmp_file(pixels, width=len(row), bits=bits, palette=palette)) == [row]


@pytest.mark.parametrize(
    ("masks", "pixel", "sample"),
    [
        ((0xF800, 0x07E0, 0x001F), 0xFFFF, [248, 252, 248]),
        ((0xF800, 0x07E0, 0x001F), 0x0821, [8, 4, 8]),
        ((0x7C00, 0x03E0, 0x001F), 0x7FFF, [120, 124, 248]),
        ((), 0xFFFF, BLACK),
    ],
    ids=["565 white", "565 darkest", "555 white", "no masks"],
)
def test_sixteen_bits_are_read_as_the_reference_reads_them(
    masks: tuple[int, ...], pixel: int, sample: list[int]
) -> None:
    """No bit replication; 5-5-5 comes out dark and a file without masks black."""
    file = bmp_file(struct.pack("<HH", pixel, 0), width=1, bits=16, masks=struct.pack(f"<{len(masks)}I", *masks))

    assert decoded(file) == [[sample]]


@pytest.mark.parametrize(("height", "rows"), [(2, [[GREEN], [RED]]), (-2, [[RED], [GREEN]])])
def test_the_first_stored_row_is_the_lowest_unless_the_height_is_negative(
    height: int, rows: list[list[list[int]]]
) -> None:
    """Rows are padded to four bytes."""
    assert decoded(bmp_file(b"\0\0\xff\0" + b"\0\xff\0\0", width=1, height=height, bits=24)) == rows


def test_a_picture_of_many_steps_is_read_whole() -> None:
    """More pixels than one step takes, in an odd width."""
    samples = np.random.default_rng(0).integers(0, 256, (2100, 1001, 3), np.uint8)
    rows = np.zeros((2100, 3004), np.uint8)
    rows[:, :3003] = samples[:, :, ::-1].reshape(2100, -1)
    calls: list[None] = []

    planes = bmp.decode(bmp_file(rows.tobytes(), width=1001, height=-2100, bits=24), lambda: calls.append(None))

    assert np.array_equal(planes.samples, samples)
    assert len(calls) >= 2


@pytest.mark.parametrize(
    ("kept", "rows"),
    [
        (12, [[RED, WHITE], [GREEN, BLACK]]),
        (11, [[RED, WHITE], [GREEN, BLACK]]),
        (10, [[RED, WHITE], [BLACK, BLACK]]),
        (8, [[RED, WHITE], [BLACK, BLACK]]),
        (3, [[RED, BLACK], [BLACK, BLACK]]),
        (1, [[BLACK, BLACK], [BLACK, BLACK]]),
    ],
)
def test_a_file_cut_short_is_read_as_far_as_it_goes(kept: int, rows: list[list[list[int]]]) -> None:
    """A pixel counts when all its bytes are there; the others are black. Strictly it is an error."""
    pixels = b"\0\0\xff\xff\xff\xff\0\0" + b"\0\xff\0" + b"\xff\0\0\0\0"
    file = bmp_file(pixels[:kept], width=2, height=-2, bits=24)

    assert decoded(file, strict=False) == rows
    with pytest.raises(BrokenImage, match="ends in row"):
        decoded(file)


def test_pixels_that_a_cut_file_lacks_are_black_and_not_the_first_palette_color() -> None:
    """Bottom-up, so they are at the top."""
    file = bmp_file(b"\x11\x10\0\0\x11", width=3, height=3, bits=4, palette=PALETTE)

    assert decoded(file, strict=False) == [3 * [BLACK], [RED, RED, BLACK], 3 * [RED]]


def test_missing_pixels_with_alpha_are_transparent() -> None:
    """Zero in every band."""
    file = bmp_file(b"\0\0\xff\xff", width=2, bits=32)

    assert decoded(file, strict=False) == [[[255, 0, 0, 255], [0, 0, 0, 0]]]


def test_only_the_padding_of_the_last_row_may_be_missing_strictly() -> None:
    """No pixel is lost with it."""
    assert decoded(bmp_file(b"\0\0\xff", width=1, bits=24)) == [[RED]]


def test_a_check_that_raises_ends_the_work() -> None:
    """A deadline gets through."""

    def late() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        bmp.decode(bmp_file(bytes(4), width=1, bits=24), late)
