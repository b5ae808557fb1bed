"""Which format a result gets when the URL, the client and the settings have their say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from renderer.errors import ResultFormatUnsavable

Render = Callable[..., Any]

_BROWSER = "image/avif,image/webp,image/apng,*/*;q=0.8"
_AUTO = {"IMGPROXY_AUTO_WEBP": "1", "IMGPROXY_AUTO_AVIF": "1"}
_ENFORCE = {"IMGPROXY_ENFORCE_WEBP": "1", "IMGPROXY_AUTO_AVIF": "1"}


@pytest.mark.parametrize(
    ("source", "options", "expected"),
    [
        ("jpeg", "", "jpeg"),
        ("png", "", "png"),
        ("gif", "", "gif"),
        ("webp", "", "jpeg"),
        ("avif", "", "jpeg"),
        ("tiff", "", "jpeg"),
        ("bmp", "", "jpeg"),
        ("ico", "", "jpeg"),
        ("webp", "pd:1", "png"),
        ("webp", "w:100/h:100/ex:1", "png"),
        ("webp", "w:100/h:100/exar:1", "jpeg"),
        ("webp", "pd:1/bg:fff", "jpeg"),
        ("jpeg", "pd:1", "jpeg"),
        ("jpeg", "format:png", "png"),
        ("jpeg", "f:jpg", "jpeg"),
        ("png", "ext:webp", "webp"),
        ("webp", "f:gif", "gif"),
    ],
)
def test_without_a_format_the_sources_own_or_the_first_preferred_one(
    source: str, options: str, expected: str, rendered: Render, every_format: dict[str, bytes]
) -> None:
    assert rendered(options, every_format[source]).format.value == expected


def test_transparency_chooses_a_format_that_holds_it(rendered: Render, draw: Any) -> None:
    glass = draw.flat(20, 20, (9, 9, 9, 100))

    assert rendered("", glass.webpsave_buffer()).format.value == "png"
    assert rendered("", glass.tiffsave_buffer()).format.value == "png"
    assert rendered("bg:fff", glass.webpsave_buffer()).format.value == "jpeg"


@pytest.mark.parametrize(
    ("preferred", "source", "expected"),
    [
        ("webp", "jpeg", "webp"),
        ("webp,jpeg", "jpeg", "jpeg"),
        ("avif,webp", "png", "avif"),
        ("png", "gif", "png"),
        ("jpg", "gif", "jpeg"),
    ],
)
def test_preferred_formats_are_a_setting(
    preferred: str, source: str, expected: str, rendered: Render, every_format: dict[str, bytes]
) -> None:
    picture = rendered("", every_format[source], IMGPROXY_PREFERRED_FORMATS=preferred)

    assert picture.format.value == expected


@pytest.mark.parametrize(
    ("settings", "accept", "options", "expected"),
    [
        ({}, _BROWSER, "", "jpeg"),
        (_AUTO, _BROWSER, "", "avif"),
        (_AUTO, "image/webp", "", "webp"),
        (_AUTO, "image/webp;q=0", "", "webp"),
        (_AUTO, "*/*", "", "jpeg"),
        (_AUTO, "image/*", "", "jpeg"),
        (_AUTO, "", "", "jpeg"),
        (_AUTO, _BROWSER, "f:png", "png"),
        ({"IMGPROXY_AUTO_WEBP": "1"}, _BROWSER, "", "webp"),
        (_ENFORCE, _BROWSER, "", "avif"),
        (_ENFORCE, _BROWSER, "f:png", "webp"),
        (_ENFORCE, "image/avif", "f:png", "png"),
        ({"IMGPROXY_ENFORCE_AVIF": "1"}, _BROWSER, "f:gif", "avif"),
        ({"IMGPROXY_ENABLE_WEBP_DETECTION": "1"}, "image/webp", "", "webp"),
    ],
)
def test_the_client_has_a_say_where_the_settings_allow_it(
    settings: dict[str, str], accept: str, options: str, expected: str, rendered: Render, every_format: dict[str, bytes]
) -> None:
    picture = rendered(options, every_format["jpeg"], accept=accept, **settings)

    assert picture.format.value == expected


@pytest.mark.parametrize(
    ("accept", "options", "expected"),
    [("image/avif", "", "gif"), (_BROWSER, "", "webp"), (_BROWSER, "f:gif", "webp"), ("image/avif", "f:gif", "gif")],
)
def test_an_animation_becomes_webp_and_never_avif(
    accept: str, options: str, expected: str, rendered: Render, draw: Any
) -> None:
    import pyvips

    film = draw.flat(20, 20, (200, 0, 0)).join(draw.flat(20, 20, (0, 200, 0)), "vertical").copy()
    film.set_type(pyvips.GValue.gint_type, "page-height", 20)

    picture = rendered(options, film.gifsave_buffer(), accept=accept, IMGPROXY_MAX_ANIMATION_FRAMES="9", **_ENFORCE)

    assert picture.format.value == expected


@pytest.mark.parametrize(
    ("size", "color", "expected"),
    [
        ((15, 40), (9, 9, 9), "jpeg"),
        ((40, 15), (9, 9, 9), "jpeg"),
        ((15, 15), (9, 9, 9, 128), "png"),
        ((16, 16), (9, 9, 9), "avif"),
    ],
)
def test_a_very_small_avif_is_another_format(
    size: tuple[int, int], color: tuple[int, ...], expected: str, rendered: Render, draw: Any
) -> None:
    picture = rendered("f:avif", draw.flat(*size, color).pngsave_buffer())

    assert picture.format.value == expected
    assert picture.size == size


def test_the_other_format_has_its_own_quality(rendered: Render, draw: Any) -> None:
    source = draw.scene(15, 40).pngsave_buffer()

    assert rendered("f:avif/fq:jpeg:10:avif:90", source).data == rendered("f:jpeg/q:10", source).data


@pytest.mark.parametrize("source", ["jpeg", "png", "webp", "gif", "bmp", "ico", "tiff", "avif"])
def test_a_raster_never_becomes_svg(source: str, rendered: Render, every_format: dict[str, bytes]) -> None:
    with pytest.raises(ResultFormatUnsavable) as raised:
        rendered("f:svg", every_format[source])

    assert (raised.value.status, raised.value.public) == (422, "Invalid URL")
