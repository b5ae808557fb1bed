"""The landscapes: a lake among mountains at sunrise."""

from __future__ import annotations

import numpy as np

from scripts.samples.noise import Plane, blurred, developed, fractal_line, gradient, ramp, resized
from scripts.samples.scenery import Light, Ridge, add_drawing, add_lake, add_near_shore, add_ridges, add_stars, haze, sky

SUNRISE = Light(
    sun=(0.655, 0.43),
    sky=[
        (0.00, (0.13, 0.24, 0.42)),
        (0.18, (0.24, 0.37, 0.55)),
        (0.34, (0.52, 0.56, 0.68)),
        (0.48, (0.80, 0.66, 0.62)),
        (0.60, (0.90, 0.72, 0.56)),
    ],
    halos=[(0.34, (0.66, 0.36, 0.10)), (0.085, (0.95, 0.76, 0.42)), (0.028, (1.0, 0.95, 0.75))],
    haze=[(0.0, (0.50, 0.52, 0.62)), (0.35, (0.74, 0.64, 0.62)), (1.0, (1.0, 0.80, 0.58))],
    clouds=[(0.0, (1.0, 0.9, 0.7)), (0.25, (0.98, 0.74, 0.56)), (0.6, (0.82, 0.6, 0.58)), (1.0, (0.52, 0.52, 0.64))],
)
MOUNTAINS = (
    Ridge(base=0.505, reach=0.115, slope=0.33, roughness=0.50, color=(0.34, 0.41, 0.56), haze=0.60),
    Ridge(base=0.545, reach=0.085, slope=0.25, roughness=0.50, color=(0.25, 0.32, 0.46), haze=0.40),
    Ridge(base=0.585, reach=0.060, slope=0.21, roughness=0.47, color=(0.17, 0.25, 0.36), haze=0.24),
    Ridge(base=0.625, reach=0.045, slope=0.19, roughness=0.45, color=(0.10, 0.17, 0.24), haze=0.12, trees=0.018),
    Ridge(base=0.655, reach=0.022, slope=0.15, roughness=0.45, color=(0.045, 0.09, 0.125), haze=0.03, trees=0.036),
)


def mountain_lake(width: int, height: int, seed: int = 10) -> Plane:
    """A lake among misty mountains, the sun just risen."""
    rng = np.random.default_rng(seed)
    picture = sky(rng, width, height, SUNRISE)
    air = haze(width, height, SUNRISE)
    shore = round(0.665 * height)
    add_ridges(rng, picture, MOUNTAINS, air, foot=shore)
    add_lake(rng, picture, SUNRISE, air, shore=shore)
    left = [(0.02, 0.62), (0.088, 0.44), (0.14, 0.30), (0.052, 0.33), (0.175, 0.19), (0.205, 0.11), (-0.01, 0.40)]
    right = [(0.985, 0.38), (0.948, 0.25), (0.922, 0.14)]
    add_near_shore(rng, picture, left + right, (0.030, 0.052, 0.070))
    return developed(picture, rng, grain=0.007)


MORNING = Light(
    sun=(0.20, 0.40),
    sky=[
        (0.00, (0.30, 0.50, 0.72)),
        (0.25, (0.48, 0.65, 0.80)),
        (0.45, (0.80, 0.82, 0.82)),
        (0.58, (0.98, 0.88, 0.74)),
    ],
    halos=[(0.40, (0.50, 0.32, 0.12)), (0.10, (0.90, 0.72, 0.42)), (0.030, (1.0, 0.97, 0.85))],
    haze=[(0.0, (0.66, 0.71, 0.78)), (0.4, (0.86, 0.80, 0.74)), (1.0, (1.0, 0.88, 0.68))],
    clouds=[(0.0, (1.0, 0.97, 0.88)), (0.4, (1.0, 0.92, 0.84)), (1.0, (0.86, 0.88, 0.93))],
)
HILLS = (
    Ridge(base=0.570, reach=0.040, slope=0.30, roughness=0.42, color=(0.45, 0.53, 0.66), haze=0.60),
    Ridge(base=0.625, reach=0.040, slope=0.34, roughness=0.38, color=(0.36, 0.46, 0.52), haze=0.42),
    Ridge(base=0.690, reach=0.042, slope=0.36, roughness=0.34, color=(0.28, 0.40, 0.38), haze=0.26, trees=0.012),
    Ridge(base=0.770, reach=0.045, slope=0.36, roughness=0.32, color=(0.20, 0.32, 0.25), haze=0.12, trees=0.026),
    Ridge(base=0.880, reach=0.045, slope=0.40, roughness=0.32, color=(0.10, 0.19, 0.15), haze=0.03, trees=0.060),
)
BALLOON = """
<svg xmlns="http://www.w3.org/2000/svg" viewBox="-50 -54 100 138" width="{width}" height="{height}">
  <defs>
    <path id="skin" d="M0-50C30-50 46-26 46 0 46 28 20 42 8 58H-8C-20 42-46 28-46 0-46-26-30-50 0-50Z"/>
    <radialGradient id="light" cx=".28" cy=".30" r=".85">
      <stop offset="0" stop-color="#fff" stop-opacity=".45"/><stop offset=".45" stop-color="#fff" stop-opacity="0"/>
      <stop offset="1" stop-color="#12203c" stop-opacity=".55"/>
    </radialGradient>
  </defs>
  <path d="M-8 58-5.500 71M8 58 5.500 71M-3 58-2 71M3 58 2 71" stroke="#4a3a30" stroke-width=".7"/>
  <path d="M-6 71H6L5 80Q0 81.500-5 80Z" fill="#6b4a30"/>
  <use href="#skin" fill="{first}"/><use href="#skin" fill="{second}" transform="scale(.80 1)"/>
  <use href="#skin" fill="{first}" transform="scale(.54 1)"/><use href="#skin" fill="{second}" transform="scale(.24 1)"/>
  <path d="M-45.500-6Q0 8 45.500-6L46 3Q0 18-46 3Z" fill="{belt}" opacity=".92"/>
  <use href="#skin" fill="url(#light)"/>
</svg>
"""
BALLOONS = (
    (0.60, 0.245, 0.235, "#d9432f", "#f6e7cf", "#27496d"),
    (0.33, 0.405, 0.120, "#2f6f9f", "#f3c14b", "#f8efe0"),
    (0.845, 0.475, 0.085, "#e08a2e", "#7d2f3f", "#f5e3c3"),
    (0.10, 0.500, 0.050, "#4d7f5c", "#f0d9a8", "#8c3b3b"),
    (0.12, 0.185, 0.060, "#7a4a8c", "#f1b8a8", "#f8efe0"),
)


