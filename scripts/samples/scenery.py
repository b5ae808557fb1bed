"""The parts that landscapes are made of: sky, ridges in haze, water that mirrors them, a near shore with trees.

Lengths are fractions of the picture's height unless they say pixels, so a scene looks alike at every size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyvips

from scripts.samples.noise import Color, Plane, blurred, fractal, fractal_line, gradient, painted, ramp, resized
from scripts.samples.trees import pine, plant, scaled

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
    """A line of hills: how high it stands and reaches, how long its slopes are, how broken, how deep in haze, how tall its
    tallest trees."""

    base: float
    reach: float
    slope: float
    roughness: float
    color: Color
    haze: float
    trees: float = 0.0


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


def add_stars(rng: np.random.Generator, picture: Plane, *, count: int) -> None:
    """Scatters stars over the upper half, fewer and fainter towards its foot."""
    height, width = picture.shape[0] // 2, picture.shape[1]
    stars = np.zeros((height, width), np.float32)
    stars[rng.integers(0, height, count), rng.integers(0, width, count)] = rng.uniform(0.1, 1, count) ** 3
    above = np.linspace(1, 0, height, dtype=np.float32)[:, None]
    picture[:height] = lightened(picture[:height], blurred(stars, 0.8) * 6 * ramp(above, 0.15, 0.8), (0.9, 0.95, 1.0))


def haze(width: int, height: int, light: Light) -> Plane:
    """The colour of the haze in each column: warmer towards the sun."""
    away = np.abs(np.arange(width, dtype=np.float32) - light.sun[0] * width)
    return gradient(np.exp(-away / (0.63 * height)), light.haze)


def add_ridges(
    rng: np.random.Generator, picture: Plane, ridges: Sequence[Ridge], air: Plane, *, foot: int
) -> None:
    """Draws the ridges one before the other, each down to the row `foot`."""
    height, width = picture.shape[:2]
    for ridge in ridges:
        crest = height * (ridge.base - ridge.reach * fractal_line(rng, width, ridge.slope * height, 9, ridge.roughness))
        top = max(int(crest.min() - height * ridge.trees - 2), 0)
        opacity = np.clip((np.arange(top, foot)[:, None] - crest) / 1.5 + 0.5, 0, 1).astype(np.float32)
        if ridge.trees:
            _add_forest(rng, opacity, crest - top, ridge.trees * height)
        picture[top:foot] = painted(picture[top:foot], _slopes(rng, ridge, crest - top, air, (foot - top, height)), opacity)


def _add_forest(rng: np.random.Generator, opacity: Plane, crest: Plane, tallest: float) -> None:
    tree = pine(rng, max(round(tallest), 8))
    trees = [scaled(tree[:, ::side], tallest * share) for share in (0.4, 0.55, 0.7, 0.85, 1) for side in (1, -1)]
    x = 0.0
    while x < len(crest):
        plant(opacity, trees[rng.integers(len(trees))], (x, crest[int(x)] + 0.1 * tallest))
        x += rng.uniform(0.04, 0.36) * tallest


def _slopes(rng: np.random.Generator, ridge: Ridge, crest: Plane, air: Plane, heights: tuple[int, int]) -> Plane:
    """The colours of a ridge: faces turned to the light or away, and mist that thickens downwards. Soft, so drawn small."""
    width, (rows, height) = len(crest), heights
    size = width // 2, rows // 2 + 1
    reach = max(round(0.008 * height), 2)
    relief = fractal(rng, (size[0] + reach, size[1]), (0.3 * ridge.slope * height, 0.42 * ridge.slope * height), 6)
    face = np.clip(relief[:, reach:] - relief[:, :-reach], -1, 1)
    relief = relief[:, : size[0]]
    below = np.arange(size[1], dtype=np.float32)[:, None] * 2 - crest[::2][: size[0]]
    mist = ramp(below, 0, 0.65 * float(np.ptp(crest)) + 0.06 * width) * (0.84 + 0.13 * relief)
    opacity = np.clip(ridge.haze + (1 - ridge.haze) * 0.72 * mist + 0.03 * relief, 0, 1)
    rock = np.asarray(ridge.color, np.float32) * (1 + 0.7 * face[..., None])
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
    tint = gradient(depth[:, 0], [(0.0, (0.93, 0.93, 0.95)), (0.4, (0.80, 0.78, 0.80)), (1.0, (0.45, 0.49, 0.57))])
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
    shape = pine(rng, round(0.4 * height))
    for number, (across, tall) in enumerate(trees):
        column = min(max(round(across * width), 0), width - 1)
        foot = across * width, ground[column] + 0.012 * height - max(top, 0)
        plant(opacity, scaled(shape[:, :: (-1) ** number], tall * height), foot)
    picture[max(top, 0) :] = painted(picture[max(top, 0) :], color, opacity)


def add_drawing(picture: Plane, svg: str, center: tuple[float, float], *, distance: float = 0.0) -> None:
    """Draws SVG text with its middle at (x, y); from a distance of 1 it is half lost in the air that is behind it."""
    drawn = np.asarray(pyvips.Image.svgload_buffer(svg.encode()).numpy(), dtype=np.float32) / 255
    top, left = round(center[1] - drawn.shape[0] / 2), round(center[0] - drawn.shape[1] / 2)
    part = picture[top : top + drawn.shape[0], left : left + drawn.shape[1]]
    part[:] = painted(part, drawn[..., :3], drawn[..., 3] * (1 - 0.5 * distance))
