"""How results are written: quality, palettes, subsampling, and what the settings change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from renderer.errors import UnsupportedFormat

Render = Callable[..., Any]


@pytest.fixture(scope="module")
def scene(draw: Any) -> bytes:
    """160 x 120 with detail, lossless."""
    return draw.scene(160, 120).tiffsave_buffer()


@pytest.mark.parametrize("format", ["jpeg", "webp", "avif"])
def test_a_higher_quality_is_larger_and_nearer_to_the_source(format: str, rendered: Render, scene: bytes) -> None:
    source = rendered("f:tiff", scene)
    pictures = [rendered(f"quality:{quality}/f:{format}", scene) for quality in (5, 40, 75, 100)]

    sizes = [len(picture.data) for picture in pictures]
    distances = [picture.distance(source) for picture in pictures]
    assert sizes == sorted(sizes)
    assert distances == sorted(distances, reverse=True)
    assert distances[3] < 5 < distances[0]


@pytest.mark.parametrize(("format", "quality"), [("jpeg", 80), ("webp", 79), ("avif", 63)])
def test_formats_have_a_default_quality(format: str, quality: int, rendered: Render, scene: bytes) -> None:
    assert rendered(f"f:{format}", scene).data == rendered(f"f:{format}/q:{quality}", scene).data
    assert rendered(f"f:{format}/q:0", scene).data == rendered(f"f:{format}/q:{quality}", scene).data


def test_the_quality_is_the_options_then_the_formats_then_the_settings(rendered: Render, scene: bytes) -> None:
    def size(options: str, **settings: str) -> int:
        return len(rendered(options, scene, **settings).data)

    by_quality = {quality: size(f"f:jpg/q:{quality}") for quality in (10, 20, 30, 40, 50)}
    both = {"IMGPROXY_QUALITY": "40", "IMGPROXY_FORMAT_QUALITY": "jpeg=30"}

    assert size("f:jpg", IMGPROXY_QUALITY="40") == by_quality[40]
    assert size("f:jpg", **both) == by_quality[30]
    assert size("f:jpg/format_quality:jpeg:20", **both) == by_quality[20]
    assert size("f:jpg/fq:webp:5:jpg:20", **both) == by_quality[20]
    assert size("f:jpg/q:10/fq:jpeg:20", **both) == by_quality[10]
    assert size("f:webp", IMGPROXY_QUALITY="40") == size("f:webp/q:79")


@pytest.mark.parametrize(("quality", "subsampling"), [(80, "4:2:0"), (89, "4:2:0"), (90, "4:4:4"), (100, "4:4:4")])
def test_a_jpegs_color_is_subsampled_below_quality_90(
    quality: int, subsampling: str, rendered: Render, scene: bytes
) -> None:
    assert rendered(f"f:jpg/q:{quality}", scene).field("jpeg-chroma-subsample") == subsampling


def test_progressive_jpeg_and_interlaced_png_are_settings(rendered: Render, scene: bytes) -> None:
    assert rendered("f:jpg", scene).field("interlaced") is None
    assert rendered("f:jpg", scene, IMGPROXY_JPEG_PROGRESSIVE="1").field("interlaced") == 1
    assert rendered("f:png", scene).field("interlaced") is None
    assert rendered("f:png", scene, IMGPROXY_PNG_INTERLACED="1").field("interlaced") == 1


@pytest.mark.parametrize(("colors", "bits"), [(256, 8), (17, 8), (16, 4), (5, 4), (4, 2), (3, 2), (2, 1)])
def test_a_quantized_png_has_a_palette_of_the_fewest_bits(
    colors: int, bits: int, rendered: Render, scene: bytes
) -> None:
    settings = {"IMGPROXY_PNG_QUANTIZE": "1", "IMGPROXY_PNG_QUANTIZATION_COLORS": str(colors)}

    picture = rendered("f:png", scene, **settings)

    assert picture.field("palette") == 1
    assert picture.field("bits-per-sample") == bits
    assert len(picture.data) < len(rendered("f:png", scene).data)


@pytest.mark.parametrize(("colors", "bits"), [(2, 1), (4, 2), (16, 4), (200, 8)])
def test_a_palette_of_the_source_makes_a_palette_of_the_same_depth(
    colors: int, bits: int, rendered: Render, draw: Any
) -> None:
    image = draw.scene(64, 48)
    source = image.pngsave_buffer(palette=True, bitdepth=bits)

    picture = rendered("f:png", source)

    assert picture.field("palette") == 1
    assert picture.field("bits-per-sample") == bits
    assert colors <= 2**bits


def test_a_gif_becomes_a_png_with_a_palette(rendered: Render, draw: Any) -> None:
    picture = rendered("f:png", draw.scene(64, 48).gifsave_buffer())

    assert (picture.field("palette"), picture.field("bits-per-sample")) == (1, 8)


def test_a_grey_png_of_one_bit_becomes_one_of_eight(rendered: Render, draw: Any) -> None:
    image = draw.flat(16, 8, (0,)).join(draw.flat(16, 8, (255,)), "horizontal")

    picture = rendered("f:png", image.pngsave_buffer(bitdepth=1))

    assert (picture.bands, picture.field("palette"), picture.field("bits-per-sample")) == (1, None, 8)


def test_the_png_encoder_is_a_setting_that_changes_bytes_and_no_pixel(rendered: Render, draw: Any) -> None:
    for image in (
        draw.scene(300, 200),
        draw.scene(300, 200).bandjoin(draw.scene(300, 200)[0]),
        draw.scene(300, 200)[0],
    ):
        source = image.tiffsave_buffer()

        fast = rendered("f:png", source)
        imgproxy = rendered("f:png", source, BILDWERK_PNG_ENCODER="imgproxy")

        assert imgproxy.distance(fast) == 0
        assert imgproxy.data != fast.data
        assert len(fast.data) < 1.1 * len(imgproxy.data)


@pytest.mark.parametrize(
    "settings",
    [{"IMGPROXY_PNG_INTERLACED": "1"}, {"IMGPROXY_PNG_QUANTIZE": "1", "IMGPROXY_PNG_QUANTIZATION_COLORS": "9"}],
)
def test_interlaced_and_quantized_pngs_are_written_as_by_imgproxy(
    settings: dict[str, str], rendered: Render, draw: Any
) -> None:
    source = draw.scene(300, 200).tiffsave_buffer()

    assert (
        rendered("f:png", source, **settings).data
        == rendered("f:png", source, BILDWERK_PNG_ENCODER="imgproxy", **settings).data
    )


def test_a_deep_png_is_looked_at_too(rendered: Render, draw: Any) -> None:
    source = draw.scene(300, 200).colourspace("rgb16").pngsave_buffer()

    fast = rendered("f:png/ph:1", source)
    imgproxy = rendered("f:png/ph:1", source, BILDWERK_PNG_ENCODER="imgproxy")

    assert fast.image.format == "ushort"
    assert imgproxy.distance(fast) == 0


def test_the_effort_of_encoders_is_a_setting(rendered: Render, scene: bytes) -> None:
    assert rendered("f:webp", scene, IMGPROXY_WEBP_EFFORT="1").data != rendered("f:webp", scene).data
    assert rendered("f:avif", scene, IMGPROXY_AVIF_SPEED="9").data != rendered("f:avif", scene).data


@pytest.mark.parametrize("preset", ["photo", "picture", "drawing", "icon", "text"])
def test_webps_preset_is_a_setting(preset: str, rendered: Render, scene: bytes) -> None:
    picture = rendered("f:webp", scene, IMGPROXY_WEBP_PRESET=preset)

    assert picture.data != rendered("f:webp", scene).data
    assert picture.size == (160, 120)


@pytest.mark.parametrize("source", ["jpeg", "png", "webp", "gif", "tiff", "avif", "bmp", "ico", "svg"])
@pytest.mark.parametrize("result", ["jpeg", "png", "webp", "gif", "tiff", "avif", "bmp", "ico"])
def test_every_format_becomes_every_other(
    source: str, result: str, rendered: Render, every_format: dict[str, bytes]
) -> None:
    picture = rendered(f"f:{result}/q:100", every_format[source])

    assert picture.format.value == result
    assert picture.size == (48, 32)
    assert all(abs(a - b) <= 8 for a, b in zip(picture.pixel(24, 16)[:3], (200, 120, 60), strict=True))


@pytest.mark.parametrize("format", ["jxl", "heic"])
def test_a_format_that_this_build_cannot_write_is_refused(
    format: str, rendered: Render, scene: bytes, capabilities: Any
) -> None:
    if format in {savable.value for savable in capabilities.savable}:
        assert rendered(f"f:{format}", scene).format.value == format
        return
    with pytest.raises(UnsupportedFormat) as raised:
        rendered(f"f:{format}", scene)
    assert (raised.value.status, raised.value.public) == (422, "Invalid URL")
