"""Files that were damaged at random are decoded or refused, and nothing else ever happens."""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from renderer.codecs import bmp, ico
from renderer.errors import BrokenImage

MAX_PIXELS: Final = 1_000_000
"""Stands for the resolution limit that callers apply to the header."""

RLE8 = b"\5\1\0\0\0\4abcd\0\2\1\1\3\2\0\5abcde\0\0\0\x08\1\0\1"
MASKS_565 = struct.pack("<III", 0xF800, 0x07E0, 0x001F)
MASKS_ARGB = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)


def bmp_file(*, bits: int, height: int = 4, compression: int = 0, masks: bytes = b"", pixels: bytes = b"") -> bytes:
    """A valid BMP file, nine pixels wide."""
    palette = bytes(range(256)) * 4 if bits == 8 else bytes(range(4 << bits)) if bits < 8 else b""
    info = struct.pack("<IiiHHIIiiII", 40, 9, height, 1, bits, compression, 0, 0, 0, 0, 0)
    pixels = pixels or bytes(range((9 * bits + 31) // 32 * 4)) * abs(height)
    offset = 54 + len(masks) + len(palette)
    return b"BM" + struct.pack("<IHHI", offset + len(pixels), 0, 0, offset) + info + masks + palette + pixels


def ico_file(payload: bytes) -> bytes:
    """A valid ICO file of one picture, nine pixels wide and two high."""
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 9, 2, 0, 0, 1, 32, len(payload), 22) + payload


VALID: Final = (
    *(bmp_file(bits=bits) for bits in (1, 2, 4, 8, 16, 24, 32)),
    bmp_file(bits=24, height=-4),
    bmp_file(bits=16, compression=3, masks=MASKS_565),
    bmp_file(bits=32, compression=3, masks=MASKS_ARGB),
    bmp_file(bits=8, compression=1, pixels=RLE8),
    bmp_file(bits=4, compression=2, pixels=RLE8),
    *(ico_file(bmp_file(bits=bits)[14:]) for bits in (1, 8, 32)),
    ico_file(b"\x89PNG\r\n\x1a\n" + bytes(30)),
)
FIELDS: Final = (4, 10, 14, 18, 22, 26, 28, 30, 36, 40, 46, 50, 54, 58, 62, 66)
"""Where headers have numbers."""
NUMBERS: Final = (0, 1, 2, 3, 8, 16, 32, 40, 108, 124, 255, 256, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A valid file with some bytes changed, numbers replaced, and its end cut off or something put in."""
    file = bytearray(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(0, 3))):
        file[draw(st.integers(0, len(file) - 1))] = draw(st.integers(0, 255))
    for _ in range(draw(st.integers(0, 2))):
        offset = draw(st.sampled_from(FIELDS))
        file[offset : offset + 4] = struct.pack("<I", draw(st.sampled_from(NUMBERS)))
    start = draw(st.integers(0, len(file)))
    end = draw(st.sampled_from([start, start + 1, len(file)]))
    file[start:end] = draw(st.binary(max_size=9))
    return bytes(file)


def decode(file: bytes) -> None:
    """Do with a file what the server does."""
    if file.startswith(b"BM"):
        header = bmp.read_header(file)
        if header.width * header.height <= MAX_PIXELS:
            planes = bmp.decode(file, lambda: None)
            assert planes.samples.shape == (header.height, header.width, header.bands)
            assert planes.palette_bits == header.palette_bits
    else:
        entry = ico.best_entry(file)
        assert 1 <= entry.width <= 256
        assert 1 <= entry.height <= 256
        if not entry.is_png:
            decode(entry.payload)


@given(damaged())
@settings(max_examples=200, deadline=None)
def test_damaged_files_are_decoded_or_refused(file: bytes) -> None:
    """`BrokenImage` is the only exception."""
    with suppress(BrokenImage):
        decode(file)


def test_the_files_before_damage_are_all_decoded() -> None:
    """Else the test above would prove little."""
    for file in VALID:
        decode(file)
