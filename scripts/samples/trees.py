"""Conifers: drawn branch by branch as SVG, kept as planes of opacity, and planted alone or as a forest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyvips

from scripts.samples.noise import Plane, enlarged, fractal_line, resized
from scripts.samples.paint import Color, Picture, covered, paint

BRANCHES: Final = 80


def pine(rng: np.random.Generator, height: int) -> Plane:
    """The opacity of one conifer, `height` pixels high and half as wide."""
    paths = ["M498 1000 L496.5 40 L500 3 L503.5 40 L508 1000 Z"]
    for level in range(BRANCHES):
        along = (level + rng.uniform(-0.5, 0.9)) / BRANCHES
        for side in (-1, 1):
            length = 172 * max(along, 0.0) ** 0.8 * rng.uniform(0.55, 1.12) + 5
            paths.append(_branch(rng, side, 24 + 930 * along, length))
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="250 0 500 1000" width="{height // 2}" height="{height}">'
    image = pyvips.Image.svgload_buffer(f'{svg}<path d="{" ".join(paths)}"/></svg>'.encode())
    return np.asarray(image[3].numpy(), dtype=np.float32) / np.float32(255)


def _branch(rng: np.random.Generator, side: int, top: float, length: float) -> str:
    """One branch: its upper edge sags and rises to the tip, its lower edge is hung with needles."""
    sag = rng.uniform(0.05, 0.30) + top / 5000
    across = np.sort(np.append(rng.uniform(0, 1, max(int(length / 8), 3)), (0, 1)))
    edge = top + length * sag * across * (1.7 - across)
    needles = (4 + 0.16 * length) * (1.02 - across) ** 0.6 * rng.uniform(0.3, 1.45, across.shape)
    x = length * across
    lower = np.stack([np.maximum(x - 3, 0), edge + 0.3 * needles, x + 2, edge + needles], axis=1)[::-1].reshape(-1, 2)
    points = np.concatenate([np.stack([x, edge], axis=1), lower])
    points[:, 0] = 500 + side * (points[:, 0] - 1)
    # Both sides turn the same way round, or they would cut holes into each other.
    return "M" + " ".join(map("{:.1f}".format, points[::side].ravel().tolist())) + "Z"


def add_forest(rng: np.random.Generator, opacity: Plane, crest: Plane, tallest: float) -> None:
    """Plants a forest along a crest, into the opacities of the hill; heights in pixels."""
    tree = pine(rng, max(round(tallest), 8))
    trees = [_scaled(tree[:, ::side], tallest * share) for share in (0.4, 0.55, 0.7, 0.85, 1) for side in (1, -1)]
    x = 0.0
    while x < len(crest):
        _plant(opacity, trees[rng.integers(len(trees))], (x, crest[int(x)] + 0.1 * tallest))
        x += rng.uniform(0.04, 0.36) * tallest


def add_near_shore(
    rng: np.random.Generator, picture: Picture, trees: Sequence[tuple[float, float]], color: Color
) -> None:
    """Frames the picture with dark ground along its foot and with trees: (place across, height) as its fractions."""
    height, width = picture.shape[1:]
    x = np.linspace(0, 1, width, dtype=np.float32)
    ground = 0.985 - 0.15 * np.exp(-x / 0.17) - 0.06 * np.exp(-(1 - x) / 0.10)
    ground = height * (ground - 0.006 * fractal_line(rng, width, 0.04 * height, 6, gain=0.6))
    top = int(height * max(0.0, 0.8 - max(tall for _, tall in trees)))
    opacity = covered(ground, (top, height))
    shape = pine(rng, round(0.5 * height))
    for number, (across, tall) in enumerate(trees):
        column = min(max(round(across * width), 0), width - 1)
        foot = across * width, ground[column] + 0.012 * height - top
        _plant(opacity, _scaled(shape[:, :: (-1) ** number], tall * height), foot)
    paint(picture[:, top:], color, opacity)


def _scaled(tree: Plane, height: float) -> Plane:
    """The tree at another height in pixels."""
    rows = max(round(height), 4)
    change = resized if rows < tree.shape[0] else enlarged
    return np.clip(change(tree, max(rows // 2, 2), rows), 0, 1)


def _plant(opacity: Plane, tree: Plane, foot: tuple[float, float]) -> None:
    """Puts a tree with its foot at (x, y); what is outside the plane is cut off."""
    rows, columns = tree.shape
    left, top = round(foot[0] - columns / 2), round(foot[1] - rows)
    first, last = max(top, 0), min(top + rows, opacity.shape[0])
    start, stop = max(left, 0), min(left + columns, opacity.shape[1])
    if first < last and start < stop:
        part = opacity[first:last, start:stop]
        np.maximum(part, tree[first - top : last - top, start - left : stop - left], out=part)
