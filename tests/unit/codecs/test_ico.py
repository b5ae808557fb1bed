"""ICO files: the picture that counts is found, hostile directories are refused, and one PNG becomes an icon."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from renderer.codecs import bmp, ico
from renderer.errors import BrokenImage

PNG = b"\x89PNG\r\n\x1a\n"


def ico_file(*entries: tuple[int, int, bytes], count: int | None = None, size: int = 0, offset: int = 0) -> bytes:
    """An ICO file of raw widths, raw heights and payloads; `count`, `size` and `offset` replace what they should be."""
    directory = struct.pack("<HHH", 0, 1, len(entries) if count is None else count)
    payloads = b""
    for width, height, payload in entries:
        place = 6 + 16 * len(entries) + len(payloads)
        directory += struct.pack("<BBBBHHII", width, height, 0, 0, 1, 32, size or len(payload), offset or place)
        payloads += payload
    return directory + payloads


def stored_bmp(*, width: int, height: int, bits: int = 32, colors: int = 0, pixels: bytes = b"") -> bytes:
    """A BMP without file header, as icons hold them; `height` is the stored one. The palette is made of zeros."""
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, 0, 0, 0, 0, colors, 0)
    palette = bytes(4 * (colors or 1 << bits)) if bits <= 8 else b""
    return info + palette + pixels


@pytest.mark.parametrize(
    ("sizes", "best"),
    [
        ([32, 64, 48], 1),
        ([16], 0),
        ([16, 0], 1),
        ([0, 16], 1),
        ([0, 0], 1),
        ([48, 48], 0),
    ],
)
def test_a_larger_picture_replaces_a_smaller_one_by_raw_bytes(sizes: list[int], best: int) -> None:
    """A raw 0 means 256 and always replaces, but anything replaces it in turn (as recorded)."""
    entry = ico.best_entry(ico_file(*[(side, side, PNG + bytes([number])) for number, side in enumerate(sizes)]))

    side = sizes[best] or 256
    assert (entry.width, entry.height, entry.payload, entry.is_png) == (side, side, PNG + bytes([best]), True)


def test_one_larger_side_is_enough() -> None:
    """Wider or higher, not both."""
    entry = ico.best_entry(ico_file((32, 32, PNG + b"a"), (8, 33, PNG + b"b"), (9, 9, PNG + b"c")))

    assert (entry.width, entry.height, entry.payload) == (9, 9, PNG + b"c")


def test_a_stored_bmp_becomes_a_whole_file_with_alpha() -> None:
    """Its height is halved, and the mask behind the pixels is ignored."""
    pixels = bytes((1, 2, 3, 4, 5, 6, 7, 8)) + bytes((9, 10, 11, 12, 13, 14, 15, 16))
    entry = ico.best_entry(ico_file((2, 2, stored_bmp(width=2, height=4, pixels=pixels + b"\xff" * 8))))

    assert (entry.width, entry.height, entry.is_png) == (2, 2, False)
    planes = bmp.decode(entry.payload, lambda: None, strict=True)
    assert planes.samples.tolist() == [[[11, 10, 9, 12], [15, 14, 13, 16]], [[3, 2, 1, 4], [7, 6, 5, 8]]]
    assert entry.payload.startswith(b"BM" + struct.pack("<IHHI", len(entry.payload), 0, 0, 54))


@pytest.mark.parametrize(("bits", "bands"), [(1, 3), (4, 3), (8, 3), (24, 3), (32, 4)])
def test_only_32_bits_have_alpha(bits: int, bands: int) -> None:
    """The pixels start behind the palette, whether or not the header counts its colors."""
    for colors in (0, 2) if bits <= 8 else (0,):
        payload = stored_bmp(width=8, height=2, bits=bits, colors=colors, pixels=bytes(32))
        entry = ico.best_entry(ico_file((8, 1, payload)))

        assert bmp.decode(entry.payload, lambda: None, strict=True).samples.shape == (1, 8, bands)


def test_a_negative_stored_height_is_top_down() -> None:
    """It is halved toward zero, as an odd one is."""
    payload = stored_bmp(width=1, height=-5, pixels=bytes((1, 1, 1, 1, 2, 2, 2, 2)))
    entry = ico.best_entry(ico_file((1, 2, payload)))

    assert bmp.decode(entry.payload, lambda: None).samples[:, 0, 0].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"", "0 bytes do not hold a directory"),
        (b"\0\0\2\0\1\0" + bytes(40), "no icon signature"),
        (ico_file(), "directory of 0 pictures"),
        (ico_file((16, 16, PNG), count=65_535), "directory of 65535 pictures has 24 bytes"),
        (ico_file((16, 16, PNG), offset=30), "starts at byte 30 of a file of 30"),
        (ico_file((16, 16, PNG), offset=2**32 - 1), "starts at byte 4294967295"),
        (ico_file((16, 16, b"GIF89a")), "6 bytes are neither PNG nor BMP"),
        (ico_file((16, 16, stored_bmp(width=16, height=16, pixels=b"x"))), "16 x 8 where the directory says 16 x 16"),
        (ico_file((16, 16, stored_bmp(width=-16, height=32, pixels=b"x"))), "-16 x 16"),
        (ico_file((1, 1, stored_bmp(width=1, height=2))), "starts at byte 54 of a BMP of 54"),
        (ico_file((1, 1, stored_bmp(width=1, height=2, colors=2**32 - 1))), "starts at byte 17179869234"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(file: bytes, reason: str) -> None:
    """No offset, size or count leads outside the file."""
    with pytest.raises(BrokenImage, match=reason):
        ico.best_entry(file)


def test_an_offset_of_zero_is_no_picture() -> None:
    """It would be the directory itself."""
    file = struct.pack("<HHHBBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, 32, 8, 0) + PNG

    with pytest.raises(BrokenImage, match="starts at byte 0"):
        ico.best_entry(file)


def test_a_picture_cut_short_is_handed_over_as_far_as_it_goes() -> None:
    """Its decoder judges it. Strictly it is an error."""
    file = ico_file((16, 16, PNG + b"abc"), size=2**32 - 1)

    assert ico.best_entry(file).payload == PNG + b"abc"
    with pytest.raises(BrokenImage, match="a picture of 4294967295 bytes at 22 in a file of 33"):
        ico.best_entry(file, strict=True)


@pytest.mark.parametrize(("has_alpha", "bits"), [(False, 24), (True, 32)])
def test_an_icon_is_a_header_of_22_bytes_and_the_png(has_alpha: bool, bits: int) -> None:
    """256 is written as 0."""
    file = ico.encode(PNG, width=256, height=3, has_alpha=has_alpha)

    assert file == struct.pack("<HHHBBBBHHII", 0, 1, 1, 0, 3, 0, 0, 1, bits, 8, 22) + PNG


def test_another_program_reads_the_icon() -> None:
    """Pillow knows nothing of our writer."""
    buffer = io.BytesIO()
    picture = Image.fromarray(np.arange(7 * 5 * 4, dtype=np.uint8).reshape(5, 7, 4), "RGBA")
    picture.save(buffer, "PNG")
    icon = ico.encode(buffer.getvalue(), width=7, height=5, has_alpha=True)

    assert Image.open(io.BytesIO(icon)).convert("RGBA").tobytes() == picture.tobytes()
    assert ico.best_entry(icon).payload == buffer.getvalue()


@pytest.mark.parametrize(("width", "height"), [(0, 1), (1, 0), (257, 1), (1, 257)])
def test_sides_that_an_icon_cannot_name_are_refused(width: int, height: int) -> None:
    """One byte each."""
    with pytest.raises(BrokenImage, match="cannot be written"):
        ico.encode(PNG, width=width, height=height, has_alpha=False)
