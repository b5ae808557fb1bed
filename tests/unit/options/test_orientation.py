"""Options that turn a picture."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from renderer.options.orientation import Orientation
from renderer.request.values import RenderRequest

Read = Callable[[str], RenderRequest]
Refused = Callable[[str], str]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("ar:1", Orientation(auto_rotate=True)),
        ("ar:0", Orientation(auto_rotate=False)),
        ("ar:1/ar:", Orientation(auto_rotate=False)),
        ("rot:0", Orientation()),
        ("rot:90", Orientation(rotate=90)),
        ("rot:270", Orientation(rotate=270)),
        ("rot:450", Orientation(rotate=90)),
        ("rot:-90", Orientation(rotate=270)),
        ("rot:-360", Orientation()),
        ("rot:+180", Orientation(rotate=180)),
        ("fl:1", Orientation(flip=(True, False))),
        ("fl:1:1", Orientation(flip=(True, True))),
        ("fl::1", Orientation(flip=(False, True))),
        ("fl:", Orientation()),
        ("fl:1:1/fl:0", Orientation(flip=(False, True))),
        ("fl:1:1/fl::0", Orientation(flip=(True, False))),
        ("fl:1:1/fl:no:no", Orientation()),
    ],
)
def test_each_option_of_turning_sets_its_value(read: Read, options: str, expected: Orientation) -> None:
    """Each option of turning sets its value; right angles count modulo 360, negative ones too."""
    assert read(options).pipelines[0].orientation == expected


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("rot:45", "Rotation angle must be a multiple of 90"),
        ("rot:-1", "Rotation angle must be a multiple of 90"),
        ("rot:", "Invalid rotate:  (expected integer number)"),
        ("rot:90.0", "Invalid rotate: 90.0 (expected integer number)"),
        ("rot:90:90", "Invalid rotate arguments: [90 90]"),
        ("ar:1:1", "Invalid auto_rotate arguments: [1 1]"),
        ("fl:1:1:1", "Invalid flip arguments: [1 1 1]"),
    ],
)
def test_a_bad_turn_is_refused(refused: Refused, options: str, text: str) -> None:
    """A bad turn is refused."""
    assert refused(options) == text
