"""Limits that a URL may set when `IMGPROXY_ALLOW_SECURITY_OPTIONS` is on (spec 01 section 4.3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from renderer.options.arguments import integer, megapixels, pint, single
from renderer.options.declare import Arguments, Kind, Stage, option


def _write_pixels(pixels: int) -> Iterable[Arguments]:
    # Half a pixel more, so that truncation after the multiplication gives the same number back.
    return ([f"{pixels // 1_000_000}.{pixels % 1_000_000:06}5"],)


_PIXELS = Kind(read=single(megapixels).read, write=_write_pixels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a source and a result may have; None leaves it to the settings."""

    max_src_resolution: int | None = option(
        "max_src_resolution",
        "msr",
        usage="%megapixels",
        kind=_PIXELS,
        default=None,
        stage=Stage.PLANNING,
        security=True,
        doc="Megapixels (width x height x frames) the source may have; unset, `IMGPROXY_MAX_SRC_RESOLUTION` decides.",
    )
    max_src_file_size: int | None = option(
        "max_src_file_size",
        "msfs",
        usage="%bytes",
        kind=single(integer),
        default=None,
        stage=Stage.FETCHING,
        security=True,
        doc="Bytes the source may have, 0 is no limit; unset, `IMGPROXY_MAX_SRC_FILE_SIZE` decides.",
    )
    max_animation_frames: int | None = option(
        "max_animation_frames",
        "maf",
        usage="%frames",
        kind=single(pint),
        default=None,
        stage=Stage.PLANNING,
        security=True,
        doc="Frames of an animation that are rendered; unset, `IMGPROXY_MAX_ANIMATION_FRAMES` decides.",
    )
    max_animation_frame_resolution: int | None = option(
        "max_animation_frame_resolution",
        "mafr",
        usage="%megapixels",
        kind=_PIXELS,
        default=None,
        stage=Stage.PLANNING,
        security=True,
        doc="Megapixels one frame of an animation may have; unset, `IMGPROXY_MAX_ANIMATION_FRAME_RESOLUTION` decides.",
    )
    max_result_dimension: int | None = option(
        "max_result_dimension",
        "mrd",
        usage="%pixels",
        kind=single(integer),
        default=None,
        stage=Stage.PLANNING,
        security=True,
        doc="Pixels on the longer side of the result, 0 or less is no limit; unset, `IMGPROXY_MAX_RESULT_DIMENSION`"
        " decides.",
    )
