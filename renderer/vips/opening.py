"""A source -> its picture, not yet decoded, with what its header says of the whole of it."""

from __future__ import annotations

import pyvips
from msgspec import Struct, structs

from renderer.codecs.dimensions import dimensions
from renderer.errors import BildwerkError, BrokenImage
from renderer.pipeline.header import Raster
from renderer.pipeline.loading import OPENED_SMALLER, Foreseen, after_load, foresee, loaded_size, plan_load
from renderer.pipeline.output import PixelChoices, ResolvedLimits, check_resolution
from renderer.pipeline.plan import FramePlan, PlanDefaults, plan_frame
from renderer.request.values import Pipeline
from renderer.storage.held_file import head_of
from renderer.vips.fields import has, whole_number, whole_size
from renderer.vips.loader import Loader, raster_of


class Opened(Struct, frozen=True):
    """A picture as it was opened.

    Attributes:
        image: its header; pixels come later.
        raster: that of the whole picture, however it was opened.
        shrink: the factor that the decoder was asked for; None if this is the thumbnail inside the file.
        plan: what is to be done with the image, if that is known already.
    """

    image: pyvips.Image
    raster: Raster
    shrink: float | None = 1.0
    plan: FramePlan | None = None


def opened(
    loader: Loader, choices: PixelChoices, limits: ResolvedLimits, *, foreseen: Foreseen | None = None
) -> Opened:
    """The first frame of a source as it is, or the thumbnail inside it.

    Args:
        loader: opens it.
        choices: whether it is the thumbnail.
        limits: for it.
        foreseen: what the first bytes let expect, if that is known already.

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
    raster = raster_of(image, is_vector=loader.format.traits.is_vector)
    return Opened(image, raster, 1.0, None if foreseen is None or raster != foreseen.raster else foreseen.plan)


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
    if loader.format not in OPENED_SMALLER or pipeline.cropping.trim.threshold is not None:
        return None
    try:
        expected = foreseen or _foreseen(loader, pipeline, defaults)
        if expected is None or expected.raster.width * expected.raster.height > limits.max_src_resolution:
            return None
        asked = expected.shrink if loader.levels is None else loader.levels.best(expected.shrink)
        if asked == 1:
            return None
        return _by_factor(loader, asked, expected, pipeline=pipeline, defaults=defaults)
    except BildwerkError:
        return None


def _by_factor(
    loader: Loader, asked: float, expected: Foreseen, *, pipeline: Pipeline, defaults: PlanDefaults
) -> Opened | None:
    """None if it is not what was expected, turned or not; raises as `Loader.open` and `plan_frame` do."""
    image = loader.open(shrink=asked)
    if has(image, "n-pages"):
        return None
    size, orientation = whole_size(image), whole_number(image, "orientation", 1)
    if orientation == 1 and asked == expected.shrink:
        return Opened(image, expected.raster, asked, expected.rest) if size == expected.loaded else None
    raster = structs.replace(expected.raster, orientation=orientation)
    plan = plan_frame(pipeline, raster, defaults)
    if plan_load(plan, raster, loader.format) != expected.shrink or size != loaded_size(raster, asked, loader.format):
        return None
    return Opened(image, raster, asked, after_load(plan, raster, Raster(size.width, size.height, orientation)))


def _foreseen(loader: Loader, pipeline: Pipeline, defaults: PlanDefaults) -> Foreseen | None:
    """What the first bytes let expect, None if that is no still picture; raises as `plan_frame` does."""
    seen = dimensions(head_of(loader.data), loader.format, max_frames=2)
    if seen is None or seen.frames > 1:
        return None
    return foresee(pipeline, Raster(seen.width, seen.height), loader.format, defaults)
