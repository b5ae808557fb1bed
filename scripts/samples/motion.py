"""A boat on waves, drawn as one SVG for each moment; the last moment leads back to the first."""

from __future__ import annotations

from math import cos, pi, sin
from typing import Final, NamedTuple

import numpy as np


class Wave(NamedTuple):
    """A line of water: its height in the picture, how far it rises, its length, its turns in one loop, its colour."""

    line: float
    rise: float
    length: float
    turns: int
    color: str


WAVES: Final = (
    Wave(108, 5.0, 160, 1, "#f2b28a"),
    Wave(122, 6.0, 107, -1, "#d9826f"),
    Wave(138, 7.0, 160, 1, "#9a5a72"),
    Wave(156, 7.5, 107, -1, "#5a4470"),
    Wave(176, 8.0, 160, 2, "#2b2f55"),
)
BEHIND: Final = 3
"""How many of the waves are behind the boat."""

BOAT: Final = (
    '<path d="M-27 0H27L17 15H-17Z" fill="#f8efe0"/><path d="M-2-3V-45L-24-3Z" fill="#fffaf0"/>'
    '<path d="M2-3V-38L20-3Z" fill="#e6d4bd"/><path d="M-27 0H27L24.5 4H-24.5Z" fill="#c8473a"/>'
)


def boat_on_waves(moment: float, width: int, height: int, *, corner: int = 0) -> str:
    """One frame at `moment`, 0 to 1 through the loop; `corner` rounds the corners into transparency."""
    turn = 2 * pi * moment
    waves = [_drawn(wave, turn) for wave in WAVES]
    place = f"translate(138 {136 + 3.2 * sin(turn + 0.6):.2f}) rotate({7 * cos(turn + 0.9):.2f})"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 200" width="{width}" height="{height}">'
        f'<clipPath id="card"><rect width="320" height="200" rx="{corner}"/></clipPath><g clip-path="url(#card)">'
        '<rect width="320" height="200" fill="#fbe3bd"/><circle cx="226" cy="92" r="62" fill="#fcd9a0"/>'
        f'<circle cx="226" cy="92" r="{40 + 1.5 * sin(turn):.2f}" fill="#f59d5b"/>'
        f'{"".join(waves[:BEHIND])}<g transform="{place}">{BOAT}</g>{"".join(waves[BEHIND:])}</g></svg>'
    )


def _drawn(wave: Wave, turn: float) -> str:
    x = np.arange(-4, 329, 4)
    swell = np.sin(2 * pi * x / wave.length + wave.turns * turn) + 0.3 * np.sin(4 * pi * x / wave.length - turn)
    points = np.stack([x, wave.line + wave.rise * swell], axis=1).ravel().tolist()
    return f'<path d="M-4 210L{" ".join(map("{:.2f}".format, points))} 328 210Z" fill="{wave.color}"/>'
