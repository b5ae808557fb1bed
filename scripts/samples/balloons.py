"""Hot-air balloons over hills in the morning."""

from __future__ import annotations

import numpy as np

from scripts.samples.paint import Picture, develop, draw, drawing
from scripts.samples.scenery import Light, Ridge, add_ridges, haze, sky

MORNING = Light(
    sun=(0.20, 0.40),
    sky=[
        (0.00, (0.30, 0.50, 0.72)),
        (0.25, (0.48, 0.65, 0.80)),
        (0.45, (0.80, 0.82, 0.82)),
        (0.58, (0.98, 0.88, 0.74)),
    ],
    halos=[(0.40, (0.50, 0.32, 0.12)), (0.10, (0.90, 0.72, 0.42)), (0.030, (1.0, 0.97, 0.85))],
    haze=[(0.0, (0.66, 0.71, 0.78)), (0.4, (0.86, 0.80, 0.74)), (1.0, (1.0, 0.88, 0.68))],
    clouds=[(0.0, (1.0, 0.97, 0.88)), (0.4, (1.0, 0.92, 0.84)), (1.0, (0.86, 0.88, 0.93))],
)
HILLS = (
    Ridge(base=0.570, reach=0.040, slope=0.30, roughness=0.42, color=(0.45, 0.53, 0.66), haze=0.60),
    Ridge(base=0.625, reach=0.040, slope=0.34, roughness=0.38, color=(0.36, 0.46, 0.52), haze=0.42),
    Ridge(base=0.690, reach=0.042, slope=0.36, roughness=0.34, color=(0.28, 0.40, 0.38), haze=0.26, tallest_tree=0.012),
    Ridge(base=0.770, reach=0.045, slope=0.36, roughness=0.32, color=(0.20, 0.32, 0.25), haze=0.12, tallest_tree=0.026),
    Ridge(base=0.880, reach=0.045, slope=0.40, roughness=0.32, color=(0.10, 0.19, 0.15), haze=0.03, tallest_tree=0.060),
)
BALLOONS = (
    (0.60, 0.245, 0.235, "#d9432f", "#f6e7cf", "#27496d"),
    (0.33, 0.405, 0.120, "#2f6f9f", "#f3c14b", "#f8efe0"),
    (0.845, 0.475, 0.085, "#e08a2e", "#7d2f3f", "#f5e3c3"),
    (0.10, 0.500, 0.050, "#4d7f5c", "#f0d9a8", "#8c3b3b"),
    (0.12, 0.185, 0.060, "#7a4a8c", "#f1b8a8", "#f8efe0"),
)
"""Place across and down, height, and three colours of each."""


def balloons(width: int, height: int, seed: int = 2) -> Picture:
    """Five balloons, the smaller the farther off, over hills that fade into the haze."""
    rng = np.random.default_rng(seed)
    picture = sky(rng, width, height, MORNING)
    add_ridges(rng, picture, HILLS, haze(width, height, MORNING), foot=height)
    for across, down, tall, first, second, belt in BALLOONS:
        colored = drawing("balloon").format(first=first, second=second, belt=belt)
        draw(picture, colored, (across * width, down * height), height=tall * height, opacity=0.5 + 2 * tall)
    develop(rng, picture, grain=0.007, vignette=0.15)
    return picture
