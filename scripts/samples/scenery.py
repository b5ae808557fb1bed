"""What stands far off in a landscape: the sky, stars, and ridges of hills in the haze.

Lengths are fractions of the picture's height unless they say pixels, so a scene looks alike at every size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scripts.samples.noise import Plane, blurred, fractal, fractal_line
from scripts.samples.paint import Color, Picture, Stops, covered, enlarged_picture, gradient, lighten, paint, ramp
from scripts.samples.trees import add_forest


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """Where the light comes from and what it does to the air.

    `sun` is (x, y) in the picture; `sky` runs over the height; `halos` are reach and colour; `haze` runs from far from
    the sun (0) to under it (1); `clouds` over the distance from the sun.
    """

    sun: tuple[float, float]
    sky: Stops
    halos: Stops
    haze: Stops
    clouds: Stops = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ridge:
    """A line of hills: where it stands, how far it reaches up and down, how long and how broken its slopes are."""

    base: float
    reach: float
    slope: float
    roughness: float
    color: Color
    haze: float
    tallest_tree: float = 0.0


def sky(rng: np.random.Generator, width: int, height: int, light: Light) -> Picture:
    """A new picture, all sky; drawn at a quarter of the size, since nothing in it is sharp."""
    size = width // 4, height // 4
    y, x = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float32) / np.float32(size[1])
    distance = np.hypot(x - light.sun[0] * width / height, (y - light.sun[1]) * 1.25)
    small = np.repeat(gradient(y[:, :1], light.sky), size[0], axis=2)
    if light.clouds:
        cloud = fractal(rng, size, (size[1] * 0.375, size[1] * 0.065), 6)
        cloud += 0.45 * fractal(rng, size, (size[1] * 0.95, size[1] * 0.175), 4)
        opacity = ramp(cloud, 0, 1) * ramp(y, 0.02, 0.16) * ramp(y, 0.52, 0.30) * 0.8
        paint(small, gradient(distance, light.clouds), opacity)
    for reach, color in light.halos:
        # The smallest halo is the sun itself, with an edge; the others are the air around it.
        lighten(small, np.exp(-((distance / reach) ** (2 if reach < 0.05 else 1))), color)
    return enlarged_picture(small, width, height)


def haze(width: int, height: int, light: Light) -> Picture:
    """The colour of the haze in each column, one row high."""
    away = np.abs(np.arange(width, dtype=np.float32) - light.sun[0] * width)
    return gradient(np.exp(-away / (0.63 * height))[None], light.haze)


def add_stars(rng: np.random.Generator, picture: Picture, *, count: int) -> None:
    """Scatters stars over the upper half, fewer and fainter towards its foot."""
    height, width = picture.shape[1] // 2, picture.shape[2]
    stars = np.zeros((height, width), np.float32)
    stars[rng.integers(0, height, count), rng.integers(0, width, count)] = rng.uniform(0.1, 1, count) ** 3
    above = np.linspace(1, 0, height, dtype=np.float32)[:, None]
    lighten(picture[:, :height], blurred(stars, 0.8) * 6 * ramp(above, 0.15, 0.8), (0.9, 0.95, 1.0))


def add_ridges(rng: np.random.Generator, picture: Picture, ridges: Sequence[Ridge], air: Picture, *, foot: int) -> None:
    """Draws the ridges one before the other, each down to the row `foot`."""
    height, width = picture.shape[1:]
    for ridge in ridges:
        line = fractal_line(rng, width, ridge.slope * height, 9, gain=ridge.roughness)
        crest = height * (ridge.base - ridge.reach * line)
        top = max(int(crest.min() - height * ridge.tallest_tree - 2), 0)
        opacity = covered(crest, (top, foot))
        if ridge.tallest_tree:
            add_forest(rng, opacity, crest - top, ridge.tallest_tree * height)
        paint(picture[:, top:foot], _slopes(rng, ridge, crest - top, air=air, heights=(foot - top, height)), opacity)


def _slopes(rng: np.random.Generator, ridge: Ridge, crest: Plane, *, air: Picture, heights: tuple[int, int]) -> Picture:
    """The colours of a ridge: faces turned to the light or away, and mist below. Drawn at half the size."""
    (rows, height), width = heights, len(crest)
    size = width // 2, rows // 2 + 1
    reach = max(round(0.008 * height), 2)
    relief = fractal(rng, (size[0] + reach, size[1]), (0.3 * ridge.slope * height, 0.42 * ridge.slope * height), 6)
    face = np.clip(relief[:, reach:] - relief[:, :-reach], -1, 1)
    relief = relief[:, : size[0]]
    below = np.arange(size[1], dtype=np.float32)[:, None] * 2 - crest[::2][: size[0]]
    mist = ramp(below, 0, 0.65 * float(np.ptp(crest)) + 0.06 * width) * (0.84 + 0.13 * relief)
    opacity = np.clip(ridge.haze + (1 - ridge.haze) * 0.72 * mist + 0.03 * relief, 0, 1)
    body = np.stack([np.float32(tone) * (1 + 0.7 * face) for tone in ridge.color])
    paint(body, air[:, :, ::2][..., : size[0]], opacity)
    return enlarged_picture(body, width, size[1] * 2)[:, :rows]
