"""JPEG XL sources and results through the extra `jxl`, because the wheel's libvips has no such codec."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips

from renderer.codecs.jxl import codec as jxl
from renderer.codecs.jxl import container as jxl_container
from renderer.errors import BildwerkError, BrokenImage, RequestTimeout, SourceResolutionTooLarge
from renderer.formats import ImageFormat
from renderer.vips.foreign import distance
from renderer.vips.runtime import Capabilities, Deadline

imagecodecs = pytest.importorskip("imagecodecs", reason="the extra jxl is not installed")

Render = Callable[..., Any]

_SAMPLES = json.loads((Path(__file__).parents[1] / "jxl.json").read_text())


def _sample(name: str) -> bytes:
    return base64.b64decode(_SAMPLES[name])


def _jxl(image: pyvips.Image) -> bytes:
    return bytes(imagecodecs.jpegxl_encode(image.numpy()))


def _near(pixel: tuple[float, ...], *color: int, by: int = 3) -> bool:
    return len(pixel) == len(color) and all(abs(a - b) <= by for a, b in zip(pixel, color, strict=True))


def _decoded(data: bytes) -> np.ndarray:
    return imagecodecs.jpegxl_decode(jxl_container.unwrapped(data).codestream)


def test_a_source(rendered: Render, draw: Any) -> None:
    image = draw.coordinates(60, 40)
    result = rendered("f:png", _jxl(image))

    assert (result.origin, result.size, result.bands) == ((60, 40), (60, 40), 3)
    assert result.pixel(17, 31) == (17, 31, 0)
    assert (
        rendered("rs:fit:30:20/f:png", _jxl(image)).distance(rendered("rs:fit:30:20/f:png", image.pngsave_buffer()))
        == 0
    )


@pytest.mark.parametrize("color", [(100,), (100, 50), (10, 20, 30), (10, 20, 30, 50)], ids=str)
def test_bands(color: tuple[int, ...], rendered: Render, draw: Any) -> None:
    result = rendered("f:png", _jxl(draw.flat(20, 10, color)))

    assert result.pixel(3, 3) == color


def test_a_source_chooses_the_result_format_as_others_do(rendered: Render, draw: Any) -> None:
    assert rendered("", _jxl(draw.flat(8, 8, (1, 2, 3)))).format is ImageFormat.JPEG
    assert rendered("", _jxl(draw.flat(8, 8, (1, 2, 3, 4)))).format is ImageFormat.PNG
    assert rendered("", _jxl(draw.flat(8, 8, (1, 2, 3))), IMGPROXY_PREFERRED_FORMATS="jxl").format is ImageFormat.JXL


@pytest.mark.parametrize("name", ["profile", "named"])
def test_colors_come_out_of_their_own_space(name: str, rendered: Render) -> None:
    """The picture is in Display P3, by a profile or by named primaries; the quarters were drawn in sRGB."""
    result = rendered("f:png", _sample(name))

    assert _near(result.pixel(4, 4), 200, 30, 30, by=4)
    assert _near(result.pixel(12, 4), 30, 180, 30, by=4)


def test_a_profile_is_kept_on_request(rendered: Render) -> None:
    result = rendered("scp:0/f:png", _sample("profile"))

    assert result.field("icc-profile-data") is not None
    assert _near(result.pixel(4, 4), 184, 50, 41)


def test_sixteen_bits_are_kept_on_request(rendered: Render) -> None:
    data = bytes(imagecodecs.jpegxl_encode(np.full((8, 8, 3), 32_768, np.uint16)))

    assert rendered("ph:1/f:png", data).pixel(1, 1) == pytest.approx((48_193,) * 3, abs=4)
    assert rendered("f:png", data).pixel(1, 1) == (188, 188, 188)


def test_an_animation_becomes_one(rendered: Render) -> None:
    result = rendered("f:webp", _sample("frames"), IMGPROXY_MAX_ANIMATION_FRAMES="10")

    assert (result.size, result.field("n-pages")) == ((300, 300), 3)
    assert result.field("delay") == [70, 140, 300]
    assert [_near(result.pixel(5, y)[:3], *color, by=8) for y, color in ((5, (200, 30, 30)), (605, (30, 30, 200)))]


def test_an_animation_is_a_still_picture_by_default(rendered: Render) -> None:
    result = rendered("f:png", _sample("frames"))

    assert (result.size, result.field("n-pages")) == ((300, 300), None)
    assert result.pixel(5, 5) == (200, 30, 30, 255)


def test_frames_count_before_they_are_decoded(rendered: Render) -> None:
    with pytest.raises(SourceResolutionTooLarge):
        rendered("msr:0.2/f:webp", _sample("frames"), IMGPROXY_MAX_ANIMATION_FRAMES="10")
    assert rendered("msr:0.2/f:png", _sample("frames")).size == (300, 300)


def test_limits_come_before_pixels(rendered: Render) -> None:
    """The pixels of this file are missing; nobody asks for them."""
    with pytest.raises(SourceResolutionTooLarge):
        rendered("msr:0.0001/f:png", _sample("profile")[:245])


def test_a_result(rendered: Render, draw: Any) -> None:
    result = rendered("rs:fit:30:20/f:jxl", draw.scene(60, 40).pngsave_buffer())
    lossless = rendered("rs:fit:30:20/f:png", draw.scene(60, 40).pngsave_buffer())

    assert result.format is ImageFormat.JXL
    assert _decoded(result.data).shape == (20, 30, 3)
    assert np.abs(_decoded(result.data) - lossless.samples()).mean() < 8


@pytest.mark.parametrize("color", [(100,), (100, 50), (10, 20, 30), (10, 20, 30, 50)], ids=str)
def test_bands_of_results(color: tuple[int, ...], rendered: Render, draw: Any) -> None:
    decoded = _decoded(rendered("f:jxl/q:100", draw.flat(20, 10, color).pngsave_buffer()).data)

    assert tuple(np.atleast_1d(decoded[3, 3])) == color


def test_quality_and_effort(rendered: Render, photo: bytes) -> None:
    sizes = [len(rendered(f"rs:fit:200:200/f:jxl/q:{quality}", photo).data) for quality in (20, 50, 77, 95)]

    assert sizes == sorted(sizes)
    slow = rendered("rs:fit:200:200/f:jxl", photo, IMGPROXY_JXL_EFFORT="7").data
    assert slow != rendered("rs:fit:200:200/f:jxl", photo, IMGPROXY_JXL_EFFORT="3").data


@pytest.mark.parametrize(
    ("quality", "expected"), [(100, 0), (99, 0.19), (77, 2.17), (30, 6.4), (10, 15.27), (1, 23.87)]
)
def test_distances_are_those_of_libvips(quality: int, expected: float) -> None:
    assert distance(quality) == pytest.approx(expected, abs=0.01)


def test_a_limit_of_bytes(rendered: Render, photo: bytes) -> None:
    assert len(rendered("rs:fit:200:200/f:jxl/mb:3000", photo).data) <= 3000


def test_sixteen_bits_reach_a_result(rendered: Render) -> None:
    gradient = np.linspace(0, 65_535, 64 * 64).astype(np.uint16).reshape(64, 64)
    image = pyvips.Image.new_from_array(np.dstack([gradient] * 3), interpretation="rgb16")

    deep = rendered("ph:1/f:jxl/q:95", image.pngsave_buffer())
    shallow = rendered("f:jxl/q:95", image.pngsave_buffer())

    assert [jxl.read(picture.data).header.bits for picture in (deep, shallow)] == [16, 8]
    back = rendered("ph:1/f:png", deep.data).samples()
    assert np.abs(back[:, :, 0] - gradient).mean() < 300


def test_a_profile_that_a_result_cannot_carry_is_applied(rendered: Render, draw: Any) -> None:
    wide = draw.flat(16, 16, (200, 30, 30)).icc_transform("p3", input_profile="srgb").pngsave_buffer(profile="p3")

    pixel = _decoded(rendered("scp:0/f:jxl", wide).data)[4, 4].tolist()

    assert _near(tuple(pixel), 200, 30, 30, by=6)


def test_metadata_of_results(rendered: Render, draw: Any) -> None:
    """Kept on request, in boxes around the codestream; turned pictures do not say that they want to be turned."""
    image = draw.coordinates(40, 20).copy()
    image.set_type(pyvips.GValue.gstr_type, "exif-ifd0-Copyright", "Somebody")
    image.set_type(pyvips.GValue.gint_type, "orientation", 6)
    source = image.jpegsave_buffer(Q=95)

    kept = jxl_container.unwrapped(rendered("sm:0/f:jxl", source).data)
    back = rendered("sm:0/f:png", rendered("sm:0/f:jxl", source).data)

    assert kept.exif is not None
    assert b"Somebody" in kept.exif
    assert back.size == (20, 40)
    assert str(back.field("exif-ifd0-Copyright")).startswith("Somebody")
    assert jxl_container.unwrapped(rendered("kcr:0/f:jxl", source).data).exif is None


def test_results_that_the_client_accepts(rendered: Render, draw: Any) -> None:
    source = draw.flat(8, 8, (1, 2, 3)).jpegsave_buffer()

    assert rendered("", source, accept="image/jxl", IMGPROXY_AUTO_JXL="1").format is ImageFormat.JXL
    assert rendered("f:png", source, accept="image/jxl", IMGPROXY_AUTO_JXL="1").format is ImageFormat.PNG
    assert rendered("f:png", source, accept="image/jxl", IMGPROXY_ENFORCE_JXL="1").format is ImageFormat.JXL
    assert rendered("", source, accept="image/webp", IMGPROXY_AUTO_JXL="1").format is ImageFormat.JPEG


def test_a_deadline_that_passed(rendered: Render, draw: Any) -> None:
    deadline = Deadline()
    deadline.kill()

    with pytest.raises(RequestTimeout):
        rendered("f:png", _jxl(draw.flat(8, 8, (1, 2, 3))), deadline=deadline)
    with pytest.raises(RequestTimeout):
        rendered("f:jxl", draw.flat(8, 8, (1, 2, 3)).pngsave_buffer(), deadline=deadline)


@pytest.mark.parametrize("length", [12, 20, 60, 150, 240])
def test_files_that_are_cut_short(length: int, rendered: Render) -> None:
    with pytest.raises(BildwerkError) as raised:
        rendered("f:png", _sample("profile")[:length])
    assert raised.value.status == 422


def test_a_size_that_nothing_holds(rendered: Render) -> None:
    """A header of 33 bits that claims 2^30 by 2^30 pixels."""
    bits = (0, 1), (3, 2), (0x3FFF_FFFF, 30), (1, 3), (1, 1), (1, 1)
    number = width = 0
    for value, count in bits:
        number |= value << width
        width += count
    data = b"\xff\x0a" + number.to_bytes((width + 7) // 8, "little")

    with pytest.raises((BrokenImage, SourceResolutionTooLarge)):
        rendered("f:png", data)
    with pytest.raises(BrokenImage):
        rendered("msr:0/f:png", data)


def test_what_the_extra_adds(capabilities: Capabilities) -> None:
    assert ImageFormat.JXL in capabilities.loadable & capabilities.savable
