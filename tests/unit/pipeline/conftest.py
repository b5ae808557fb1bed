"""Plans from options as URLs write them, and the size that a plan comes to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from renderer.pipeline.geometry import Size, scaled
from renderer.pipeline.header import Raster
from renderer.pipeline.plan import FramePlan, PlanDefaults, crop_box, padding_sides, plan_frame
from renderer.request.parse import Grammar, parse_request
from renderer.request.values import Pipeline, RenderRequest


@pytest.fixture
def read() -> Callable[[str], RenderRequest]:
    """Reads an option list; an empty one too."""
    grammar = Grammar(now=lambda: 0.0, allows_security_options=True)

    def request(options: str) -> RenderRequest:
        return parse_request(f"{options}/plain/a".removeprefix("/"), grammar)

    return request


@pytest.fixture
def planned(read: Callable[[str], RenderRequest]) -> Callable[..., FramePlan]:
    """Plans an option list for a raster."""

    def plan(options: str, raster: Raster, *, limit: int = 0, auto_rotate: bool = True) -> FramePlan:
        defaults = PlanDefaults(auto_rotate=auto_rotate, max_result_dimension=limit)
        return plan_frame(read(options).pipelines[0], raster, defaults)

    return plan


@pytest.fixture
def result_size(
    read: Callable[[str], RenderRequest], planned: Callable[..., FramePlan]
) -> Callable[..., tuple[int, int]]:
    """The size that the steps of a plan come to, without any pixels."""

    def size(options: str, raster: Raster, *, limit: int = 0, auto_rotate: bool = True) -> tuple[int, int]:
        plan = planned(options, raster, limit=limit, auto_rotate=auto_rotate)
        picture = _cut(_scaled_crop(plan, raster), plan.result)
        whole = _padded(_extended(picture, plan, read(options).pipelines[0]), plan, read(options).pipelines[0])
        return whole.width, whole.height

    return size


def _scaled_crop(plan: FramePlan, raster: Raster) -> Size:
    box, _ = crop_box(plan)
    picture = _cut(Size(raster.width, raster.height), box)
    across, down = (plan.scale_y, plan.scale_x) if plan.is_sideways else (plan.scale_x, plan.scale_y)
    picture = Size(max(1, scaled(picture.width, across)), max(1, scaled(picture.height, down)))
    return picture.turned if plan.is_sideways else picture


def _cut(picture: Size, box: Size) -> Size:
    return Size(min(picture.width, box.width or picture.width), min(picture.height, box.height or picture.height))


def _extended(picture: Size, plan: FramePlan, pipeline: Pipeline) -> Size:
    canvases = [plan.target] if pipeline.canvas.extend.is_enabled else []
    if plan.extended.width and plan.extended.height:
        canvases.append(plan.extended)
    for canvas in canvases:
        picture = Size(max(picture.width, canvas.width), max(picture.height, canvas.height))
    return picture


def _padded(picture: Size, plan: FramePlan, pipeline: Pipeline) -> Size:
    top, right, bottom, left = padding_sides(pipeline, plan.dpr)
    return Size(left + picture.width + right, top + picture.height + bottom)
