"""Drawings of the corpus: SVG of gradients and shapes, without text, whose look would depend on the fonts at hand."""

from __future__ import annotations

import colorsys
import random
from typing import Final

SIDE: Final = 1_024
SHAPES: Final = 160
GRADIENTS: Final = 12


def drawing(number: int) -> str:
    """One of any number of drawings, the same each time."""
    dice = random.Random(number)  # noqa: S311  the same drawing each time
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE} {SIDE}" width="{SIDE}" height="{SIDE}"><defs>'
    ]
    parts += [_gradient(dice, place) for place in range(GRADIENTS)]
    parts += ["</defs>", f'<rect x="40" y="40" width="{SIDE - 80}" height="{SIDE - 80}" rx="90" fill="url(#g0)"/>']
    parts += [_shape(dice) for _ in range(SHAPES)]
    parts.append("</svg>")
    return "\n".join(parts)


def _gradient(dice: random.Random, place: int) -> str:
    kind = dice.choice(("linear", "radial"))
    stops = "".join(
        f'<stop offset="{offset}" stop-color="{_color(dice)}" stop-opacity="{dice.uniform(0.4, 1):.2f}"/>'
        for offset in (0, dice.uniform(0.3, 0.7), 1)
    )
    return f'<{kind}Gradient id="g{place}">{stops}</{kind}Gradient>'


def _shape(dice: random.Random) -> str:
    x, y, size = dice.uniform(0, SIDE), dice.uniform(0, SIDE), dice.uniform(10, 140)
    paint = f'fill="url(#g{dice.randrange(GRADIENTS)})" opacity="{dice.uniform(0.3, 0.95):.2f}"'
    if dice.random() < 0.4:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}" {paint}/>'
    points = [(x + dice.uniform(-size, size), y + dice.uniform(-size, size)) for _ in range(6)]
    curves = " ".join(f"{across:.1f},{down:.1f}" for across, down in points)
    return f'<path d="M{x:.1f},{y:.1f} C{curves} Z" stroke="{_color(dice)}" stroke-width="2" {paint}/>'


def _color(dice: random.Random) -> str:
    red, green, blue = colorsys.hls_to_rgb(dice.random(), dice.uniform(0.3, 0.75), dice.uniform(0.4, 0.9))
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"
