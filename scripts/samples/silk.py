"""A picture of no place: silk in the strongest colours, for a profile with a wide gamut."""

from __future__ import annotations

from typing import Final

import numpy as np

from scripts.samples.noise import fractal
from scripts.samples.paint import Picture, Stops, develop, enlarged_picture, gradient

SILK: Final[Stops] = (
    (0.00, (0.05, 0.00, 0.34)),
    (0.14, (0.42, 0.00, 0.78)),
    (0.30, (1.00, 0.00, 0.50)),
    (0.46, (1.00, 0.24, 0.00)),
    (0.58, (1.00, 0.74, 0.00)),
    (0.70, (0.10, 0.86, 0.25)),
    (0.84, (0.00, 0.68, 0.95)),
    (1.00, (0.05, 0.12, 0.85)),
)


def silk(width: int, height: int, seed: int = 5) -> Picture:
    """Folds of silk whose colour runs through the whole circle; soft, so drawn at half the size."""
    rng = np.random.default_rng(seed)
    size = width // 2, height // 2
    y, x = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float32) / size[1]
    bend, turn = (fractal(rng, size, (0.65 * size[1], 0.5 * size[1]), 2) for _ in range(2))
    across = 0.80 * x + 0.42 * y + 0.26 * bend
    folds = np.sin(17 * across + 2.6 * turn) + 0.5 * np.sin(37 * across - 4.0 * turn + 2 * bend)
    color = gradient(np.clip(0.74 * across + 0.09 * turn + 0.03 * folds - 0.04, 0, 1), SILK)
    light = np.clip(0.5 + 0.34 * folds, 0, 1)
    lit = color ** (1.5 - 0.5 * light) * (0.56 + 0.52 * light) + 0.28 * light**8
    picture = enlarged_picture(np.clip(lit, 0, 1), width, height)
    develop(rng, picture, grain=0.004, vignette=0.15)
    return picture
