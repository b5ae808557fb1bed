"""What renders are estimated to cost: what is dearer than what, and that every estimate is a number."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from renderer.formats import ImageFormat
from renderer.pipeline.cost import Dimensions, EncodedSource, estimate
from renderer.request.parse import Grammar, parse_request
from renderer.settings.load import load_settings

_GRAMMAR = Grammar(now=lambda: 0.0, allows_security_options=True)
_SAVABLE = frozenset(ImageFormat) - {ImageFormat.SVG, ImageFormat.HEIC}
_JPEG = "jpeg 4000x3000"


def _source(text: str, **more: Any) -> EncodedSource:
    """A source from `format WIDTHxHEIGHT`, half a byte a pixel."""
    format, _, size = text.partition(" ")
    width, height = (int(side) for side in size.split("x"))
    return EncodedSource(
        format=ImageFormat(format),
        size_bytes=more.pop("size_bytes", width * height // 2),
        dimensions=Dimensions(width=width, height=height, **more),
    )


def _cost(options: str, source: EncodedSource, **environment: str) -> float:
    request = parse_request(f"{options}/plain/a".removeprefix("/"), _GRAMMAR)
    environment = {"IMGPROXY_MAX_ANIMATION_FRAMES": "100"} | environment
    return estimate(request, source, load_settings(environment), _SAVABLE).ms


@pytest.mark.parametrize(
    ("cheap", "dear"),
    [
        (("rs:fit:200:200", _JPEG), ("rs:fit:2000:2000", _JPEG)),
        (("rs:fit:200:200", "jpeg 800x600"), ("rs:fit:200:200", _JPEG)),
        (("rs:fit:200:200/f:jpg", "webp 4000x3000"), ("rs:fit:200:200/f:jpg", "heic 4000x3000")),
        (("f:jpg", "jpeg 800x600"), ("f:webp", "jpeg 800x600")),
        (("f:webp", "jpeg 800x600"), ("f:gif", "jpeg 800x600")),
        (("f:jpg", "jpeg 800x600"), ("f:jpg/rs:fit:3000:0/el:1", "jpeg 800x600")),
        (("f:jpg", "jpeg 800x600"), ("f:jpg/bl:20", "jpeg 800x600")),
        (("f:jpg", "jpeg 800x600"), ("f:jpg/sh:2", "jpeg 800x600")),
        (("f:jpg", "jpeg 800x600"), ("f:jpg/pix:5", "jpeg 800x600")),
        (("f:jpg", "jpeg 800x600"), ("f:jpg/wm:0.5", "jpeg 800x600")),
        (("f:jpg", "jpeg 800x600"), ("f:jpg/t:10", "jpeg 800x600")),
        (("f:jpg", "jpeg 800x600"), ("f:jpg/pd:500", "jpeg 800x600")),
        (("f:webp", "jpeg 800x600"), ("f:webp/mb:1000", "jpeg 800x600")),
        (("f:jpg/rs:fit:200:100", "jpeg 800x600"), ("f:jpg/rs:fit:2000:1000/ex:1", "jpeg 800x600")),
        (("f:webp/c:100:100", "jpeg 800x600"), ("f:webp", "jpeg 800x600")),
        (("f:png", "svg 100x100"), ("f:png/rs:fit:2000:2000", "svg 100x100")),
    ],
)
def test_what_takes_longer_is_estimated_to_cost_more(cheap: tuple[str, str], dear: tuple[str, str]) -> None:
    assert 0 < _cost(cheap[0], _source(cheap[1])) < _cost(dear[0], _source(dear[1]))


@pytest.mark.parametrize(
    ("options", "source", "least", "most"),
    [
        ("rs:fill:300:300", _source("jpeg 1600x1200"), 2, 50),
        ("rs:fit:200:200/f:webp", _source(_JPEG), 10, 200),
        ("", _source("gif 400x300", frames=60), 1500, 20_000),
        ("f:webp", _source("gif 400x300", frames=60), 300, 5000),
        ("f:jpg", _source("gif 400x300", frames=60), 1, 50),
        ("f:gif", _source("jpeg 1600x1200"), 700, 9000),
    ],
)
def test_estimates_are_near_what_was_measured(options: str, source: EncodedSource, least: float, most: float) -> None:
    """CPU milliseconds, with room for other machines; a second is where `slots` begins to call a picture expensive."""
    assert least < _cost(options, source) < most


@pytest.mark.parametrize(
    ("cheap", "dear"),
    [
        ({"IMGPROXY_AVIF_SPEED": "9"}, {"IMGPROXY_AVIF_SPEED": "4"}),
        ({"IMGPROXY_AVIF_SPEED": "4"}, {"IMGPROXY_AVIF_SPEED": "0"}),
    ],
)
def test_slower_avif_costs_more(cheap: dict[str, str], dear: dict[str, str]) -> None:
    assert _cost("f:avif", _source(_JPEG), **cheap) * 2 < _cost("f:avif", _source(_JPEG), **dear)


def test_an_estimate_is_of_its_own_options_and_size() -> None:
    """Also between others of the same size, or with the same target."""
    asked = [
        (options, source)
        for options in ("w:100/f:jpg", "w:100/bl:9/f:jpg", "w:100/pd:500/f:jpg", "w:100/c:50:50/f:jpg", "w:200/f:jpg")
        for source in (_source("jpeg 800x600"), _source("jpeg 600x800"), _source(_JPEG), _source("png 800x600"))
    ]

    costs = [_cost(*what) for what in asked]

    assert [_cost(*what) for what in reversed(asked)] == costs[::-1]
    assert len(set(costs)) >= 4 * 4


def test_effort_and_palettes_cost_more() -> None:
    source = _source("jpeg 800x600")

    assert _cost("f:webp", source, IMGPROXY_WEBP_EFFORT="1") < _cost("f:webp", source, IMGPROXY_WEBP_EFFORT="6")
    assert _cost("f:jxl", source, IMGPROXY_JXL_EFFORT="1") < _cost("f:jxl", source, IMGPROXY_JXL_EFFORT="9")
    assert _cost("f:png", source) < _cost("f:png", source, IMGPROXY_PNG_QUANTIZE="1")
    assert _cost("f:tiff", source) < _cost("f:ico", source)


def test_every_pass_of_a_progressive_jpeg_is_decoded_whole() -> None:
    baseline, progressive = _source(_JPEG), _source(_JPEG, is_progressive=True)

    assert _cost("rs:fit:600:600", baseline) * 2 < _cost("rs:fit:600:600", progressive)


def test_at_one_eighth_most_passes_are_left_out() -> None:
    progressive = _source(_JPEG, is_progressive=True)

    assert _cost("rs:fit:500:500", progressive) * 4 < _cost("rs:fit:501:501", progressive)


def test_shrinking_while_loading_is_cheaper() -> None:
    source = _source(_JPEG)

    assert _cost("rs:fit:200:200", source) < _cost("rs:fit:200:200", source, IMGPROXY_DISABLE_SHRINK_ON_LOAD="1")


def test_only_frames_that_are_rendered_count() -> None:
    animation = _source("gif 400x300", frames=60)

    assert _cost("", animation, IMGPROXY_MAX_ANIMATION_FRAMES="1") < _cost("", animation) / 30
    assert _cost("f:jpg", animation) < _cost("", animation) / 30


def test_bytes_that_nobody_decodes_do_not_count() -> None:
    """Metadata of 40 MB in a small JPEG."""
    assert _cost("", _source("jpeg 400x300", size_bytes=40_000_000)) < 2 * _cost(
        "", _source("jpeg 400x300", size_bytes=400_000)
    )


def test_without_a_size_the_bytes_tell() -> None:
    small = EncodedSource(format=ImageFormat.JPEG, size_bytes=50_000, dimensions=None)
    large = EncodedSource(format=ImageFormat.JPEG, size_bytes=5_000_000, dimensions=None)
    drawing = EncodedSource(format=ImageFormat.SVG, size_bytes=2_000, dimensions=None)

    assert 1 < _cost("rs:fit:300:300", small) < _cost("rs:fit:300:300", large)
    assert _cost("f:png/rs:fit:100:100", drawing) < _cost("f:png/rs:fit:1000:1000", drawing)


@pytest.mark.parametrize(
    ("options", "source"),
    [
        ("", "jpeg 60000x60000"),
        ("f:svg", "jpeg 4000x3000"),
        ("f:heic", "jpeg 4000x3000"),
        ("skp:jpeg", "jpeg 4000x3000"),
        ("rs:fit:99999999:99999999/el:1", "jpeg 4000x3000"),
    ],
)
def test_what_is_refused_or_passed_on_costs_next_to_nothing(options: str, source: str) -> None:
    assert _cost(options, _source(source)) <= 1


def test_an_svg_that_is_passed_on_costs_its_sanitising() -> None:
    assert 1 < _cost("", EncodedSource(format=ImageFormat.SVG, size_bytes=100_000, dimensions=None)) < 100


@settings(max_examples=300, deadline=None)
@given(
    format=st.sampled_from(list(ImageFormat)),
    size_bytes=st.integers(0, 2**40),
    dimensions=st.none()
    | st.builds(
        Dimensions,
        width=st.integers(1, 2**40),
        height=st.integers(1, 2**40),
        frames=st.integers(1, 10_000),
        is_progressive=st.booleans(),
    ),
    options=st.sampled_from(
        [
            "",
            "f:png",
            "rs:fill:300:300",
            "bl:1e308",
            "sh:1e308",
            "z:1e300",
            "dpr:1e-300",
            "pd:1000000",
            "msr:1e12/f:jpg",
        ]
    ),
)
def test_an_estimate_is_a_number_whatever_a_header_says(
    format: ImageFormat, size_bytes: int, dimensions: Dimensions | None, options: str
) -> None:
    source = EncodedSource(format=format, size_bytes=size_bytes, dimensions=dimensions)

    assert 0 < _cost(options, source) < math.inf
