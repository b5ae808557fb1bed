"""Options of the area around a picture and behind it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from renderer.options.arguments import Gravity, GravityType
from renderer.options.canvas import Extend, Padding
from renderer.request.values import RenderRequest

Read = Callable[[str], RenderRequest]
Refused = Callable[[str], str]

TYPES = "ce, no, so, ea, we, noea, nowe, soea, sowe, fp"


def on(type: str, x: float = 0, y: float = 0) -> Extend:
    """An extension that is on."""
    return Extend(is_enabled=True, gravity=Gravity(type=GravityType(type), x=x, y=y))


@pytest.mark.parametrize("name", ["extend", "extend_aspect_ratio"])
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("{}:1", on("ce")),
        ("{}:0", Extend()),
        ("{}:yes", Extend()),
        ("{}:1:so", on("so")),
        ("{}:1:so:10:20", on("so", 10, 20)),
        ("{}:1:fp:0.5:0.75", on("fp", 0.5, 0.75)),
        ("{}:1:so:10:20/{}:1", on("so", 10, 20)),
        ("{}:1:so:10:20/{}:1:no", on("no", 10, 20)),
        ("{}:1:so:10:20/{}:1:no::", on("no", 10, 20)),
        ("{}:1:so:10:20/{}:0", Extend(gravity=on("so", 10, 20).gravity)),
        ("g:so:10:20/{}:1", on("ce")),
    ],
)
def test_an_extension_keeps_its_gravity(read: Read, name: str, options: str, expected: Extend) -> None:
    """An extension has a gravity of its own and keeps it when it is left out."""
    canvas = read(options.format(name, name)).pipelines[0].canvas
    extensions = {"extend": canvas.extend, "extend_aspect_ratio": canvas.extend_aspect_ratio}

    assert extensions == {"extend": Extend(), "extend_aspect_ratio": Extend()} | {name: expected}


@pytest.mark.parametrize(("alias", "name"), [("ex", "extend"), ("exar", "extend_aspect_ratio")])
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("1:", "Invalid {}.gravity.type:  (expected " + TYPES + ")"),
        ("1:sm", "Invalid {}.gravity.type: sm (expected " + TYPES + ")"),
        ("1:re", "Invalid {}.gravity.type: re (expected " + TYPES + ")"),
        ("1:no:x", "Invalid {}.gravity.x_offset: x"),
        ("1:fp:0.5", "Invalid {}.gravity arguments: [fp 0.5]"),
        ("1:no:1:2:3", "Invalid {} arguments: [1 no 1 2 3]"),
    ],
)
def test_a_bad_extension_is_refused(refused: Refused, alias: str, name: str, arguments: str, text: str) -> None:
    """A bad extension is refused; smart gravity and tiles are none."""
    assert refused(f"{alias}:{arguments}") == text.format(name)


@pytest.mark.parametrize(
    ("options", "sides"),
    [
        ("pd:5", (5, 5, 5, 5)),
        ("pd:1:2", (1, 2, 1, 2)),
        ("pd:1:2:3", (1, 2, 3, 2)),
        ("pd:1:2:3:4", (1, 2, 3, 4)),
        ("pd:1::3", (1, 1, 3, 1)),
        ("pd:1:2::4", (1, 2, 1, 4)),
        ("pd::10", (None, 10, None, 10)),
        ("pd:::3", (None, None, 3, None)),
        ("pd::::4", (None, None, None, 4)),
        ("pd:", (None, None, None, None)),
        ("pd::::", (None, None, None, None)),
        ("pd:0", (0, 0, 0, 0)),
        ("pd:5/pd:", (5, 5, 5, 5)),
        ("pd:5/pd::7", (5, 7, 5, 7)),
        ("pd:1:2:3:4/pd:10", (10, 10, 10, 10)),
        ("pd:1:2:3:4/pd:", (1, 1, 1, 1)),
        ("pd:1:2:3:4/pd::9", (1, 9, 1, 9)),
        ("pd::10/pd:::3", (None, 10, 3, 10)),
        ("pd:::3/pd::2", (None, 2, 3, 2)),
    ],
)
def test_a_padding_that_is_left_out_is_copied_from_a_side_that_was_given(
    read: Read, options: str, sides: tuple[int | None, ...]
) -> None:
    """A padding that is left out is copied from its neighbor or opposite, if that was ever given."""
    top, right, bottom, left = sides

    assert read(options).pipelines[0].canvas.padding == Padding(top=top, right=right, bottom=bottom, left=left)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("pd:-1", "Invalid padding.top: -1 (expected positive number or 0)"),
        ("pd:1:x", "Invalid padding.right: x (expected positive number or 0)"),
        ("pd:1:1:1.5", "Invalid padding.bottom: 1.5 (expected positive number or 0)"),
        ("pd:1:1:1:a", "Invalid padding.left: a (expected positive number or 0)"),
        ("pd:1:2:3:4:5", "Invalid padding arguments: [1 2 3 4 5]"),
        ("pd:1:2:3:4:", "Invalid padding arguments: [1 2 3 4 ]"),
    ],
)
def test_a_bad_padding_is_refused_by_side(refused: Refused, options: str, text: str) -> None:
    """A bad padding is refused, and the side is named."""
    assert refused(options) == text


@pytest.mark.parametrize(
    ("options", "color"),
    [
        ("bg:128:129:130", (128, 129, 130)),
        ("bg:0:0:0", (0, 0, 0)),
        ("bg:007:255:000", (7, 255, 0)),
        ("bg:ffddee", (255, 221, 238)),
        ("bg:fde", (255, 221, 238)),
        ("bg:fde/bg:", None),
        ("bg:", None),
    ],
)
def test_a_background_is_three_channels_or_hexadecimal_or_nothing(
    read: Read, options: str, color: tuple[int, int, int] | None
) -> None:
    """A background is three channels or a hexadecimal color; without an argument it is cleared."""
    assert read(options).pipelines[0].canvas.background == color


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("bg:red", "Invalid background: red (expected hex-encoded color)"),
        ("bg:#fff", "Invalid background: #fff (expected hex-encoded color)"),
        ("bg:1:2", "Invalid background arguments: [1 2]"),
        ("bg:1:2:3:4", "Invalid background arguments: [1 2 3 4]"),
        ("bg:256:0:0", "Invalid background.R: 256 (expected number in range 0-255)"),
        ("bg:+1:0:0", "Invalid background.R: +1 (expected number in range 0-255)"),
        ("bg:0:-1:0", "Invalid background.G: -1 (expected number in range 0-255)"),
        ("bg:0:0:", "Invalid background.B:  (expected number in range 0-255)"),
        ("bg:0:0:٣", "Invalid background.B: ٣ (expected number in range 0-255)"),
        (f"bg:0:0:{'9' * 5000}", f"Invalid background.B: {'9' * 100} (expected number in range 0-255)"),
    ],
)
def test_a_bad_background_is_refused_by_channel(refused: Refused, options: str, text: str) -> None:
    """A bad background is refused, and the channel is named."""
    assert refused(options) == text
