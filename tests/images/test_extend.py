"""The canvas of `extend`: its size, and where the picture lies on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

Render = Callable[..., Any]


def _box(picture: Any) -> tuple[int, int, int, int]:
    """Left, top, width and height of what is not transparent."""
    rows, columns = np.nonzero(picture.samples()[:, :, 3])
    return columns.min(), rows.min(), columns.max() - columns.min() + 1, rows.max() - rows.min() + 1


@pytest.mark.parametrize(
    ("gravity", "place"),
    [
        ("ce", (150, 200)),
        ("no", (150, 0)),
        ("so", (150, 400)),
        ("we", (0, 200)),
        ("ea", (300, 200)),
        ("nowe", (0, 0)),
        ("noea", (300, 0)),
        ("sowe", (0, 400)),
        ("soea", (300, 400)),
        ("no:0:5", (150, 5)),
        ("no:0:0.1", (150, 50)),
        ("ea:5:0", (295, 200)),
        ("ce:10:-20", (160, 180)),
        ("fp:0:0", (0, 0)),
        ("fp:0.5:1", (150, 400)),
    ],
)
def test_the_picture_lies_at_its_gravity(
    gravity: str, place: tuple[int, int], rendered: Render, geometry: bytes
) -> None:
    picture = rendered(f"w:500/h:500/extend:1:{gravity}/f:tiff", geometry)

    assert picture.size == (500, 500)
    assert _box(picture) == (*place, 200, 100)
    assert picture.pixel(0, 499 if gravity.startswith(("no", "fp:0:0")) else 0) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("gravity", "dpr", "size", "box"),
    [
        ("no:0:5", 0.5, (250, 250), (76, 2, 100, 50)),
        ("no:0:5", 2, (500, 500), (150, 5, 200, 100)),
        ("ea:5:0", 0.5, (250, 250), (148, 100, 100, 50)),
        ("no:0:0.1", 0.5, (250, 250), (76, 25, 100, 50)),
    ],
)
def test_dpr_below_one_shrinks_canvas_and_offsets(
    gravity: str, dpr: float, size: tuple[int, int], box: tuple[int, ...], rendered: Render, geometry: bytes
) -> None:
    picture = rendered(f"w:500/h:500/ex:1:{gravity}/dpr:{dpr}/f:tiff", geometry)

    assert picture.size == size
    assert _box(picture) == box


def test_one_side_may_be_left_open(rendered: Render, geometry: bytes) -> None:
    assert rendered("ex:1/w:300", geometry).size == (300, 100)
    assert rendered("ex:1/h:150", geometry).size == (200, 150)


def test_a_picture_that_covers_the_target_gets_no_canvas(rendered: Render, geometry: bytes) -> None:
    picture = rendered("ex:1/rs:fill:50:50", geometry)

    assert (picture.size, picture.bands) == ((50, 50), 3)


def test_resize_and_size_take_the_gravity_behind_extend(rendered: Render, geometry: bytes) -> None:
    wanted = _box(rendered("w:300/h:300/ex:1:soea:3:4", geometry))

    assert _box(rendered("rs:fit:300:300:0:1:soea:3:4", geometry)) == wanted == (97, 196, 200, 100)
    assert _box(rendered("s:300:300:0:1:soea:3:4", geometry)) == wanted
