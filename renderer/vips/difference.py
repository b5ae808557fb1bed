"""How much two encoded pictures differ to the eye of a machine: over all, and where they differ most."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

import pyvips

from renderer.errors import SourceResolutionTooLarge, UnsupportedFormat
from renderer.formats import detect
from renderer.pipeline.geometry import Size
from renderer.vips.loader import Loader, LoaderSettings, page_count, page_height
from renderer.vips.runtime import Deadline, vips_errors

MAX_PIXELS: Final = 200_000_000
"""In all frames of one picture."""

TIMEOUT_SECONDS: Final = 60

_BLOCK: Final = 8
"""Pixels on a side of the squares that are looked at each: a watermark that is missing in a corner of a large picture
changes its mean no more than another encoder does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The size of one frame, and how many there are."""

    size: Size
    frames: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelDifference:
    """Two pictures beside each other.

    Attributes:
        first: shape of the first one.
        second: shape of the second one.
        mean: absolute difference of a sample from 0 to 255, on average over all; None where the shapes differ.
        worst_block: the highest such average in a square of 8 x 8 pixels.
    """

    first: Shape
    second: Shape
    mean: float | None = None
    worst_block: float | None = None


def pixel_difference(first: bytes, second: bytes) -> PixelDifference:
    """The difference of two pictures of any format, in sRGB with 8 bits, premultiplied where one has alpha.

    Raises:
        BrokenImage: one of them cannot be decoded.
        UnsupportedFormat: one of them is no picture, or of a format that this build cannot decode.
        SourceResolutionTooLarge: one of them is beyond what is compared.
        RequestTimeout: it takes too long.
    """
    deadline = Deadline(time.monotonic() + TIMEOUT_SECONDS)
    images = [_opened(data, deadline) for data in (first, second)]
    shapes = [Shape(size=Size(image.width, page_height(image)), frames=_frames(image)) for image in images]
    if shapes[0] != shapes[1]:
        return PixelDifference(first=shapes[0], second=shapes[1])
    with vips_errors():
        has_alpha = any(image.hasalpha() for image in images)
        one, other = (_samples(image, has_alpha=has_alpha) for image in images)
        mean, worst = _mean_and_worst((one - other).abs(), deadline)
        return PixelDifference(first=shapes[0], second=shapes[1], mean=mean, worst_block=worst)


def _mean_and_worst(difference: pyvips.Image, deadline: Deadline) -> tuple[float, float]:
    """Over all, and in the worst square; squares that reach over the edge count with nothing there."""
    across, down = (-(-side // _BLOCK) for side in (difference.width, difference.height))
    whole = difference.cast("float").bandmean().embed(0, 0, across * _BLOCK, down * _BLOCK)
    # Only a number for each square is kept: the pictures themselves pass by row by row.
    blocks = deadline.in_memory(whole.shrink(_BLOCK, _BLOCK))
    # The columns are minimum, maximum, sum, sum of squares, mean.
    stats = blocks.stats()
    worst, total = (float(stats.getpoint(column, 0)[0]) for column in (1, 2))
    return total * _BLOCK * _BLOCK / (difference.width * difference.height), worst


def _opened(data: bytes, deadline: Deadline) -> pyvips.Image:
    """All frames, stacked."""
    format = detect(data)
    if format is None:
        raise UnsupportedFormat("the body is no picture")
    loader = Loader(data, format, LoaderSettings(), deadline)
    size = loader.size()
    if size is not None:
        _check_pixels(size.width * size.height)
    image = loader.open()
    frames = page_count(image) if format.traits.loads_animation else 1
    _check_pixels(image.width * page_height(image) * frames)
    return loader.decoded(loader.open(pages=frames) if frames > 1 else image)


def _check_pixels(count: int) -> None:
    if count > MAX_PIXELS:
        raise SourceResolutionTooLarge(f"more than {MAX_PIXELS:,} pixels are not compared")


def _frames(image: pyvips.Image) -> int:
    return int(image.height) // page_height(image)


def _samples(image: pyvips.Image, *, has_alpha: bool) -> pyvips.Image:
    image = image.colourspace("srgb")
    if not has_alpha:
        return image
    if not image.hasalpha():
        image = image.bandjoin(255)
    return image.premultiply()
