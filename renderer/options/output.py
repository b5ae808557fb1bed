"""Options of the result's format, weight and metadata (spec 01 section 4.3, effects in spec 02 sections 4 and 7)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from renderer.errors import InvalidURL
from renderer.formats import NAMES, ImageFormat
from renderer.options.arguments import boolean, image_format, quality, single, uint, written
from renderer.options.declare import Arguments, Kind, Stage, option

Qualities = tuple[tuple[ImageFormat, int], ...]


def _read_format_quality(previous: Qualities, arguments: Arguments, _: str) -> Qualities:
    if len(arguments) % 2:
        raise InvalidURL(f"Missing format_quality for: {arguments[-1]}")
    merged = dict(previous)
    for name, value in zip(arguments[::2], arguments[1::2], strict=True):
        if name not in NAMES:
            raise InvalidURL(f"Invalid image format: {name}")
        merged[NAMES[name]] = quality(value, f"format_quality.{name}")
    return tuple(sorted(merged.items(), key=lambda item: item[0].value))


def _write_format_quality(qualities: Qualities) -> Iterable[Arguments]:
    return ([text for format, value in qualities for text in (format.value, written(value))],)


def _read_skip_processing(previous: frozenset[ImageFormat], arguments: Arguments, key: str) -> frozenset[ImageFormat]:
    for name in arguments:
        if name not in NAMES:
            raise InvalidURL(f"Invalid image format in {key}: {name}")
    return previous.union(NAMES[name] for name in arguments)


def _write_skip_processing(formats: frozenset[ImageFormat]) -> Iterable[Arguments]:
    return (sorted(format.value for format in formats),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """How the result is written; None leaves it to the settings."""

    format: ImageFormat | None = option(
        "format",
        "f",
        "ext",
        usage="%extension",
        kind=single(image_format),
        default=None,
        stage=Stage.PLANNING,
        doc="Format of the result; the extension of the source URL says the same and wins.",
    )
    quality: int = option(
        "quality",
        "q",
        usage="%quality",
        kind=single(quality),
        default=0,
        stage=Stage.PLANNING,
        doc="1 to 100 for lossy formats; 0 leaves it to `format_quality` and the settings.",
    )
    format_quality: Qualities = option(
        "format_quality",
        "fq",
        usage="%format1:%quality1:%format2:%quality2:...",
        kind=Kind(read=_read_format_quality, write=_write_format_quality),
        default=(),
        stage=Stage.PLANNING,
        doc="Quality by format of the result.",
    )
    max_bytes: int = option(
        "max_bytes",
        "mb",
        usage="%bytes",
        kind=single(uint),
        default=0,
        stage=Stage.PIXELS,
        doc="Lowers the quality of lossy results until they fit; 0 is no limit.",
    )
    strip_metadata: bool | None = option(
        "strip_metadata",
        "sm",
        usage="%strip_metadata",
        kind=single(boolean),
        default=None,
        stage=Stage.PLANNING,
        doc="Remove metadata; unset, `IMGPROXY_STRIP_METADATA` decides.",
    )
    keep_copyright: bool | None = option(
        "keep_copyright",
        "kcr",
        usage="%keep_copyright",
        kind=single(boolean),
        default=None,
        stage=Stage.PLANNING,
        doc="Keep copyright and author when metadata is removed; unset, `IMGPROXY_KEEP_COPYRIGHT` decides.",
    )
    strip_color_profile: bool | None = option(
        "strip_color_profile",
        "scp",
        usage="%strip_color_profile",
        kind=single(boolean),
        default=None,
        stage=Stage.PLANNING,
        doc="Convert to sRGB and drop the ICC profile; unset, `IMGPROXY_STRIP_COLOR_PROFILE` decides.",
    )
    preserve_hdr: bool | None = option(
        "preserve_hdr",
        "ph",
        usage="%preserve_hdr",
        kind=single(boolean),
        default=None,
        stage=Stage.PLANNING,
        doc="Keep more than 8 bits where the format can; unset, `IMGPROXY_PRESERVE_HDR` decides.",
    )
    enforce_thumbnail: bool | None = option(
        "enforce_thumbnail",
        "eth",
        usage="%enforce_thumbnail",
        kind=single(boolean),
        default=None,
        stage=Stage.PLANNING,
        doc="Use the thumbnail inside HEIC and AVIF sources; unset, `IMGPROXY_ENFORCE_THUMBNAIL` decides.",
    )
    skip_processing: frozenset[ImageFormat] = option(
        "skip_processing",
        "skp",
        "sp",  # js-core writes it
        usage="%format1:%format2:...",
        kind=Kind(read=_read_skip_processing, write=_write_skip_processing),
        default=frozenset(),
        stage=Stage.PLANNING,
        doc="Sources of these formats are returned as they are when no other format is asked for.",
    )
