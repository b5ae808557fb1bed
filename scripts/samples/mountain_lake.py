"""A lake among mountains at sunrise."""

from __future__ import annotations

import numpy as np

from scripts.samples.paint import Picture, develop
from scripts.samples.scenery import Light, Ridge, add_ridges, haze, sky
from scripts.samples.trees import add_near_shore
from scripts.samples.water import add_lake

SUNRISE = Light(
    sun=(0.655, 0.43),
    sky=[
        (0.00, (0.13, 0.24, 0.42)),
        (0.18, (0.24, 0.37, 0.55)),
        (0.34, (0.52, 0.56, 0.68)),
        (0.48, (0.80, 0.66, 0.62)),
        (0.60, (0.90, 0.72, 0.56)),
    ],
    halos=[(0.34, (0.66, 0.36, 0.10)), (0.085, (0.95, 0.76, 0.42)), (0.028, (1.0, 0.95, 0.75))],
    haze=[(0.0, (0.50, 0.52, 0.62)), (0.35, (0.74, 0.64, 0.62)), (1.0, (1.0, 0.80, 0.58))],
    clouds=[(0.0, (1.0, 0.9, 0.7)), (0.25, (0.98, 0.74, 0.56)), (0.6, (0.82, 0.6, 0.58)), (1.0, (0.52, 0.52, 0.64))],
)
MOUNTAINS = (
    Ridge(base=0.505, reach=0.115, slope=0.33, roughness=0.50, color=(0.34, 0.41, 0.56), haze=0.60),
    Ridge(base=0.545, reach=0.085, slope=0.25, roughness=0.50, color=(0.25, 0.32, 0.46), haze=0.40),
    Ridge(base=0.585, reach=0.060, slope=0.21, roughness=0.47, color=(0.17, 0.25, 0.36), haze=0.24),
    Ridge(base=0.625, reach=0.045, slope=0.19, roughness=0.45, color=(0.10, 0.17, 0.24), haze=0.12, tallest_tree=0.018),
    Ridge(
        base=0.655, reach=0.022, slope=0.15, roughness=0.45, color=(0.045, 0.09, 0.125), haze=0.03, tallest_tree=0.036
    ),
)
LEFT_TREES = ((0.02, 0.62), (0.088, 0.44), (0.14, 0.30), (0.052, 0.33), (0.175, 0.19), (0.205, 0.11), (-0.01, 0.40))
RIGHT_TREES = ((0.985, 0.38), (0.948, 0.25), (0.922, 0.14))


def mountain_lake(width: int, height: int, seed: int = 10) -> Picture:
    """Mountains in the mist, mirrored in a lake that is framed by conifers; the sun has just risen."""
    rng = np.random.default_rng(seed)
    picture = sky(rng, width, height, SUNRISE)
    air = haze(width, height, SUNRISE)
    shore = round(0.665 * height)
    add_ridges(rng, picture, MOUNTAINS, air, foot=shore)
    add_lake(rng, picture, SUNRISE, air, shore=shore)
    add_near_shore(rng, picture, LEFT_TREES + RIGHT_TREES, (0.030, 0.052, 0.070))
    develop(rng, picture, grain=0.007, vignette=0.25)
    return picture
