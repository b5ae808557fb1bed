"""The watermark option."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from renderer.options.arguments import GravityType
from renderer.options.watermark import WatermarkPlacement
from renderer.request.values import RenderRequest

Read = Callable[[str], RenderRequest]
Refused = Callable[[str], str]

SOUTH_EAST = GravityType.SOUTH_EAST


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("wm:1", WatermarkPlacement(opacity=1)),
        ("watermark:0.5:soea:10:20:0.6", WatermarkPlacement(opacity=0.5, position=SOUTH_EAST, x=10, y=20, scale=0.6)),
        ("wm:1:re", WatermarkPlacement(opacity=1, position=None)),
        ("wm:1:ce:-5:-0.5", WatermarkPlacement(opacity=1, x=-5, y=-0.5)),
        ("wm:1:ce:0:0:0", WatermarkPlacement(opacity=1)),
        ("wm:1::::2", WatermarkPlacement(opacity=1, scale=2)),
        ("wm:1:ce:0:0:1:ignored:too", WatermarkPlacement(opacity=1, scale=1)),
        ("wm:0", WatermarkPlacement()),
        ("wm:1:soea:10:20:0.5/wm:0.5", WatermarkPlacement(opacity=0.5, position=SOUTH_EAST, x=10, y=20, scale=0.5)),
        ("wm:1:soea:10:20:0.5/wm:1::::", WatermarkPlacement(opacity=1, position=SOUTH_EAST, x=10, y=20, scale=0.5)),
        ("wm:1:re:10/wm:1:ce", WatermarkPlacement(opacity=1, x=10)),
        ("wm:1:re/wm:0.5", WatermarkPlacement(opacity=0.5, position=None)),
    ],
)
def test_a_watermark_keeps_what_is_left_out(read: Read, options: str, expected: WatermarkPlacement) -> None:
    """A watermark keeps everything but its opacity when it is left out; a sixth and seventh argument are ignored."""
    assert read(options).pipelines[0].watermark.watermark == expected


@pytest.mark.parametrize("position", ["ce", "no", "so", "ea", "we", "noea", "nowe", "soea", "sowe"])
def test_a_watermark_lies_at_any_compass_point(read: Read, position: str) -> None:
    """A watermark lies at any compass point."""
    assert read(f"wm:1:{position}").pipelines[0].watermark.watermark.position is GravityType(position)


POSITIONS = "re, ce, no, so, ea, we, noea, nowe, soea, sowe"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("wm:", "Invalid watermark.opacity:  (expected number in range 0-1)"),
        ("wm::ce", "Invalid watermark.opacity:  (expected number in range 0-1)"),
        ("wm:1.1", "Invalid watermark.opacity: 1.1 (expected number in range 0-1)"),
        ("wm:-0.1", "Invalid watermark.opacity: -0.1 (expected number in range 0-1)"),
        ("wm:2:bad", "Invalid watermark.opacity: 2 (expected number in range 0-1)"),
        ("wm:1:sm", f"Invalid watermark.position: sm (expected {POSITIONS})"),
        ("wm:1:fp", f"Invalid watermark.position: fp (expected {POSITIONS})"),
        ("wm:1:ch", f"Invalid watermark.position: ch (expected {POSITIONS})"),
        ("wm:1:ce:x", "Invalid watermark.x_offset: x"),
        ("wm:1:ce:0:x", "Invalid watermark.y_offset: x"),
        ("wm:1:ce:inf", "Invalid watermark.x_offset: inf"),
        ("wm:1:ce:0:0:-1", "Invalid watermark.scale: -1 (expected positive number or 0)"),
        ("wm:1:ce:0:0:x", "Invalid watermark.scale: x (expected positive number or 0)"),
        ("wm:1:ce:0:0:1:2:3:4", "Invalid watermark arguments: [1 ce 0 0 1 2 3 4]"),
    ],
)
def test_a_bad_watermark_is_refused(refused: Refused, options: str, text: str) -> None:
    """A bad watermark is refused by its first bad argument."""
    assert refused(options) == text
