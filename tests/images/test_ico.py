"""Icons: which of their pictures is shown, and what is written."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

import PIL.Image
import pytest

from renderer.errors import BrokenImage, SourceResolutionTooLarge

Render = Callable[..., Any]


def _icon(*entries: tuple[int, int, bytes]) -> bytes:
    """An icon file of (width, height, payload) entries; 256 is written as 0."""
    offset = 6 + 16 * len(entries)
    directory, payloads = struct.pack("<HHH", 0, 1, len(entries)), b""
    for width, height, payload in entries:
        place = offset + len(payloads)
        directory += struct.pack("<BBBBHHII", width % 256, height % 256, 0, 0, 1, 32, len(payload), place)
        payloads += payload
    return directory + payloads


def _dib(width: int, height: int, color: tuple[int, int, int, int]) -> bytes:
    """A picture as old icons hold it: no file header, twice the height, a mask behind the pixels."""
    red, green, blue, alpha = color
    header = struct.pack("<IiiHHIIiiII", 40, width, height * 2, 1, 32, 0, 0, 0, 0, 0, 0)
    mask = b"\xff" * ((width + 31) // 32 * 4 * height)
    return header + bytes((blue, green, red, alpha)) * (width * height) + mask


@pytest.fixture(scope="module")
def png(draw: Any) -> Callable[[int, tuple[int, ...]], bytes]:
    """Makes a square PNG."""

    def make(side: int, color: tuple[int, ...]) -> bytes:
        data: bytes = draw.flat(side, side, color).pngsave_buffer()
        return data

    return make


@pytest.mark.parametrize(
    ("sides", "shown"), [((32, 64, 48), 64), ((16,), 16), ((16, 256), 256), ((256, 16), 16), ((48, 48), 48)]
)
def test_the_largest_picture_is_shown_by_the_bytes_of_the_directory(
    sides: tuple[int, ...], shown: int, rendered: Render, png: Callable[..., bytes]
) -> None:
    """256 is written as 0, so whatever follows it is larger."""
    source = _icon(*((side, side, png(side, (side % 256, 0, 0))) for side in sides))

    picture = rendered("f:png", source)

    assert picture.size == (shown, shown)
    assert picture.pixel(0, 0)[0] == shown % 256


def test_an_old_picture_has_alpha_and_its_mask_is_ignored(rendered: Render) -> None:
    picture = rendered("f:png", _icon((20, 10, _dib(20, 10, (200, 120, 60, 99)))))

    assert picture.size == (20, 10)
    assert picture.pixel(3, 3) == (200, 120, 60, 99)


def test_no_palette_crosses_over_from_the_entry(rendered: Render, draw: Any) -> None:
    entry = draw.scene(32, 32).pngsave_buffer(palette=True)

    assert rendered("f:png", _icon((32, 32, entry))).field("palette") is None


@pytest.mark.parametrize(
    "source",
    [
        _icon((20, 20, _dib(20, 10, (1, 2, 3, 4)))),
        _icon((20, 10, b"")),
        _icon((20, 10, b"garbage")),
        _icon(),
        b"\0\0\1\0",
        b"\0\0\1\0\xff\xff" + b"\xff" * 64,
    ],
)
def test_a_file_whose_parts_do_not_fit_is_refused(source: bytes, rendered: Render) -> None:
    with pytest.raises(BrokenImage):
        rendered("f:png", source)


def test_a_png_of_another_size_than_the_directory_says_is_refused(rendered: Render, png: Callable[..., bytes]) -> None:
    with pytest.raises(BrokenImage):
        rendered("f:png", _icon((48, 48, png(32, (1, 2, 3)))))


def test_the_resolution_limit_holds_for_icons(rendered: Render) -> None:
    source = _icon((20, 10, _dib(20, 10, (1, 2, 3, 4))))

    assert rendered("msr:0.0002/f:png", source).size == (20, 10)
    with pytest.raises(SourceResolutionTooLarge):
        rendered("msr:0.000199/f:png", source)


@pytest.mark.parametrize(
    ("color", "shown"),
    [
        ((90,), (90, 90, 90)),
        ((90, 128), (90, 90, 90, 128)),
        ((200, 120, 60), (200, 120, 60)),
        ((200, 120, 60, 128), (200, 120, 60, 128)),
    ],
)
def test_a_result_is_one_png_inside_an_icon(
    color: tuple[int, ...], shown: tuple[int, ...], rendered: Render, draw: Any
) -> None:
    picture = rendered("f:ico", draw.flat(40, 20, color).pngsave_buffer())

    kind, count, width, height = struct.unpack_from("<2xHHBB", picture.data)
    bits, size, offset = struct.unpack_from("<HII", picture.data, 12)
    assert (kind, count, width, height) == (1, 1, 40, 20)
    assert bits == len(shown) * 8
    assert (offset, offset + size) == (22, len(picture.data))
    inside = PIL.Image.open(io.BytesIO(picture.data[22:]))
    assert (inside.format, inside.size) == ("PNG", (40, 20))
    assert inside.getpixel((1, 1)) == shown


def test_a_side_of_256_is_written_as_0(rendered: Render, draw: Any) -> None:
    picture = rendered("f:ico", draw.flat(300, 300, (1, 2, 3)).pngsave_buffer())

    assert struct.unpack_from("<BB", picture.data, 6) == (0, 0)
    assert picture.size == (256, 256)
