"""A lighthouse over the sea after sunset."""

from __future__ import annotations

import numpy as np
import pyvips

from scripts.samples.noise import Plane, blurred, developed, fractal, fractal_line, gradient, painted, ramp, resized
from scripts.samples.scenery import Light, add_stars, lightened, sky

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
    haze=[(0.0, (0.30, 0.20, 0.36)), (1.0, (0.62, 0.34, 0.36))],
    clouds=[(0.0, (1.0, 0.72, 0.45)), (0.30, (0.88, 0.48, 0.42)), (0.55, (0.48, 0.34, 0.45)), (1.0, (0.16, 0.20, 0.33))],
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


def lighthouse(width: int, height: int, seed: int = 3) -> Plane:
    rng = np.random.default_rng(seed)
    picture = sky(rng, width, height, DUSK)
    horizon = round(0.665 * height)
    add_stars(rng, picture, count=260)
    _add_sea(rng, picture, horizon)
    lamp = (0.655 * width, 0.396 * height)
    _add_beams(rng, picture, lamp)
    _add_tower(picture, lamp)
    _add_rocks(rng, picture)
    _add_glow(picture, lamp)
    return developed(picture, rng, grain=0.009, vignette=0.35)


def _add_sea(rng, picture, horizon):
    """Waves in perspective: each row looks at the same chance from a different distance, and mirrors the sky accordingly."""
    height, width = picture.shape[:2]
    rows = height - horizon
    depth = (np.arange(rows, dtype=np.float32) + 1.5)[:, None] / rows
    chance = fractal(rng, (1024, 1024), (64, 64), 6)
    far = 0.22 / (depth + 0.012)
    across = (np.arange(width, dtype=np.float32) - 0.4 * width) / height
    u = (across * far * 640 + 500).astype(np.intp)
    v = np.broadcast_to(far * 1500, u.shape).astype(np.intp)
    # Folded instead of repeated: the edges of the chance do not meet.
    wave = chance[np.abs(v % 2046 - 1023), np.abs(u % 2046 - 1023)]
    fine = fractal(rng, (width, rows), (0.03 * height, 0.0035 * height), 4)
    wave = 0.8 * wave * ramp(depth, 0.0, 0.25) + fine * (0.3 + 0.4 * ramp(depth, 0.9, 0.0))
    lookup = horizon - 1 - np.clip((0.03 + 0.5 * depth + wave * (0.04 + 0.22 * depth)), 0.002, 0.9) * 0.62 * height
    mirrored = picture[np.clip(lookup, 0, horizon - 1).astype(np.intp), np.arange(width)]
    tint = gradient(depth[:, 0], [(0.0, (0.80, 0.76, 0.80)), (0.3, (0.58, 0.60, 0.68)), (1.0, (0.30, 0.36, 0.46))])
    sea = mirrored * tint[:, None]
    sea = sea * (1 + 0.5 * np.clip(wave, -1, 1))[..., None]
    path = np.exp(-(((across - DUSK.sun[0] * width / height + 0.4 * width / height) / (0.05 + 0.3 * depth)) ** 2))
    sea = lightened(sea, 0.7 * path * ramp(wave, 0.1, 0.8), (1.0, 0.66, 0.40))
    picture[horizon:] = sea
    line = np.exp(-np.abs(np.arange(height, dtype=np.float32)[:, None] - horizon) / (0.012 * height)) * 0.5
    picture[:] = painted(picture, (0.80, 0.55, 0.46), np.broadcast_to(line, picture.shape[:2]) * np.exp(-np.linspace(0, 1, width, dtype=np.float32)))


