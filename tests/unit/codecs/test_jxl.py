"""JPEG XL: the header, frames and profiles that our own code reads, and pixels through the extra `jxl`.

The samples in `tests/jxl.json` were drawn for these tests and coded by cjxl 0.7, which writes what imagecodecs cannot:
a profile inside the codestream, named primaries, frames with times, and sections in another order.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from renderer.codecs.icc import Curve
from renderer.codecs.jxl import codec as jxl
from renderer.codecs.jxl import container as jxl_container
from renderer.codecs.jxl.container import JxlFile
from renderer.codecs.jxl.header import read_header
from renderer.errors import BrokenImage, RequestTimeout

imagecodecs = pytest.importorskip("imagecodecs", reason="the extra jxl is not installed")

_SAMPLES = json.loads((Path(__file__).parents[2] / "jxl.json").read_text())


def _sample(name: str) -> bytes:
    return base64.b64decode(_SAMPLES[name])


def _drawn(*shape: int, type: Any = np.uint8) -> np.ndarray:
    """Repeatable samples over the whole range of a type."""
    top = 1 if np.dtype(type).kind == "f" else np.iinfo(type).max
    return (np.linspace(0, 1, int(np.prod(shape))).reshape(shape) * top).astype(type)


def _check() -> None:
    """A deadline that never passes."""


def _decoded(data: bytes, count: int = 1) -> np.ndarray:
    return jxl.decode(jxl.read(data), count, _check).samples


@pytest.mark.parametrize(
    "size",
    [(1, 1), (8, 8), (256, 256), (257, 256), (30, 20), (160, 90), (20, 30), (640, 480), (1000, 7), (3, 2000)],
    ids=str,
)
def test_sizes(size: tuple[int, int]) -> None:
    """Small ones in blocks, ratios that have a number, and both sides."""
    width, height = size
    data = imagecodecs.jpegxl_encode(np.zeros((height, width, 3), np.uint8))

    assert jxl.read(data).header.size == size


@pytest.mark.parametrize("bands", [1, 2, 3, 4])
@pytest.mark.parametrize("type", [np.uint8, np.uint16, np.float32], ids=["8", "16", "float"])
def test_bands_and_depth(bands: int, type: Any) -> None:
    samples = _drawn(12, 10, bands, type=type)
    data = imagecodecs.jpegxl_encode(samples[:, :, 0] if bands == 1 else samples)
    header = jxl.read(data).header
    decoded = _decoded(data)

    assert (header.bands, header.has_alpha, header.color.is_grey) == (bands, bands in (2, 4), bands < 3)
    assert decoded.shape == samples.shape
    assert decoded.dtype == (np.uint8 if type is np.uint8 else np.uint16)
    if type is np.uint8:
        assert (decoded == samples).all()


@pytest.mark.parametrize("bits", [1, 4, 10, 12, 14])
def test_samples_of_odd_depths_fill_eight_or_sixteen_bits(bits: int) -> None:
    top = (1 << bits) - 1
    type = np.uint8 if bits < 8 else np.uint16
    samples = np.linspace(0, top, 64).astype(type).reshape(8, 8)

    decoded = _decoded(imagecodecs.jpegxl_encode(samples, bitspersample=bits))

    assert (decoded.min(), decoded.max()) == (0, np.iinfo(type).max)


def test_linear_light_of_many_bits_comes_with_the_curve_of_srgb() -> None:
    """Else 8-bit results would have four bits left in the shadows."""
    half = np.full((4, 4, 4), 32_768, np.uint16)

    data = imagecodecs.jpegxl_encode(half)
    decoded = _decoded(data)

    assert jxl.read(data).profile is None
    assert abs(int(decoded[0, 0, 0]) - 0.7354 * 65_535) < 10
    assert decoded[0, 0, 3] == 32_768


def _with_orientation(codestream: bytes, orientation: int) -> bytes:
    """A codestream with a plain header, whose orientation is given."""
    header = read_header(codestream)
    size_bits = header.end - 2  # the header's flag that all is as usual, and the transform's
    bits = int.from_bytes(codestream[: (size_bits + 7) // 8], "little") & ((1 << size_bits) - 1)
    for value, count in (
        *((0, 1), (1, 1), (orientation - 1, 3), (0, 3)),  # more fields: orientation, no size, preview, animation
        *((0, 3), (1, 1), (0, 2), (1, 1), (1, 1), (1, 1), (0, 2), (1, 1)),
    ):
        bits |= value << size_bits
        size_bits += count
    return bits.to_bytes((size_bits + 7) // 8, "little") + codestream[(header.end + 7) // 8 :]


@pytest.mark.parametrize(
    ("orientation", "corner"), [(1, (0, 0)), (2, (0, -1)), (3, (-1, -1)), (4, (-1, 0)), (6, (0, -1)), (8, (-1, 0))]
)
def test_orientation_is_undone(orientation: int, corner: tuple[int, int]) -> None:
    """The size is the upright one before anything is decoded; the corner is where the red one ends up."""
    samples = np.zeros((24, 40, 3), np.uint8)
    samples[:12, :20] = (200, 30, 30)
    data = _with_orientation(imagecodecs.jpegxl_encode(samples, level=95), orientation)

    assert jxl.read(data).header.size == ((24, 40) if orientation > 4 else (40, 24))
    decoded = _decoded(data)

    assert decoded.shape[:2] == ((40, 24) if orientation > 4 else (24, 40))
    assert abs(int(decoded[corner][0]) - 200) < 20


def test_opacity_may_be_multiplied_in_already() -> None:
    samples = np.zeros((8, 8, 4), np.uint8)
    header = jxl.read(imagecodecs.jpegxl_encode(samples)).header

    assert not header.is_premultiplied


def test_a_profile_inside_the_codestream() -> None:
    """Lossless pictures and recompressed JPEGs keep their profile byte by byte; libvips' own P3 has 480 bytes."""
    picture = jxl.read(_sample("profile"))

    assert picture.header.color.has_icc
    assert picture.profile is not None
    assert len(picture.profile) == int.from_bytes(picture.profile[:4], "big") == 480
    assert picture.profile[36:40] == b"acsp"
    assert picture.profile[128 + 4 + 12 * picture.profile[131] :]


