"""Options of what is cut away (spec 01 sections 4.3 and 8, effects in spec 02 sections 3.6 and 3.9)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from renderer.options.arguments import (
    Color,
    Gravity,
    GravityType,
    at_most,
    boolean,
    hex_color,
    read_gravity,
    real,
    ufloat,
    write_gravity,
    written,
    written_color,
)
from renderer.options.declare import Arguments, Kind, Stage, option


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """An area to cut out first: pixels from 1 upwards, a share of the side below, 0 the whole side."""

    width: float = 0.0
    height: float = 0.0
    gravity: Gravity = Gravity()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trim:
    """Removal of a uniform border; off without a threshold."""

    threshold: float | None = None
    color: Color | None = None
    equal_hor: bool = False
    equal_ver: bool = False


def _read_crop(previous: Crop, arguments: Arguments, key: str) -> Crop:
    width = ufloat(arguments[0], f"{key}.width")
    height = ufloat(arguments[1], f"{key}.height") if len(arguments) > 1 else previous.height
    gravity = previous.gravity
    if len(arguments) > 2:
        gravity = read_gravity(gravity, arguments[2:], f"{key}.gravity")
    return Crop(width=width, height=height, gravity=gravity)


def _write_crop(crop: Crop) -> Iterable[Arguments]:
    size = [written(crop.width), written(crop.height)]
    return [[*size, *gravity] for gravity in write_gravity(crop.gravity) or [[]]]


def _read_trim(previous: Trim, arguments: Arguments, key: str) -> Trim:
    at_most(4, key, arguments)
    threshold, color, equal_hor, equal_ver = (*arguments, "", "", "")[:4]
    return Trim(
        threshold=real(threshold, f"{key}.threshold") if threshold else None,
        color=hex_color(color, f"{key}.color") if color else None,
        equal_hor=boolean(equal_hor, f"{key}.equal_hor") if equal_hor else previous.equal_hor,
        equal_ver=boolean(equal_ver, f"{key}.equal_ver") if equal_ver else previous.equal_ver,
    )


def _write_trim(trim: Trim) -> Iterable[Arguments]:
    return ([written(trim.threshold), written_color(trim.color), written(trim.equal_hor), written(trim.equal_ver)],)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cropping:
    """What is cut away."""

    trim: Trim = option(
        "trim",
        "t",
        usage="%threshold:%color:%equal_hor:%equal_ver",
        kind=Kind(read=_read_trim, write=_write_trim),
        default=Trim(),
        stage=Stage.PIXELS,
        doc="Removes the border whose color differs by at most `threshold` from `color`, or from the top left pixel."
        " `equal_hor` and `equal_ver` remove as much on opposite sides. An empty threshold turns it off, a color left"
        " out is found anew. Animations are not trimmed.",
    )
    crop: Crop = option(
        "crop",
        "c",
        usage="%width:%height:%gravity",
        kind=Kind(read=_read_crop, write=_write_crop),
        default=Crop(),
        stage=Stage.PLANNING,
        doc="Cuts an area out before resizing: pixels from 1 upwards, a share of the side below 1, 0 the whole side."
        " Without a gravity of its own it uses `gravity`.",
    )
    gravity: Gravity = option(
        "gravity",
        "g",
        usage="%type:%x_offset:%y_offset",
        kind=Kind(read=read_gravity, write=write_gravity),
        default=Gravity(type=GravityType.CENTER),
        stage=Stage.PLANNING,
        doc="What stays when a picture is cut: `no`, `so`, `ea`, `we`, `noea`, `nowe`, `soea`, `sowe`, `ce`, with"
        " offsets in pixels or shares; `sm` finds the part that draws attention; `fp:x:y` is a focus point.",
    )
