"""Source bytes and a request -> result bytes: the order of spec 02 section 1.1, from the header to the last byte.

Runs in a worker thread, start to end, and holds the GIL only between libvips calls.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import pyvips
from msgspec import Struct, structs

from renderer.formats import ImageFormat
from renderer.options.canvas import Canvas, Padding
from renderer.options.crop import Trim
from renderer.options.limits import Limits
from renderer.options.output import Output
from renderer.options.resize import Resize
from renderer.pipeline.geometry import Size
from renderer.pipeline.loading import Foreseen
from renderer.pipeline.output import (
    PixelChoices,
    ResolvedLimits,
    SourceFacts,
    check_resolution,
    fallback_format,
    is_skipped,
    pixel_choices,
    quality,
    resolved_limits,
    result_format,
)
from renderer.pipeline.plan import PlanDefaults
from renderer.request.values import Pipeline, RenderRequest
from renderer.settings.load import Settings
from renderer.storage.held_file import Encoded, check_unchanged, whole_of
from renderer.vips import arenas, color, metadata
from renderer.vips.fields import (
    has_alpha,
    set_whole_number,
    set_whole_numbers,
    whole_number,
    whole_numbers,
    whole_size,
    without,
)
from renderer.vips.frame import Frame, Work, first_frame, opened_frame
from renderer.vips.levels import Levels
from renderer.vips.loader import (
    Loader,
    LoaderSettings,
    frame_size,
    is_animated,
    page_count,
    page_height,
    raster_of,
)
from renderer.vips.opening import Opened, opened, opened_smaller
from renderer.vips.runtime import Capabilities, Deadline, forget_complaints, vips_errors
from renderer.vips.saver import Encoding, save
from renderer.vips.steps import PIPELINE, WATERMARK, run
from renderer.vips.watermark import Overlay, watermarked

_DEFAULT_DELAY_MS = 40


class SourceImage(Struct, frozen=True, kw_only=True, eq=False):
    """A source whose format is known; `levels` are the decoded sizes that renders of it share."""

    data: Encoded
    format: ImageFormat
    levels: Levels | None = None

    def __repr__(self) -> str:
        """Without its bytes."""
        return f"SourceImage({self.format.name}, {len(self.data)} bytes)"


class RenderedImage(Struct, frozen=True, kw_only=True):
    """A result; sizes are upright, of one frame."""

    data: bytes
    format: ImageFormat
    origin: Size
    result: Size


@dataclass(frozen=True, slots=True)
class Renderer:
    """Renders pictures under one configuration."""

    settings: Settings
    capabilities: Capabilities
    watermark: SourceImage | None = None

    def render(
        self, source: SourceImage, request: RenderRequest, deadline: Deadline, *, foreseen: Foreseen | None = None
    ) -> RenderedImage:
        """The result of a request.

        Args:
            source: what it is made from.
            request: what is wanted.
            deadline: is looked at, and may be killed from another thread.
            foreseen: what the source's first bytes let expect, if that is known already.

        Raises:
            BildwerkError: for whatever the source or the URL makes impossible.
        """
        # What an earlier picture that was shown all the same left in libvips' log is none of this one's errors.
        forget_complaints()
        try:
            with vips_errors():
                return self._render(source, request, deadline, foreseen)
        finally:
            # What was half written, decoded or not, is no picture to show, and no picture to call broken.
            check_unchanged(source.data)

    def _render(
        self, source: SourceImage, request: RenderRequest, deadline: Deadline, foreseen: Foreseen | None
    ) -> RenderedImage:
        limits = resolved_limits(request.limits, self.settings.security)
        choices = pixel_choices(request.output, self.settings.pixels)
        loader = self._loader(source, deadline)
        skips = is_skipped(request, source.format, self.settings.formats)
        first = None if skips else self._opened_smaller(loader, request.pipelines[0], limits, foreseen)
        if first is None:
            first = opened(loader, choices, limits, foreseen=foreseen)
        image, origin = first.image, first.raster.shown
        if skips:
            return self._skipped(source, origin, limits)
        may_animate = limits.max_animation_frames > 1 and is_animated(image)
        facts = SourceFacts(format=source.format, is_animated=may_animate, has_alpha=has_alpha(image))
        format = result_format(request, facts, self.settings.formats, self.capabilities.savable)
        is_animation = may_animate and format.traits.saves_animation
        if is_animation:
            image = loader.open(pages=min(page_count(image), limits.max_animation_frames))
        elif first.shrink is not None:
            image = without(image, *metadata.ANIMATION)
        if not source.format.traits.is_vector:
            # Without the fields of an animation a picture is one frame.
            is_one = first.shrink is not None and not is_animation
            check_resolution(origin, 1 if is_one else whole_size(image).height // page_height(image), limits)
            arenas.make_room(image, origin)
        work = self._work(request.pipelines[0], format, (choices, limits), deadline)
        frame = (
            _animated(loader.decoded(image), work)
            if is_animation
            else run(PIPELINE, opened_frame(first, image, work, loader))
        )
        return self._saved(_finished(frame, is_animated=is_animation), request, origin)

    def _opened_smaller(
        self, loader: Loader, pipeline: Pipeline, limits: ResolvedLimits, foreseen: Foreseen | None
    ) -> Opened | None:
        if self.settings.pixels.disable_shrink_on_load:
            return None
        return opened_smaller(loader, pipeline, self._defaults(limits), limits, foreseen=foreseen)

    def _defaults(self, limits: ResolvedLimits) -> PlanDefaults:
        auto_rotate = self.settings.pixels.auto_rotate
        return PlanDefaults(auto_rotate=auto_rotate, max_result_dimension=limits.max_result_dimension)

    def _loader(self, source: SourceImage, deadline: Deadline) -> Loader:
        settings = LoaderSettings(
            png_unlimited=self.settings.security.png_unlimited,
            svg_unlimited=self.settings.security.svg_unlimited,
            is_strict=self.settings.sources.strict_sources,
        )
        return Loader(source.data, source.format, settings, deadline, source.levels)

    def _skipped(self, source: SourceImage, origin: Size, limits: ResolvedLimits) -> RenderedImage:
        data = whole_of(source.data)
        if source.format is ImageFormat.SVG:
            if self.settings.security.sanitize_svg:
                from renderer.security.svg import sanitized  # an XML parser that only SVG results need

                data = sanitized(data)
        else:
            check_resolution(origin, 1, limits)
        return RenderedImage(data=data, format=source.format, origin=origin, result=origin)

    def _saved(self, frame: Frame, request: RenderRequest, origin: Size) -> RenderedImage:
        image = frame.image
        size = frame_size(image)
        format = fallback_format(frame.work.format, size, has_alpha=has_alpha(image))
        encoding = Encoding(
            format=format,
            quality=quality(request.output, format, self.settings.formats),
            max_bytes=request.output.max_bytes,
        )
        data = save(image, encoding, self.settings.formats, frame.work.deadline)
        return RenderedImage(data=data, format=format, origin=origin, result=size)

    def _overlay(self, deadline: Deadline) -> Overlay | None:
        mark = self.watermark
        if mark is None:
            return None

        def prepare(box: Size, padding: tuple[int, int, int, int]) -> pyvips.Image:
            return self._prepared_watermark(mark, box, padding, deadline)

        return Overlay(prepare=prepare, opacity=self.settings.watermark.opacity)

    def _prepared_watermark(
        self, mark: SourceImage, box: Size, padding: tuple[int, int, int, int], deadline: Deadline
    ) -> pyvips.Image:
        """The watermark fitted into a box, under the settings and not the request's options (spec 02 section 6.1)."""
        limits = resolved_limits(Limits(), self.settings.security)
        choices = pixel_choices(Output(), self.settings.pixels)
        loader = self._loader(mark, deadline)
        image = without(opened(loader, choices, limits).image, *metadata.ANIMATION)
        if not mark.format.traits.is_vector:
            check_resolution(raster_of(image, is_vector=False).shown, 1, limits)
        top, right, bottom, left = padding
        pipeline = Pipeline(
            resize=Resize(width=box.width, height=box.height, enlarge=True),
            canvas=Canvas(padding=Padding(top=top, right=right, bottom=bottom, left=left)),
        )
        work = self._work(pipeline, mark.format, (choices, limits), deadline)
        return metadata.bare(run(WATERMARK, first_frame(image, work, loader)).image)

    def _work(
        self,
        pipeline: Pipeline,
        format: ImageFormat,
        resolved: tuple[PixelChoices, ResolvedLimits],
        deadline: Deadline,
    ) -> Work:
        choices, limits = resolved
        pixels = self.settings.pixels
        return Work(
            pipeline=pipeline,
            format=format,
            choices=choices,
            limits=limits,
            defaults=self._defaults(limits),
            deadline=deadline,
            overlay=self._overlay(deadline),
            may_shrink_on_load=not pixels.disable_shrink_on_load,
            is_linear=pixels.use_linear_colorspace,
        )


