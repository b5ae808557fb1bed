"""How much a result looks like a full-decode reference: SSIM of luma (Wang, Bovik, Sheikh and Simoncelli 2004).

A window of 11 by 11 pixels, weighted by a Gaussian of 1.5 pixels, wanders over both pictures; in each place means,
variances and the covariance make one number, and the mean of these over all places where the window fits is the answer.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyvips
from numpy.typing import NDArray

WINDOW: Final = 11
SIGMA: Final = 1.5
_K1: Final = 0.01
_K2: Final = 0.03
_RANGE: Final = 255.0
_LUMA: Final = (0.299, 0.587, 0.114)
"""Weights of red, green and blue (ITU-R BT.601), as JPEG has them."""
_DRAWING_SCALE: Final = 2.0

Plane = NDArray[np.float64]


def similarity(result: bytes, reference: bytes) -> float:
    """SSIM of two encoded pictures of the same size, 1 for equal ones; of animations, the first frame.

    Transparent parts are seen on white.

    Raises:
        ValueError: the sizes differ.
    """
    one, two = _luma(result), _luma(reference)
    if one.shape != two.shape:
        raise ValueError(f"{one.shape[::-1]} cannot be compared with {two.shape[::-1]}")
    return ssim(one, two)


def reference(source: Path, width: int, height: int) -> bytes:
    """What a result of this size should look like, as PNG: decoded whole, turned upright, and resized with Lanczos."""
    image = _upright(source, width, height)
    is_premultiplied = image.hasalpha()
    image = image.premultiply() if is_premultiplied else image
    # Without a gap libvips shrinks with the kernel alone and not with a box first.
    image = image.resize(width / image.width, vscale=height / image.height, kernel="lanczos3", gap=0)
    image = image.unpremultiply() if is_premultiplied else image
    data: bytes = image.cast("uchar").pngsave_buffer(compression=1)
    return data


def _upright(source: Path, width: int, height: int) -> pyvips.Image:
    """The first frame in sRGB; a drawing at twice the size that is wanted, for it has none of its own."""
    if source.suffix == ".svg":
        drawn = pyvips.Image.new_from_file(str(source))
        scale = _DRAWING_SCALE * max(width / drawn.width, height / drawn.height)
        return pyvips.Image.new_from_file(str(source), scale=scale)
    image = pyvips.Image.new_from_file(str(source)).autorot()
    if image.get_typeof("icc-profile-data"):
        image = image.icc_transform("srgb", embedded=True)
    return image.colourspace("srgb")


def _luma(data: bytes) -> Plane:
    image = pyvips.Image.new_from_buffer(data, "")
    if image.get_typeof("icc-profile-data"):
        image = image.icc_transform("srgb", embedded=True)
    image = image.colourspace("srgb")
    image = image.flatten(background=[255, 255, 255]) if image.hasalpha() else image
    pixels = np.asarray(image.numpy(), dtype=np.float64)
    return np.asarray(pixels @ np.asarray(_LUMA))


def ssim(one: Plane, two: Plane) -> float:
    """The mean SSIM of two planes of the same shape, with values from 0 to 255."""
    window = _window(min(WINDOW, *one.shape))
    mean_one, mean_two = _blurred(one, window), _blurred(two, window)
    variance_one = _blurred(one * one, window) - mean_one * mean_one
    variance_two = _blurred(two * two, window) - mean_two * mean_two
    covariance = _blurred(one * two, window) - mean_one * mean_two
    c1, c2 = (_K1 * _RANGE) ** 2, (_K2 * _RANGE) ** 2
    likeness = (2 * mean_one * mean_two + c1) * (2 * covariance + c2)
    possible = (mean_one * mean_one + mean_two * mean_two + c1) * (variance_one + variance_two + c2)
    return float(np.mean(likeness / possible))


def _window(length: int) -> Plane:
    """The weights along one side; their outer product is the whole window."""
    places = np.arange(length) - (length - 1) / 2
    weights = np.exp(-(places**2) / (2 * SIGMA**2))
    return np.asarray(weights / weights.sum())


def _blurred(plane: Plane, window: Plane) -> Plane:
    """The weighted mean around each place where the window fits: a row of weights, then a column."""
    length = len(window)
    height, width = (side - length + 1 for side in plane.shape)
    across = sum(weight * plane[:, place : place + width] for place, weight in enumerate(window))
    down = sum(weight * np.asarray(across)[place : place + height] for place, weight in enumerate(window))
    return np.asarray(down)
