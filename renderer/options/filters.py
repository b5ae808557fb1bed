"""Filters, in the order in which they are applied (spec 01 section 4.3, effects in spec 02 section 5.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from renderer.options.arguments import single, ufloat, uint
from renderer.options.declare import Stage, option

if TYPE_CHECKING:
    from pyvips import Image


def blurred(image: Image, sigma: float) -> Image:
    """A Gaussian blur."""
    return image.gaussblur(sigma)


def sharpened(image: Image, sigma: float) -> Image:
    """Unsharp masking of the lightness."""
    return image.sharpen(sigma=sigma)


def pixelated(image: Image, size: int) -> Image:
    """Squares of `size` pixels; the last row and column are mirrored up to a whole square first."""
    size = min(size, max(image.width, image.height))
    if size <= 1:
        return image
    width, height = -(-image.width // size) * size, -(-image.height // size) * size
    whole = image
    if (width, height) != (image.width, image.height):
        whole = image.embed(0, 0, width, height, extend="mirror")
    return whole.shrink(size, size).zoom(size, size).extract_area(0, 0, image.width, image.height)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Filters, in the order in which they act."""

    blur: float = option(
        "blur",
        "bl",
        usage="%sigma",
        kind=single(ufloat),
        default=0.0,
        stage=Stage.PIXELS,
        apply=blurred,
        premultiplied=True,
        doc="Gaussian blur. `sigma` is the size of the mask.",
    )
    sharpen: float = option(
        "sharpen",
        "sh",
        usage="%sigma",
        kind=single(ufloat),
        default=0.0,
        stage=Stage.PIXELS,
        apply=sharpened,
        premultiplied=True,
        doc="Sharpening. `sigma` is the size of the mask.",
    )
    pixelate: int = option(
        "pixelate",
        "pix",
        usage="%size",
        kind=single(uint),
        default=0,
        stage=Stage.PIXELS,
        apply=pixelated,
        doc="Squares of `size` pixels.",
    )
