"""The watermark option (spec 01 section 4.3, effects in spec 02 section 6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from renderer.options.arguments import (
    COMPASS,
    GravityType,
    at_most,
    invalid,
    offset,
    ufloat,
    unit,
    written,
)
from renderer.options.declare import Arguments, Kind, Stage, option

REPLICATED = "re"
_POSITIONS: dict[str, GravityType | None] = {REPLICATED: None, **COMPASS}


@dataclass(frozen=True, slots=True, kw_only=True)
class WatermarkPlacement:
    """How the watermark is laid over the result; position None tiles it over all of it, scale 0 keeps its size."""

    opacity: float = 0.0
    position: GravityType | None = GravityType.CENTER
    x: float = 0.0
    y: float = 0.0
    scale: float = 0.0


def _read_watermark(previous: WatermarkPlacement, arguments: Arguments, key: str) -> WatermarkPlacement:
    # imgproxy takes two arguments more than it documents and ignores them (spec 02 section 6.7).
    at_most(7, key, arguments)
    opacity, position, x, y, scale = (*arguments, "", "", "", "")[:5]
    return WatermarkPlacement(
        opacity=unit(opacity, f"{key}.opacity"),
        position=_position(position, f"{key}.position") if position else previous.position,
        x=offset(x, f"{key}.x_offset") if x else previous.x,
        y=offset(y, f"{key}.y_offset") if y else previous.y,
        # Scale 0 is the original size, as documented; 4.0.12 itself refuses it (DESIGN section 2).
        scale=ufloat(scale, f"{key}.scale") if scale else previous.scale,
    )


def _position(text: str, key: str) -> GravityType | None:
    if text not in _POSITIONS:
        raise invalid(key, text, ", ".join(_POSITIONS))
    return _POSITIONS[text]


def _write_watermark(watermark: WatermarkPlacement) -> Iterable[Arguments]:
    position = REPLICATED if watermark.position is None else watermark.position.value
    return (
        [
            written(watermark.opacity),
            position,
            written(watermark.x),
            written(watermark.y),
            written(watermark.scale),
        ],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """The watermark of a request."""

    watermark: WatermarkPlacement = option(
        "watermark",
        "wm",
        usage="%opacity:%position:%x_offset:%y_offset:%scale",
        kind=Kind(read=_read_watermark, write=_write_watermark),
        default=WatermarkPlacement(),
        stage=Stage.PIXELS,
        doc="Lays the configured watermark over the result. Position is a gravity or `re` to tile it; `scale` is its"
        " size as a share of the result's, 0 its own size.",
    )
