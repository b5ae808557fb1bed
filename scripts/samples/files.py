"""Which sample pictures there are, and how each is written: its format, its alpha, its frames, its metadata."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyvips

from scripts.samples.aurora import aurora
from scripts.samples.balloons import balloons
from scripts.samples.coast import lighthouse
from scripts.samples.drawings import GLASS, MARK, POSTER, boat_on_waves
from scripts.samples.mountain_lake import mountain_lake
from scripts.samples.paint import Picture
from scripts.samples.silk import silk

FRAMES: Final = 24
FRAME_MILLISECONDS: Final = 70


def _image(picture: Picture, *, bits: int = 8) -> Any:
    """The picture as an sRGB image of 8 or 16 bits."""
    kind, form, space = (np.uint8, "uchar", "srgb") if bits == 8 else (np.uint16, "ushort", "rgb16")
    height, width = picture.shape[1:]
    pixels = np.empty((height, width, 3), kind)
    for band, plane in enumerate(picture):
        pixels[..., band] = np.clip(plane, 0, 1) * (2**bits - 1) + np.float32(0.5)
    return pyvips.Image.new_from_memory(pixels.data, width, height, 3, form).copy(interpretation=space)


def _drawing(svg: str) -> Any:
    return pyvips.Image.svgload_buffer(svg.encode())


def _animation(width: int, height: int, *, corner: int = 0) -> Any:
    """The frames below one another, as libvips wants them, with their height, delays and endless loop."""
    frames = [_drawing(boat_on_waves(n / FRAMES, width, height, corner=corner)) for n in range(FRAMES)]
    strip = pyvips.Image.arrayjoin(frames, across=1).copy()
    strip.set_type(pyvips.GValue.gint_type, "page-height", height)
    strip.set_type(pyvips.GValue.array_int_type, "delay", [FRAME_MILLISECONDS] * FRAMES)
    strip.set_type(pyvips.GValue.gint_type, "loop", 0)
    return strip


def _landscape(path: str) -> None:
    _image(mountain_lake(2400, 1600)).jpegsave(path, Q=88, keep="none")


def _portrait(path: str) -> None:
    _image(lighthouse(1200, 1600)).jpegsave(path, Q=88, keep="none")


def _turned(path: str) -> None:
    """Stored lying on its side; orientation 6 says to turn it a quarter clockwise."""
    lying = _image(balloons(900, 1200)).rot270()
    lying.set_type(pyvips.GValue.gint_type, "orientation", 6)
    lying.jpegsave(path, Q=88, keep="exif")


def _wide_gamut(path: str) -> None:
    """The colours are meant in Display P3 and the profile says so."""
    _image(silk(1200, 800)).jpegsave(path, Q=90, subsample_mode="off", profile="p3")


def _scan(path: str) -> None:
    """A sepia print on white, 16 bits a channel, as a scanner would save it."""
    red, green, blue = np.clip(mountain_lake(900, 600, seed=3), 0, 1)
    grey = 0.30 * red + 0.59 * green + 0.11 * blue
    paper = np.ones((3, 900, 1200), np.float32)
    for band, tone in zip(
        paper, ((0.965, 0.10, 0.86, 0.9), (0.940, 0.075, 0.80, 1), (0.885, 0.06, 0.68, 1.12)), strict=True
    ):
        border, black, range_, bend = tone
        band[110:790, 110:1090] = border
        band[150:750, 150:1050] = black + range_ * grey**bend
    _image(paper, bits=16).tiffsave(path, compression="deflate", predictor="horizontal", keep="none")


def _avif(path: str) -> None:
    _image(aurora(1200, 800)).heifsave(path, compression="av1", Q=60, effort=0, keep="none")


def _wave_webp(path: str) -> None:
    _animation(480, 300, corner=18).webpsave(path, lossless=True, effort=0, keep="none")


FILES: Final[Mapping[str, Callable[[str], None]]] = {
    "landscape.jpg": _landscape,
    "portrait.jpg": _portrait,
    "turned.jpg": _turned,
    "p3.jpg": _wide_gamut,
    "photo.avif": _avif,
    "scan.tiff": _scan,
    "logo.png": lambda path: _drawing(MARK).pngsave(path, keep="none"),
    "shapes.webp": lambda path: _drawing(GLASS).webpsave(path, lossless=True, effort=0, keep="none"),
    "wave.gif": lambda path: _animation(320, 200).gifsave(path, dither=0, bitdepth=6),
    "wave.webp": _wave_webp,
    "drawing.svg": lambda path: _write_text(path, POSTER),
}
"""Each file's name and the function that writes it to a path."""


def _write_text(path: str, text: str) -> None:
    Path(path).write_text(text, encoding="utf-8")
