"""A source -> its picture, not yet decoded, with what its header says of the whole of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pyvips

from renderer.codecs.dimensions import dimensions
from renderer.errors import BildwerkError, BrokenImage
from renderer.formats import ImageFormat
from renderer.pipeline.geometry import Size, rounded
from renderer.pipeline.header import Raster
from renderer.pipeline.output import PixelChoices, ResolvedLimits, check_resolution
from renderer.pipeline.plan import Foreseen, FramePlan, PlanDefaults, plan_frame, plan_load
from renderer.request.values import Pipeline
from renderer.storage.held_file import head_of
from renderer.vips.fields import has, whole_number, whole_size
from renderer.vips.loader import Loader, raster_of

_SHRINKING: Final = frozenset({ImageFormat.JPEG, ImageFormat.WEBP})
"""Formats that are opened a second time where their decoders can make them smaller."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A picture as it was opened.

    Attributes:
        image: its header; pixels come later.
        raster: that of the whole picture, however it was opened.
        shrink: the factor that the decoder was asked for; None if this is the thumbnail inside the file.
        plan: what to do with the raster, if that is known already.
    """

    image: pyvips.Image
    raster: Raster
    shrink: float | None = 1.0
    plan: FramePlan | None = None


def opened(loader: Loader, choices: PixelChoices, limits: ResolvedLimits) -> Opened:
    """The first frame of a source as it is, or the thumbnail inside it.

    Raises:
        BrokenImage: the header does not read.
        SourceResolutionTooLarge: a picture that would be decoded at once is too large.
    """
    size = loader.size()
    if size is not None:
        check_resolution(size, 1, limits)
    if choices.enforce_thumbnail and loader.format.traits.has_thumbnail:
        try:
            image = loader.open(thumbnail=True)
        except BrokenImage:
            pass  # no thumbnail that reads
        else:
            return Opened(image, raster_of(image, is_vector=False), None)
    image = loader.open()
    return Opened(image, raster_of(image, is_vector=loader.format.traits.is_vector))


def opened_smaller(
    loader: Loader,
    pipeline: Pipeline,
    defaults: PlanDefaults,
    limits: ResolvedLimits,
    *,
    foreseen: Foreseen | None = None,
) -> Opened | None:
    """A still picture, opened at once by the factor that its decoder is going to be asked for.

    That spares a second header: 0.1 ms. None wherever anything is not as the first bytes of the file let expect;
    opened as it is, the picture then tells what is the matter.

    Args:
        loader: opens it.
        pipeline: what is to be done with it.
        defaults: what the settings say of that.
        limits: for it.
        foreseen: what the first bytes let expect, if that is known already.
    """
    if loader.format not in _SHRINKING or pipeline.cropping.trim.threshold is not None:
        return None
    try:
        expected = foreseen or _foreseen(loader, pipeline, defaults)
        if expected is None or expected.raster.width * expected.raster.height > limits.max_src_resolution:
            return None
        raster, plan, shrink = expected.raster, expected.plan, expected.shrink
        asked = shrink if loader.levels is None else loader.levels.best(shrink)
        if asked == 1:
            return None
        image = loader.open(shrink=asked)
        orientation = whole_number(image, "orientation", 1)
        if orientation != 1:
            raster = Raster(raster.width, raster.height, orientation)
            plan = plan_frame(pipeline, raster, defaults)
            if plan_load(plan, raster, loader.format) != shrink:
                return None
    except BildwerkError:
        return None
    is_expected = whole_size(image) == _shrunk(raster, asked, loader.format) and not has(image, "n-pages")
    return Opened(image, raster, asked, plan) if is_expected else None


def _foreseen(loader: Loader, pipeline: Pipeline, defaults: PlanDefaults) -> Foreseen | None:
    """What the first bytes let expect, None if that is no still picture; raises as `plan_frame` does."""
    seen = dimensions(head_of(loader.data), loader.format, max_frames=2)
    if seen is None or seen.frames > 1:
        return None
    raster = Raster(seen.width, seen.height)
    plan = plan_frame(pipeline, raster, defaults)
    return Foreseen(raster, plan, plan_load(plan, raster, loader.format))


def _shrunk(raster: Raster, shrink: float, format: ImageFormat) -> Size:
    """The size that libvips gives a picture whose decoder makes it smaller."""
    if format is ImageFormat.JPEG:
        factor = int(shrink)
        return Size(max(1, raster.width // factor), max(1, raster.height // factor))
    scale = 1 / shrink
    return Size(rounded(raster.width * scale), rounded(raster.height * scale))
