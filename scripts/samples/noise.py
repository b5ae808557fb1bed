"""Chance with a shape: smooth planes and jagged lines that look alike at every scale."""

from __future__ import annotations

from math import ceil

import numpy as np
import pyvips
from numpy.typing import NDArray

Plane = NDArray[np.float32]
"""Rows by columns of 32-bit floats."""


def resized(plane: Plane, width: int, height: int) -> Plane:
    """The plane at another size, as libvips' bicubic interpolation makes it."""
    solid = np.ascontiguousarray(plane, dtype=np.float32)
    image = pyvips.Image.new_from_memory(solid.data, solid.shape[1], solid.shape[0], 1, "float")
    image = image.resize(width / image.width, vscale=height / image.height, kernel="cubic")
    return np.asarray(image.numpy(), dtype=np.float32)[:height, :width]


def sampled(plane: Plane, x: Plane, y: Plane) -> Plane:
    """The plane at columns `x` and rows `y`, which may lie between its own; linear, and faster at it than libvips."""
    # Columns first: the large step is then the one over whole rows, which memory likes.
    for axis, positions in ((1, x), (0, y)):
        last = plane.shape[axis] - 1
        inside = np.clip(positions, 0, last).astype(np.float32)
        before = inside.astype(np.intp)
        share = inside - before.astype(np.float32)
        first = np.take(plane, before, axis)
        step = np.take(np.diff(plane, axis=axis, append=plane[:, -1:] if axis else plane[-1:]), before, axis)
        step *= share if axis else share[:, None]
        step += first
        plane = step
    return plane


def enlarged(plane: Plane, width: int, height: int) -> Plane:
    """The plane at a larger size, interpolated linearly."""
    return sampled(plane, _centers(width, plane.shape[1]), _centers(height, plane.shape[0]))


def _centers(count: int, old_count: int) -> Plane:
    return (np.arange(count, dtype=np.float32) + np.float32(0.5)) * np.float32(old_count / count) - np.float32(0.5)


def blurred(plane: Plane, sigma: float) -> Plane:
    """The plane under a Gaussian blur of `sigma` pixels."""
    solid = np.ascontiguousarray(plane, dtype=np.float32)
    image = pyvips.Image.new_from_memory(solid.data, solid.shape[1], solid.shape[0], 1, "float")
    return np.asarray(image.gaussblur(sigma, precision="approximate").numpy(), dtype=np.float32)


def fractal(rng: np.random.Generator, size: tuple[int, int], cell: tuple[float, float], octaves: int) -> Plane:
    """Smooth chance of `size` (width, height): cells of `cell` pixels and `octaves` - 1 halvings, each at half weight.

    The values lie about 0, nearly all between -1 and 1.
    """
    columns, rows = (ceil(pixels / step) + 2 for pixels, step in zip(size, cell, strict=True))
    plane = rng.uniform(-1, 1, (rows, columns)).astype(np.float32)
    for octave in range(1, octaves):
        shape, weight = (rows * 2**octave, columns * 2**octave), 0.5**octave
        plane = resized(plane, shape[1], shape[0])
        plane += rng.uniform(-weight, weight, shape).astype(np.float32)
    # Linear interpolation over more than four pixels would show its corners.
    while (wide := plane.shape[1] * 4 < columns * cell[0]) | (tall := plane.shape[0] * 4 < rows * cell[1]):
        plane = resized(plane, plane.shape[1] * (1 + wide), plane.shape[0] * (1 + tall))
    x = (np.arange(size[0], dtype=np.float32) / np.float32(cell[0]) + np.float32(0.5)) * np.float32(
        plane.shape[1] / columns
    )
    y = (np.arange(size[1], dtype=np.float32) / np.float32(cell[1]) + np.float32(0.5)) * np.float32(
        plane.shape[0] / rows
    )
    return sampled(plane, x, y)


def fractal_line(rng: np.random.Generator, width: int, cell: float, octaves: int, *, gain: float = 0.5) -> Plane:
    """A jagged line of `width` values about 0: straight pieces of `cell` pixels, broken again and again."""
    positions = np.arange(width, dtype=np.float32)
    line = np.zeros(width, np.float32)
    for octave in range(octaves):
        step = cell / 2**octave
        knots = rng.uniform(-1, 1, ceil(width / step) + 2)
        line += (
            gain**octave * np.interp(positions, np.arange(len(knots)) * step - rng.uniform(0, step), knots)
        ).astype(np.float32)
    return line