def _add_beams(rng, picture, lamp):
    height, width = picture.shape[:2]
    y, x = np.mgrid[0:height:4, 0:width:4].astype(np.float32)
    dx, dy = x - lamp[0], y - lamp[1]
    distance = np.hypot(dx, dy) / height + 1e-3
    air = 0.8 + 0.3 * fractal(rng, x.shape[::-1], (0.03 * height, 0.012 * height), 4)
    light = np.zeros_like(distance)
    for angle, spread, strength in ((np.pi - 0.17, 0.085, 0.75), (0.12, 0.085, 0.6)):
        off = np.abs(np.angle(np.exp(1j * (np.arctan2(dy, dx) - angle)))).astype(np.float32)
        light += strength * np.exp(-((off / spread) ** 2)) * np.exp(-distance / 0.42) * ramp(distance, 0.0, 0.03)
    picture[:] = lightened(picture, resized(light * air, width, height, "linear"), (1.0, 0.88, 0.62))


def _add_rocks(rng, picture):
    height, width = picture.shape[:2]
    x = np.linspace(0, 1, width, dtype=np.float32) + 0.020 * fractal_line(rng, width, 0.06 * width, 5, 0.5)
    headland = 0.637 + 0.022 * ramp(x, 0.60, 0.50) + 0.20 * ramp(x, 0.49, 0.36) - 0.045 * ramp(x, 0.74, 1.05)
    slope = 0.775 + 0.20 * ramp(x, 0.70, 0.18) - 0.05 * ramp(x, 0.7, 1.0)
    near = 0.895 + 0.10 * ramp(x, 0.20, 0.52) * ramp(x, 1.0, 0.66)
    for outline, rough, color, glint in (
        (headland, 0.005, (0.100, 0.085, 0.120), 1.1),
        (slope, 0.012, (0.066, 0.060, 0.090), 0.9),
        (near, 0.015, (0.038, 0.038, 0.060), 0.8),
    ):
        crest = height * (outline - rough * fractal_line(rng, width, 0.09 * height, 9, 0.56))
        top = int(crest.min()) - 2
        opacity = np.clip((np.arange(top, height)[:, None] - crest) / 1.5 + 0.5, 0, 1)
        picture[top:] = painted(picture[top:], _rock(rng, crest - top, color, glint, (height - top, height)), opacity)


def _rock(rng, crest, color, glint, heights):
    """Broken stone; its left faces catch what is left of the light, most at the top. Drawn at half the size."""
    (rows, height), width = heights, len(crest)
    size = width // 2, rows // 2 + 1
    relief = fractal(rng, (size[0] + 2, size[1] + 1), (0.045 * height, 0.026 * height), 6)
    face = np.clip(relief[:-1, 2:] - relief[1:, :-2] + 0.05, 0, 0.6)
    below = np.arange(size[1], dtype=np.float32)[:, None] * 2 - crest[::2][: size[0]]
    catch = glint * face * (0.25 + np.exp(-np.clip(below, 0, None) / (0.07 * height)))
    stone = np.asarray(color, np.float32) + catch[..., None] * np.asarray((0.62, 0.40, 0.34), np.float32)
    return resized(stone, width, size[1] * 2, "linear")[:rows]


def _add_tower(picture, lamp):
    height, width = picture.shape[:2]
    tall = round(0.30 * height)
    svg = LIGHTHOUSE.format(width=round(tall * 300 / 520), height=tall)
    drawn = np.asarray(pyvips.Image.svgload_buffer(svg.encode()).numpy(), dtype=np.float32) / 255
    top, left = round(lamp[1] - tall * 84 / 520), round(lamp[0] - drawn.shape[1] / 2)
    part = picture[top : top + tall, left : left + drawn.shape[1]]
    part[:] = painted(part, drawn[..., :3], drawn[..., 3])


def _add_glow(picture, lamp):
    height, width = picture.shape[:2]
    y, x = np.ogrid[0:height, 0:width]
    distance = np.hypot(x - lamp[0], y - lamp[1]).astype(np.float32) / height
    picture[:] = lightened(picture, 0.75 * np.exp(-distance / 0.018), (1.0, 0.86, 0.58))
    picture[:] = lightened(picture, 0.22 * np.exp(-distance / 0.10), (1.0, 0.78, 0.45))
