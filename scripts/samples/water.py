"""Water that mirrors what is above it: a still lake, and the sea."""

from __future__ import annotations

from typing import Final

import numpy as np

from scripts.samples.noise import Plane, fractal
from scripts.samples.paint import Picture, Stops, gradient, lighten, paint, ramp
from scripts.samples.scenery import Light

LAKE: Final[Stops] = ((0.0, (0.93, 0.93, 0.95)), (0.4, (0.80, 0.78, 0.80)), (1.0, (0.45, 0.49, 0.57)))
SEA: Final[Stops] = ((0.0, (0.80, 0.76, 0.80)), (0.3, (0.58, 0.60, 0.68)), (1.0, (0.30, 0.36, 0.46)))
SIDE: Final = 1024
"""Columns and rows of the chance that the waves of the sea are looked up in."""


def add_lake(rng: np.random.Generator, picture: Picture, light: Light, air: Picture, *, shore: int) -> None:
    """Mirrors what is above the row `shore` below it, darker towards the viewer, and lays mist on the line."""
    height, width = picture.shape[1:]
    rows = height - shore
    depth = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
    swell = fractal(rng, (width, rows), (0.16 * height, 0.010 * height), 5)
    ripple = fractal(rng, (width, rows), (0.044 * height, max(0.0031 * height, 2)), 3)
    shift = (0.016 * swell + 0.006 * ripple) * (0.15 + 1.6 * depth)
    _mirror(picture, shore, 1.12 * rows / height * depth + shift)
    picture[:, shore:] *= gradient(depth, LAKE)
    across = np.arange(width, dtype=np.float32) - light.sun[0] * width
    path = np.exp(-((across / ((0.045 + 0.15 * depth) * height)) ** 2))
    glitter = ramp(ripple + 0.5 * swell, 0.35, 0.8) * path * (0.85 - 0.35 * depth)
    lighten(picture[:, shore:], glitter, light.halos[0][1])
    _add_mist(rng, picture, air, shore)


def add_sea(rng: np.random.Generator, picture: Picture, light: Light, air: Picture, *, horizon: int) -> None:
    """Waves from the row `horizon` down, each tilted to mirror another part of the sky; haze on the line."""
    height, width = picture.shape[1:]
    rows = height - horizon
    depth = (np.arange(rows, dtype=np.float32) + np.float32(1.5))[:, None] / np.float32(rows)
    wave = _waves(rng, depth, (width, height))
    _mirror(picture, horizon, np.clip(0.03 + 0.5 * depth + wave * (0.04 + 0.22 * depth), 0.002, 0.9) * 0.62)
    picture[:, horizon:] *= gradient(depth, SEA) * (1 + 0.5 * np.clip(wave, -1, 1))
    across = np.arange(width, dtype=np.float32) / np.float32(height) - light.sun[0] * width / height
    path = np.exp(-((across / (0.05 + 0.3 * depth)) ** 2))
    lighten(picture[:, horizon:], 0.7 * path * ramp(wave, 0.1, 0.8), (1.0, 0.66, 0.40))
    near = np.exp(-np.abs(np.arange(height, dtype=np.float32)[:, None] - horizon) / (0.012 * height))
    paint(picture, air, 0.5 * near * np.exp(-np.linspace(0, 1, width, dtype=np.float32)))


def _waves(rng: np.random.Generator, depth: Plane, size: tuple[int, int]) -> Plane:
    """Waves in perspective: each row looks the same chance up at its own distance, and small ones everywhere."""
    width, height = size
    chance = fractal(rng, (SIDE, SIDE), (64, 64), 6)
    far = 0.22 / (depth + 0.012)
    across = (np.arange(width, dtype=np.float32) - 0.4 * width) / height
    # Folded at its edges, which do not meet.
    x = np.abs((across * far * 640 + 500).astype(np.intp) % (2 * SIDE - 2) - SIDE + 1)
    y = np.abs((far * 1500).astype(np.intp) % (2 * SIDE - 2) - SIDE + 1)
    fine = fractal(rng, (width, len(depth)), (0.03 * height, 0.0035 * height), 4)
    return 0.8 * chance[y, x] * ramp(depth, 0.0, 0.25) + fine * (0.3 + 0.4 * ramp(depth, 0.9, 0.0))


def _mirror(picture: Picture, line: int, above: Plane) -> None:
    """Fills the rows from `line` down with what stands `above` the line, a fraction of the height for each pixel."""
    rows = np.clip(line - 1 - above * picture.shape[1], 0, line - 1).astype(np.intp)
    for band in picture:
        band[line:] = np.take_along_axis(band[:line], rows, axis=0)


def _add_mist(rng: np.random.Generator, picture: Picture, air: Picture, row: int) -> None:
    height, width = picture.shape[1:]
    top, bottom = row - round(0.09 * height), row + round(0.09 * height)
    patches = 0.50 + 0.35 * fractal(rng, (width, bottom - top), (0.26 * height, 0.025 * height), 4)
    near = np.exp(-np.abs(np.arange(top, bottom, dtype=np.float32)[:, None] - row) / (0.020 * height))
    paint(picture[:, top:bottom], air, np.clip(near * patches, 0, 0.8))
