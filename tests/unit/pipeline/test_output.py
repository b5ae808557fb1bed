"""What a request wants of its result, with the settings where it says nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs

from renderer.errors import ResultFormatUnsavable, SourceResolutionTooLarge, UnsupportedFormat
from renderer.formats import ImageFormat
from renderer.pipeline.geometry import Size
from renderer.pipeline.output import (
    PixelChoices,
    ResolvedLimits,
    SourceFacts,
    check_requested_format,
    check_resolution,
    expects_alpha,
    fallback_format,
    is_skipped,
    pixel_choices,
    quality,
    reduced_quality,
    resolved_limits,
    result_format,
)
from renderer.request.values import ClientFeatures, RenderRequest
from renderer.settings.processing import FormatSettings, PixelSettings
from renderer.settings.security import SecuritySettings

Read = Callable[[str], RenderRequest]

JPEG, PNG, GIF, WEBP = ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.GIF, ImageFormat.WEBP
AVIF, JXL, SVG = ImageFormat.AVIF, ImageFormat.JXL, ImageFormat.SVG

SAVABLE = frozenset(ImageFormat) - {SVG}


def settings(**changes: Any) -> FormatSettings:
    """Format settings, the defaults but for some."""
    return dataclasses.replace(FormatSettings(), **changes)


def facts(format: ImageFormat, *, is_animated: bool = False, has_alpha: bool = False) -> SourceFacts:
    """A source."""
    return SourceFacts(format=format, is_animated=is_animated, has_alpha=has_alpha)


def accepting(request: RenderRequest, prefers: str, enforces: str = "") -> RenderRequest:
    """The request of a client that accepts formats."""
    names = {f"prefers_{name}" for name in prefers.split()} | {f"enforces_{name}" for name in enforces.split()}
    return dataclasses.replace(request, features=ClientFeatures(**dict.fromkeys(names, True)))


LIMITS = SecuritySettings(
    max_src_resolution=1, max_animation_frames=2, max_animation_frame_resolution=3, max_result_dimension=4
)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", (1, 2, 3, 4)),
        ("msr:10/maf:20/mafr:30/mrd:40", (10_000_000, 20, 30_000_000, 40)),
        ("msr:0/mafr:0/mrd:0", (0, 2, 0, 0)),
        ("mrd:-1", (1, 2, 3, -1)),
    ],
)
def test_limits_of_the_url_win_over_the_settings(read: Read, options: str, expected: tuple[int, int, int, int]) -> None:
    """Limits of the URL win over the settings, zero included."""
    limits = resolved_limits(read(options).limits, LIMITS)

    assert structs.astuple(limits) == expected


CHOICES = ("strip_metadata", "keep_copyright", "strip_color_profile", "preserve_hdr", "enforce_thumbnail")


@pytest.mark.parametrize("name", CHOICES)
def test_choices_of_the_url_win_over_the_settings(read: Read, name: str) -> None:
    """A choice of the URL wins over the setting of the same name; without one the setting decides."""
    for setting in (False, True):
        changes: dict[str, Any] = {name: setting}
        pixels = dataclasses.replace(PixelSettings(), **changes)
        assert getattr(pixel_choices(read("").output, pixels), name) is setting
        assert getattr(pixel_choices(read(f"{name}:0").output, pixels), name) is False
        assert getattr(pixel_choices(read(f"{name}:1").output, pixels), name) is True


def test_the_choices_of_the_default_settings(read: Read) -> None:
    """By default metadata and profiles go, the copyright stays, and nothing is kept beyond 8 bits."""
    assert pixel_choices(read("").output, PixelSettings()) == PixelChoices(
        strip_metadata=True,
        keep_copyright=True,
        strip_color_profile=True,
        preserve_hdr=False,
        enforce_thumbnail=False,
    )


@pytest.mark.parametrize(
    ("options", "format", "general", "by_format", "expected"),
    [
        ("", JPEG, 80, (), 80),
        ("", WEBP, 80, (), 79),
        ("", AVIF, 80, (), 63),
        ("", JXL, 80, (), 77),
        ("", ImageFormat.TIFF, 70, (), 70),
        ("", WEBP, 50, (), 79),
        ("", JPEG, 50, (), 50),
        ("", JPEG, 50, ((JPEG, 40),), 40),
        ("", AVIF, 50, ((WEBP, 40),), 63),
        ("", WEBP, 50, ((WEBP, 40),), 40),
        ("q:33", WEBP, 50, ((WEBP, 40),), 33),
        ("q:0", WEBP, 50, ((WEBP, 40),), 40),
        ("fq:webp:22", WEBP, 50, ((WEBP, 40),), 22),
        ("fq:webp:22", JPEG, 50, (), 50),
        ("fq:webp:0", WEBP, 50, ((WEBP, 40),), 40),
        ("fq:jpg:22", JPEG, 50, (), 22),
        ("q:33/fq:webp:22", WEBP, 50, (), 33),
        ("fq:webp:22/q:33", WEBP, 50, (), 33),
        ("fq:webp:22/q:33/q:0", WEBP, 50, (), 22),
    ],
)
def test_quality_beats_format_quality_beats_the_settings(
    read: Read,
    options: str,
    format: ImageFormat,
    general: int,
    by_format: tuple[tuple[ImageFormat, int], ...],
    expected: int,
) -> None:
    """`quality` beats `format_quality`, which beats the settings by format, which beat the general one."""
    chosen = settings(quality=general, format_quality=by_format)

    assert quality(read(options).output, format, chosen) == expected


def test_a_format_that_cannot_be_written_is_refused_before_any_download(read: Read) -> None:
    """A format that cannot be written is refused before any download; SVG and none at all pass."""
    savable = frozenset({JPEG})

    for options in ("", "f:jpg", "f:svg"):
        check_requested_format(read(options), savable)
    with pytest.raises(UnsupportedFormat) as refused:
        check_requested_format(read("f:png"), savable)
    assert str(refused.value) == "Resulting image format is not supported: png"
    assert (refused.value.status, refused.value.public) == (422, "Invalid URL")


@pytest.mark.parametrize(
    ("options", "source", "configured", "skipped"),
    [
        ("", JPEG, (), False),
        ("skp:jpg", JPEG, (), True),
        ("skp:jpg/f:jpg", JPEG, (), True),
        ("skp:jpg/f:png", JPEG, (), False),
        ("skp:png", JPEG, (), False),
        ("", JPEG, (JPEG,), True),
        ("f:webp", JPEG, (JPEG,), False),
        ("skp:png", JPEG, (JPEG,), True),
        ("skp:jpg/w:10/rot:90/bg:fff", JPEG, (), True),
        ("f:svg", JPEG, (JPEG,), False),
    ],
)
def test_a_listed_source_is_returned_as_it_is_unless_another_format_is_wanted(
    *, read: Read, options: str, source: ImageFormat, configured: tuple[ImageFormat, ...], skipped: bool
) -> None:
    """A source of a listed format is returned as it is unless another format is wanted, whatever else is."""
    assert is_skipped(read(options), source, settings(skip_processing_formats=configured)) is skipped
    accepted = accepting(read(options), "webp", "webp")
    assert is_skipped(accepted, source, settings(skip_processing_formats=configured)) is skipped


@pytest.mark.parametrize(
    ("options", "always_rasterize", "skipped"),
    [
        ("", False, True),
        ("w:10", False, True),
        ("f:svg", False, True),
        ("f:png", False, False),
        ("f:png/skp:svg", False, False),
        ("", True, False),
        ("skp:svg", True, True),
        ("skp:png", True, False),
        ("f:svg", True, True),
        ("f:png/skp:svg", True, False),
    ],
)
def test_a_drawing_stays_a_drawing_unless_pixels_are_wanted(
    *, read: Read, options: str, always_rasterize: bool, skipped: bool
) -> None:
    """A drawing stays a drawing unless a pixel format is asked for or the settings always want pixels."""
    assert is_skipped(read(options), SVG, settings(always_rasterize_svg=always_rasterize)) is skipped


@pytest.mark.parametrize(
    ("options", "source", "expected"),
    [
        ("", facts(JPEG), JPEG),
        ("", facts(PNG), PNG),
        ("", facts(GIF), GIF),
        ("", facts(GIF, is_animated=True), GIF),
        ("", facts(WEBP), JPEG),
        ("", facts(AVIF), JPEG),
        ("", facts(ImageFormat.TIFF), JPEG),
        ("", facts(WEBP, has_alpha=True), PNG),
        ("", facts(WEBP, is_animated=True), GIF),
        ("", facts(WEBP, is_animated=True, has_alpha=True), GIF),
        ("", facts(SVG, has_alpha=True), PNG),
        ("pd:1", facts(WEBP), PNG),
        ("pd:0", facts(WEBP), JPEG),
        ("pd:::1", facts(WEBP), PNG),
        ("ex:1", facts(WEBP), PNG),
        ("exar:1", facts(WEBP), JPEG),
        ("wm:1", facts(WEBP), JPEG),
        ("ex:1/bg:fff", facts(WEBP), JPEG),
        ("bg:000", facts(WEBP, has_alpha=True), JPEG),
        ("pd:1", facts(JPEG), JPEG),
        ("bg:fff", facts(PNG), PNG),
    ],
)
def test_without_a_format_the_source_and_the_preferred_formats_decide(
    read: Read, options: str, source: SourceFacts, expected: ImageFormat
) -> None:
    """Without a format a preferred source keeps its own; others get the first preferred that can hold them."""
    assert result_format(read(options), source, FormatSettings(), SAVABLE) is expected


@pytest.mark.parametrize(
    ("preferred", "source", "expected"),
    [
        ((PNG, JPEG), facts(WEBP), PNG),
        ((WEBP,), facts(JPEG), WEBP),
        ((JPEG,), facts(WEBP, has_alpha=True), JPEG),
        ((JPEG, PNG), facts(GIF, is_animated=True), JPEG),
        ((JPEG, WEBP), facts(GIF, is_animated=True), WEBP),
        ((JPEG, PNG), facts(WEBP, is_animated=True, has_alpha=True), JPEG),
        ((AVIF, JPEG), facts(AVIF), AVIF),
        ((JXL, JPEG), facts(WEBP), JPEG),
        ((JXL, JPEG), facts(JXL), JPEG),
    ],
)
def test_the_first_preferred_format_is_taken_when_none_holds_the_source(
    read: Read, preferred: tuple[ImageFormat, ...], source: SourceFacts, expected: ImageFormat
) -> None:
    """The first preferred format is taken when none can hold the source; one that cannot be written never is."""
    chosen = result_format(read(""), source, settings(preferred_formats=preferred), SAVABLE - {JXL})

    assert chosen is expected


@pytest.mark.parametrize(
    ("options", "prefers", "enforces", "source", "expected"),
    [
        ("", "webp", "", facts(JPEG), WEBP),
        ("", "avif webp", "", facts(JPEG), AVIF),
        ("", "jxl avif webp", "", facts(JPEG), JXL),
        ("", "jxl avif webp", "", facts(GIF, is_animated=True), WEBP),
        ("", "avif", "", facts(GIF, is_animated=True), GIF),
        ("", "webp", "webp", facts(PNG), WEBP),
        ("f:png", "jxl avif webp", "", facts(JPEG), PNG),
        ("f:png", "avif webp", "webp", facts(JPEG), WEBP),
        ("f:avif", "webp", "webp", facts(JPEG), WEBP),
        ("f:png", "avif webp", "avif webp", facts(JPEG), AVIF),
        ("f:png", "jxl avif", "jxl avif", facts(JPEG), JXL),
        ("f:gif", "avif webp", "avif webp", facts(GIF, is_animated=True), WEBP),
        ("f:gif", "jxl avif", "jxl avif", facts(GIF, is_animated=True), GIF),
        ("f:png", "webp", "webp", facts(SVG), WEBP),
        ("bg:fff", "webp", "", facts(JPEG), WEBP),
    ],
)
def test_the_client_decides_where_it_may(
    read: Read, options: str, prefers: str, enforces: str, source: SourceFacts, expected: ImageFormat
) -> None:
    """What the client accepts decides without a format, what is enforced with one; animations stay off JXL and AVIF."""
    request = accepting(read(options), prefers, enforces)

    assert result_format(request, source, FormatSettings(), SAVABLE) is expected


@pytest.mark.parametrize(
    ("options", "prefers", "name"),
    [("f:svg", "", "svg"), ("f:svg", "webp", "svg"), ("", "jxl", "jxl"), ("f:jxl", "", "jxl")],
)
def test_a_result_that_cannot_be_written_is_refused(read: Read, options: str, prefers: str, name: str) -> None:
    """A result that cannot be written is refused, also when the client chose it; there is nothing to fall back to."""
    with pytest.raises(ResultFormatUnsavable) as refused:
        result_format(accepting(read(options), prefers), facts(JPEG), FormatSettings(), SAVABLE - {JXL})
    assert str(refused.value) == f"Can't save {name}, probably not supported by your libvips"
    assert (refused.value.status, refused.value.public) == (422, "Invalid URL")


@pytest.mark.parametrize(
    ("options", "source_has_alpha", "expected"),
    [
        ("", False, False),
        ("", True, True),
        ("pd:1", False, True),
        ("pd::1", False, True),
        ("pd:0", False, False),
        ("ex:1", False, True),
        ("exar:1", False, False),
        ("bg:fff", True, False),
        ("bg:fff/pd:1/ex:1", True, False),
    ],
)
def test_transparency_comes_from_the_source_padding_or_extension(
    *, read: Read, options: str, source_has_alpha: bool, expected: bool
) -> None:
    """Transparency comes from the source, padding or extension, and goes with a background."""
    assert expects_alpha(read(options).pipelines[0], source_has_alpha=source_has_alpha) is expected


@pytest.mark.parametrize(
    ("format", "size", "has_alpha", "expected"),
    [
        (AVIF, Size(16, 16), False, AVIF),
        (AVIF, Size(15, 100), False, JPEG),
        (AVIF, Size(100, 15), True, PNG),
        (WEBP, Size(1, 1), True, WEBP),
        (JXL, Size(1, 1), False, JXL),
    ],
)
def test_a_very_small_avif_becomes_png_or_jpeg(
    *, format: ImageFormat, size: Size, has_alpha: bool, expected: ImageFormat
) -> None:
    """A very small AVIF becomes PNG with transparency, else JPEG; other formats have no such bound."""
    assert fallback_format(format, size, has_alpha=has_alpha) is expected


@pytest.mark.parametrize(
    ("size", "frames", "whole", "frame", "text"),
    [
        (Size(10, 10), 1, 100, 0, ""),
        (Size(10, 10), 1, 99, 0, "Source image resolution is too big"),
        (Size(10, 10), 5, 500, 0, ""),
        (Size(10, 10), 5, 499, 0, "Source image resolution is too big"),
        (Size(10, 10), 5, 1, 100, ""),
        (Size(10, 10), 5, 1000, 99, "Source image frame resolution is too big"),
        (Size(10, 10), 1, 99, 1000, "Source image resolution is too big"),
        (Size(10, 10), 1, 100, 1, ""),
        (Size(1, 1), 1, 0, 0, "Source image resolution is too big"),
    ],
)
def test_a_raster_over_the_limit_is_refused(size: Size, frames: int, whole: int, frame: int, text: str) -> None:
    """A raster over the limit is refused; for animations a limit of frames replaces that of the whole."""
    limits = ResolvedLimits(
        max_src_resolution=whole,
        max_animation_frames=10,
        max_animation_frame_resolution=frame,
        max_result_dimension=0,
    )
    if not text:
        check_resolution(size, frames, limits)
        return
    with pytest.raises(SourceResolutionTooLarge) as refused:
        check_resolution(size, frames, limits)
    assert (str(refused.value), refused.value.status) == (text, 422)


@pytest.mark.parametrize(
    ("start", "size", "limit", "expected"),
    [
        (80, 1000, 1, 20),
        (20, 500, 1, 5),
        (80, 301, 100, 20),
        (80, 300, 100, 40),
        (80, 151, 100, 40),
        (80, 150, 100, 60),
        (80, 101, 100, 60),
        (11, 101, 100, 8),
        (30, 150, 100, 23),
        (2, 101, 100, 1),
        (1, 101, 100, 1),
    ],
)
def test_quality_falls_the_faster_the_heavier_the_result_is(start: int, size: int, limit: int, expected: int) -> None:
    """Quality falls to a quarter, a half or three quarters, by how much too heavy the result is; never below one."""
    assert reduced_quality(start, size, limit) == expected
