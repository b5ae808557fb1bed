"""Hot-air balloons over hills in the morning."""

from __future__ import annotations

import numpy as np

from scripts.samples.paint import Picture, develop, draw
from scripts.samples.scenery import Light, Ridge, add_ridges, haze, sky

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
    Ridge(base=0.690, reach=0.042, slope=0.36, roughness=0.34, color=(0.28, 0.40, 0.38), haze=0.26, tallest_tree=0.012),
    Ridge(base=0.770, reach=0.045, slope=0.36, roughness=0.32, color=(0.20, 0.32, 0.25), haze=0.12, tallest_tree=0.026),
    Ridge(base=0.880, reach=0.045, slope=0.40, roughness=0.32, color=(0.10, 0.19, 0.15), haze=0.03, tallest_tree=0.060),
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
"""Place across and down, height, and three colours of each."""


def balloons(width: int, height: int, seed: int = 2) -> Picture:
    """Five balloons, the smaller the farther off, over hills that fade into the haze."""
    rng = np.random.default_rng(seed)
    picture = sky(rng, width, height, MORNING)
    add_ridges(rng, picture, HILLS, haze(width, height, MORNING), foot=height)
    for across, down, tall, first, second, belt in BALLOONS:
        rows = round(tall * height)
        text = BALLOON.format(width=round(rows * 100 / 138), height=rows, first=first, second=second, belt=belt)
        draw(picture, text, (across * width, down * height), opacity=0.5 + 2 * tall)
    develop(rng, picture, grain=0.007, vignette=0.15)
    return picture
