"""What one step hands to the next."""

from __future__ import annotations

import pyvips
from msgspec import Struct, structs

from renderer.formats import ImageFormat
from renderer.pipeline.output import PixelChoices, ResolvedLimits
from renderer.pipeline.plan import FramePlan, PlanDefaults, plan_frame
from renderer.request.values import Pipeline
from renderer.vips.color import NO_PROFILE, Profile
from renderer.vips.loader import Loader, raster_of
from renderer.vips.opening import Opened
from renderer.vips.runtime import Deadline
from renderer.vips.watermark import Overlay


class Work(Struct, frozen=True, kw_only=True):
    """What stays the same while the steps run.

    `overlay` is the watermark to lay over the result, `may_shrink_on_load` whether decoders may make it smaller,
    `is_linear` whether resizing happens in linear light.
    """

    pipeline: Pipeline
    format: ImageFormat
    choices: PixelChoices
    limits: ResolvedLimits
    defaults: PlanDefaults
    deadline: Deadline
    overlay: Overlay | None = None
    may_shrink_on_load: bool = True
    is_linear: bool = False

    @property
    def keeps_depth(self) -> bool:
        """Whether more than 8 bits reach the result."""
        return self.choices.preserve_hdr and self.format.traits.has_hdr


class Frame(Struct, frozen=True, kw_only=True):
    """A picture on its way through the steps.

    `loader` opens the source again; it is gone once the pixels are no longer the source's. `shrink` is the factor that
    it was asked for, None if the pixels are the thumbnail inside the file. `vector_shrink` is by how much an over-large
    drawing was rendered smaller.
    """

    image: pyvips.Image
    plan: FramePlan
    work: Work
    loader: Loader | None = None
    shrink: float | None = None
    profile: Profile = NO_PROFILE
    is_vector: bool = False
    vector_shrink: float = 1.0

    def showing(self, image: pyvips.Image) -> Frame:
        """The same frame with other pixels."""
        return self.after(image, self.profile)

    def after(self, image: pyvips.Image, profile: Profile) -> Frame:
        """The same frame after a step that answered with a picture and what has become of its profile."""
        if image is self.image and profile is self.profile:
            return self
        return structs.replace(self, image=image, profile=profile)


def first_frame(image: pyvips.Image, work: Work, loader: Loader | None, *, shrink: float | None = 1.0) -> Frame:
    """The frame that the steps begin with; without a loader it is neither shrunk on load nor a drawing."""
    is_vector = loader is not None and loader.format.traits.is_vector
    plan = plan_frame(work.pipeline, raster_of(image, is_vector=is_vector), work.defaults)
    return Frame(image=image, plan=plan, work=work, loader=loader, is_vector=is_vector, shrink=shrink)


def opened_frame(first: Opened, image: pyvips.Image, work: Work, loader: Loader) -> Frame:
    """The frame that the steps begin with, of a picture whose plan may be known since it was opened."""
    is_vector = loader.format.traits.is_vector
    plan = first.plan
    if plan is None:
        raster = first.raster if image is first.image else raster_of(image, is_vector=is_vector)
        plan = plan_frame(work.pipeline, raster, work.defaults)
    return Frame(image=image, plan=plan, work=work, loader=loader, is_vector=is_vector, shrink=first.shrink)


def planned_anew(frame: Frame) -> Frame:
    """The frame with a plan for the size that it has now."""
    plan = plan_frame(frame.work.pipeline, raster_of(frame.image, is_vector=frame.is_vector), frame.work.defaults)
    return structs.replace(frame, plan=plan)
