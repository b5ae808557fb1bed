"""The canvas of `extend_aspect_ratio`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

Render = Callable[..., Any]


def _top(picture: Any) -> int:
    return int(np.nonzero(picture.samples()[:, :, 3].any(axis=1))[0].min())


@pytest.mark.parametrize(
    ("gravity", "top"),
    [
        ("ce", 150),
        ("no", 0),
        ("so", 300),
        ("we", 150),
        ("ea", 150),
        ("nowe", 0),
        ("noea", 0),
        ("sowe", 300),
        ("soea", 300),
        ("no:0:5", 5),
        ("no:0:0.1", 40),
        ("so:0:5", 295),
    ],
)
@pytest.mark.parametrize("name", ["extend_aspect_ratio", "extend_ar", "exar"])
def test_the_picture_lies_at_its_gravity_on_a_canvas_of_the_targets_ratio(
    name: str, gravity: str, top: int, rendered: Render, geometry: bytes
) -> None:
    picture = rendered(f"w:300/h:600/{name}:1:{gravity}/f:tiff", geometry)

    assert picture.size == (200, 400)
    assert _top(picture) == top


@pytest.mark.parametrize(("dpr", "size"), [(0.5, (150, 300)), (1, (200, 400)), (2, (200, 400))])
def test_dpr_acts_as_far_as_the_picture_has_pixels(
    dpr: float, size: tuple[int, int], rendered: Render, geometry: bytes
) -> None:
    """Fitted without enlarging, 200 x 100 stands for 2/3 of the target: dpr 0.5 becomes 0.75."""
    assert rendered(f"w:300/h:600/exar:1:no:0:5/dpr:{dpr}", geometry).size == size


@pytest.mark.parametrize("options", ["w:300/exar:1", "h:300/exar:1", "exar:1", "w:100/h:50/exar:1"])
def test_without_both_sides_or_with_the_right_ratio_nothing_is_added(
    options: str, rendered: Render, geometry: bytes
) -> None:
    assert rendered(options, geometry).bands == 3


def test_it_does_not_make_the_result_a_png(rendered: Render, photo: bytes) -> None:
    """The choice of a format looks at `extend` and padding only; the canvas of a JPEG is white."""
    picture = rendered("rs:fit:60:60/exar:1/q:100", photo)

    assert picture.format.value == "jpeg"
    assert min(picture.pixel(0, 0)) >= 250
