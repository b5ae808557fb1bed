"""HEIC files: their boxes, and their pixels through the extra `heif`.

The samples in `tests/heic.json` were drawn for these tests: quarters in red, green, blue and white, coded by x265.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from renderer.codecs import heif, heif_boxes
from renderer.errors import BrokenImage

pytest.importorskip("pi_heif", reason="the extra heif is not installed")

_SAMPLES = json.loads((Path(__file__).parents[2] / "heic.json").read_text())


@pytest.fixture
def sample() -> Callable[[str], bytes]:
    return lambda name: base64.b64decode(_SAMPLES[name])


def _near(pixel: np.ndarray, *color: int) -> bool:
    return bool(np.abs(pixel.astype(int) - color).max() <= 4)


def test_three_bands_of_eight_bits(sample: Callable[[str], bytes]) -> None:
    planes = heif.decode(sample("quarters"))

    assert planes.samples.shape == (64, 64, 3)
    assert planes.samples.dtype == np.uint8
    assert _near(planes.samples[8, 8], 200, 30, 30)
    assert _near(planes.samples[8, 56], 30, 180, 30)
    assert _near(planes.samples[56, 8], 30, 30, 200)


@pytest.mark.parametrize(
    ("name", "bands", "type"),
    [("alpha", 4, np.uint8), ("grey", 3, np.uint8), ("ten bits", 3, np.uint16)],
)
def test_bands_and_depth_are_the_files(name: str, bands: int, type: np.dtype, sample: Callable[[str], bytes]) -> None:
    """Grey has three bands, as libvips loads it."""
    planes = heif.decode(sample(name), has_alpha=bands == 4)

    assert (planes.bands, planes.samples.dtype) == (bands, type)


def test_ten_bits_fill_sixteen(sample: Callable[[str], bytes]) -> None:
    samples = heif.decode(sample("ten bits")).samples

    assert samples.min() < 1500
    assert samples.max() > 64_000


def test_the_primary_picture_of_several(sample: Callable[[str], bytes]) -> None:
    planes = heif.decode(sample("second"))

    assert (planes.width, planes.height) == (96, 64)
    assert _near(planes.samples[30, 50], 20, 40, 200)


def test_the_thumbnail(sample: Callable[[str], bytes]) -> None:
    data = sample("thumbnail")
    small = heif.decode(data, of_thumbnail=True)

    assert heif.thumbnail(data) == heif.Thumbnail(width=64, height=48, bits=8)
    assert (heif.decode(data).width, small.width) == (256, 64)
    assert _near(small.samples[6, 6], 200, 30, 30)


def test_most_files_have_no_thumbnail(sample: Callable[[str], bytes]) -> None:
    assert heif.thumbnail(sample("quarters")) is None
    with pytest.raises(BrokenImage):
        heif.decode(sample("quarters"), of_thumbnail=True)


def test_files_of_this_kind_say_how_they_are_coded(sample: Callable[[str], bytes]) -> None:
    data = sample("quarters")

    assert heif_boxes.is_hevc(data)
    assert not heif_boxes.is_hevc(data.replace(b"hvc1", b"av01"))


def test_a_coded_picture_that_is_larger_than_the_header_says_is_refused(sample: Callable[[str], bytes]) -> None:
    """Limits are compared with the header; the decoder may not be made to work on more."""
    data = sample("thumbnail").replace(
        (256).to_bytes(4, "big") + (192).to_bytes(4, "big"), bytes(3) + b"\x40" + bytes(3) + b"\x40"
    )

    assert data != sample("thumbnail")
    with pytest.raises(BrokenImage):
        heif.decode(data)


def test_a_header_that_promises_more_bits_than_the_pixels_have(sample: Callable[[str], bytes]) -> None:
    """Grey of 15 bits in the header, 8 in the pixels: the bytes before and after the depths show the place."""
    data = sample("grey")
    place = data.index(b"hvcC") + 4 + 17

    heif.decode(data[:place] + b"\xff" + data[place + 1 :])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0\0\x18ftypheic",
        b"\0\0\0\x01meta\0\0",
        b"\xff\xff\xff\xffmeta",
        b"\0\0\0\x08free" * 30_000,
    ],
    ids=["empty", "no items", "short size", "beyond the end", "many boxes"],
)
def test_boxes_that_make_no_sense(data: bytes) -> None:
    with pytest.raises(BrokenImage):
        heif_boxes.is_hevc(data)
    with pytest.raises(BrokenImage):
        heif.thumbnail(data)
    with pytest.raises(BrokenImage):
        heif.decode(data)


@pytest.mark.parametrize("name", sorted(_SAMPLES))
def test_changed_bytes_are_errors_of_ours_or_pictures(name: str, sample: Callable[[str], bytes]) -> None:
    """The decoder is written in C and C++: a crash here would end the server."""
    data = sample(name)
    random = np.random.default_rng(len(data))
    for _ in range(150):
        changed = bytearray(data)
        for place in random.integers(len(data), size=random.integers(1, 6)):
            changed[place] = random.integers(256)
        with contextlib.suppress(BrokenImage):
            if heif.thumbnail(bytes(changed)):
                heif.decode(bytes(changed), of_thumbnail=True)
            heif.decode(bytes(changed), has_alpha=True)


def test_files_that_are_cut_short_are_broken(sample: Callable[[str], bytes]) -> None:
    data = sample("quarters")

    for length in range(0, len(data) - 1, 7):
        with pytest.raises(BrokenImage):
            heif.decode(data[:length])
