"""The pictures that are drawn with geometry: a poster, a mark for watermarks, glass shapes, a boat on waves."""

from __future__ import annotations

from math import cos, pi, sin
from typing import Final

import numpy as np

POSTER: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<!-- A poster of plain shapes: gradients, a pattern, a clip path, opacity and text. -->
<svg xmlns="http://www.w3.org/2000/svg" width="800" height="600" viewBox="0 0 800 600">
  <title>Bildwerk</title>
  <defs>
    <linearGradient id="paper" x1="0" y1="0" x2="0" y2="1">
      <stop offset="0" stop-color="#f7f0e1"/><stop offset="1" stop-color="#eadfc8"/>
    </linearGradient>
    <linearGradient id="ember" x1="0" y1="0" x2="1" y2="1">
      <stop offset="0" stop-color="#f2a33a"/><stop offset="1" stop-color="#d2402f"/>
    </linearGradient>
    <linearGradient id="sea" x1="0" y1="0" x2="1" y2="1">
      <stop offset="0" stop-color="#3f8fb5"/><stop offset="1" stop-color="#173b63"/>
    </linearGradient>
    <radialGradient id="ball" cx=".34" cy=".30" r=".80">
      <stop offset="0" stop-color="#ffffff"/><stop offset=".35" stop-color="#dfe6ea"/><stop offset="1" stop-color="#51677d"/>
    </radialGradient>
    <pattern id="dots" width="14" height="14" patternUnits="userSpaceOnUse">
      <circle cx="7" cy="7" r="2.4" fill="#20242b"/>
    </pattern>
    <clipPath id="quarter"><path d="M470 90h240v240a240 240 0 0 1-240-240z"/></clipPath>
  </defs>
  <rect width="800" height="600" fill="url(#paper)"/>
  <circle cx="250" cy="230" r="160" fill="url(#ember)"/>
  <path d="M90 230a160 160 0 0 0 320 0z" fill="#20242b" opacity=".88"/>
  <g clip-path="url(#quarter)">
    <rect x="470" y="90" width="240" height="240" fill="url(#sea)"/>
    <g stroke="#f7f0e1" stroke-width="7" opacity=".85">
      <path d="M470 120h240M470 160h240M470 200h240M470 240h240M470 280h240"/>
    </g>
  </g>
  <path d="M410 390 560 230 710 390z" fill="#e9bf45" opacity=".93"/>
  <rect x="410" y="390" width="300" height="22" fill="#20242b"/>
  <rect x="90" y="330" width="120" height="82" fill="url(#dots)"/>
  <circle cx="352" cy="352" r="60" fill="url(#ball)"/>
  <path d="M60 440H740" stroke="#20242b" stroke-width="3"/>
  <text x="58" y="526" font-family="'DejaVu Sans','Helvetica','Arial',sans-serif" font-size="72" font-weight="700"
        letter-spacing="1" textLength="356" lengthAdjust="spacingAndGlyphs" fill="#20242b">Bildwerk</text>
  <text x="740" y="498" text-anchor="end" font-family="'DejaVu Serif','Georgia',serif" font-size="21" font-style="italic"
        fill="#b3372b">pictures, made to measure</text>
  <text x="740" y="526" text-anchor="end" font-family="'DejaVu Sans','Helvetica','Arial',sans-serif" font-size="12"
        letter-spacing="1.500" fill="#20242b">FIT &#183; FILL &#183; CROP &#183; TURN &#183; SHARPEN</text>
</svg>
"""

MARK: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" width="480" height="480" viewBox="0 0 480 480">
  <defs>
    <filter id="soft" x="-20%" y="-20%" width="140%" height="140%"><feGaussianBlur stdDeviation="9"/></filter>
    <linearGradient id="white" x1="0" y1="0" x2="0" y2="1">
      <stop offset="0" stop-color="#fff"/><stop offset="1" stop-color="#fff" stop-opacity=".78"/>
    </linearGradient>
    <g id="mark">
      <path fill-rule="evenodd" d="M120 44H360A76 76 0 0 1 436 120V360A76 76 0 0 1 360 436H120A76 76 0 0 1 44 360V120A76 76 0 0 1 120 44Z
        M122 76A46 46 0 0 0 76 122V358A46 46 0 0 0 122 404H358A46 46 0 0 0 404 358V122A46 46 0 0 0 358 76Z"/>
      <circle cx="318" cy="164" r="38"/>
      <path d="M104 346 198 210Q206 199 214 210L263 282 285 251Q293 240 301 251L376 346Q384 360 368 360H112Q98 360 104 346Z"/>
    </g>
  </defs>
  <use href="#mark" fill="#0b1422" opacity=".55" filter="url(#soft)" transform="translate(0 5)"/>
  <use href="#mark" fill="url(#white)"/>
</svg>
"""

