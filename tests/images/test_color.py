"""Color spaces, depth and ICC profiles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import pyvips

Render = Callable[..., Any]


@pytest.fixture(scope="module")
def spaces(draw: Any) -> dict[str, pyvips.Image]:
    """One picture of 40 x 40 in many spaces."""
    rgb = draw.coordinates(40, 40).linear(5, 20).cast("uchar").copy(interpretation="srgb")
    grey = rgb.colourspace("b-w")
    return {
        "srgb": rgb,
        "rgb16": rgb.colourspace("rgb16"),
        "b-w": grey,
        "grey16": grey.colourspace("grey16"),
        "scrgb": rgb.colourspace("scrgb"),
        "lab": rgb.colourspace("lab"),
    }


def _saved(image: pyvips.Image, format: str) -> bytes:
    return image.pngsave_buffer() if format == "png" else image.tiffsave_buffer()


@pytest.mark.parametrize("linear", ["0", "1"])
@pytest.mark.parametrize(
    ("space", "source", "result", "expected"),
    [
        ("srgb", "png", "png", "srgb"),
        ("rgb16", "png", "png", "rgb16"),
        ("rgb16", "png", "jpeg", "srgb"),
        ("rgb16", "png", "webp", "srgb"),
        ("srgb", "tiff", "png", "srgb"),
        ("rgb16", "tiff", "png", "rgb16"),
        ("rgb16", "tiff", "tiff", "rgb16"),
        ("b-w", "png", "png", "b-w"),
        ("grey16", "png", "png", "grey16"),
        ("b-w", "tiff", "png", "b-w"),
        ("grey16", "tiff", "png", "grey16"),
        ("grey16", "png", "jpeg", "b-w"),
        ("scrgb", "tiff", "png", "rgb16"),
        ("scrgb", "tiff", "jpeg", "srgb"),
        ("lab", "tiff", "png", "rgb16"),
    ],
)
def test_depth_is_preserved_where_the_format_holds_it_and_grey_stays_grey(
    linear: str, space: str, source: str, result: str, expected: str, rendered: Render, spaces: dict[str, pyvips.Image]
) -> None:
    data = _saved(spaces[space], source)

    picture = rendered(f"rs:fill:60:60:1/ph:1/f:{result}", data, IMGPROXY_USE_LINEAR_COLORSPACE=linear)

    assert picture.image.interpretation == expected
    assert picture.size == (60, 60)


@pytest.mark.parametrize(("space", "expected"), [("rgb16", "srgb"), ("grey16", "b-w"), ("scrgb", "srgb")])
@pytest.mark.parametrize("format", ["png", "tiff"])
def test_by_default_results_have_eight_bits(
    space: str, expected: str, format: str, rendered: Render, spaces: dict[str, pyvips.Image]
) -> None:
    picture = rendered(f"f:{format}", _saved(spaces[space], "tiff"))

    assert picture.image.interpretation == expected
    assert picture.image.format == "uchar"


def test_the_option_about_depth_wins_over_the_setting(rendered: Render, spaces: dict[str, pyvips.Image]) -> None:
    data = _saved(spaces["rgb16"], "png")

    assert rendered("f:png", data, IMGPROXY_PRESERVE_HDR="1").image.format == "ushort"
    assert rendered("preserve_hdr:0/f:png", data, IMGPROXY_PRESERVE_HDR="1").image.format == "uchar"
    assert rendered("preserve_hdr:1/f:png", data).image.format == "ushort"


def test_a_deep_avif_has_twelve_bits(rendered: Render, spaces: dict[str, pyvips.Image]) -> None:
    data = _saved(spaces["rgb16"], "png")

    assert rendered("ph:1/f:avif", data).field("bits-per-sample") == 12
    assert rendered("f:avif", data).field("bits-per-sample") == 8


@pytest.mark.parametrize("space", ["srgb", "rgb16", "b-w", "grey16", "scrgb", "lab"])
def test_every_space_shows_the_same_colors(space: str, rendered: Render, spaces: dict[str, pyvips.Image]) -> None:
    wanted = spaces["b-w" if space in ("b-w", "grey16") else "srgb"].numpy().reshape(40, 40, -1).astype(float)

    picture = rendered("f:png", _saved(spaces[space], "tiff"))

    assert np.abs(picture.samples() - wanted).max() <= 2


def test_grey_floats_in_a_tiff_are_linear_light(rendered: Render) -> None:
    """A fifth of the light is half of the number."""
    floats = (pyvips.Image.black(20, 20) + 0.2159).cast("float").copy(interpretation="b-w")

    picture = rendered("f:png", floats.tiffsave_buffer())

    assert picture.bands == 1
    assert abs(picture.pixel(5, 5)[0] - 128) <= 2


@pytest.fixture(scope="module")
def wide(draw: Any) -> bytes:
    """A JPEG in Display P3, of one color that sRGB has too."""
    image = draw.flat(32, 32, (200, 120, 60)).icc_transform("p3", input_profile="srgb")
    return image.jpegsave_buffer(Q=100, subsample_mode="off")


def test_pixels_become_srgb_and_the_profile_goes(rendered: Render, wide: bytes) -> None:
    stored = pyvips.Image.jpegload_buffer(wide).getpoint(5, 5)

    picture = rendered("f:png", wide)

    assert picture.field("icc-profile-data") is None
    assert all(abs(a - b) <= 2 for a, b in zip(picture.pixel(5, 5), (200, 120, 60), strict=True))
    assert any(abs(a - b) > 4 for a, b in zip(picture.pixel(5, 5), stored, strict=True))


@pytest.mark.parametrize("format", ["png", "jpeg", "webp", "avif", "tiff"])
def test_a_profile_that_is_kept_leaves_the_pixels_alone(format: str, rendered: Render, wide: bytes) -> None:
    stored = pyvips.Image.jpegload_buffer(wide)

    picture = rendered(f"strip_color_profile:0/f:{format}/q:100", wide)

    assert picture.field("icc-profile-data") == stored.get("icc-profile-data")
    assert all(abs(a - b) <= 3 for a, b in zip(picture.pixel(5, 5), stored.getpoint(5, 5), strict=True))


def test_the_setting_about_profiles_yields_to_the_option(rendered: Render, wide: bytes) -> None:
    kept = {"IMGPROXY_STRIP_COLOR_PROFILE": "0"}

    assert rendered("f:png", wide, **kept).field("icc-profile-data") is not None
    assert rendered("scp:1/f:png", wide, **kept).field("icc-profile-data") is None


def test_a_format_without_profiles_gets_srgb_whatever_is_asked(rendered: Render, wide: bytes) -> None:
    picture = rendered("scp:0/f:bmp", wide)

    assert all(abs(a - b) <= 2 for a, b in zip(picture.pixel(5, 5), (200, 120, 60), strict=True))


def test_what_is_drawn_lies_in_the_sources_space(rendered: Render, wide: bytes) -> None:
    """A background on a Display P3 picture is another green in the sRGB result."""
    color = rendered("bg:40a060/pd:20/f:png", wide).pixel(2, 2)

    assert all(abs(a - b) <= 2 for a, b in zip(color, (0, 163, 89), strict=True))


@pytest.fixture(scope="module")
def printed(draw: Any) -> bytes:
    """A CMYK JPEG with its profile."""
    image = draw.flat(32, 32, (120, 160, 90)).icc_transform("cmyk", input_profile="srgb")
    return image.jpegsave_buffer(Q=100)


def test_cmyk_becomes_srgb_at_once(rendered: Render, printed: bytes) -> None:
    picture = rendered("f:png", printed)

    assert (picture.bands, picture.image.interpretation) == (3, "srgb")
    assert all(abs(a - b) <= 8 for a, b in zip(picture.pixel(5, 5), (120, 160, 90), strict=True))
    assert rendered("bg:40a060/pd:20/f:png", printed).pixel(2, 2) == (0x40, 0xA0, 0x60)


def test_cmyk_goes_back_where_its_profile_is_kept(rendered: Render, printed: bytes) -> None:
    as_jpeg = rendered("scp:0/f:jpeg/q:100", printed)
    as_png = rendered("scp:0/f:png", printed)

    assert (as_jpeg.bands, as_jpeg.image.interpretation) == (4, "cmyk")
    assert as_jpeg.field("icc-profile-data") is not None
    assert as_png.bands == 3


def test_cmyk_without_a_profile_is_converted_by_a_built_in_one(rendered: Render, draw: Any) -> None:
    image = draw.flat(32, 32, (0, 0, 0, 0)).copy(interpretation="cmyk")

    picture = rendered("f:png", image.jpegsave_buffer(Q=100))

    assert picture.bands == 3
    assert min(picture.pixel(5, 5)) >= 250


@pytest.mark.parametrize(
    "profile", [b"", b"garbage", b"\0" * 128, b"x" * 5000], ids=["empty", "short", "zeros", "long"]
)
@pytest.mark.parametrize("options", ["f:png", "scp:0/f:png", "scp:0/f:jpeg"])
def test_a_broken_profile_does_not_break_the_picture(profile: bytes, options: str, rendered: Render, draw: Any) -> None:
    image = draw.flat(16, 16, (200, 120, 60)).copy()
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    data = image.tiffsave_buffer()

    assert all(abs(a - b) <= 3 for a, b in zip(rendered(options, data).pixel(5, 5), (200, 120, 60), strict=True))
