"""Steps on pictures that are too large to be computed in a test: libvips only plans them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import pyvips

from renderer.formats import ImageFormat
from renderer.pipeline.output import pixel_choices, resolved_limits
from renderer.pipeline.plan import PlanDefaults
from renderer.request.values import Pipeline, RenderRequest
from renderer.settings.load import Settings
from renderer.vips.frame import Frame, Work, first_frame
from renderer.vips.geometry_steps import fit_format
from renderer.vips.runtime import Deadline


@pytest.fixture
def frame_for(capabilities: object) -> Callable[[pyvips.Image, ImageFormat], Frame]:
    """A frame on its way to a format."""
    assert capabilities

    def frame(image: pyvips.Image, format: ImageFormat) -> Frame:
        settings, request = Settings(), RenderRequest(source_url="")
        work = Work(
            pipeline=Pipeline(),
            format=format,
            choices=pixel_choices(request.output, settings.pixels),
            limits=resolved_limits(request.limits, settings.security),
            defaults=PlanDefaults(),
            deadline=Deadline(),
        )
        return first_frame(image, work, None)

    return frame


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "size", [(32_768, 16_384), (16_384, 32_768), (23_171, 23_171), (65_536, 9_000), (65_537, 2), (9_000_000, 100)]
)
def test_the_largest_gif_is_found_whatever_the_rounding_does(
    size: tuple[int, int], frame_for: Callable[[pyvips.Image, ImageFormat], Frame]
) -> None:
    """The factor for 32,768 x 16,384 is so near to 1 that both sides would round back to what they were, for ever."""
    image = fit_format(frame_for(pyvips.Image.black(*size), ImageFormat.GIF)).image

    assert max(image.width, image.height) <= 65_535
    assert image.width * image.height <= 536_870_911
    assert image.width * image.height > 0.98 * min(536_870_911, size[0] * size[1] * (65_535 / max(*size, 65_535)) ** 2)
