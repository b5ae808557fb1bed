"""The pixel pipeline: fifteen steps in the order in which they always run (spec 02 section 1.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from renderer.vips import canvas, geometry_steps
from renderer.vips.frame import Frame

Step = Callable[[Frame], Frame]

PIPELINE: Final[tuple[Step, ...]] = (
    geometry_steps.guard_vector,
    geometry_steps.trim,
    geometry_steps.scale_on_load,
    geometry_steps.to_processing_space,
    geometry_steps.crop,
    geometry_steps.scale,
    geometry_steps.rotate_and_flip,
    geometry_steps.crop_to_result,
    canvas.apply_filters,
    canvas.extend,
    canvas.extend_aspect_ratio,
    canvas.pad,
    geometry_steps.fit_format,
    canvas.flatten,
    canvas.watermark,
)

WATERMARK: Final[tuple[Step, ...]] = (
    geometry_steps.guard_vector,
    geometry_steps.scale_on_load,
    geometry_steps.to_processing_space,
    geometry_steps.scale,
    geometry_steps.rotate_and_flip,
    canvas.pad,
)
"""What a watermark goes through before it is laid over a picture (spec 02 section 6.1)."""


def run(steps: tuple[Step, ...], frame: Frame) -> Frame:
    """Runs steps over a frame; the deadline is looked at after each that does something."""
    deadline = frame.work.deadline
    for step in steps:
        before, frame = frame, step(frame)
        if frame is not before:
            deadline.check()
    return frame
