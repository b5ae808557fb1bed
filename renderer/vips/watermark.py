"""The watermark: prepared once per result, laid over it at the end (spec 02 section 6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyvips

from renderer.options.arguments import Gravity
from renderer.options.watermark import WatermarkPlacement
from renderer.pipeline.geometry import Size, position, rounded_even, scaled_even
from renderer.vips.color import interpretation
from renderer.vips.runtime import Deadline

Prepare = Callable[[Size, tuple[int, int, int, int]], pyvips.Image]
"""Renders the watermark into a box (0 x 0 is its own size) with top, right, bottom and left padding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """A watermark that a request may use: how to prepare it, and the opacity that the settings give it."""

    prepare: Prepare
    opacity: float


def watermarked(
    image: pyvips.Image, overlay: Overlay, placement: WatermarkPlacement, frame: tuple[int, float, Deadline]
) -> pyvips.Image:
    """The picture with the watermark.

    Args:
        image: one frame, or frames stacked.
        overlay: the watermark.
        placement: what the URL says of it.
        frame: frame height in pixels, effective dpr, deadline.
    """
    height, dpr, deadline = frame
    size = Size(image.width, height)
    mark = overlay.prepare(_box(size, placement), _spacing(size, placement, dpr))
    mark = deadline.in_memory(mark)
    opacity = placement.opacity * overlay.opacity
    frames = image.height // height
    if placement.position is None:
        tiles = _tiled(mark, size)
        if frames > 1:
            tiles = tiles.replicate(1, frames)
        return _composed(image, tiles, (0, 0), opacity)
    gravity = Gravity(type=placement.position, x=placement.x, y=placement.y)
    offset = position(size, Size(mark.width, mark.height), gravity, dpr, may_overflow=True)
    if frames == 1:
        return _composed(image, mark, (offset.left, offset.top), opacity)
    # Cut to the frame, so that it does not reach into the neighbors.
    top = max(0, -offset.top)
    mark = mark.extract_area(0, top, mark.width, min(mark.height - top, height - max(0, offset.top)))
    for index in range(frames):
        image = _composed(image, mark, (offset.left, max(0, offset.top) + index * height), opacity)
    return image


def _box(size: Size, placement: WatermarkPlacement) -> Size:
    if not placement.scale:
        return Size(0, 0)
    return Size(max(rounded_even(size.width * placement.scale), 1), max(rounded_even(size.height * placement.scale), 1))


def _spacing(size: Size, placement: WatermarkPlacement, dpr: float) -> tuple[int, int, int, int]:
    """Space between tiles, half of it on each side."""
    if placement.position is not None:
        return 0, 0, 0, 0
    across = rounded_even(placement.x * dpr) if abs(placement.x) >= 1 else scaled_even(size.width, placement.x)
    down = rounded_even(placement.y * dpr) if abs(placement.y) >= 1 else scaled_even(size.height, placement.y)
    left, top = int(across / 2), int(down / 2)
    return top, across - left, down - top, left


def _tiled(mark: pyvips.Image, size: Size) -> pyvips.Image:
    """Tiles over a whole frame, one of them in the middle."""
    across, down = -(-size.width // mark.width), -(-size.height // mark.height)
    across += across % 2 == 0
    down += down % 2 == 0
    tiles = mark.replicate(across, down)
    return tiles.extract_area(
        (tiles.width - size.width) // 2, (tiles.height - size.height) // 2, size.width, size.height
    )


def _composed(image: pyvips.Image, mark: pyvips.Image, at: tuple[int, int], opacity: float) -> pyvips.Image:
    if not mark.hasalpha():
        mark = mark.addalpha()
    if opacity < 1:
        alpha = mark[mark.bands - 1] * opacity
        colors = mark[0] if mark.bands == 2 else mark.extract_band(0, n=mark.bands - 1)
        mark = colors.bandjoin(alpha)
    space = interpretation(image)
    if space in ("b-w", "grey16") and interpretation(mark) not in ("b-w", "grey16"):
        space = "srgb" if space == "b-w" else "rgb16"
    had_alpha = image.hasalpha()
    composed = image.composite2(mark, "over", x=at[0], y=at[1], compositing_space=space).cast(image.format)
    return composed if had_alpha else composed.extract_band(0, n=composed.bands - 1)
