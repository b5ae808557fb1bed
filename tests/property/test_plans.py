"""Plans for random options and rasters: numbers that can be used, and limits that hold."""

from __future__ import annotations

import math

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from renderer.errors import ResultImpossible
from renderer.formats import ImageFormat
from renderer.options.arguments import Gravity, GravityType
from renderer.options.canvas import Canvas, Extend, Padding
from renderer.options.crop import Crop, Cropping
from renderer.options.orientation import Orientation
from renderer.options.resize import Resize, ResizingType
from renderer.pipeline.geometry import Offset, Size, position, scaled, smaller
from renderer.pipeline.header import Raster
from renderer.pipeline.loading import after_load, plan_load
from renderer.pipeline.plan import MAX_SIDE, FramePlan, PlanDefaults, crop_box, padding_sides, plan_frame
from renderer.request.values import Pipeline

EXAMPLES = settings(max_examples=1_500, deadline=None, derandomize=True)

sides = st.just(0) | st.integers(1, 4_000)
any_side = sides | st.integers(0, 2**63 - 1)
factors = st.sampled_from([1.0, 0.5, 2.0, 3.0]) | st.floats(0.1, 10)
any_factor = factors | st.floats(0, exclude_min=True, allow_infinity=False)
crops = st.just(0.0) | st.floats(0, 1) | st.floats(1, 5_000)
any_crop = crops | st.floats(0, allow_infinity=False)
offsets = st.just(0.0) | st.floats(-1, 1) | st.floats(-3_000, 3_000)
any_offset = offsets | st.floats(allow_nan=False, allow_infinity=False)
flags = st.booleans()


def gravities(offset: st.SearchStrategy[float]) -> st.SearchStrategy[Gravity]:
    """Any gravity, with offsets."""
    return st.builds(Gravity, type=st.sampled_from(GravityType), x=offset, y=offset)


def pipelines(
    side: st.SearchStrategy[int],
    factor: st.SearchStrategy[float],
    crop: st.SearchStrategy[float],
    offset: st.SearchStrategy[float],
) -> st.SearchStrategy[Pipeline]:
    """Pipelines with whatever bends geometry."""
    extends = st.builds(Extend, is_enabled=flags)
    own = st.just(Gravity()) | gravities(offset)
    return st.builds(
        Pipeline,
        resize=st.builds(
            Resize,
            resizing_type=st.sampled_from(ResizingType),
            width=side,
            height=side,
            min_width=st.just(0) | side,
            min_height=st.just(0) | side,
            zoom=st.tuples(factor, factor),
            dpr=factor,
            enlarge=flags,
        ),
        cropping=st.builds(
            Cropping, crop=st.builds(Crop, width=crop, height=crop, gravity=own), gravity=gravities(offset)
        ),
        orientation=st.builds(
            Orientation,
            auto_rotate=st.none() | flags,
            rotate=st.sampled_from([0, 90, 180, 270]),
            flip=st.tuples(flags, flags),
        ),
        canvas=st.builds(
            Canvas,
            extend=extends,
            extend_aspect_ratio=extends,
            padding=st.just(Padding()) | st.builds(Padding, top=side, right=side, bottom=side, left=side),
        ),
    )


usual = pipelines(sides, factors, crops, offsets)
extreme = pipelines(any_side, any_factor, any_crop, any_offset)
rasters = st.builds(
    Raster,
    width=st.integers(1, 20_000),
    height=st.integers(1, 20_000),
    orientation=st.integers(1, 8),
    is_vector=flags,
)


def check(plan: FramePlan, raster: Raster) -> None:
    """Whatever a plan says can be carried out."""
    for number in (plan.scale_x, plan.scale_y, plan.dpr):
        assert math.isfinite(number)
        assert number > 0
    for size in (plan.target, plan.result, plan.extended, plan.crop):
        assert min(size.width, size.height) >= 0
    box, gravity = crop_box(plan)
    outer = Size(raster.width, raster.height)
    inner = Size(smaller(box.width, outer.width), smaller(box.height, outer.height))
    _check_inside(position(outer, inner, gravity), inner, outer)
    picture = Size(
        max(1, scaled(inner.turned.width if plan.is_sideways else inner.width, plan.scale_x)),
        max(1, scaled(inner.turned.height if plan.is_sideways else inner.height, plan.scale_y)),
    )
    assert max(picture.width, picture.height) <= MAX_SIDE
    cut = Size(smaller(plan.result.width, picture.width), smaller(plan.result.height, picture.height))
    _check_inside(position(picture, cut, plan.gravity, plan.dpr), cut, picture)


