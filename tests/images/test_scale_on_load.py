"""Decoders that shrink: what they may do, and that it shows only in speed and in the last bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Render = Callable[..., Any]


@pytest.mark.parametrize("options", ["w:200", "w:100", "rs:fill:75:75", "rs:force:90:30", "w:300/dpr:0.5", "z:0.2"])
@pytest.mark.parametrize("format", ["jpeg", "webp", "avif"])
def test_the_result_is_that_of_the_whole_picture_within_what_nobody_sees(
    format: str, options: str, rendered: Render, sources: dict[str, bytes]
) -> None:
    shrunk = rendered(f"{options}/f:tiff", sources[format])
    whole = rendered(f"{options}/f:tiff", sources[format], IMGPROXY_DISABLE_SHRINK_ON_LOAD="1")

    assert shrunk.size == whole.size
    assert shrunk.origin == whole.origin == (600, 800)
    assert shrunk.distance(whole) < 4


@pytest.fixture(scope="module")
def sources(draw: Any) -> dict[str, bytes]:
    """One picture of 600 x 800 in formats that shrink while they are decoded, or hold a smaller copy."""
    image = draw.scene(600, 800)
    return {
        "jpeg": image.jpegsave_buffer(Q=92),
        "webp": image.webpsave_buffer(Q=92, effort=0),
        "avif": image.heifsave_buffer(compression="av1", effort=0),
    }


@pytest.mark.parametrize("format", ["jpeg", "webp"])
def test_the_decoder_really_shrinks_unless_the_settings_forbid_it(
    format: str, rendered: Render, sources: dict[str, bytes]
) -> None:
    """Shrinking in the decoder is another filter, so a few samples differ."""
    shrunk = rendered("w:60/f:tiff", sources[format])
    whole = rendered("w:60/f:tiff", sources[format], IMGPROXY_DISABLE_SHRINK_ON_LOAD="1")

    assert shrunk.distance(whole) > 0


@pytest.mark.parametrize(
    ("options", "size"),
    [("w:75", (75, 100)), ("rs:force:75:0", (75, 800)), ("h:100", (75, 100)), ("rs:fill:10:400", (10, 400))],
)
def test_a_side_that_nobody_asked_for_is_not_shrunk_too_far(
    options: str, size: tuple[int, int], rendered: Render, sources: dict[str, bytes]
) -> None:
    assert rendered(f"{options}/f:tiff", sources["jpeg"]).size == size


@pytest.mark.parametrize("size", [(601, 803), (799, 601), (17, 1000), (1000, 17)])
@pytest.mark.parametrize("width", [7, 50, 74, 76, 99])
def test_odd_sizes_come_out_as_asked(width: int, size: tuple[int, int], rendered: Render, draw: Any) -> None:
    """A decoder divides by 2, 4 or 8 and rounds; the result must not."""
    wanted = min(width, size[0])
    source = draw.coordinates(*size).jpegsave_buffer(Q=80)

    picture = rendered(f"w:{width}/f:tiff", source)

    assert picture.size == (wanted, max(1, int(size[1] * wanted / size[0] + 0.5)))


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_turned_picture_is_shrunk_along_its_own_sides(orientation: int, rendered: Render, draw: Any) -> None:
    import pyvips

    image = draw.scene(640, 320).copy()
    image.set_type(pyvips.GValue.gint_type, "orientation", orientation)

    picture = rendered("rs:fill:40:80/f:tiff", image.jpegsave_buffer())

    assert picture.size == (40, 80)
    assert picture.origin == ((640, 320) if orientation in (1, 3) else (320, 640))


def test_the_area_that_is_cropped_shrinks_with_the_picture(rendered: Render, draw: Any) -> None:
    """The same crop from a JPEG that its decoder shrinks and from one that it does not."""
    source = draw.coordinates(800, 800).jpegsave_buffer(Q=100)

    shrunk = rendered("c:400:400:nowe:80:80/w:50/f:tiff", source)
    whole = rendered("c:400:400:nowe:80:80/w:50/f:tiff", source, IMGPROXY_DISABLE_SHRINK_ON_LOAD="1")

    assert shrunk.size == whole.size == (50, 50)
    assert all(abs(a - b) <= 6 for a, b in zip(shrunk.pixel(5, 5), whole.pixel(5, 5), strict=True))