def _animated(image: pyvips.Image, work: Work) -> Frame:
    """Every frame through the steps, then the watermark over all of them (spec 02 section 1.4)."""
    height = page_height(image)
    count = image.height // height
    cropping = dataclasses.replace(work.pipeline.cropping, trim=Trim())
    of_frame = structs.replace(work, overlay=None, pipeline=dataclasses.replace(work.pipeline, cropping=cropping))
    frames = []
    for index in range(count):
        cut = image.extract_area(0, index * height, image.width, height)
        frame = run(PIPELINE, first_frame(cut, of_frame, None))
        if min(frame.plan.scale_x, frame.plan.scale_y) < 1:
            frame = frame.showing(work.deadline.in_memory(frame.image))
        frames.append(frame)
    last = frames[-1]
    joined = pyvips.Image.arrayjoin([frame.image for frame in frames], across=1)
    placement = work.pipeline.watermark.watermark
    if work.overlay is not None and placement.opacity:
        at = (frames[0].image.height, last.plan.dpr, work.deadline)
        joined = watermarked(joined, work.overlay, placement, at)
    return last.showing(_with_animation(joined, image, frames[0].image.height, count))


def _with_animation(joined: pyvips.Image, source: pyvips.Image, height: int, count: int) -> pyvips.Image:
    delay = whole_numbers(source, "delay")[:count]
    loop = whole_number(source, "loop", 0)
    joined = joined.copy()
    set_whole_numbers(joined, "delay", delay or [_DEFAULT_DELAY_MS] * count)
    set_whole_number(joined, "loop", loop)
    set_whole_number(joined, "page-height", height)
    set_whole_number(joined, "n-pages", count)
    return joined


def _finished(frame: Frame, *, is_animated: bool) -> Frame:
    """The picture in its final space, with the metadata that it keeps."""
    choices = frame.work.choices
    keeps_profile = not choices.strip_color_profile and frame.work.format.traits.has_icc
    if not choices.strip_metadata:
        return frame.showing(color.to_result(frame.image, frame.profile, keeps_profile=keeps_profile))
    image = color.converted(frame.image, frame.profile, keeps_profile=keeps_profile)
    image = metadata.stripped(
        image, is_animated=is_animated, keeps_copyright=choices.keep_copyright, keeps_profile=keeps_profile
    )
    return frame.showing(image)
