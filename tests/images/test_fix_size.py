"""Results that are larger than their format can hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from renderer.errors import BrokenImage

Render = Callable[..., Any]


@pytest.mark.parametrize(
    ("source", "format", "size"),
    [
        ((20_000, 10), "webp", (16_383, 8)),
        ((10, 20_000), "webp", (8, 16_383)),
        ((16_383, 4), "webp", (16_383, 4)),
        ((300, 150), "ico", (256, 128)),
        ((100, 1000), "ico", (26, 256)),
        ((256, 256), "ico", (256, 256)),
        ((70_000, 4), "gif", (65_535, 4)),
        ((65_535, 4), "gif", (65_535, 4)),
        ((20_000, 20), "png", (20_000, 20)),
    ],
)
def test_a_result_is_scaled_down_to_what_its_format_holds(
    source: tuple[int, int], format: str, size: tuple[int, int], rendered: Render, draw: Any
) -> None:
    picture = rendered(f"f:{format}", draw.flat(*source, (10, 200, 30)).pngsave_buffer(compression=1))

    assert picture.format.value == format
    assert picture.result == picture.size == size


def test_avif_is_scaled_down_too(rendered: Render, draw: Any) -> None:
    picture = rendered("f:avif", draw.flat(17_000, 17, (10, 200, 30)).pngsave_buffer(compression=1))

    assert picture.result == (16_384, 16)


def test_a_jpeg_that_is_too_long_is_refused(rendered: Render, draw: Any) -> None:
    with pytest.raises(BrokenImage) as raised:
        rendered("f:jpg", draw.flat(65_501, 1, (10, 200, 30)).pngsave_buffer(compression=1))

    assert raised.value.status == 422


def test_padding_counts(rendered: Render, draw: Any) -> None:
    assert rendered("pd:100/f:ico", draw.flat(200, 100, (10, 200, 30)).pngsave_buffer()).size == (256, 192)
