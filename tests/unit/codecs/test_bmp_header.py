"""A BMP header says what the picture is, or why it cannot be read, before any pixel is touched."""

from __future__ import annotations

import struct

import pytest

from renderer.codecs.bmp import read_header
from renderer.errors import BrokenImage

MASKS_565 = struct.pack("<III", 0xF800, 0x07E0, 0x001F)
MASKS_555 = struct.pack("<III", 0x7C00, 0x03E0, 0x001F)
MASKS_ARGB = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
MASKS_XRGB = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0)


def bmp_header(
    *,
    width: int = 3,
    height: int = 2,
    planes: int = 1,
    bits: int = 24,
    compression: int = 0,
    colors: int = 0,
    length: int = 40,
    masks: bytes = b"",
    offset: int | None = None,
    pixels: bytes = bytes(100),
) -> bytes:
    """A BMP file: headers, a palette of zeros where there is one, and pixels of zeros."""
    info = struct.pack("<IiiHHIIiiII", length, width, height, planes, bits, compression, 0, 0, 0, colors, 0)
    info += masks.ljust(length - 40, b"\0")
    palette = bytes(4 * min(colors or 1 << bits, 256)) if bits <= 8 else b""
    offset = 14 + len(info) + len(palette) if offset is None else offset
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, offset) + info + palette + pixels


@pytest.mark.parametrize(("height", "is_top_down"), [(2, False), (-2, True)])
def test_a_negative_height_means_top_down(height: int, is_top_down: bool) -> None:
    """The picture's height is the same either way."""
    header = read_header(bmp_header(height=height))

    assert (header.width, header.height, header.is_top_down) == (3, 2, is_top_down)


@pytest.mark.parametrize(
    ("file", "bands"),
    [
        (bmp_header(bits=8), 3),
        (bmp_header(bits=16), 3),
        (bmp_header(bits=24), 3),
        (bmp_header(bits=24, length=124, masks=MASKS_ARGB), 3),
        (bmp_header(bits=32), 4),
        (bmp_header(bits=32, length=108), 3),
        (bmp_header(bits=32, length=108, masks=MASKS_ARGB), 4),
        (bmp_header(bits=32, length=124, masks=MASKS_XRGB), 3),
        (bmp_header(bits=32, length=124, masks=MASKS_ARGB, compression=3), 4),
        (bmp_header(bits=32, masks=MASKS_ARGB, compression=6, pixels=MASKS_ARGB + bytes(100)), 4),
    ],
)
def test_only_32_bits_with_an_alpha_mask_or_without_any_mask_have_alpha(file: bytes, bands: int) -> None:
    """A 40-byte header has no masks, so its fourth byte counts as alpha (as recorded)."""
    assert read_header(file).bands == bands


@pytest.mark.parametrize(
    ("bits", "colors", "palette_bits"),
    [
        (1, 0, 1),
        (1, 1, 1),
        (2, 0, 2),
        (4, 0, 4),
        (4, 2, 1),
        (4, 3, 2),
        (8, 4, 2),
        (8, 5, 4),
        (8, 16, 4),
        (8, 17, 8),
        (8, 0, 8),
        (16, 0, None),
        (24, 7, None),
        (32, 0, None),
    ],
)
def test_palette_bits_are_the_fewest_that_number_the_colors(bits: int, colors: int, palette_bits: int | None) -> None:
    """A count of 0 means as many as the pixels can number."""
    assert read_header(bmp_header(bits=bits, colors=colors)).palette_bits == palette_bits


@pytest.mark.parametrize(
    ("bits", "compression", "masks"),
    [
        (8, 1, b""),
        (4, 2, b""),
        (16, 3, MASKS_565),
        (16, 6, MASKS_555),
        (32, 3, MASKS_ARGB),
    ],
)
def test_every_supported_compression_is_read(bits: int, compression: int, masks: bytes) -> None:
    """Masks follow a 40-byte header."""
    header = read_header(bmp_header(bits=bits, compression=compression, pixels=masks + bytes(100)))

    assert header.is_run_length_encoded == (compression in (1, 2))


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"", "0 bytes do not hold a header"),
        (bmp_header()[:53], "53 bytes do not hold a header"),
        (b"PM" + bmp_header()[2:], "no BM signature"),
        (bmp_header(length=12), "info header of 12 bytes"),
        (bmp_header(length=56), "info header of 56 bytes"),
        (bmp_header(length=124)[:137], "info header is cut short"),
        (bmp_header(planes=0), "0 planes"),
        (bmp_header(bits=0), "0 bits per pixel"),
        (bmp_header(bits=40), "40 bits per pixel"),
        (bmp_header(width=0), "no picture is 0 x 2"),
        (bmp_header(width=-3), "no picture is -3 x 2"),
        (bmp_header(height=0), "no picture is 3 x 0"),
        (bmp_header(height=-(2**31)), "too large"),
        (bmp_header(width=2**31 - 1, height=2**31 - 1), "too large"),
        (bmp_header(width=30_000, height=30_000), "too large"),
        (bmp_header(width=100_000_001, height=1), "too large"),
        (bmp_header(compression=4), "compression 4 is not supported"),
        (bmp_header(bits=4, compression=1), "compression 1 with 4 bits"),
        (bmp_header(bits=8, compression=2), "compression 2 with 8 bits"),
        (bmp_header(bits=24, compression=3), "masks 00000000 00000000 00000000 with 24 bits"),
        (bmp_header(bits=16, compression=3, pixels=MASKS_ARGB), "masks 00FF0000 0000FF00 000000FF with 16 bits"),
        (bmp_header(bits=32, compression=3, pixels=MASKS_XRGB + bytes(9)), "00000000 with 32 bits"),
        (bmp_header(bits=16, compression=3, pixels=bytes(11)), "masks are cut short"),
        (bmp_header(bits=8, colors=257), "257 palette colors with 8 bits"),
        (bmp_header(bits=1, colors=3), "3 palette colors with 1 bits"),
        (bmp_header(bits=8, pixels=b"")[:-1], "palette is cut short"),
        (bmp_header(pixels=b""), "starts at byte 54 of a file of 54"),
        (bmp_header(offset=2**32 - 1), "starts at byte 4294967295 of a file of 154"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(file: bytes, reason: str) -> None:
    """The reason is for the log."""
    with pytest.raises(BrokenImage, match=reason):
        read_header(file)
