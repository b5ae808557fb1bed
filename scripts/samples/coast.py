"""A lighthouse over the sea after sunset."""

from __future__ import annotations

import numpy as np

from scripts.samples.noise import Plane, enlarged, fractal, fractal_line
from scripts.samples.paint import Picture, covered, develop, draw, drawing, lighten, paint, ramp
from scripts.samples.scenery import Light, add_stars, haze, sky
from scripts.samples.water import add_sea

DUSK = Light(
    sun=(0.10, 0.665),
    sky=[
        (0.00, (0.035, 0.070, 0.165)),
        (0.20, (0.065, 0.130, 0.270)),
        (0.38, (0.160, 0.240, 0.400)),
        (0.52, (0.420, 0.390, 0.500)),
        (0.60, (0.720, 0.500, 0.470)),
        (0.68, (0.880, 0.580, 0.420)),
    ],
    halos=[(0.36, (0.62, 0.26, 0.06)), (0.11, (0.80, 0.45, 0.18))],
    haze=[(0.0, (0.80, 0.55, 0.46)), (1.0, (0.80, 0.55, 0.46))],
    clouds=[
        (0.0, (1.0, 0.72, 0.45)),
        (0.30, (0.88, 0.48, 0.42)),
        (0.55, (0.48, 0.34, 0.45)),
        (1.0, (0.16, 0.20, 0.33)),
    ],
)
LAMP_BELOW_TOP = 84 / 520
"""Where the lamp is in the drawing, a fraction of its height."""


def lighthouse(width: int, height: int, seed: int = 3) -> Picture:
    """A lighthouse on a cliff sends its beams through the dusk."""
    rng = np.random.default_rng(seed)
    picture = sky(rng, width, height, DUSK)
    add_stars(rng, picture, count=260)
    add_sea(rng, picture, DUSK, haze(width, height, DUSK), horizon=round(0.665 * height))
    lamp = (0.655 * width, 0.396 * height)
    _add_beams(rng, picture, lamp)
    tall = round(0.30 * height)
    draw(picture, drawing("lighthouse"), (lamp[0], lamp[1] + tall * (0.5 - LAMP_BELOW_TOP)), height=tall)
    _add_rocks(rng, picture)
    _add_glow(picture, lamp)
    develop(rng, picture, grain=0.009, vignette=0.35)
    return picture


def _distances(picture: Picture, center: tuple[float, float], step: int) -> tuple[Plane, Plane]:
    """Columns right of and rows below `center` of every `step`-th pixel, as fractions of the height."""
    height, width = picture.shape[1:]
    y, x = np.mgrid[0:height:step, 0:width:step].astype(np.float32)
    return (x - np.float32(center[0])) / height, (y - np.float32(center[1])) / height


def _add_beams(rng: np.random.Generator, picture: Picture, lamp: tuple[float, float]) -> None:
    """Two beams, wider and fainter as they go, in air that is not even. Drawn at a quarter of the size."""
    height, width = picture.shape[1:]
    x, y = _distances(picture, lamp, 4)
    distance, angle = np.hypot(x, y), np.arctan2(y, x)
    light = np.zeros_like(distance)
    for direction, strength in ((np.pi - 0.17, 0.75), (0.12, 0.6)):
        off = np.abs((angle - direction + np.pi) % (2 * np.pi) - np.pi)
        light += strength * np.exp(-((off / 0.085) ** 2) - distance / 0.42) * ramp(distance, 0.0, 0.03)
    light *= 0.8 + 0.3 * fractal(rng, light.shape[::-1], (0.03 * height, 0.012 * height), 4)
    lighten(picture, enlarged(light, width, height), (1.0, 0.88, 0.62))


def _add_glow(picture: Picture, lamp: tuple[float, float]) -> None:
    """The halo of the lamp. Drawn at half the size."""
    distance = np.hypot(*_distances(picture, lamp, 2))
    glow = 0.75 * np.exp(-distance / 0.018) + 0.22 * np.exp(-distance / 0.10)
    lighten(picture, enlarged(glow.astype(np.float32), picture.shape[2], picture.shape[1]), (1.0, 0.83, 0.53))


def _add_rocks(rng: np.random.Generator, picture: Picture) -> None:
    """The headland that the tower stands on, the slope below it, and the rocks in front."""
    height, width = picture.shape[1:]
    x = np.linspace(0, 1, width, dtype=np.float32) + 0.020 * fractal_line(rng, width, 0.06 * width, 5)
    headland = 0.637 + 0.022 * ramp(x, 0.60, 0.50) + 0.20 * ramp(x, 0.49, 0.36) - 0.045 * ramp(x, 0.74, 1.05)
    slope = 0.775 + 0.20 * ramp(x, 0.70, 0.18) - 0.05 * ramp(x, 0.7, 1.0)
    near = 0.895 + 0.10 * ramp(x, 0.20, 0.52) * ramp(x, 1.0, 0.66)
    for outline, roughness, color, gleam in (
        (headland, 0.005, (0.100, 0.085, 0.120), 1.1),
        (slope, 0.012, (0.066, 0.060, 0.090), 0.9),
        (near, 0.015, (0.038, 0.038, 0.060), 0.8),
    ):
        crest = height * (outline - roughness * fractal_line(rng, width, 0.09 * height, 9, gain=0.56))
        top = int(crest.min()) - 2
        light = gleam * _caught_light(rng, crest - top, (height - top, height))
        stone = np.stack([tone + light * shine for tone, shine in zip(color, (0.62, 0.40, 0.34), strict=True)])
        paint(picture[:, top:], stone, covered(crest, (top, height)))


def _caught_light(rng: np.random.Generator, crest: Plane, heights: tuple[int, int]) -> Plane:
    """The light on broken stone: on its left faces, and most near its crest. Drawn at half the size."""
    (rows, height), width = heights, len(crest)
    size = width // 2, rows // 2 + 1
    relief = fractal(rng, (size[0] + 2, size[1] + 1), (0.045 * height, 0.026 * height), 6)
    face = np.clip(relief[:-1, 2:] - relief[1:, :-2] + 0.05, 0, 0.6)
    below = np.arange(size[1], dtype=np.float32)[:, None] * 2 - crest[::2][: size[0]]
    light = face * (0.25 + np.exp(-np.clip(below, 0, None) / (0.07 * height)))
    return enlarged(light.astype(np.float32), width, size[1] * 2)[:rows]
