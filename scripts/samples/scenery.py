"""The parts that landscapes are made of: sky, ridges in haze, water that mirrors them, a near shore with trees.

Lengths are fractions of the picture's height unless they say pixels, so a scene looks alike at every size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scripts.samples.noise import Color, Plane, fractal, fractal_line, gradient, painted, ramp, resized
from scripts.samples.trees import pine, plant

Stops = Sequence[tuple[float, Color]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """Where the light comes from and what it does to the air.

    `sky` runs over the height; `clouds` over the distance from the sun; `haze` from far from the sun (0) to under it (1).
    """

    sun: tuple[float, float]
    sky: Stops
    halos: Sequence[tuple[float, Color]]
    haze: Stops
    clouds: Stops = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ridge:
    """A line of hills: how high it stands and reaches, how long its slopes are, how broken, how deep in haze."""

    base: float
    reach: float
    slope: float
    roughness: float
    color: Color
    haze: float
    trees: tuple[float, float] | None = None


def lightened(under: Plane, light: Plane, color: Color) -> Plane:
    """The picture with light of a colour added, as much as it can take."""
    added = np.clip(light, 0, 1)[..., None] * np.asarray(color, np.float32)
    return np.asarray(under + added - under * added, dtype=np.float32)


def sky(rng: np.random.Generator, width: int, height: int, light: Light) -> Plane:
    """The whole picture as sky; drawn at a quarter of the size, since nothing in it is sharp."""
    size = width // 4, height // 4
    y, x = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float32) / size[1]
    distance = np.hypot(x - light.sun[0] * width / height, (y - light.sun[1]) * 1.25)
    picture = np.repeat(gradient(y[:, 0], light.sky)[:, None], size[0], axis=1)
    if light.clouds:
        cloud = fractal(rng, size, (size[1] * 0.375, size[1] * 0.065), 6)
        cloud += 0.45 * fractal(rng, size, (size[1] * 0.95, size[1] * 0.175), 4)
        opacity = ramp(cloud, 0, 1) * ramp(y, 0.02, 0.16) * ramp(y, 0.52, 0.30) * 0.8
        picture = painted(picture, gradient(distance, light.clouds), opacity)
    for reach, color in light.halos:
        picture = lightened(picture, np.exp(-((distance / reach) ** (2 if reach < 0.05 else 1))), color)
    return resized(picture, width, height, "linear")


def haze(width: int, height: int, light: Light) -> Plane:
    """The colour of the haze in each column: warmer towards the sun."""
    away = np.abs(np.arange(width, dtype=np.float32) - light.sun[0] * width)
    return gradient(np.exp(-away / (0.63 * height)), light.haze)


def add_ridges(
    rng: np.random.Generator, picture: Plane, ridges: Sequence[Ridge], air: Plane, *, foot: int
) -> None:
    """Draws the ridges one before the other, each down to the row `foot`."""
    height, width = picture.shape[:2]
    trees = [pine(rng, 160) for _ in range(3)] if any(ridge.trees for ridge in ridges) else []
    for ridge in ridges:
        crest = height * (ridge.base - ridge.reach * fractal_line(rng, width, ridge.slope * height, 9, ridge.roughness))
        tallest = height * ridge.trees[1] if ridge.trees else 2
        top = max(int(crest.min() - tallest), 0)
        opacity = np.clip((np.arange(top, foot)[:, None] - crest) / 1.5 + 0.5, 0, 1).astype(np.float32)
        if ridge.trees:
            _add_forest(rng, opacity, trees, crest - top, (ridge.trees[0] * height, ridge.trees[1] * height))
        picture[top:foot] = painted(picture[top:foot], _slopes(rng, ridge, crest - top, air, foot - top), opacity)


def _add_forest(
    rng: np.random.Generator, opacity: Plane, trees: list[Plane], crest: Plane, heights: tuple[float, float]
) -> None:
    x = 0.0
    while x < len(crest):
        plant(opacity, trees[rng.integers(len(trees))], (x, crest[int(x)] + heights[0] / 5), rng.uniform(*heights))
        x += rng.uniform(0.05, 0.5) * heights[1]


def _slopes(rng: np.random.Generator, ridge: Ridge, crest: Plane, air: Plane, rows: int) -> Plane:
    """The colours of a ridge: faces turned to the light or away, and mist that thickens downwards. Soft, so drawn small."""
    width = len(crest)
    size = width // 2, rows // 2 + 1
    unit = ridge.slope / 0.25
    relief = fractal(rng, size, (max(28 * unit, 4), max(40 * unit, 4)), 5)
    face = np.clip(np.roll(relief, -4, 1) - np.roll(relief, 4, 1), -1, 1)
    below = np.arange(size[1], dtype=np.float32)[:, None] * 2 - crest[::2][: size[0]]
    mist = ramp(below, 0, 0.65 * float(np.ptp(crest)) + 0.06 * width) * (0.84 + 0.13 * relief)
    opacity = np.clip(ridge.haze + (1 - ridge.haze) * 0.72 * mist + 0.03 * relief, 0, 1)
    rock = np.asarray(ridge.color, np.float32) + face[..., None] * np.asarray((0.20, 0.16, 0.12), np.float32)
    body = painted(rock, np.broadcast_to(air[::2][: size[0]], (*size[::-1], 3)), opacity)
    return resized(body, width, size[1] * 2, "linear")[:rows]


def add_lake(rng: np.random.Generator, picture: Plane, light: Light, air: Plane, *, shore: int) -> None:
    """Lets everything above the row `shore` be mirrored below it, darker towards the viewer, and puts mist on the line."""
    height, width = picture.shape[:2]
    rows = height - shore
    depth = (np.arange(rows, dtype=np.float32) / rows)[:, None]
    swell = fractal(rng, (width, rows), (0.16 * height, 0.010 * height), 5)
    ripple = fractal(rng, (width, rows), (0.044 * height, max(0.0031 * height, 2)), 3)
    shift = (0.016 * swell + 0.006 * ripple) * (0.15 + 1.6 * depth) * height
    mirrored = np.clip(shore - 1 - (1.12 * np.arange(rows)[:, None] + shift), 0, shore - 1).astype(np.intp)
    tint = gradient(depth[:, 0], [(0.0, (0.93, 0.93, 0.95)), (0.4, (0.72, 0.76, 0.82)), (1.0, (0.40, 0.48, 0.58))])
    lake = np.take_along_axis(picture, mirrored[..., None], axis=0) * tint[:, None]
    across = np.arange(width, dtype=np.float32) - light.sun[0] * width
    path = np.exp(-((across / ((0.045 + 0.15 * depth) * height)) ** 2))
    glitter = ramp(ripple + 0.5 * swell, 0.35, 0.8) * path * (0.85 - 0.35 * depth)
    picture[shore:] = lightened(lake, glitter, light.halos[0][1] if light.halos else (0, 0, 0))
    _add_mist(rng, picture, air, shore)


def _add_mist(rng: np.random.Generator, picture: Plane, air: Plane, row: int) -> None:
    height, width = picture.shape[:2]
    top, bottom = row - round(0.09 * height), row + round(0.09 * height)
    patches = 0.50 + 0.35 * fractal(rng, (width, bottom - top), (0.26 * height, 0.025 * height), 4)
    near = np.exp(-np.abs(np.arange(top, bottom, dtype=np.float32)[:, None] - row) / (0.020 * height))
    picture[top:bottom] = painted(picture[top:bottom], air[None], np.clip(near * patches, 0, 0.8))


def add_near_shore(
    rng: np.random.Generator, picture: Plane, trees: Sequence[tuple[float, float]], color: Color
) -> None:
    """Frames the picture with dark ground along its foot and trees: (place across, height), fractions of the picture's."""
    height, width = picture.shape[:2]
    x = np.linspace(0, 1, width, dtype=np.float32)
    ground = 0.985 - 0.15 * np.exp(-x / 0.17) - 0.06 * np.exp(-(1 - x) / 0.10)
    ground = height * (ground - 0.006 * fractal_line(rng, width, 0.04 * height, 6, 0.6))
    top = int(height * min(0.7, 0.9 - max((tall for _, tall in trees), default=0)))
    opacity = np.clip((np.arange(max(top, 0), height)[:, None] - ground) / 1.5 + 0.5, 0, 1).astype(np.float32)
    shapes = [pine(rng, round(0.4 * height)) for _ in range(3)]
    for number, (across, tall) in enumerate(trees):
        column = min(max(round(across * width), 0), width - 1)
        foot = across * width, ground[column] + 0.012 * height - max(top, 0)
        plant(opacity, shapes[number % len(shapes)], foot, tall * height)
    picture[max(top, 0) :] = painted(picture[max(top, 0) :], color, opacity)
