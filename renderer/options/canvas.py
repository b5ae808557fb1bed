"""Options of the area around and behind a picture (spec 01 section 4.3, effects in spec 02 sections 3.10 to 3.13)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from renderer.options.arguments import (
    WITH_FOCUS,
    Color,
    Gravity,
    GravityType,
    at_most,
    boolean,
    hex_color,
    invalid,
    invalid_arguments,
    read_gravity,
    uint,
    write_gravity,
    written,
    written_color,
)
from renderer.options.declare import Arguments, Kind, Stage, option

_CHANNEL = re.compile(r"[0-9]{1,20}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Extend:
    """Whether a picture is put on a larger canvas, and where on it."""

    is_enabled: bool = False
    gravity: Gravity = Gravity(type=GravityType.CENTER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Padding:
    """Pixels added on each side; None is a side that was never given."""

    top: int | None = None
    right: int | None = None
    bottom: int | None = None
    left: int | None = None


def _read_extend(previous: Extend, arguments: Arguments, key: str) -> Extend:
    at_most(4, key, arguments)
    is_enabled = boolean(arguments[0], f"{key}.enabled")
    if len(arguments) == 1:
        return Extend(is_enabled=is_enabled, gravity=previous.gravity)
    return Extend(
        is_enabled=is_enabled, gravity=read_gravity(previous.gravity, arguments[1:], f"{key}.gravity", WITH_FOCUS)
    )


def _write_extend(extend: Extend) -> Iterable[Arguments]:
    return [[written(extend.is_enabled), *gravity] for gravity in write_gravity(extend.gravity)]


def _read_padding(previous: Padding, arguments: Arguments, key: str) -> Padding:
    """A side that is left out takes its opposite's value if that was ever given (spec 01 section 4.3)."""
    at_most(4, key, arguments)
    top, right, bottom, left = (
        uint(argument, f"{key}.{side}") if argument else None
        for side, argument in zip(("top", "right", "bottom", "left"), (*arguments, "", "", "")[:4], strict=True)
    )
    top = previous.top if top is None else top
    right = _first(right, top, previous.right)
    bottom = _first(bottom, top, previous.bottom)
    return Padding(top=top, right=right, bottom=bottom, left=_first(left, right, previous.left))


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)


def _write_padding(padding: Padding) -> Iterable[Arguments]:
    return ([written(padding.top), written(padding.right), written(padding.bottom), written(padding.left)],)


def _read_background(_: object, arguments: Arguments, key: str) -> Color | None:
    if len(arguments) == 1:
        return hex_color(arguments[0], key) if arguments[0] else None
    if len(arguments) != 3:
        raise invalid_arguments(key, arguments)
    red, green, blue = arguments
    return _channel(red, f"{key}.R"), _channel(green, f"{key}.G"), _channel(blue, f"{key}.B")


def _channel(text: str, key: str) -> int:
    if not _CHANNEL.fullmatch(text) or int(text) > 255:
        raise invalid(key, text, "number in range 0-255")
    return int(text)


def _write_background(color: Color | None) -> Iterable[Arguments]:
    return ([written_color(color)],)


@dataclass(frozen=True, slots=True, kw_only=True)
class Canvas:
    """What is added around and behind a picture."""

    extend: Extend = option(
        "extend",
        "ex",
        usage="%extend:%gravity",
        kind=Kind(read=_read_extend, write=_write_extend),
        default=Extend(),
        stage=Stage.PLANNING,
        doc="Puts the picture on a canvas of the target size when it is smaller.",
    )
    extend_aspect_ratio: Extend = option(
        "extend_aspect_ratio",
        "extend_ar",
        "exar",
        usage="%extend:%gravity",
        kind=Kind(read=_read_extend, write=_write_extend),
        default=Extend(),
        stage=Stage.PLANNING,
        doc="Puts the picture on a canvas with the target's aspect ratio; needs width and height.",
    )
    padding: Padding = option(
        "padding",
        "pd",
        usage="%top:%right:%bottom:%left",
        kind=Kind(read=_read_padding, write=_write_padding),
        default=Padding(),
        stage=Stage.PLANNING,
        doc="Pixels added around the result, as in CSS: the right side, if left out, takes the top's, the others their"
        " opposite's.",
    )
    background: Color | None = option(
        "background",
        "bg",
        usage="%R:%G:%B or %hex_color",
        kind=Kind(read=_read_background, write=_write_background),
        default=None,
        stage=Stage.PIXELS,
        doc="Color behind transparent pixels. Empty removes it; JPEG then gets white.",
    )