def balloons(width: int, height: int, seed: int = 2) -> Plane:
    """Hot-air balloons over hills in the morning."""
    rng = np.random.default_rng(seed)
    picture = sky(rng, width, height, MORNING)
    add_ridges(rng, picture, HILLS, haze(width, height, MORNING), foot=height)
    for across, down, tall, first, second, belt in BALLOONS:
        rows = round(tall * height)
        text = BALLOON.format(width=round(rows * 100 / 138), height=rows, first=first, second=second, belt=belt)
        add_drawing(picture, text, (across * width, down * height), distance=1 - tall / 0.24)
    return developed(picture, rng, grain=0.007, vignette=0.15)


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
    Ridge(base=0.655, reach=0.050, slope=0.25, roughness=0.47, color=(0.014, 0.036, 0.052), haze=0.10, trees=0.018),
    Ridge(base=0.685, reach=0.020, slope=0.18, roughness=0.45, color=(0.006, 0.016, 0.024), haze=0.02, trees=0.045),
)


def aurora(width: int, height: int, seed: int = 6) -> Plane:
    """Northern lights over a lake."""
    rng = np.random.default_rng(seed)
    picture = sky(rng, width, height, NIGHT)
    add_stars(rng, picture, count=700)
    for base, tall, strength in ((0.46, 0.30, 0.55), (0.40, 0.42, 0.95)):
        _add_curtain(rng, picture, base, tall, strength)
    air = haze(width, height, NIGHT)
    shore = round(0.695 * height)
    add_ridges(rng, picture, NIGHT_RIDGES, air, foot=shore)
    add_lake(rng, picture, NIGHT, air, shore=shore)
    return developed(picture, rng, grain=0.010, vignette=0.3)


def _add_curtain(rng: np.random.Generator, picture: Plane, base: float, tall: float, strength: float) -> None:
    """A curtain of light: bright and green along its folded hem, fading upwards into violet rays. Drawn at half the size."""
    height, width = picture.shape[0] // 2, picture.shape[1] // 2
    x = np.linspace(0, 1, width, dtype=np.float32)
    hem = base + 0.07 * np.sin(5.1 * x + rng.uniform(0, 6)) + 0.035 * np.sin(13 * x + rng.uniform(0, 6))
    hem += 0.012 * blurred(fractal_line(rng, width, 0.05 * width, 4)[None], 0.006 * width)[0]
    rays = 0.62 + 0.5 * blurred(fractal_line(rng, width, 0.035 * width, 6, 0.75)[None], 0.0015 * width)[0]
    above = (hem - np.linspace(0, 1, height, dtype=np.float32)[:, None]) / (tall * (0.7 + 0.3 * rays))
    glow = np.where(above > 0, np.exp(-2.6 * above), np.exp(28 * above)) * np.clip(rays, 0.1, None)
    fade = ramp(x, -0.1, 0.25) * ramp(x, 1.15, 0.7)
    color = gradient(above, [(0.0, (0.30, 1.0, 0.52)), (0.30, (0.16, 0.85, 0.60)), (0.75, (0.42, 0.35, 0.80)), (1.2, (0.6, 0.2, 0.6))])
    light = resized((np.clip(strength * glow * fade, 0, 1)[..., None] * color).astype(np.float32), *picture.shape[1::-1])
    light = np.clip(light, 0, 1)
    picture += light - picture * light
