"""Options of what is cut away: gravity, crop, trim."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from renderer.options.arguments import Gravity, GravityType
from renderer.options.crop import Crop, Trim
from renderer.request.values import RenderRequest

Read = Callable[[str], RenderRequest]
Refused = Callable[[str], str]

ALL = "ce, no, so, ea, we, noea, nowe, soea, sowe, fp, sm"


def gravity(type: str, x: float = 0, y: float = 0) -> Gravity:
    """A gravity by the word that URLs have for it."""
    return Gravity(type=GravityType(type), x=x, y=y)


@pytest.mark.parametrize("type", ["ce", "no", "so", "ea", "we", "noea", "nowe", "soea", "sowe"])
def test_a_compass_gravity_takes_up_to_two_offsets(read: Read, type: str) -> None:
    """A compass gravity takes up to two offsets, whole, fractional or negative."""
    for options, x, y in (
        ("", 0, 0),
        (":", 0, 0),
        ("::", 0, 0),
        (":-1.5", -1.5, 0),
        ("::0.25", 0, 0.25),
        (":7:8", 7, 8),
    ):
        assert read(f"g:{type}{options}").pipelines[0].cropping.gravity == gravity(type, x, y), options


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("g:sm", gravity("sm")),
        ("g:fp:0.5:0.9", gravity("fp", 0.5, 0.9)),
        ("g:fp:0:1", gravity("fp", 0, 1)),
        ("g:fp::", gravity("fp")),
        ("g:so:0:40/g:no", gravity("no", 0, 40)),
        ("g:so:10:40/g:no:20", gravity("no", 20, 40)),
        ("g:so:10:40/g:no::30", gravity("no", 10, 30)),
        ("g:so:10:40/g:no:0:0", gravity("no")),
        ("g:fp:0.5:0.9/g:no", gravity("no", 0.5, 0.9)),
        ("g:fp:0.5:0.9/g:fp:0.1:", gravity("fp", 0.1, 0.9)),
        ("g:so:10:40/g:fp::", gravity("fp", 10, 40)),
        ("g:so:10:40/g:sm", gravity("sm")),
        ("g:so:10:40/g:sm/g:no", gravity("no")),
    ],
)
def test_offsets_outlive_the_gravity_that_brought_them(read: Read, options: str, expected: Gravity) -> None:
    """Offsets outlive the gravity that brought them, into other types too; only `sm` drops them."""
    assert read(options).pipelines[0].cropping.gravity == expected


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("g:", f"Invalid gravity.type:  (expected {ALL})"),
        ("g:re", f"Invalid gravity.type: re (expected {ALL})"),
        ("g:CE", f"Invalid gravity.type: CE (expected {ALL})"),
        ("g:center", f"Invalid gravity.type: center (expected {ALL})"),
        ("g:ce:a", "Invalid gravity.x_offset: a"),
        ("g:ce:1:a", "Invalid gravity.y_offset: a"),
        ("g:ce:nan", "Invalid gravity.x_offset: nan"),
        ("g:ce::inf", "Invalid gravity.y_offset: inf"),
        ("g:ce:1:2:3", "Invalid gravity arguments: [ce 1 2 3]"),
        ("g:sm:", "Invalid gravity arguments: [sm ]"),
        ("g:sm:0:0", "Invalid gravity arguments: [sm 0 0]"),
        ("g:fp", "Invalid gravity arguments: [fp]"),
        ("g:fp:0.5", "Invalid gravity arguments: [fp 0.5]"),
        ("g:fp:0.5:0.5:0.5", "Invalid gravity arguments: [fp 0.5 0.5 0.5]"),
        ("g:fp:1.5:0", "Invalid gravity.x_offset: 1.5"),
        ("g:fp:0:-0.1", "Invalid gravity.y_offset: -0.1"),
        ("g:fp:a:0", "Invalid gravity.x_offset: a"),
    ],
)
def test_a_bad_gravity_is_refused(refused: Refused, options: str, text: str) -> None:
    """A bad gravity is refused."""
    assert refused(options) == text


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("c:100:200", Crop(width=100, height=200)),
        ("crop:0.25:100", Crop(width=0.25, height=100)),
        ("c:10.9:0", Crop(width=10.9)),
        ("c:100", Crop(width=100)),
        ("c:100:200/c:50", Crop(width=50, height=200)),
        ("c:100:200/c:0:0", Crop()),
        ("c:100:200:nowe:10:20", Crop(width=100, height=200, gravity=gravity("nowe", 10, 20))),
        ("c:100:200:sm", Crop(width=100, height=200, gravity=gravity("sm"))),
        ("c:100:200:fp:0.1:0.2", Crop(width=100, height=200, gravity=gravity("fp", 0.1, 0.2))),
        ("c:1:2:so:10:20/c:3:4", Crop(width=3, height=4, gravity=gravity("so", 10, 20))),
        ("c:1:2:so:10:20/c:3:4:no", Crop(width=3, height=4, gravity=gravity("no", 10, 20))),
        ("c:1:2:so:10:20/c:3:4:sm/c:5:6:no", Crop(width=5, height=6, gravity=gravity("no"))),
        ("g:so:10:20/c:1:2", Crop(width=1, height=2)),
        ("g:so:10:20/c:1:2:no", Crop(width=1, height=2, gravity=gravity("no"))),
    ],
)
def test_a_crop_has_a_size_and_a_gravity_of_its_own(read: Read, options: str, expected: Crop) -> None:
    """A crop has a size and a gravity of its own; the height and the gravity stay when they are left out."""
    assert read(options).pipelines[0].cropping.crop == expected


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("c:", "Invalid crop.width:  (expected positive number or 0)"),
        ("c::100", "Invalid crop.width:  (expected positive number or 0)"),
        ("c:100:", "Invalid crop.height:  (expected positive number or 0)"),
        ("c:-1:1", "Invalid crop.width: -1 (expected positive number or 0)"),
        ("c:1:-1", "Invalid crop.height: -1 (expected positive number or 0)"),
        ("c:inf:10", "Invalid crop.width: inf (expected positive number or 0)"),
        ("c:1:1:", f"Invalid crop.gravity.type:  (expected {ALL})"),
        ("c:1:1:re", f"Invalid crop.gravity.type: re (expected {ALL})"),
        ("c:1:1:ce:1:2:3", "Invalid crop.gravity arguments: [ce 1 2 3]"),
        ("c:1:1:ce:x", "Invalid crop.gravity.x_offset: x"),
        ("c:1:1:sm:0:0", "Invalid crop.gravity arguments: [sm 0 0]"),
    ],
)
def test_a_bad_crop_is_refused(refused: Refused, options: str, text: str) -> None:
    """A bad crop is refused; too many arguments are told by its gravity."""
    assert refused(options) == text


RED = (255, 0, 0)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("t:10", Trim(threshold=10)),
        ("trim:-1.5", Trim(threshold=-1.5)),
        ("t:0", Trim(threshold=0)),
        ("t:", Trim()),
        ("t::ff0000", Trim(color=RED)),
        ("t:10:f00", Trim(threshold=10, color=RED)),
        ("t:10:f00:1", Trim(threshold=10, color=RED, equal_hor=True)),
        ("t:10::1:1", Trim(threshold=10, equal_hor=True, equal_ver=True)),
        ("t:10:f00/t:", Trim()),
        ("t:10:f00/t:20", Trim(threshold=20)),
        ("t:10:f00/t:20:", Trim(threshold=20)),
        ("t:10::1:1/t:20", Trim(threshold=20, equal_hor=True, equal_ver=True)),
        ("t:10::1:1/t:20:::", Trim(threshold=20, equal_hor=True, equal_ver=True)),
        ("t:10::1:1/t:20::0:no", Trim(threshold=20)),
    ],
)
def test_trim_resets_threshold_and_color_and_keeps_the_rest(read: Read, options: str, expected: Trim) -> None:
    """Trim takes its threshold and color anew each time and keeps what it knows of equal sides."""
    assert read(options).pipelines[0].cropping.trim == expected


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("t:a", "Invalid trim.threshold arguments: [a]"),
        ("t:nan", "Invalid trim.threshold arguments: [nan]"),
        ("t:10:red", "Invalid trim.color: red (expected hex-encoded color)"),
        ("t:10:f00:1:1:1", "Invalid trim arguments: [10 f00 1 1 1]"),
        ("t:10:f00:1:1:", "Invalid trim arguments: [10 f00 1 1 ]"),
    ],
)
def test_a_bad_trim_is_refused(refused: Refused, options: str, text: str) -> None:
    """A bad trim is refused."""
    assert refused(options) == text
