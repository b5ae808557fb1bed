"""A lighthouse over the sea after sunset."""

from __future__ import annotations

import numpy as np

from scripts.samples.noise import Plane, enlarged, fractal, fractal_line
from scripts.samples.paint import Color, Picture, covered, develop, draw, lighten, paint, ramp
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
LIGHTHOUSE = """
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 520" width="{width}" height="{height}">
  <defs>
    <linearGradient id="wall" x1="0" x2="1">
      <stop offset="0" stop-color="#d9b7a6"/><stop offset=".18" stop-color="#c9b3b0"/>
      <stop offset=".55" stop-color="#77748d"/><stop offset="1" stop-color="#33354d"/>
    </linearGradient>
    <linearGradient id="band" x1="0" x2="1">
      <stop offset="0" stop-color="#a8453b"/><stop offset=".25" stop-color="#93383a"/>
      <stop offset=".6" stop-color="#55253a"/><stop offset="1" stop-color="#291a2d"/>
    </linearGradient>
    <linearGradient id="roof" x1="0" x2="1"><stop offset="0" stop-color="#7d3a3a"/><stop offset="1" stop-color="#1d1626"/></linearGradient>
    <radialGradient id="lamp"><stop offset="0" stop-color="#fffbe6"/><stop offset="1" stop-color="#ffc65c"/></radialGradient>
    <clipPath id="tower"><path d="M118 500 L131 120 H169 L182 500 Z"/></clipPath>
  </defs>
  <g clip-path="url(#tower)">
    <rect x="118" width="64" height="520" fill="url(#wall)"/>
    <rect x="118" width="64" y="172" height="62" fill="url(#band)"/>
    <rect x="118" width="64" y="300" height="68" fill="url(#band)"/>
    <rect x="118" width="64" y="436" height="80" fill="url(#band)"/>
  </g>
  <path d="M122 104 H178 L174 122 H126 Z" fill="#2a2738"/>
  <path d="M119 86 h62 v4 h-62 z M121 90 v14 M129 90 v14 M137 90 v14 M145 90 v14 M155 90 v14 M163 90 v14 M171 90 v14 M179 90 v14"
        fill="#211e2e" stroke="#211e2e" stroke-width="1.6"/>
  <rect x="133" y="62" width="34" height="42" fill="url(#lamp)"/>
  <path d="M133 62 v42 M144 62 v42 M156 62 v42 M167 62 v42" stroke="#3a2f35" stroke-width="1.8" fill="none"/>
  <path d="M128 62 Q150 28 172 62 Z" fill="url(#roof)"/><circle cx="150" cy="40" r="4" fill="#2a1d2b"/>
  <path d="M150 40 V22" stroke="#1d1626" stroke-width="1.6"/>
  <rect x="146" y="262" width="8" height="14" rx="4" fill="#ffd489"/><rect x="145" y="396" width="9" height="16" rx="4.5" fill="#ffca72"/>
  <path d="M178 500 V452 L214 430 L254 452 V500 Z" fill="#262437"/><path d="M172 454 L214 427 L260 454 L257 459 L214 434 L176 459 Z" fill="#1a1828"/>
  <rect x="196" y="462" width="13" height="15" fill="#ffce7a"/><rect x="226" y="462" width="13" height="15" fill="#ffc468"/>
  <path d="M202.500 462 v15 M196 469.500 h13 M232.500 462 v15 M226 469.500 h13" stroke="#3a2a30" stroke-width="1.400"/>
  <rect x="236" y="424" width="9" height="22" fill="#1a1828"/>
</svg>
"""
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
    tower = LIGHTHOUSE.format(width=round(tall * 300 / 520), height=tall)
    draw(picture, tower, (lamp[0], lamp[1] + tall * (0.5 - LAMP_BELOW_TOP)))
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
    lighten(picture, enlarged(glow, *picture.shape[:0:-1]), (1.0, 0.83, 0.53))


def _add_rocks(rng: np.random.Generator, picture: Picture) -> None:
    """The headland that the tower stands on, the slope below it, and the rocks in front."""
    height, width = picture.shape[1:]
    x = np.linspace(0, 1, width, dtype=np.float32) + 0.020 * fractal_line(rng, width, 0.06 * width, 5, 0.5)
    headland = 0.637 + 0.022 * ramp(x, 0.60, 0.50) + 0.20 * ramp(x, 0.49, 0.36) - 0.045 * ramp(x, 0.74, 1.05)
    slope = 0.775 + 0.20 * ramp(x, 0.70, 0.18) - 0.05 * ramp(x, 0.7, 1.0)
    near = 0.895 + 0.10 * ramp(x, 0.20, 0.52) * ramp(x, 1.0, 0.66)
    for outline, roughness, color, gleam in (
        (headland, 0.005, (0.100, 0.085, 0.120), 1.1),
        (slope, 0.012, (0.066, 0.060, 0.090), 0.9),
        (near, 0.015, (0.038, 0.038, 0.060), 0.8),
    ):
        crest = height * (outline - roughness * fractal_line(rng, width, 0.09 * height, 9, 0.56))
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
