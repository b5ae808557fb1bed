"""Limits of sources and results."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from renderer.errors import BildwerkError, RequestTimeout, SecurityOptionForbidden, SourceResolutionTooLarge
from renderer.vips.runtime import Deadline

Render = Callable[..., Any]

_PADDED = "pd:100:200:300:400"


@pytest.mark.parametrize(
    ("limit", "target", "extra", "fit", "fill", "fill_down"),
    [
        (1000, "100:100", "", "100x50", "100x100", "100x100"),
        (50, "100:100", "", "50x25", "50x50", "50x50"),
        (50, "1000:50", "", None, "50x13", "50x3"),
        (50, "100:1000", "", None, "50x50", "5x50"),
        (50, "0:0", "", "50x25", "50x25", "50x25"),
        (100, "0:100", "", "100x50", "100x50", "100x50"),
        (50, "150:0", "", "50x25", "50x25", "50x25"),
        (100, "1000:1000", "", "100x50", "100x50", "100x100"),
        (100, "1000:1000", "el:1", "100x50", "100x100", "100x100"),
        (100, "1000:2000", "ex:1", "50x100", "50x100", "50x100"),
        (100, "1000:2000", "exar:1", "50x100", "50x100", "50x100"),
        (100, "100:150", "rot:90", "50x100", "67x100", None),
        (100, "1000:1500", "rot:90", None, None, "67x100"),
        (100, "0:0", "rot:90", "50x100", "50x100", "50x100"),
        (200, "100:100", _PADDED, "200x129", "200x144", "200x144"),
        (200, "1000:1000", _PADDED, None, None, "200x144"),
        (0, "150:0", "", "150x75", "150x75", "150x75"),
        (-1, "150:0", "", "150x75", "150x75", "150x75"),
    ],
)
def test_the_whole_result_fits_into_its_limit(
    limit: int,
    target: str,
    extra: str,
    fit: str | None,
    fill: str | None,
    fill_down: str | None,
    rendered: Render,
    geometry: bytes,
) -> None:
    for resizing_type, size in (("fit", fit), ("fill", fill), ("fill-down", fill_down)):
        if size is None:
            continue
        options = f"rs:{resizing_type}:{target}/{extra}/max_result_dimension:{limit}".replace("//", "/")

        picture = rendered(options, geometry)

        assert "x".join(map(str, picture.size)) == size, options


def test_the_settings_limit_yields_to_the_urls(rendered: Render, geometry: bytes) -> None:
    limit = {"IMGPROXY_MAX_RESULT_DIMENSION": "50"}

    assert rendered("", geometry, **limit).size == (50, 25)
    assert rendered("mrd:80", geometry, **limit).size == (80, 40)
    assert rendered("mrd:0", geometry, **limit).size == (200, 100)


@pytest.mark.parametrize("source", ["jpeg", "png", "webp", "gif", "tiff", "avif", "bmp", "ico"])
def test_a_source_has_as_many_pixels_as_its_limit_and_not_one_more(
    source: str, rendered: Render, every_format: dict[str, bytes]
) -> None:
    """48 x 32 is 1,536."""
    assert rendered("max_src_resolution:0.001536/w:8", every_format[source]).size == (8, 5)
    for options in ("msr:0.001535/w:8", "msr:0.00001", "msr:0"):
        with pytest.raises(SourceResolutionTooLarge) as raised:
            rendered(options, every_format[source])
        assert (raised.value.status, raised.value.public) == (422, "Invalid source image")


def test_the_settings_resolution_holds_for_watermarks_too(rendered: Render, geometry: bytes, draw: Any) -> None:
    mark = draw.flat(150, 150, (1, 2, 3)).pngsave_buffer()
    limit = {"IMGPROXY_MAX_SRC_RESOLUTION": "0.0202"}

    assert rendered("", geometry, watermark=mark, **limit).size == (200, 100)
    with pytest.raises(SourceResolutionTooLarge):
        rendered("wm:1", geometry, watermark=mark, **limit)


@pytest.mark.parametrize("option", ["msr:1", "msfs:1", "maf:2", "mafr:1", "mrd:10", "max_src_file_size:-1"])
def test_limits_in_urls_need_the_settings_leave(option: str, rendered: Render, geometry: bytes) -> None:
    with pytest.raises(SecurityOptionForbidden) as raised:
        rendered(option, geometry, IMGPROXY_ALLOW_SECURITY_OPTIONS="0")

    assert raised.value.status == 403


def test_a_render_whose_deadline_has_passed_does_not_start(rendered: Render, geometry: bytes) -> None:
    with pytest.raises(RequestTimeout) as raised:
        rendered("w:10", geometry, deadline=Deadline(time.monotonic() - 1))

    assert raised.value.status == 503


class _Killed(Deadline):
    """Killed from another thread, as the worker pool does it."""

    def __init__(self, seconds: float) -> None:
        super().__init__(time.monotonic() + seconds)
        timer = threading.Timer(seconds, self.kill)
        timer.daemon = True
        timer.start()


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "options",
    [
        "rs:force:300000:300000:1/f:png",
        "rs:force:300000:300000:1/f:bmp",
        "rs:force:60000:60000:1/f:jpg",
        "rs:force:32768:16384:1/f:gif",
        "rs:force:16000:16000:1/f:webp",
        "pd:100000/f:png",
        "w:30000/h:30000/ex:1/f:tiff",
        "bl:10000/f:png",
        "rs:force:30000:30000:1/bl:500/f:png",
        "rs:force:30000:30000:1/rot:90/f:png",
        "rs:force:20000:20000:1/fl:1/pix:3000/f:png",
    ],
)
def test_an_extravagant_url_ends_with_its_deadline(options: str, rendered: Render, geometry: bytes) -> None:
    """Whatever a URL asks for is stopped in time, or refused at once."""
    before = time.monotonic()

    with pytest.raises(BildwerkError) as raised:
        rendered(options, geometry, deadline=_Killed(0.2))

    assert raised.value.status in (404, 422, 503)
    assert time.monotonic() - before < 5
