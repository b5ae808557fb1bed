"""Northern lights over a lake."""

from __future__ import annotations

import numpy as np

from scripts.samples.noise import Plane, blurred, fractal_line
from scripts.samples.paint import Picture, develop, enlarged_picture, gradient, ramp
from scripts.samples.scenery import Light, Ridge, add_ridges, add_stars, haze, sky
from scripts.samples.water import add_lake

NIGHT = Light(
    sun=(0.45, 0.60),
    sky=[
        (0.00, (0.010, 0.022, 0.060)),
        (0.35, (0.020, 0.055, 0.110)),
        (0.60, (0.050, 0.140, 0.180)),
        (0.68, (0.090, 0.220, 0.230)),
    ],
    halos=[(0.50, (0.02, 0.16, 0.11))],
    haze=[(0.0, (0.040, 0.105, 0.150)), (1.0, (0.090, 0.260, 0.240))],
)
NIGHT_RIDGES = (
    Ridge(base=0.600, reach=0.100, slope=0.36, roughness=0.50, color=(0.035, 0.075, 0.105), haze=0.30),
    Ridge(
        base=0.655, reach=0.050, slope=0.25, roughness=0.47, color=(0.014, 0.036, 0.052), haze=0.10, tallest_tree=0.018
    ),
    Ridge(
        base=0.685, reach=0.020, slope=0.18, roughness=0.45, color=(0.006, 0.016, 0.024), haze=0.02, tallest_tree=0.045
    ),
)
CURTAIN = [(0.0, (0.30, 1.0, 0.52)), (0.30, (0.16, 0.85, 0.60)), (0.75, (0.42, 0.35, 0.80)), (1.2, (0.6, 0.2, 0.6))]


def aurora(width: int, height: int, seed: int = 6) -> Picture:
    """Two curtains of light under the stars, mirrored in a lake."""
    rng = np.random.default_rng(seed)
    picture = sky(rng, width, height, NIGHT)
    add_stars(rng, picture, count=700)
    _add_curtain(rng, picture, base=0.46, tall=0.30, strength=0.55)
    _add_curtain(rng, picture, base=0.40, tall=0.42, strength=0.95)
    air = haze(width, height, NIGHT)
    shore = round(0.695 * height)
    add_ridges(rng, picture, NIGHT_RIDGES, air, foot=shore)
    add_lake(rng, picture, NIGHT, air, shore=shore)
    develop(rng, picture, grain=0.010, vignette=0.3)
    return picture


def _add_curtain(rng: np.random.Generator, picture: Picture, *, base: float, tall: float, strength: float) -> None:
    """Light that is green along its folded hem and fades upwards into violet rays. Drawn at half the size."""
    height, width = picture.shape[1] // 2, picture.shape[2] // 2
    x = np.linspace(0, 1, width, dtype=np.float32)
    hem = base + 0.07 * np.sin(5.1 * x + rng.uniform(0, 6)) + 0.035 * np.sin(13 * x + rng.uniform(0, 6))
    hem += 0.012 * _softened(fractal_line(rng, width, 0.05 * width, 4), 0.006 * width)
    rays = 0.62 + 0.5 * _softened(fractal_line(rng, width, 0.035 * width, 6, gain=0.75), 0.0015 * width)
    above = (hem - np.linspace(0, 1, height, dtype=np.float32)[:, None]) / (tall * (0.7 + 0.3 * rays))
    glow = np.exp(np.where(above > 0, -2.6, 28) * above) * np.clip(rays, 0.1, None)
    light = np.clip(strength * glow * ramp(x, -0.1, 0.25) * ramp(x, 1.15, 0.7), 0, 1)
    colored = enlarged_picture(gradient(above, CURTAIN) * light.astype(np.float32), *picture.shape[:0:-1])
    picture += colored * (1 - picture)


def _softened(line: Plane, sigma: float) -> Plane:
    return blurred(line[None], sigma).ravel()
