"""Options of the result's format, weight and metadata."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from renderer.formats import ImageFormat
from renderer.options.output import Output
from renderer.request.values import RenderRequest

Read = Callable[[str], RenderRequest]
Refused = Callable[[str], str]

JPEG, PNG, WEBP = ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.WEBP


@pytest.mark.parametrize("format", ImageFormat)
@pytest.mark.parametrize("name", ["format", "f", "ext"])
def test_every_format_can_be_asked_for(read: Read, name: str, format: ImageFormat) -> None:
    """Every format can be asked for, whether this build can write it or not."""
    assert read(f"{name}:{format.value}").output == Output(format=format)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("f:jpg", Output(format=JPEG)),
        ("f:jpg/f:webp", Output(format=WEBP)),
        ("q:60", Output(quality=60)),
        ("q:60/q:0", Output()),
        ("fq:jpg:50", Output(format_quality=((JPEG, 50),))),
        ("fq:webp:60:jpeg:50", Output(format_quality=((JPEG, 50), (WEBP, 60)))),
        ("fq:jpg:50/fq:webp:60", Output(format_quality=((JPEG, 50), (WEBP, 60)))),
        ("fq:jpg:50/fq:jpeg:40", Output(format_quality=((JPEG, 40),))),
        ("fq:jpg:50:jpeg:40", Output(format_quality=((JPEG, 40),))),
        ("fq:jpg:0", Output(format_quality=((JPEG, 0),))),
        ("mb:1000", Output(max_bytes=1000)),
        ("sm:1/kcr:1/scp:1", Output(strip_metadata=True, keep_copyright=True, strip_color_profile=True)),
        ("sm:0/kcr:0/scp:0", Output(strip_metadata=False, keep_copyright=False, strip_color_profile=False)),
        ("ph:1/eth:1", Output(preserve_hdr=True, enforce_thumbnail=True)),
        ("ph:0/eth:", Output(preserve_hdr=False, enforce_thumbnail=False)),
        ("skp:jpg", Output(skip_processing=frozenset({JPEG}))),
        ("skp:jpg:png", Output(skip_processing=frozenset({JPEG, PNG}))),
        ("skp:jpg/skip_processing:png/sp:webp", Output(skip_processing=frozenset({JPEG, PNG, WEBP}))),
        ("skp:jpg/skp:jpg", Output(skip_processing=frozenset({JPEG}))),
    ],
)
def test_each_option_of_the_result_sets_its_value(read: Read, options: str, expected: Output) -> None:
    """Each option of the result sets its value; qualities merge by format, formats to skip add up."""
    assert read(options).output == expected


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("f:", "Invalid format:  (expected supported image format)"),
        ("f:tif", "Invalid format: tif (expected supported image format)"),
        ("f:JPEG", "Invalid format: JPEG (expected supported image format)"),
        ("f:png:webp", "Invalid format arguments: [png webp]"),
        ("q:", "Invalid quality:  (expected number in range 0-100)"),
        ("q:101", "Invalid quality: 101 (expected number in range 0-100)"),
        ("q:-1", "Invalid quality: -1 (expected number in range 0-100)"),
        ("q:8.5", "Invalid quality: 8.5 (expected number in range 0-100)"),
        ("fq:", "Missing format_quality for: "),
        ("fq:jpg", "Missing format_quality for: jpg"),
        ("fq:jpg:50:png", "Missing format_quality for: png"),
        ("fq:tif:50", "Invalid image format: tif"),
        ("fq::50", "Invalid image format: "),
        ("fq:jpg:101", "Invalid format_quality.jpg: 101 (expected number in range 0-100)"),
        ("fq:jpg:", "Invalid format_quality.jpg:  (expected number in range 0-100)"),
        ("mb:-1", "Invalid max_bytes: -1 (expected positive number or 0)"),
        ("mb:1.5", "Invalid max_bytes: 1.5 (expected positive number or 0)"),
        ("sm:1:1", "Invalid strip_metadata arguments: [1 1]"),
        ("kcr:1:1", "Invalid keep_copyright arguments: [1 1]"),
        ("scp:1:1", "Invalid strip_color_profile arguments: [1 1]"),
        ("ph:1:1", "Invalid preserve_hdr arguments: [1 1]"),
        ("eth:1:1", "Invalid enforce_thumbnail arguments: [1 1]"),
        ("skp:", "Invalid image format in skip_processing: "),
        ("skp:jpg:", "Invalid image format in skip_processing: "),
        ("skp:jpg:tif", "Invalid image format in skip_processing: tif"),
    ],
)
def test_a_bad_option_of_the_result_is_refused(refused: Refused, options: str, text: str) -> None:
    """A bad option of the result is refused."""
    assert refused(options) == text
