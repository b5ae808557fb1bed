"""Options that turn a picture (spec 01 section 4.3, effects in spec 02 sections 2.11 and 3.8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from renderer.errors import InvalidURL
from renderer.options.arguments import at_most, boolean, integer, single, written
from renderer.options.declare import Arguments, Kind, Stage, option


def _right_angle(text: str, key: str) -> int:
    angle = integer(text, key)
    if angle % 90:
        raise InvalidURL("Rotation angle must be a multiple of 90")
    # Negative right angles rotate too; imgproxy fails on them (DESIGN section 2, item 5).
    return angle % 360


def _read_flip(previous: tuple[bool, bool], arguments: Arguments, key: str) -> tuple[bool, bool]:
    at_most(2, key, arguments)
    horizontal, vertical = (*arguments, "")[:2]
    return (
        boolean(horizontal, f"{key}.horizontal") if horizontal else previous[0],
        boolean(vertical, f"{key}.vertical") if vertical else previous[1],
    )


def _write_flip(flip: tuple[bool, bool]) -> Iterable[Arguments]:
    return ([written(flip[0]), written(flip[1])],)


@dataclass(frozen=True, slots=True, kw_only=True)
class Orientation:
    """How a picture is turned."""

    auto_rotate: bool | None = option(
        "auto_rotate",
        "ar",
        usage="%auto_rotate",
        kind=single(boolean),
        default=None,
        stage=Stage.PLANNING,
        doc="Turn the picture as its EXIF orientation says; unset, `IMGPROXY_AUTO_ROTATE` decides.",
    )
    rotate: int = option(
        "rotate",
        "rot",
        usage="%angle",
        kind=single(_right_angle),
        default=0,
        stage=Stage.PLANNING,
        doc="Clockwise, in multiples of 90 degrees.",
    )
    flip: tuple[bool, bool] = option(
        "flip",
        "fl",
        usage="%horizontal:%vertical",
        kind=Kind(read=_read_flip, write=_write_flip),
        default=(False, False),
        stage=Stage.PLANNING,
        doc="Mirror along the horizontal, the vertical axis.",
    )
