"""Which sample pictures there are, and how each is written: its format, its alpha, its frames, its metadata."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import pyvips
from pyvips.enums import ForeignKeep

from scripts.samples.aurora import aurora
from scripts.samples.balloons import balloons
from scripts.samples.coast import lighthouse
from scripts.samples.motion import boat_on_waves
from scripts.samples.mountain_lake import mountain_lake
from scripts.samples.paint import Color, Picture, drawing, gradient
from scripts.samples.silk import silk

FRAMES: Final = 24
FRAME_MILLISECONDS: Final = 70

PAPER: Final[Color] = (0.965, 0.940, 0.885)
SEPIA: Final[Color] = (0.100, 0.075, 0.060)


def _image(picture: Picture, *, bits: int = 8) -> pyvips.Image:
    """The picture as an sRGB image of 8 or 16 bits."""
    kind, form, space = (np.uint8, "uchar", "srgb") if bits == 8 else (np.uint16, "ushort", "rgb16")
    height, width = picture.shape[1:]
    pixels = np.empty((height, width, 3), kind)
    for band, plane in enumerate(picture):
        pixels[..., band] = np.clip(plane, 0, 1) * (2**bits - 1) + np.float32(0.5)
    return pyvips.Image.new_from_memory(pixels.data, width, height, 3, form).copy(interpretation=space)


def _drawn(svg: str) -> pyvips.Image:
    return pyvips.Image.svgload_buffer(svg.encode())


def _animation(width: int, height: int, *, corner: int = 0) -> pyvips.Image:
    """The frames below one another, as libvips wants them, with their height, delays and endless loop."""
    frames = [_drawn(boat_on_waves(n / FRAMES, width, height, corner=corner)) for n in range(FRAMES)]
    strip = pyvips.Image.arrayjoin(frames, across=1).copy()
    strip.set_type(pyvips.GValue.gint_type, "page-height", height)
    strip.set_type(pyvips.GValue.array_int_type, "delay", [FRAME_MILLISECONDS] * FRAMES)
    strip.set_type(pyvips.GValue.gint_type, "loop", 0)
    return strip


def _landscape(path: str) -> None:
    _image(mountain_lake(2400, 1600)).jpegsave(path, Q=88, keep=ForeignKeep.NONE)


def _portrait(path: str) -> None:
    _image(lighthouse(1200, 1600)).jpegsave(path, Q=88, keep=ForeignKeep.NONE)


def _turned(path: str) -> None:
    """Stored lying on its side; orientation 6 says to turn it a quarter clockwise."""
    lying = _image(balloons(900, 1200)).rot270()
    lying.set_type(pyvips.GValue.gint_type, "orientation", 6)
    lying.jpegsave(path, Q=88, keep=ForeignKeep.EXIF)


def _wide_gamut(path: str) -> None:
    """The colours are meant in Display P3 and the profile says so."""
    _image(silk(1200, 800)).jpegsave(path, Q=90, subsample_mode="off", profile="p3")


def _scan(path: str) -> None:
    """A sepia print on white, 16 bits a channel, as a scanner would save it."""
    red, green, blue = np.clip(mountain_lake(900, 600, seed=3), 0, 1)
    grey = 0.30 * red + 0.59 * green + 0.11 * blue
    sheet = np.ones((3, 900, 1200), np.float32)
    sheet[:, 110:790, 110:1090] = np.asarray(PAPER, np.float32)[:, None, None]
    sheet[:, 150:750, 150:1050] = gradient(grey, ((0.0, SEPIA), (0.5, (0.56, 0.46, 0.36)), (1.0, PAPER)))
    _image(sheet, bits=16).tiffsave(path, compression="deflate", predictor="horizontal", keep=ForeignKeep.NONE)


def _avif(path: str) -> None:
    _image(aurora(1200, 800)).heifsave(path, compression="av1", Q=60, effort=0, keep=ForeignKeep.NONE)


def _wave_webp(path: str) -> None:
    _animation(480, 300, corner=18).webpsave(path, lossless=True, effort=0, keep=ForeignKeep.NONE)


def _write_text(path: str, text: str) -> None:
    Path(path).write_text(text, encoding="utf-8")


FILES: Final[Mapping[str, Callable[[str], None]]] = {
    "landscape.jpg": _landscape,
    "portrait.jpg": _portrait,
    "turned.jpg": _turned,
    "p3.jpg": _wide_gamut,
    "photo.avif": _avif,
    "scan.tiff": _scan,
    "logo.png": lambda path: _drawn(drawing("mark")).pngsave(path, keep=ForeignKeep.NONE),
    "shapes.webp": lambda path: _drawn(drawing("glass")).webpsave(path, lossless=True, effort=0, keep=ForeignKeep.NONE),
    "wave.gif": lambda path: _animation(320, 200).gifsave(path, dither=0, bitdepth=6),
    "wave.webp": _wave_webp,
    "drawing.svg": lambda path: _write_text(path, drawing("poster")),
}
"""Each file's name and the function that writes it to a path."""
