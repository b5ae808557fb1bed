"""BMP sources of every readable kind, and BMP results as another program reads them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from renderer.errors import BrokenImage

Render = Callable[..., Any]

_FOUR = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]


def _bmp(
    pixels: bytes,
    size: tuple[int, int],
    bits: int,
    *,
    compression: int = 0,
    masks: tuple[int, ...] = (),
    palette: tuple[tuple[int, int, int], ...] = (),
) -> bytes:
    """A BMP file with a 40-byte header; a negative height stores the top row first."""
    extra = struct.pack(f"<{len(masks)}I", *masks) + b"".join(bytes((b, g, r, 0)) for r, g, b in palette)
    offset = 54 + len(extra)
    header = struct.pack("<IiiHHIIiiII", 40, *size, 1, bits, compression, len(pixels), 0, 0, len(palette), 0)
    return struct.pack("<2sIHHI", b"BM", offset + len(pixels), 0, 0, offset) + header + extra + pixels


def _row(*values: int, bits: int) -> bytes:
    """One row of pixels, padded to four bytes."""
    number = 0
    for value in values:
        number = number << bits | value
    filled = len(values) * bits
    number <<= -filled % 32
    return number.to_bytes((filled + 31) // 32 * 4, "big")


_BGR = b"".join(bytes((b, g, r)) for r, g, b in _FOUR)
_TOP, _BOTTOM = _BGR[:6] + b"\0\0", _BGR[6:] + b"\0\0"
_PALETTE = tuple(_FOUR)


def _words(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}H", *values)


@pytest.mark.parametrize(
    "source",
    [
        _bmp(_BOTTOM + _TOP, (2, 2), 24),
        _bmp(_TOP + _BOTTOM, (2, -2), 24),
        _bmp(_row(2, 3, bits=8) + _row(0, 1, bits=8), (2, 2), 8, palette=_PALETTE),
        _bmp(_row(2, 3, bits=4) + _row(0, 1, bits=4), (2, 2), 4, palette=_PALETTE),
        _bmp(_row(2, 3, bits=2) + _row(0, 1, bits=2), (2, 2), 2, palette=_PALETTE),
        _bmp(b"\x01\x02\x01\x03\0\0\x01\0\x01\x01\0\x01", (2, 2), 8, compression=1, palette=_PALETTE),
        _bmp(b"\x02\x23\0\0\x02\x01\0\x01", (2, 2), 4, compression=2, palette=_PALETTE),
    ],
    ids=["24 bits", "top down", "8 bits", "4 bits", "2 bits", "rle 8", "rle 4"],
)
def test_every_kind_shows_red_and_green_above_blue_and_white(source: bytes, rendered: Render) -> None:
    picture = rendered("f:tiff", source)

    assert picture.size == (2, 2)
    assert [picture.pixel(x, y)[:3] for y in range(2) for x in range(2)] == _FOUR


def test_a_picture_of_two_colors_becomes_a_png_of_one_bit(rendered: Render) -> None:
    source = _bmp(_row(0, 1, 0, 1, bits=1), (4, 1), 1, palette=((0, 0, 0), (255, 255, 255)))

    picture = rendered("f:png", source)

    assert [picture.pixel(x, 0)[0] for x in range(4)] == [0, 255, 0, 255]
    assert (picture.field("palette"), picture.field("bits-per-sample")) == (1, 1)


@pytest.mark.parametrize(
    ("masks", "compression", "white"),
    [
        ((0xF800, 0x07E0, 0x001F), 3, (248, 252, 248)),
        ((0x7C00, 0x03E0, 0x001F), 3, (120, 124, 248)),
        ((), 0, (0, 0, 0)),
    ],
    ids=["565", "555", "no masks"],
)
def test_sixteen_bits_are_read_as_recorded(
    masks: tuple[int, ...], compression: int, white: tuple[int, int, int], rendered: Render
) -> None:
    source = _bmp(_words(0xFFFF, 0xFFFF), (2, 1), 16, compression=compression, masks=masks)

    assert rendered("f:tiff", source).pixel(0, 0)[:3] == white


def test_the_fourth_byte_of_32_bits_is_alpha(rendered: Render) -> None:
    """Of most such files it is 0: they are wholly transparent."""
    source = _bmp(bytes((1, 2, 200, 255, 1, 2, 200, 0)), (2, 1), 32)

    picture = rendered("f:png", source)

    assert picture.pixel(0, 0) == (200, 2, 1, 255)
    assert picture.pixel(1, 0)[3] == 0
    assert rendered("bg:ff0000/f:png", source).pixel(1, 0) == (255, 0, 0)
    assert rendered("f:jpeg/q:100", source).bands == 3


@pytest.mark.parametrize(
    "source",
    [
        _bmp(_TOP, (2, 1), 40),
        _bmp(_TOP, (0, 1), 24),
        _bmp(_TOP, (2, 0), 24),
        _bmp(_TOP, (-2, 1), 24),
        _bmp(_TOP, (2, 1), 24, compression=4),
        _bmp(_TOP, (2, 1), 24, compression=1),
        _bmp(b"", (2, 1), 24),
        _bmp(_TOP, (2_000_000_000, 2_000_000_000), 24),
        _bmp(_words(1, 2), (2, 1), 16, compression=3, masks=(0x0F00, 0x00F0, 0x000F)),
        b"BM",
        b"BM" + b"\xff" * 60,
    ],
)
def test_a_file_that_cannot_be_read_is_refused(source: bytes, rendered: Render) -> None:
    with pytest.raises(BrokenImage):
        rendered("f:png", source)


def test_a_file_that_is_cut_short_is_shown_as_far_as_it_goes_unless_sources_have_to_be_whole(rendered: Render) -> None:
    source = _bmp(_TOP + _BOTTOM, (2, -2), 24)[:-8]

    picture = rendered("f:tiff", source)

    assert [picture.pixel(x, y)[:3] for y in range(2) for x in range(2)] == [*_FOUR[:2], (0, 0, 0), (0, 0, 0)]
    with pytest.raises(BrokenImage):
        rendered("f:tiff", source, BILDWERK_STRICT_SOURCES="1")


@pytest.mark.parametrize(
    ("color", "bits", "stored"),
    [
        ((90,), 8, (90,)),
        ((200, 120, 60), 24, (200, 120, 60)),
        ((200, 120, 60, 128), 32, (200, 120, 60, 128)),
        ((90, 128), 32, (90, 90, 90, 128)),
    ],
    ids=["grey", "rgb", "rgba", "grey with alpha"],
)
def test_results_have_the_depth_of_their_channels(
    color: tuple[int, ...], bits: int, stored: tuple[int, ...], rendered: Render, draw: Any
) -> None:
    picture = rendered("f:bmp", draw.flat(5, 3, color).pngsave_buffer())

    assert picture.size == (5, 3)
    assert struct.unpack_from("<H", picture.data, 28)[0] == bits
    if bits == 32:  # Pillow shows no alpha of an uncompressed BMP: its bytes are blue, green, red, alpha
        assert tuple(picture.data[-4:]) == (stored[2], stored[1], stored[0], stored[3])
    else:
        assert picture.pixel(0, 0) == stored


def test_pixels_of_a_result_are_where_they_were(rendered: Render, draw: Any) -> None:
    image = draw.coordinates(7, 5)

    assert np.array_equal(rendered("f:bmp", image.pngsave_buffer()).samples(), image.numpy())


def test_a_result_is_a_source_again(rendered: Render, draw: Any) -> None:
    first = rendered("f:bmp", draw.scene(31, 17).pngsave_buffer())

    assert rendered("f:bmp", first.data).data == first.data


def test_deep_pictures_are_written_with_eight_bits(rendered: Render, draw: Any) -> None:
    deep = draw.flat(4, 4, (200, 120, 60)).colourspace("rgb16")

    assert rendered("ph:1/f:bmp", deep.pngsave_buffer()).pixel(1, 1) == (200, 120, 60)
