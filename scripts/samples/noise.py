"""Chance with a shape: fractal planes and lines, and the few picture operations that the scenes share.

A picture is an array of 32-bit floats, rows by columns (by three colours), from 0 for black to 1 for white.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Color = tuple[float, float, float]


def to_vips(plane: Plane) -> Any:
    """The array as a libvips image of floats."""
    solid = np.ascontiguousarray(plane, dtype=np.float32)
    bands = 1 if solid.ndim == 2 else solid.shape[2]
    return pyvips.Image.new_from_memory(solid.data, solid.shape[1], solid.shape[0], bands, "float")


def resized(plane: Plane, width: int, height: int, kernel: str = "cubic") -> Plane:
    """The plane at another size."""
    image = to_vips(plane)
    image = image.resize(width / image.width, vscale=height / image.height, kernel=kernel)
    return np.asarray(image.numpy(), dtype=np.float32)[:height, :width]


def blurred(plane: Plane, sigma: float) -> Plane:
    """The plane under a Gaussian blur of `sigma` pixels."""
    return np.asarray(to_vips(plane).gaussblur(sigma, precision="approximate").numpy(), dtype=np.float32)


def fractal(rng: np.random.Generator, size: tuple[int, int], cell: tuple[float, float], octaves: int) -> Plane:
    """Smooth chance of `size` (width, height): cells of `cell` pixels, and `octaves` - 1 halvings of them at half weight.

    The values lie about 0, nearly all between -1 and 1.
    """
    columns, rows = (ceil(pixels / step) + 2 for pixels, step in zip(size, cell, strict=True))
    plane = rng.uniform(-1, 1, (rows, columns)).astype(np.float32)
    for octave in range(1, octaves):
        shape, weight = (rows * 2**octave, columns * 2**octave), 0.5**octave
        plane = resized(plane, shape[1], shape[0]) + rng.uniform(-weight, weight, shape).astype(np.float32)
    # libvips places 64 steps between two pixels: enlarged by more at once, the steps would show.
    while plane.shape[0] * 32 < rows * cell[1]:
        plane = resized(plane, plane.shape[1] * 8, plane.shape[0] * 8)
    plane = resized(plane, round(columns * cell[0]), round(rows * cell[1]))
    top, left = int(cell[1] / 2), int(cell[0] / 2)
    return plane[top : top + size[1], left : left + size[0]]


def fractal_line(rng: np.random.Generator, width: int, cell: float, octaves: int, gain: float = 0.5) -> Plane:
    """A jagged line of `width` values about 0: straight pieces of `cell` pixels, broken again and again."""
    positions = np.arange(width, dtype=np.float32)
    line = np.zeros(width, np.float32)
    for octave in range(octaves):
        step = cell / 2**octave
        knots = rng.uniform(-1, 1, ceil(width / step) + 2)
        line += gain**octave * np.interp(positions, np.arange(len(knots)) * step - rng.uniform(0, step), knots)
    return line


def ramp(values: Plane, start: float, stop: float) -> Plane:
    """0 up to `start`, 1 from `stop` on, and a soft rise between; `stop` may be the smaller one."""
    t = np.clip((values - start) / (stop - start), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def gradient(values: Plane, stops: Sequence[tuple[float, Color]]) -> Plane:
    """Each value as the colour that the stops give it; one more axis than `values`."""
    at = [position for position, _ in stops]
    bands = [np.interp(values, at, [color[band] for _, color in stops]) for band in range(3)]
    return np.stack(bands, axis=-1).astype(np.float32)


def painted(under: Plane, color: Plane | Color, opacity: Plane) -> Plane:
    """`color` over the picture `under` where `opacity` says so."""
    alpha = opacity[..., None]
    return np.asarray(under + (np.asarray(color, np.float32) - under) * alpha, dtype=np.float32)


def developed(picture: Plane, rng: np.random.Generator, *, grain: float = 0.012, vignette: float = 0.25) -> Plane:
    """The picture as film would show it: darker corners, and grain, which also keeps gradients from banding."""
    height, width = picture.shape[:2]
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    shade = 1 - vignette * ramp((x * x + y * y).astype(np.float32), 0.5, 2.2)
    speckle = rng.standard_normal((height, width), dtype=np.float32)
    speckle += np.roll(speckle, 1, 0) + np.roll(speckle, 1, 1)
    return np.clip(picture * shade[..., None] + grain * 0.58 * speckle[..., None], 0, 1)
