"""Drawings: rendered at the size that is wanted, or returned without what could act."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from renderer.errors import BildwerkError

Render = Callable[..., Any]


def _svg(attributes: str, content: str = '<rect width="100%" height="100%" fill="#c83c14"/>') -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}>{content}</svg>'.encode()


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ('width="100" height="50"', (100, 50)),
        ('width="100px" height="50px"', (100, 50)),
        ('width="1in" height="0.5in"', (96, 48)),
        ('width="25.4mm" height="2.54cm"', (96, 96)),
        ('width="100.4" height="50.5"', (100, 51)),
        ('viewBox="0 0 120 60"', (120, 60)),
    ],
)
def test_user_units_are_pixels_and_an_inch_is_96_of_them(
    attributes: str, size: tuple[int, int], rendered: Render
) -> None:
    assert rendered("f:png", _svg(attributes)).size == size


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ("w:400", (400, 200)),
        ("w:10", (10, 5)),
        ("h:500", (1000, 500)),
        ("rs:fill:300:300", (300, 300)),
        ("rs:force:300:30", (300, 30)),
        ("z:3", (300, 150)),
        ("w:100/dpr:2", (200, 100)),
        ("mw:150", (150, 75)),
        ("rs:fit:200:200/max_result_dimension:50", (50, 25)),
    ],
)
def test_a_drawing_is_rendered_at_any_size(options: str, size: tuple[int, int], rendered: Render) -> None:
    assert rendered(f"{options}/f:png", _svg('width="100" height="50"')).size == size


def test_an_enlarged_drawing_is_drawn_anew_and_not_resampled(rendered: Render) -> None:
    """The edge of a shape stays sharp: no pixel is far from one of the two colors."""
    shape = '<rect width="5" height="10" fill="#fff"/><rect x="5" width="5" height="10" fill="#000"/>'

    picture = rendered("w:400/f:png", _svg('width="10" height="10"', shape))

    assert picture.size == (400, 400)
    assert picture.pixel(199, 200)[:3] == (255, 255, 255)
    assert picture.pixel(200, 200)[:3] == (0, 0, 0)


def test_a_drawing_over_the_resolution_limit_is_rendered_smaller(rendered: Render) -> None:
    svg = _svg('width="406" height="206"')

    assert rendered("msr:0.01/f:png", svg).size == (140, 71)
    assert rendered("msr:0.01/w:500/f:png", svg).size == (500, 254)


def test_what_is_not_drawn_is_transparent(rendered: Render) -> None:
    picture = rendered("f:png", _svg('width="10" height="10"', '<rect width="5" height="10" fill="red"/>'))

    assert picture.pixel(2, 2) == (255, 0, 0, 255)
    assert picture.pixel(8, 2)[3] == 0


def test_without_a_format_the_drawing_itself_comes_back_without_scripts(rendered: Render) -> None:
    svg = _svg(
        'width="100" height="50" onload="alert(1)"',
        '<script>alert(2)</script><a href="javascript:alert(3)"><rect width="9" height="9"/></a>',
    )

    picture = rendered("w:10", svg)

    assert picture.format.value == "svg"
    assert picture.origin == picture.result == (100, 50)
    assert b"alert" not in picture.data
    assert b"<rect" in picture.data
    assert rendered("f:svg", svg).data == picture.data
    assert rendered("", svg, IMGPROXY_SANITIZE_SVG="0").data == svg


@pytest.mark.parametrize(
    ("options", "settings", "expected"),
    [
        ("", {}, "svg"),
        ("f:png", {}, "png"),
        ("", {"IMGPROXY_ALWAYS_RASTERIZE_SVG": "1"}, "png"),
        ("bg:fff", {"IMGPROXY_ALWAYS_RASTERIZE_SVG": "1"}, "jpeg"),
        ("skp:svg", {"IMGPROXY_ALWAYS_RASTERIZE_SVG": "1"}, "svg"),
        ("f:svg", {"IMGPROXY_ALWAYS_RASTERIZE_SVG": "1"}, "svg"),
        ("", {"IMGPROXY_ALWAYS_RASTERIZE_SVG": "1", "IMGPROXY_ENFORCE_WEBP": "1"}, "webp"),
        ("f:png", {"IMGPROXY_ENFORCE_WEBP": "1"}, "webp"),
        ("", {"IMGPROXY_ENFORCE_WEBP": "1"}, "svg"),
    ],
)
def test_a_drawing_stays_one_unless_a_raster_is_asked_for(
    options: str, settings: dict[str, str], expected: str, rendered: Render
) -> None:
    picture = rendered(options, _svg('width="10" height="10"'), accept="image/webp", **settings)

    assert picture.format.value == expected


@pytest.mark.parametrize(
    "svg",
    [
        _svg('width="0" height="10"'),
        b"<svg",
        b"<svg>",
        b'<svg xmlns="http://www.w3.org/2000/svg"></svg',
        b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><g></svg>',
        b"<!doctype html><html><body><svg></svg></body></html>",
        b'<svg xmlns="http://www.w3.org/2000/svg" width="1e9" height="1e9"/>',
        b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "x">]><svg xmlns="http://www.w3.org/2000/svg">&b;</svg>',
    ],
)
@pytest.mark.parametrize("options", ["f:png", "f:svg"])
def test_what_is_no_drawing_is_the_sources_fault(options: str, svg: bytes, rendered: Render) -> None:
    try:
        rendered(options, svg)
    except BildwerkError as error:
        assert error.status == 422


def test_entities_do_not_read_files(rendered: Render, tmp_path: Any) -> None:
    """Neither the renderer nor the copy shows what an external entity names."""
    secret = tmp_path / "secret"
    secret.write_text("SECRET")
    svg = (
        f'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a SYSTEM "file://{secret}">]>'
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text>&a;</text></svg>'
    ).encode()

    try:
        assert b"SECRET" not in rendered("f:svg", svg).data
    except BildwerkError as error:
        assert error.status == 422


def test_a_drawing_does_not_load_files_beside_it(rendered: Render, tmp_path: Any, draw: Any) -> None:
    picture = tmp_path / "red.png"
    picture.write_bytes(draw.flat(10, 10, (255, 0, 0)).pngsave_buffer())
    image = f'<image href="file://{picture}" width="10" height="10"/>'

    assert rendered("f:png", _svg('width="10" height="10"', image)).pixel(5, 5)[3] == 0
