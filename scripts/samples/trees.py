"""Conifers: drawn branch by branch as SVG, kept as planes of opacity, and planted into larger planes."""

from __future__ import annotations

import numpy as np
import pyvips

from scripts.samples.noise import Plane, resized

BRANCHES = 80


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
    return np.asarray(image[3].numpy(), dtype=np.float32) / 255


def _branch(rng: np.random.Generator, side: int, top: float, length: float) -> str:
    """One branch: its upper edge sags and rises to the tip, its lower edge is hung with needles."""
    sag = rng.uniform(0.05, 0.30) + top / 5000
    across = np.sort(np.append(rng.uniform(0, 1, max(int(length / 8), 3)), (0, 1)))
    edge = top + length * sag * across * (1.7 - across)
    needles = (4 + 0.16 * length) * (1.02 - across) ** 0.6 * rng.uniform(0.3, 1.45, across.shape)
    x = length * across
    lower = np.stack([x - 3, edge + 0.3 * needles, x + 2, edge + needles], axis=1)[::-1].reshape(-1, 2)
    points = np.concatenate([np.stack([x, edge], axis=1), lower])
    points[:, 0] = 500 + side * (points[:, 0] - 1)
    # Both sides turn the same way round, or they would cut holes into each other.
    return "M" + " ".join(map("{:.1f}".format, points[::side].ravel().tolist())) + "Z"


def scaled(tree: Plane, height: float) -> Plane:
    """The tree at another height in pixels."""
    rows = max(round(height), 4)
    return np.clip(resized(tree, max(rows // 2, 2), rows, "linear"), 0, 1)


def plant(plane: Plane, tree: Plane, foot: tuple[float, float]) -> None:
    """Puts a tree into a plane of opacities with its foot at (x, y); what is outside the plane is cut off."""
    rows, columns = tree.shape
    left, top = round(foot[0] - columns / 2), round(foot[1] - rows)
    first, last = max(top, 0), min(top + rows, plane.shape[0])
    start, stop = max(left, 0), min(left + columns, plane.shape[1])
    if first < last and start < stop:
        part = plane[first:last, start:stop]
        np.maximum(part, tree[first - top : last - top, start - left : stop - left], out=part)
