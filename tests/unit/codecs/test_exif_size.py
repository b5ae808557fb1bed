"""The size in EXIF data: as libvips writes it for a picture of that size, or not at all."""

from __future__ import annotations

import pytest
import pyvips

from renderer.codecs.exif_size import with_size
from renderer.vips.fields import blob, set_blob


def _exif(width: int, height: int, before: bytes | None = None) -> bytes:
    image = pyvips.Image.black(width, height).copy(xres=2.5, yres=2.5)
    if before is not None:
        set_blob(image, "exif-data", before)
    data = blob(pyvips.Image.pngload_buffer(image.pngsave_buffer()), "exif-data")
    assert data is not None
    return data


BIG_ENDIAN = b"MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00"


@pytest.mark.parametrize("before", [None, BIG_ENDIAN, b"Exif\0\0" + BIG_ENDIAN])
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (70_000, 1)])
def test_the_size_is_written_as_libvips_writes_it(before: bytes | None, size: tuple[int, int]) -> None:
    assert with_size(_exif(1, 1, before), (1, 1), size) == _exif(*size, before)


@pytest.mark.parametrize(
    "data", [b"", b"II", b"Exif\0\0II*\0", b"II*\0\xff\xff\xff\xff", b"II*\0\x08\0\0\0\0\0\0\0\0\0"]
)
def test_what_says_no_size_gets_none(data: bytes) -> None:
    assert with_size(data, (1, 1), (2, 2)) is None


def test_another_size_than_expected_is_left_alone() -> None:
    assert with_size(_exif(5, 4), (1, 1), (2, 2)) is None


@pytest.mark.parametrize("end", range(0, 200, 7))
def test_data_that_is_cut_short_is_refused_or_changed_in_place(end: int) -> None:
    data = _exif(1, 1)[:end]

    changed = with_size(data, (1, 1), (2, 2))

    assert changed is None or len(changed) == len(data)
