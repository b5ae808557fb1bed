"""Which sample pictures there are, and how each is written: its format, its alpha, its frames, its metadata."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyvips

from scripts.samples.coast import lighthouse
from scripts.samples.drawings import GLASS, MARK, POSTER, boat_on_waves
from scripts.samples.landscapes import aurora, balloons, mountain_lake
from scripts.samples.noise import Plane, resized
from scripts.samples.patterns import silk

FRAMES: Final = 24
FRAME_MILLISECONDS: Final = 70


def _picture(plane: Plane, *, bits: int = 8) -> Any:
    """The array as an sRGB image of 8 or 16 bits."""
    top, kind = (255, np.uint8) if bits == 8 else (65_535, np.uint16)
    pixels = (np.clip(plane, 0, 1) * top + 0.5).astype(kind)
    image = pyvips.Image.new_from_memory(pixels.data, pixels.shape[1], pixels.shape[0], 3, "uchar" if bits == 8 else "ushort")
    return image.copy(interpretation="srgb" if bits == 8 else "rgb16")


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
    _picture(mountain_lake(2400, 1600)).jpegsave(path, Q=88, keep="none")


def _portrait(path: str) -> None:
    _picture(lighthouse(1200, 1600)).jpegsave(path, Q=88, keep="none")


def _turned(path: str) -> None:
    """Stored lying on its side; orientation 6 says to turn it a quarter clockwise."""
    lying = _picture(balloons(900, 1200)).rot270()
    lying.set_type(pyvips.GValue.gint_type, "orientation", 6)
    lying.jpegsave(path, Q=88, keep="exif")


def _wide_gamut(path: str) -> None:
    """The colours are meant in Display P3 and the profile says so."""
    _picture(silk(1200, 800)).jpegsave(path, Q=90, subsample_mode="off", profile="p3")


def _scan(path: str) -> None:
    """A sepia print on white, 16 bits a channel, as a scanner would save it."""
    grey = mountain_lake(900, 600, seed=3) @ np.asarray((0.30, 0.59, 0.11), np.float32)
    toned = np.stack([0.10 + 0.86 * grey**0.9, 0.075 + 0.80 * grey, 0.06 + 0.68 * grey**1.12], axis=-1)
    paper = np.full((900, 1200, 3), 1.0, np.float32)
    paper[110:790, 110:1090] = (0.965, 0.940, 0.885)
    paper[150:750, 150:1050] = toned
    _picture(paper, bits=16).tiffsave(path, compression="deflate", predictor="horizontal", keep="none")


def _avif(path: str) -> None:
    _picture(aurora(1200, 800)).heifsave(path, compression="av1", Q=60, effort=0, keep="none")


def _wave_webp(path: str) -> None:
    _animation(480, 300, corner=18).webpsave(path, Q=80, effort=1, keep="none")


FILES: Final[Mapping[str, Callable[[str], None]]] = {
    "landscape.jpg": _landscape,
    "portrait.jpg": _portrait,
    "turned.jpg": _turned,
    "p3.jpg": _wide_gamut,
    "photo.avif": _avif,
    "scan.tiff": _scan,
    "logo.png": lambda path: _drawing(MARK).pngsave(path, keep="none"),
    "shapes.webp": lambda path: _drawing(GLASS).webpsave(path, Q=90, keep="none"),
    "wave.gif": lambda path: _animation(320, 200).gifsave(path, dither=0, effort=3),
    "wave.webp": _wave_webp,
    "drawing.svg": lambda path: _write_text(path, POSTER),
}
"""Each file's name and the function that writes it to a path."""


def _write_text(path: str, text: str) -> None:
    Path(path).write_text(text, encoding="utf-8")
