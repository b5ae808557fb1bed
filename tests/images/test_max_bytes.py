"""Results that have to fit into a number of bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Render = Callable[..., Any]


@pytest.fixture(scope="module")
def scene(draw: Any) -> bytes:
    """160 x 120 with detail."""
    return draw.scene(160, 120).tiffsave_buffer()


@pytest.mark.parametrize("format", ["jpeg", "webp", "avif"])
def test_quality_is_lowered_until_the_result_fits(format: str, rendered: Render, scene: bytes) -> None:
    whole = rendered(f"f:{format}", scene)

    picture = rendered(f"f:{format}/max_bytes:{len(whole.data) // 2}", scene)

    assert len(picture.data) <= len(whole.data) // 2
    assert picture.size == whole.size
    assert picture.distance(whole) > 0


def test_a_result_that_fits_is_left_alone(rendered: Render, scene: bytes) -> None:
    whole = rendered("f:jpg", scene)

    assert rendered(f"f:jpg/mb:{len(whole.data)}", scene).data == whole.data
    assert rendered("f:jpg/mb:0", scene).data == whole.data


def test_a_target_out_of_reach_ends_with_the_first_quality_of_ten_or_less(rendered: Render, scene: bytes) -> None:
    """80, then a quarter, then a quarter again: 5."""
    assert rendered("f:jpg/mb:1", scene).data == rendered("f:jpg/q:5", scene).data
    assert rendered("f:jpg/mb:1/q:9", scene).data == rendered("f:jpg/q:9", scene).data


def test_quality_falls_by_how_far_the_target_is_missed(rendered: Render, scene: bytes) -> None:
    def size(quality: int) -> int:
        return len(rendered(f"f:jpg/q:{quality}", scene).data)

    slightly = int(size(80) / 1.2)
    assert size(60) <= slightly
    assert rendered(f"f:jpg/mb:{slightly}", scene).data == rendered("f:jpg/q:60", scene).data


@pytest.mark.parametrize("format", ["png", "gif", "bmp", "ico"])
def test_formats_without_quality_are_written_as_ever(format: str, rendered: Render, scene: bytes) -> None:
    assert rendered(f"f:{format}/mb:100", scene).data == rendered(f"f:{format}", scene).data
