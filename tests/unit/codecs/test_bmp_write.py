"""BMP results have the recorded layout, and other programs read them."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from renderer.codecs import bmp
from renderer.codecs.planes import Planes
from renderer.errors import BrokenImage


def picture(bands: int, *, width: int = 5, height: int = 3) -> Planes:
    """A picture whose rows need padding."""
    samples = np.random.default_rng(bands).integers(0, 256, (height, width, bands), np.uint8)
    return Planes(samples=samples)


def test_a_color_picture_has_the_long_header() -> None:
    """124 bytes, top-down, uncompressed, every mask named, the color space's name backwards, intent 4."""
    file = bmp.encode(Planes(samples=np.array([[[1, 2, 3]], [[4, 5, 6]]], np.uint8)))

    assert file == (
        b"BM"
        + struct.pack("<IHHI", 146, 0, 0, 138)
        + struct.pack("<IiiHHIIiiII", 124, 1, -2, 1, 24, 0, 8, 0, 0, 0, 0)
        + struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
        + b"BGRs"
        + bytes(48)
        + struct.pack("<IIII", 4, 0, 0, 0)
        + b"\3\2\1\0"
        + b"\6\5\4\0"
    )


def test_alpha_is_the_fourth_byte_of_32_bits() -> None:
    """The header differs in sizes and depth only."""
    file = bmp.encode(Planes(samples=np.array([[[1, 2, 3, 4]]], np.uint8)))

    assert struct.unpack_from("<HI", file, 28) == (32, 0)
    assert file[138:] == b"\3\2\1\4"


def test_a_grey_picture_has_a_palette_of_256_greys() -> None:
    """The short header, 8 bits."""
    file = bmp.encode(Planes(samples=np.array([[[7], [200]]], np.uint8)))

    assert file == (
        b"BM"
        + struct.pack("<IHHI", 1082, 0, 0, 1078)
        + struct.pack("<IiiHHIIiiII", 40, 2, -1, 1, 8, 0, 4, 0, 0, 256, 0)
        + b"".join(bytes((level, level, level, 0)) for level in range(256))
        + b"\7\xc8\0\0"
    )


@pytest.mark.parametrize(("bands", "mode"), [(1, "L"), (3, "RGB")])
def test_another_program_reads_the_same_pixels(bands: int, mode: str) -> None:
    """Pillow knows nothing of our reader."""
    planes = picture(bands)
    opened = Image.open(io.BytesIO(bmp.encode(planes))).convert(mode)

    assert opened.size == (5, 3)
    assert opened.tobytes() == planes.samples.tobytes()


@pytest.mark.parametrize("bands", [3, 4])
@pytest.mark.parametrize("width", [1, 2, 3, 4, 1500])
def test_what_is_written_is_read_again(bands: int, width: int) -> None:
    """At widths with every padding, and with more rows than one step packs."""
    planes = picture(bands, width=width, height=1600 if width == 1500 else 3)

    assert np.array_equal(bmp.decode(bmp.encode(planes), lambda: None, strict=True).samples, planes.samples)


@pytest.mark.parametrize("bands", [2, 5])
def test_other_numbers_of_bands_are_refused(bands: int) -> None:
    """Grey with alpha is for the caller to convert."""
    with pytest.raises(BrokenImage, match=f"{bands} bands cannot be written"):
        bmp.encode(picture(bands))