def _check_inside(at: Offset, inner: Size, outer: Size) -> None:
    assert 0 <= at.left <= outer.width - inner.width
    assert 0 <= at.top <= outer.height - inner.height


def whole(plan: FramePlan, pipeline: Pipeline, raster: Raster) -> Size:
    """The size of the whole result, padding included."""
    stored = Size(raster.width, raster.height)
    upright = stored.turned if plan.is_sideways else stored
    width = scaled(smaller(plan.crop.width, upright.width), plan.scale_x)
    height = scaled(smaller(plan.crop.height, upright.height), plan.scale_y)
    width, height = smaller(width, plan.result.width), smaller(height, plan.result.height)
    if pipeline.canvas.extend.is_enabled:
        width, height = max(width, plan.target.width), max(height, plan.target.height)
    elif plan.extended.width and plan.extended.height:
        width, height = max(width, plan.extended.width), max(height, plan.extended.height)
    top, right, bottom, left = padding_sides(pipeline, plan.dpr)
    return Size(left + width + right, top + height + bottom)


@EXAMPLES
@given(pipeline=usual, raster=rasters, limit=st.sampled_from([0, -1, 1, 100, 3_000]))
def test_a_plan_for_usual_options_can_be_carried_out(pipeline: Pipeline, raster: Raster, limit: int) -> None:
    """A plan for usual options can be carried out, unless it would be larger than anything.

    A limit of the result does not rule that out: a strip that fills a box is far longer than what is cut out of it.
    """
    try:
        plan = plan_frame(pipeline, raster, PlanDefaults(max_result_dimension=limit))
    except ResultImpossible:
        return
    check(plan, raster)
    size = whole(plan, pipeline, raster)
    assert 0 < min(size.width, size.height) <= max(size.width, size.height) <= MAX_SIDE


@EXAMPLES
@given(pipeline=extreme, raster=rasters, limit=st.just(0) | st.integers(-5, 2**63 - 1))
def test_a_plan_for_extreme_options_can_be_carried_out_or_is_impossible(
    pipeline: Pipeline, raster: Raster, limit: int
) -> None:
    """A plan for extreme options can be carried out or is impossible; nothing else is raised."""
    try:
        plan = plan_frame(pipeline, raster, PlanDefaults(max_result_dimension=limit))
    except ResultImpossible:
        return
    check(plan, raster)


@EXAMPLES
@given(pipeline=usual, raster=rasters, limit=st.integers(20, 5_000))
def test_a_limit_on_the_result_holds_but_for_rounding(pipeline: Pipeline, raster: Raster, limit: int) -> None:
    """A limit on the result holds but for two pixels: picture and paddings are rounded one by one.

    It does not hold where the limit makes one side of the target vanish: that side is then not cut; nor with
    `extend_aspect_ratio` and `fill-down`, whose ratio is that of the target's rounded sides (spec 02 3.4, 3.5).
    """
    assume(not pipeline.canvas.extend_aspect_ratio.is_enabled)
    assume(pipeline.resize.resizing_type is not ResizingType.FILL_DOWN)
    try:
        free = plan_frame(pipeline, raster, PlanDefaults())
    except ResultImpossible:
        return  # a minimal height of a picture one pixel high and zoomed wide
    plan = plan_frame(pipeline, raster, PlanDefaults(max_result_dimension=limit))
    for before, after in ((free.target, plan.target), (free.result, plan.result)):
        assume((before.width > 0) == (after.width > 0))
        assume((before.height > 0) == (after.height > 0))

    size = whole(plan, pipeline, raster)
    assert max(size.width, size.height) <= limit + 2
    if max(_longest(whole(free, pipeline, raster)), 0) <= limit:
        assert plan == free


def _longest(size: Size) -> int:
    return max(size.width, size.height)


@EXAMPLES
@given(pipeline=usual | extreme, raster=rasters, format=st.sampled_from(ImageFormat))
def test_what_is_left_after_shrinking_on_load_can_be_carried_out(
    pipeline: Pipeline, raster: Raster, format: ImageFormat
) -> None:
    """What is left to do after a loader shrank the picture can be carried out, and enlarges nothing by much."""
    try:
        plan = plan_frame(pipeline, raster, PlanDefaults())
    except ResultImpossible:
        return
    shrink = plan_load(plan, raster, format)
    assert math.isfinite(shrink)
    assert shrink > 0
    if not raster.is_vector:
        assert shrink >= 1
    after = Raster(_loaded(raster.width, shrink), _loaded(raster.height, shrink), raster.orientation, raster.is_vector)
    assume(max(after.width, after.height) <= MAX_SIDE)
    check(after_load(plan, raster, after), after)


def _loaded(length: int, shrink: float) -> int:
    return max(1, round(length / shrink))
