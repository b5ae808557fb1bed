"""Options of the target size."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from renderer.options.arguments import Gravity, GravityType
from renderer.options.canvas import Extend
from renderer.options.resize import Resize, ResizingType
from renderer.request.values import RenderRequest

Read = Callable[[str], RenderRequest]
Refused = Callable[[str], str]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("rt:fit", Resize(resizing_type=ResizingType.FIT)),
        ("rt:fill", Resize(resizing_type=ResizingType.FILL)),
        ("rt:fill-down", Resize(resizing_type=ResizingType.FILL_DOWN)),
        ("rt:force", Resize(resizing_type=ResizingType.FORCE)),
        ("rt:auto", Resize(resizing_type=ResizingType.AUTO)),
        ("w:10", Resize(width=10)),
        ("w:0", Resize()),
        ("w:+10", Resize(width=10)),
        ("w:9223372036854775807", Resize(width=2**63 - 1)),
        ("w:10/h:20", Resize(width=10, height=20)),
        ("mw:10/mh:20", Resize(min_width=10, min_height=20)),
        ("z:0.5", Resize(zoom=(0.5, 0.5))),
        ("z:0.5:2", Resize(zoom=(0.5, 2))),
        ("z:2:3/z:4", Resize(zoom=(4, 4))),
        ("dpr:2.5", Resize(dpr=2.5)),
        ("el:1", Resize(enlarge=True)),
        ("el:TRUE", Resize(enlarge=True)),
        ("el:1/el:", Resize()),
        ("el:1/el:tRUE", Resize()),
        ("w:10/w:20", Resize(width=20)),
    ],
)
def test_each_option_of_the_size_sets_its_value(read: Read, options: str, expected: Resize) -> None:
    """Each option of the size sets its value; the last occurrence counts."""
    assert read(options).pipelines[0].resize == expected


FILL = ResizingType.FILL
EDGE = Gravity(type=GravityType.SOUTH)
SOUTH = Gravity(type=GravityType.SOUTH, x=10, y=20)


@pytest.mark.parametrize(
    ("options", "resize", "extend"),
    [
        ("rs:fill:100:200:1", Resize(resizing_type=FILL, width=100, height=200, enlarge=True), Extend()),
        ("resize:fill", Resize(resizing_type=FILL), Extend()),
        ("rs:", Resize(), Extend()),
        ("rs::::::::", Resize(), Extend()),
        ("rs::40:30", Resize(width=40, height=30), Extend()),
        ("rs:fill:10:20/rs:fit", Resize(width=10, height=20), Extend()),
        ("rs:fill:10:20/rs:::30", Resize(resizing_type=FILL, width=10, height=30), Extend()),
        ("s:100:100::1", Resize(width=100, height=100), Extend(is_enabled=True)),
        ("s:1:2:0:1:so:10:20", Resize(width=1, height=2), Extend(is_enabled=True, gravity=SOUTH)),
        ("rs:fill:1:2:0:1:so", Resize(resizing_type=FILL, width=1, height=2), Extend(is_enabled=True, gravity=EDGE)),
        (
            "rs:fill:1:2:0:1:so:10:20",
            Resize(resizing_type=FILL, width=1, height=2),
            Extend(is_enabled=True, gravity=SOUTH),
        ),
        ("rs:fill:10:20:0::bad", Resize(resizing_type=FILL, width=10, height=20), Extend()),
        ("rs:fill:10:20:0::bad:x:y", Resize(resizing_type=FILL, width=10, height=20), Extend()),
        ("s:10/s::20/s:::1", Resize(width=10, height=20, enlarge=True), Extend()),
        ("ex:1:so:10:20/s:10:10::0", Resize(width=10, height=10), Extend(gravity=SOUTH)),
    ],
)
def test_resize_and_size_stand_for_other_options(read: Read, options: str, resize: Resize, extend: Extend) -> None:
    """`resize` and `size` stand for other options; empty arguments change nothing."""
    pipeline = read(options).pipelines[0]

    assert (pipeline.resize, pipeline.canvas.extend) == (resize, extend)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("rt:", "Invalid resizing_type:  (expected fit, fill, fill-down, force, auto)"),
        ("rt:FIT", "Invalid resizing_type: FIT (expected fit, fill, fill-down, force, auto)"),
        ("rt:fill_down", "Invalid resizing_type: fill_down (expected fit, fill, fill-down, force, auto)"),
        ("w:", "Invalid width:  (expected positive number or 0)"),
        ("w:-1", "Invalid width: -1 (expected positive number or 0)"),
        ("w:1.5", "Invalid width: 1.5 (expected positive number or 0)"),
        ("w:10:", "Invalid width arguments: [10 ]"),
        ("w:10:20", "Invalid width arguments: [10 20]"),
        ("h:a", "Invalid height: a (expected positive number or 0)"),
        ("mw:-1", "Invalid min-width: -1 (expected positive number or 0)"),
        ("mh:x", "Invalid min-height: x (expected positive number or 0)"),
        ("min_width:1", "Unknown processing option min_width"),
        ("z:", "Invalid zoom_width:  (expected positive number)"),
        ("z:0", "Invalid zoom_width: 0 (expected positive number)"),
        ("z::2", "Invalid zoom_width:  (expected positive number)"),
        ("z:1:", "Invalid zoom_height:  (expected positive number)"),
        ("z:1:2:3", "Invalid zoom arguments: [1 2 3]"),
        ("dpr:0", "Invalid dpr: 0 (expected positive number)"),
        ("dpr:nan", "Invalid dpr: nan (expected positive number)"),
        ("dpr:1:2", "Invalid dpr arguments: [1 2]"),
        ("el:1:2", "Invalid enlarge arguments: [1 2]"),
        ("rs:bad:1:2", "Invalid resizing_type: bad (expected fit, fill, fill-down, force, auto)"),
        ("rs:fill:x", "Invalid width: x (expected positive number or 0)"),
        ("rs:fill:1:x", "Invalid height: x (expected positive number or 0)"),
        ("rs:fill:1:2:0:1:so:1:2:3", "Invalid resize arguments: [fill 1 2 0 1 so 1 2 3]"),
        ("s:1:2:0:1:so:1:2:3", "Invalid size arguments: [1 2 0 1 so 1 2 3]"),
        ("s:1:2:0:1:bad", "Invalid extend.gravity.type: bad (expected ce, no, so, ea, we, noea, nowe, soea, sowe, fp)"),
        ("s:1:2:0:1:", "Invalid extend.gravity.type:  (expected ce, no, so, ea, we, noea, nowe, soea, sowe, fp)"),
    ],
)
def test_a_bad_size_is_told_by_the_option_that_refuses_it(refused: Refused, options: str, text: str) -> None:
    """A bad size is told by the option that refuses it, also inside `resize` and `size`."""
    assert refused(options) == text
