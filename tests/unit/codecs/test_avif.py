"""AVIF through the extra `avif`: what is plain has the very pixels of libvips, all else is left to it."""

from __future__ import annotations

import io
import random
import struct
import subprocess
import sys
from typing import Any

import numpy as np
import PIL.features
import PIL.Image
import pytest
import pyvips

from renderer.codecs import avif

if not PIL.features.check("avif"):
    pytest.skip("the extra avif is not installed", allow_module_level=True)

_ORIENTATION = 0x112


def _noise(width: int, height: int) -> PIL.Image.Image:
    """Smooth areas, edges and every color."""
    y, x = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(5).normal(0, 30, (height, width, 3))
    waves = np.dstack([127 + 120 * np.sin(x / 9), 127 + 120 * np.cos(y / 7), 255.0 * ((x // 8 + y // 8) % 2)])
    return PIL.Image.fromarray((waves + noise).clip(0, 255).astype(np.uint8))


def _file(image: PIL.Image.Image | None = None, **options: Any) -> bytes:
    """As Pillow writes it: 4:2:0 in full range unless asked otherwise."""
    file = io.BytesIO()
    options = {"subsampling": "4:2:0", "range": "full", "speed": 9, "quality": 70} | options
    (image or _noise(131, 97)).save(file, "AVIF", **options)
    return file.getvalue()


def _by_libvips(**options: Any) -> bytes:
    image = pyvips.Image.new_from_array(np.asarray(_noise(130, 96)), interpretation="srgb")
    return image.heifsave_buffer(compression="av1", effort=1, **options)


def _with_colors(matrix: int, *, is_full: bool = True) -> bytes:
    """The same coded picture, whose header says that its colors are others (ISO 14496-12 section 12.1.5)."""
    data = _file()
    place = data.index(b"nclx") + 8
    return data[:place] + struct.pack(">HB", matrix, 0x80 * is_full) + data[place + 3 :]


def _with_size(width: int, height: int) -> bytes:
    """The same coded picture, whose header says another size."""
    data = _file()
    place = data.index(b"ispe") + 8
    return data[:place] + struct.pack(">II", width, height) + data[place + 8 :]


def _exif(orientation: int) -> PIL.Image.Exif:
    exif = PIL.Image.Exif()
    exif[_ORIENTATION] = orientation
    return exif


def _decoded(data: bytes) -> np.ndarray | None:
    header = pyvips.Image.heifload_buffer(data)
    planes = avif.decode(data, header.width, header.height)
    return None if planes is None else planes.samples


_PLAIN = {
    "a picture": _file(),
    "by libvips": _by_libvips(Q=63),
    "best quality": _file(quality=100),
    "worst quality": _file(quality=0),
    "slowest": _file(speed=0),
    "tiles": _file(_noise(800, 600), tile_rows=2, tile_cols=2),
    "film grain": _file(advanced={"film-grain-test": "5"}, speed=6),
    "profile": _file(icc_profile=PIL.Image.open(io.BytesIO(_by_libvips(profile="p3"))).info["icc_profile"]),
    "metadata": _file(exif=_exif(1), xmp=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"),
    "first of an animation": _file(save_all=True, append_images=[_noise(131, 97).rotate(180)]),
    **{
        f"{width} x {height}": _file(_noise(width, height))
        for width, height in ((1, 1), (1, 9), (9, 1), (3, 3), (65, 64))
    },
    **{f"matrix {matrix}": _with_colors(matrix) for matrix in (1, 2, 5, 6, 9)},
}


@pytest.mark.parametrize("name", _PLAIN)
def test_the_pixels_are_those_of_libvips(name: str) -> None:
    samples = _decoded(_PLAIN[name])

    assert samples is not None
    assert np.array_equal(samples, pyvips.Image.heifload_buffer(_PLAIN[name]).numpy())


_OTHERS = {
    "4:2:2": _file(subsampling="4:2:2"),
    "4:4:4": _file(subsampling="4:4:4"),
    "grey": _file(_noise(40, 30).convert("L"), subsampling="4:0:0"),
    "limited range": _file(range="limited"),
    "limited range by the header": _with_colors(6, is_full=False),
    "ten bits": _by_libvips(bitdepth=10),
    "lossless": _by_libvips(lossless=True),
    **{f"orientation {number}": _file(exif=_exif(number)) for number in range(2, 9)},
    **{f"matrix {matrix}": _with_colors(matrix) for matrix in (0, 3, 4, 7, 8, 10, 11, 12, 13, 14, 16, 99)},
    **{
        f"header of {width} x {height}": _with_size(width, height)
        for width, height in ((130, 97), (131, 96), (132, 98), (97, 131), (262, 194), (9000, 9000))
    },
    "cut short": _file()[:-9],
}


@pytest.mark.parametrize("name", _OTHERS)
def test_what_is_left_to_libvips(name: str) -> None:
    assert _decoded(_OTHERS[name]) is None


@pytest.mark.parametrize("kind", [b"irot", b"imir", b"clap", b"a1op", b"a1lx", b"lsel", b"iscl", b"xxxx"])
def test_properties_that_move_or_choose_pixels(kind: bytes) -> None:
    """What the property says does not matter, nor which item it belongs to."""
    assert avif.is_plain(_file())
    assert not avif.is_plain(_file().replace(b"pixi", kind))


@pytest.mark.parametrize("kind", [b"grid", b"iovl", b"iden", b"hvc1", b"tmap", b"mime"])
def test_items_that_are_no_coded_picture(kind: bytes) -> None:
    data = _file()
    place = data.index(b"av01", data.index(b"infe"))

    assert not avif.is_plain(data[:place] + kind + data[place + 4 :])


@pytest.mark.parametrize("data", [b"", b"abc", b"\0\0\0\x08meta", bytes(200), _file()[:100], _file()[:60]])
def test_boxes_that_make_no_sense(data: bytes) -> None:
    assert not avif.is_plain(data)
    assert avif.decode(data, 131, 97) is None


def test_a_coded_picture_with_more_pixels_than_the_header_says_is_not_decoded() -> None:
    """The limits on pixels were checked against the header."""
    assert avif.decode(_file(_noise(640, 480)), 64, 48) is None


@pytest.mark.parametrize("seed", range(60))
def test_damaged_files(seed: int) -> None:
    """Nothing is decoded from them, or a picture of the header's size; where libvips decodes too, the same one."""
    chance = random.Random(seed)
    data = bytearray(_file())
    for _ in range(chance.randint(1, 4)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)

    planes = avif.decode(bytes(data), 131, 97)

    if planes is not None:
        assert planes.samples.shape == (97, 131, 3)
        try:
            expected = pyvips.Image.heifload_buffer(bytes(data)).numpy()
        except pyvips.Error:
            return
        assert np.array_equal(planes.samples, expected)


def test_many_pictures_leave_no_memory_behind() -> None:
    """In a process of its own, counted in bytes that the system says are resident."""
    code = """
import io, resource, sys
from renderer.codecs import avif
data = sys.stdin.buffer.read()
for _ in range(20): assert avif.decode(data, 800, 600) is not None
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for _ in range(60):
    assert avif.decode(data, 800, 600) is not None
    assert avif.decode(data[:-5], 800, 600) is None
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
assert grown < 4000, grown
"""
    subprocess.run([sys.executable, "-c", code], input=_file(_noise(800, 600)), check=True)