GLASS: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" width="900" height="600" viewBox="0 0 900 600">
  <defs>
    <linearGradient id="a" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="#ff5d5d"/><stop offset="1" stop-color="#ffb03b" stop-opacity=".55"/></linearGradient>
    <linearGradient id="b" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="#3ec6ff"/><stop offset="1" stop-color="#3657e8" stop-opacity=".6"/></linearGradient>
    <linearGradient id="c" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#8cf0a4"/><stop offset="1" stop-color="#10907e" stop-opacity=".6"/></linearGradient>
    <linearGradient id="d" x1="0" y1="0" x2="1" y2="0"><stop offset="0" stop-color="#b45cff" stop-opacity=".85"/><stop offset="1" stop-color="#ff6fb5" stop-opacity=".35"/></linearGradient>
    <filter id="soft" x="-30%" y="-30%" width="160%" height="160%"><feGaussianBlur stdDeviation="14"/></filter>
  </defs>
  <g fill="#16213c" opacity=".30" filter="url(#soft)" transform="translate(10 18)">
    <circle cx="300" cy="270" r="190"/><rect x="400" y="110" width="310" height="310" rx="56" transform="rotate(14 555 265)"/>
    <path d="M430 540 590 262 750 540Z"/>
  </g>
  <circle cx="300" cy="270" r="190" fill="url(#a)" opacity=".92"/>
  <rect x="400" y="110" width="310" height="310" rx="56" transform="rotate(14 555 265)" fill="url(#b)" opacity=".86"/>
  <path d="M446 548Q424 548 436 528L576 284Q590 262 604 284L744 528Q756 548 734 548Z" fill="url(#c)" opacity=".88"/>
  <circle cx="205" cy="430" r="92" fill="none" stroke="url(#d)" stroke-width="46"/>
  <path d="M176 150A190 190 0 0 1 300 90" fill="none" stroke="#fff" stroke-width="12" stroke-linecap="round" opacity=".7"/>
</svg>
"""

WAVES: Final = (
    # height of the line, height of the wave, length, turns in one loop, colour
    (108, 5.0, 160, 1, "#f2b28a"),
    (122, 6.0, 107, -1, "#d9826f"),
    (138, 7.0, 160, 1, "#9a5a72"),
    (156, 7.5, 107, -1, "#5a4470"),
    (176, 8.0, 160, 2, "#2b2f55"),
)


def boat_on_waves(moment: float, width: int, height: int, *, corner: int = 0) -> str:
    """One frame at `moment`, 0 to 1 through the loop; `corner` rounds the corners into transparency."""
    turn = 2 * pi * moment
    lines = [_wave(*wave, turn) for wave in WAVES]
    lift, tilt = 3.2 * sin(turn + 0.6), 7 * cos(turn + 0.9)
    boat = (
        f'<g transform="translate(138 {136 + lift:.2f}) rotate({tilt:.2f})"><path d="M-27 0H27L17 15H-17Z" fill="#f8efe0"/>'
        '<path d="M-2-3V-45L-24-3Z" fill="#fffaf0"/><path d="M2-3V-38L20-3Z" fill="#e6d4bd"/>'
        '<path d="M-27 0H27L24.500 4H-24.500Z" fill="#c8473a"/></g>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 200" width="{width}" height="{height}">'
        f'<clipPath id="card"><rect width="320" height="200" rx="{corner}"/></clipPath><g clip-path="url(#card)">'
        '<rect width="320" height="200" fill="#fbe3bd"/><circle cx="226" cy="92" r="62" fill="#fcd9a0"/>'
        f'<circle cx="226" cy="92" r="{40 + 1.5 * sin(turn):.2f}" fill="#f59d5b"/>'
        f"{''.join(lines[:3])}{boat}{''.join(lines[3:])}</g></svg>"
    )


def _wave(line: float, rise: float, length: float, turns: int, color: str, turn: float) -> str:
    x = np.arange(-4, 329, 4)
    y = line + rise * (np.sin(2 * pi * x / length + turns * turn) + 0.3 * np.sin(4 * pi * x / length - turn))
    points = " ".join(map("{:.2f}".format, np.stack([x, y], axis=1).ravel().tolist()))
    return f'<path d="M-4 210L{points} 328 210Z" fill="{color}"/>'