def test_named_primaries_become_a_profile() -> None:
    picture = jxl.read(_sample("named"))

    assert not picture.header.color.has_icc
    assert picture.header.color.curve is Curve.SRGB
    assert picture.header.color.primaries[0] == pytest.approx((0.68, 0.32), abs=0.002)
    assert picture.profile is not None
    assert picture.profile[16:20] == b"RGB "


@pytest.mark.parametrize("name", ["frames", "ordered"])
def test_frames_are_counted_and_timed_without_decoding(name: str) -> None:
    """One sample has its sections in another order than usual, which is coded before their sizes."""
    picture = jxl.read(_sample(name))

    assert picture.delays == (70, 140, 300)
    assert picture.is_animated


@pytest.mark.parametrize("count", [1, 2, 3])
def test_frames_are_stacked(count: int) -> None:
    samples = _decoded(_sample("frames"), count)

    assert samples.shape == (300 * count, 300, 4)
    colors = [(200, 30, 30, 255), (30, 180, 30, 255), (30, 30, 200, 255)]
    assert [tuple(samples[300 * index, 0]) for index in range(count)] == colors[:count]


def test_the_deadline_is_looked_at_between_frames() -> None:
    def passed() -> None:
        raise RequestTimeout("late")

    with pytest.raises(RequestTimeout):
        jxl.decode(jxl.read(_sample("frames")), 2, passed)


@pytest.mark.parametrize("bands", [1, 2, 3, 4])
@pytest.mark.parametrize("type", [np.uint8, np.uint16], ids=["8", "16"])
def test_what_is_encoded_comes_back(bands: int, type: Any) -> None:
    """Lossless at distance 0 but for the curve of 16 bits, near at others."""
    samples = _drawn(32, 24, bands, type=type)
    unit = np.iinfo(type).max / 255

    exact = _decoded(jxl.encode(samples, distance=0, effort=3).codestream)
    near = _decoded(jxl.encode(samples, distance=1, effort=3).codestream)

    assert np.abs(exact.astype(float) - samples).max() <= (0 if type is np.uint8 else 0.3 * unit)
    assert np.abs(near.astype(float) - samples).mean() < 3 * unit


def test_metadata_is_around_the_codestream() -> None:
    file = jxl.encode(_drawn(8, 8, 3), distance=1, effort=1)

    data = jxl.with_metadata(file, exif=b"Exif\0\0II*\0", xmp=b"<x/>")
    read = jxl_container.unwrapped(data)

    assert (read.exif, read.xmp, read.codestream) == (b"Exif\0\0II*\0", b"<x/>", file.codestream)
    assert imagecodecs.jpegxl_decode(data).shape == (8, 8, 3)
    assert jxl.with_metadata(file, exif=None, xmp=None) == file.codestream


def test_a_codestream_in_parts() -> None:
    codestream = imagecodecs.jpegxl_encode(_drawn(8, 8, 3))
    boxes = [
        struct.pack(">I4sI", 12 + len(part), b"jxlp", number) + part
        for number, part in ((0, codestream[:9]), (0x8000_0001, codestream[9:]))
    ]
    data = jxl_container.SIGNATURE + b"".join(boxes)

    assert jxl_container.unwrapped(data) == JxlFile(codestream=codestream)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\x0a",
        b"\xff\x0a\xff\xff\xff\xff",
        jxl_container.SIGNATURE,
        jxl_container.SIGNATURE + b"\0\0\0\x0cjxlc\xff\x0a\0\0",
        jxl_container.SIGNATURE + b"\0\0\0\x08jxlp",
        jxl_container.SIGNATURE + b"\xff\xff\xff\xffjxlc\xff\x0a",
    ],
    ids=["empty", "signature", "nonsense", "boxes", "short", "empty part", "beyond the end"],
)
def test_headers_that_make_no_sense(data: bytes) -> None:
    with pytest.raises(BrokenImage):
        jxl.decode(jxl.read(data), 1, _check)


@pytest.mark.parametrize("name", ["profile", "named", "frames", "ordered"])
def test_changed_bytes_are_errors_of_ours_or_pictures(
    name: str, broken_copies: Callable[[bytes, int], list[bytes]]
) -> None:
    for data in broken_copies(_sample(name), 60):
        try:
            picture = jxl.read(data)
            width, height = picture.header.size
            if width * height < 1_000_000:
                jxl.decode(picture, min(len(picture.delays), 3), _check)
        except BrokenImage as error:
            assert str(error).startswith("JXL:")


@pytest.fixture
def broken_copies() -> Callable[[bytes, int], list[bytes]]:
    """Copies of a file with some bytes changed or its end missing, the same ones in every run."""

    def copies(data: bytes, count: int) -> list[bytes]:
        random = np.random.default_rng(len(data))
        broken = [data[: random.integers(len(data))] for _ in range(count // 5)]
        for _ in range(count):
            changed = bytearray(data)
            for place in random.integers(len(data), size=random.integers(1, 6)):
                changed[place] = random.integers(256)
            broken.append(bytes(changed))
        return broken

    return copies
