"""Options of the target size (spec 01 section 4.3, effects in spec 02 sections 3.2 to 3.4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from renderer.options.arguments import at_most, boolean, member, pfloat, single, uint, written
from renderer.options.declare import Arguments, Kind, MetaOption, Stage, option


class ResizingType(Enum):
    """How a picture is fitted to the target."""

    FIT = "fit"
    FILL = "fill"
    FILL_DOWN = "fill-down"
    FORCE = "force"
    AUTO = "auto"

    __hash__ = object.__hash__


RESIZING_TYPES = {type.value: type for type in ResizingType}


def _read_zoom(_: object, arguments: Arguments, key: str) -> tuple[float, float]:
    at_most(2, key, arguments)
    x = pfloat(arguments[0], "zoom_width")
    return (x, x) if len(arguments) == 1 else (x, pfloat(arguments[1], "zoom_height"))


def _write_zoom(zoom: tuple[float, float]) -> Iterable[Arguments]:
    return ([written(zoom[0]), written(zoom[1])],)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resize:
    """The size that is wanted; 0 leaves a side to the other one."""

    resizing_type: ResizingType = option(
        "resizing_type",
        "rt",
        usage="%type",
        kind=single(member(RESIZING_TYPES)),
        default=ResizingType.FIT,
        stage=Stage.PLANNING,
        doc="`fit` keeps the whole picture inside the size, `fill` covers it and crops, `fill-down` does so without"
        " enlarging, `force` ignores the aspect ratio, `auto` is `fill` when both are upright or both are lying, else"
        " `fit`.",
    )
    width: int = option(
        "width",
        "w",
        usage="%width",
        kind=single(uint),
        default=0,
        stage=Stage.PLANNING,
        doc="Width of the result in pixels; 0 follows from the height.",
    )
    height: int = option(
        "height",
        "h",
        usage="%height",
        kind=single(uint),
        default=0,
        stage=Stage.PLANNING,
        doc="Height of the result in pixels; 0 follows from the width.",
    )
    min_width: int = option(
        "min-width",
        "mw",
        usage="%width",
        kind=single(uint),
        default=0,
        stage=Stage.PLANNING,
        doc="The picture is made at least this wide, even if that enlarges it.",
    )
    min_height: int = option(
        "min-height",
        "mh",
        usage="%height",
        kind=single(uint),
        default=0,
        stage=Stage.PLANNING,
        doc="The picture is made at least this high, even if that enlarges it.",
    )
    zoom: tuple[float, float] = option(
        "zoom",
        "z",
        usage="%zoom_x:%zoom_y",
        kind=Kind(read=_read_zoom, write=_write_zoom),
        default=(1.0, 1.0),
        stage=Stage.PLANNING,
        doc="Multiplies the target size; one number is for both sides.",
    )
    dpr: float = option(
        "dpr",
        usage="%dpr",
        kind=single(pfloat),
        default=1.0,
        stage=Stage.PLANNING,
        doc="Device pixel ratio: multiplies the target size, paddings and absolute offsets, as far as the picture has"
        " the pixels.",
    )
    enlarge: bool = option(
        "enlarge",
        "el",
        usage="%enlarge",
        kind=single(boolean),
        default=False,
        stage=Stage.PLANNING,
        doc="Enlarge pictures that are smaller than the target.",
    )


def _expand_resize(arguments: Arguments, key: str) -> Iterable[tuple[str, Arguments]]:
    at_most(8, key, arguments)
    if arguments[0]:
        yield "resizing_type", arguments[:1]
    if len(arguments) > 1:
        yield "size", arguments[1:]


def _expand_size(arguments: Arguments, key: str) -> Iterable[tuple[str, Arguments]]:
    at_most(7, key, arguments)
    for name, argument in zip(("width", "height", "enlarge"), arguments, strict=False):
        if argument:
            yield name, [argument]
    # Without an `extend` argument the gravity arguments behind it are not even looked at (spec 01, gotcha 25).
    if len(arguments) > 3 and arguments[3]:
        yield "extend", arguments[3:]


METAS = (
    MetaOption(
        name="resize",
        aliases=("rs",),
        usage="%type:%width:%height:%enlarge:%extend:%gravity",
        doc="Stands for `resizing_type` and `size`; empty arguments change nothing.",
        expand=_expand_resize,
    ),
    MetaOption(
        name="size",
        aliases=("s",),
        usage="%width:%height:%enlarge:%extend:%gravity",
        doc="Stands for `width`, `height`, `enlarge` and `extend`; empty arguments change nothing.",
        expand=_expand_size,
    ),
)
