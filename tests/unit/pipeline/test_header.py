"""What EXIF orientations mean."""

from __future__ import annotations

import pytest

from renderer.pipeline.geometry import Size
from renderer.pipeline.header import Raster


@pytest.mark.parametrize(
    ("orientation", "angle", "is_mirrored"),
    [
        (1, 0, False),
        (2, 0, True),
        (3, 180, False),
        (4, 180, True),
        (5, 90, True),
        (6, 90, False),
        (7, 270, True),
        (8, 270, False),
        (0, 0, False),
        (9, 0, False),
        (-1, 0, False),
        (2**31, 0, False),
    ],
)
def test_an_orientation_is_a_turn_and_a_mirror(*, orientation: int, angle: int, is_mirrored: bool) -> None:
    """An orientation is a turn and then perhaps a mirror; numbers that EXIF does not know mean nothing."""
    raster = Raster(30, 20, orientation)

    assert raster.turn == (angle, is_mirrored)
    assert raster.shown == (Size(20, 30) if angle in (90, 270) else Size(30, 20))
