"""What a painter does to a picture: tones, glazes, light, and the film that it is developed on.

A picture is three planes, red, green and blue, from 0 for none to 1 for all. Painting changes it in place.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyvips
from numpy.typing import NDArray

from scripts.samples.noise import Plane, enlarged

Color = tuple[float, float, float]
Stops = Sequence[tuple[float, Color]]
Picture = NDArray[np.float32]


def ramp(values: Plane, start: float, stop: float) -> Plane:
    """0 up to `start`, 1 from `stop` on, and a soft rise between; `stop` may be the smaller one."""
    t = np.clip((values - np.float32(start)) * np.float32(1 / (stop - start)), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def gradient(values: Plane, stops: Stops) -> Picture:
    """Each value as the colour that the stops give it: three planes in the shape of `values`."""
    at = [position for position, _ in stops]
    bands = [np.interp(values, at, [color[band] for _, color in stops]) for band in range(3)]
    return np.stack(bands).astype(np.float32)


def paint(picture: Picture, color: Picture | Color, opacity: Plane | float) -> None:
    """Lays a colour over the picture where `opacity` says so."""
    for band, tone in enumerate(color):
        picture[band] += (tone - picture[band]) * opacity


def lighten(picture: Picture, light: Plane, color: Color) -> None:
    """Adds light of a colour, as much as the picture can take."""
    light = np.clip(light, 0, 1)
    for band, tone in enumerate(color):
        picture[band] += light * (1 - picture[band]) * np.float32(tone)


def covered(crest: Plane, rows: tuple[int, int]) -> Plane:
    """The opacity, in rows from and up to, of what lies below a line: each column's height in pixels from the top."""
    below = np.arange(*rows, dtype=np.float32)[:, None] - crest.astype(np.float32)
    return np.asarray(np.clip(below * np.float32(1 / 1.5) + np.float32(0.5), 0, 1))


def enlarged_picture(picture: Picture, width: int, height: int) -> Picture:
    """The picture at a larger size, interpolated linearly."""
    larger = np.empty((3, height, width), np.float32)
    for band, plane in zip(larger, picture, strict=True):
        band[:] = enlarged(plane, width, height)
    return larger


def drawing(name: str) -> str:
    """The text of one of the drawings in `svg/`; those that are templates have their colours in braces."""
    return (Path(__file__).parent / "svg" / f"{name}.svg").read_text(encoding="utf-8")


def draw(picture: Picture, svg: str, center: tuple[float, float], *, height: float, opacity: float = 1.0) -> None:
    """Draws SVG text `height` pixels high with its middle at (x, y), wholly inside the picture."""
    text = svg.encode()
    scale = height / pyvips.Image.svgload_buffer(text).height
    drawn = np.asarray(pyvips.Image.svgload_buffer(text, scale=scale).numpy(), dtype=np.float32).transpose(2, 0, 1)
    drawn = drawn * np.float32(1 / 255)
    rows, columns = drawn.shape[1:]
    top, left = round(center[1] - rows / 2), round(center[0] - columns / 2)
    paint(picture[:, top : top + rows, left : left + columns], drawn[:3], drawn[3] * np.float32(opacity))


def develop(rng: np.random.Generator, picture: Picture, *, grain: float, vignette: float) -> None:
    """Puts the picture on film: darker corners, and grain, which also keeps gradients from showing steps."""
    height, width = picture.shape[1:]
    y, x = (np.linspace(-1, 1, count, dtype=np.float32) ** 2 for count in (height, width))
    shade = 1 - np.float32(vignette) * ramp(y[:, None] + x, 0.5, 2.2)
    speckle = rng.standard_normal((height, width), dtype=np.float32)
    speckle[1:] += speckle[:-1]
    speckle *= np.float32(grain * 0.7)
    picture *= shade
    picture += speckle
