"""Image -> result bytes: one row per format (spec 02 sections 7.3 to 7.11)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pyvips
from msgspec import Struct

from renderer.codecs import png_filters
from renderer.codecs.webp import Encoder as WebpEncoder
from renderer.errors import ResultFormatUnsavable
from renderer.formats import ImageFormat
from renderer.pipeline.output import MIN_QUALITY, reduced_quality
from renderer.settings.processing import FormatSettings
from renderer.vips import held_calls, runtime
from renderer.vips.fields import has, whole_number
from renderer.vips.operations import saved
from renderer.vips.runtime import Deadline

Options = dict[str, Any]

_cast: Final = pyvips.ffi.cast
_buffer: Final = pyvips.ffi.buffer
_BYTES: Final = pyvips.ffi.typeof("char *")

_PNG_SAMPLE_BYTES: Final = {0: 1, 2: 2}
"""By VipsBandFormat: `uchar` and `ushort`."""
_MAX_LOOKED_AT: Final = 32 * 1024 * 1024
"""Samples of a result that is held in memory to choose how it is written; larger ones are written row by row."""


def _jpeg(_image: pyvips.Image, settings: FormatSettings) -> Options:
    return {"optimize_coding": True, **_interlaced(is_wanted=settings.jpeg_progressive)}


def _interlaced(*, is_wanted: bool) -> Options:
    # What libvips does by itself is not asked for: each option costs 5 µs.
    return {"interlace": True} if is_wanted else {}


def _png(image: pyvips.Image, settings: FormatSettings) -> Options:
    bits = _png_palette_bits(image, settings)
    if bits is None:
        return {"filter": "all", **_interlaced(is_wanted=settings.png_interlaced)}
    return {"filter": "none", "palette": True, "bitdepth": bits, **_interlaced(is_wanted=settings.png_interlaced)}


def _png_palette_bits(image: pyvips.Image, settings: FormatSettings) -> int | None:
    """The depth of the palette that a PNG is to have, if any."""
    return _bits(settings.png_quantization_colors) if settings.png_quantize else _palette_bits(image)


def _bits(colors: int) -> int:
    return 8 if colors > 16 else 4 if colors > 4 else 2 if colors > 2 else 1


def _palette_bits(image: pyvips.Image) -> int | None:
    """The depth of the source's palette, if it had one; such a picture stays one with a palette."""
    if not has(image, "palette"):
        return None
    bits = whole_number(image, "bits-per-sample", 8)
    if not 1 <= bits <= 8:
        return None
    return 8 if bits > 4 else 4 if bits > 2 else bits


def _png_rows(image: pyvips.Image, settings: FormatSettings, options: Options) -> tuple[int, int, int] | None:
    """The number of rows and the bytes of a row and of a pixel, if the picture is looked at before it is written.

    Interlaced, its rows are not those of the file.
    """
    if settings.png_encoder != "fast" or settings.png_interlaced or "palette" in options:
        return None
    size = _PNG_SAMPLE_BYTES.get(held_calls.format(image))
    if size is None:
        return None
    height, bands = held_calls.height(image), held_calls.bands(image)
    samples = held_calls.width(image) * bands
    is_looked_at = png_filters.MIN_SAMPLES <= height * samples <= _MAX_LOOKED_AT
    return (height, samples * size, bands * size) if is_looked_at else None


def _png_effort(image: pyvips.Image, rows: tuple[int, int, int]) -> Options:
    """The filters and the level that the picture is worth; it is in memory, and looked at where it is."""
    height, length, depth = rows
    place = _cast(_BYTES, held_calls.samples(image))
    effort = png_filters.effort(_buffer(place, height * length), height=height, length=length, depth=depth)
    return {"filter": effort.filters, "compression": effort.compression}


def _webp(_image: pyvips.Image, settings: FormatSettings) -> Options:
    return {"effort": settings.webp_effort, "preset": settings.webp_preset}


def _webp_encoder(encoding: Encoding, settings: FormatSettings) -> WebpEncoder:
    return WebpEncoder(quality=encoding.quality, effort=settings.webp_effort, preset=settings.webp_preset)


def _avif(_image: pyvips.Image, settings: FormatSettings) -> Options:
    return {"compression": "av1", "effort": 9 - settings.avif_speed}


def _heic(_image: pyvips.Image, _settings: FormatSettings) -> Options:
    return {"compression": "hevc", "bitdepth": 8}


def _jxl(_image: pyvips.Image, settings: FormatSettings) -> Options:
    return {"effort": settings.jxl_effort}


def _tiff(_image: pyvips.Image, _settings: FormatSettings) -> Options:
    return {}


def _gif(image: pyvips.Image, _settings: FormatSettings) -> Options:
    bits = whole_number(image, "bits-per-sample", 8) if has(image, "palette") else 8
    return {"bitdepth": bits if 1 <= bits <= 8 else 8}


@dataclass(frozen=True, slots=True)
class _Saver:
    operation: str
    options: Callable[[pyvips.Image, FormatSettings], Options]


_SAVERS: Final = {
    ImageFormat.JPEG: _Saver("jpegsave_buffer", _jpeg),
    ImageFormat.PNG: _Saver("pngsave_buffer", _png),
    ImageFormat.WEBP: _Saver("webpsave_buffer", _webp),
    ImageFormat.AVIF: _Saver("heifsave_buffer", _avif),
    ImageFormat.HEIC: _Saver("heifsave_buffer", _heic),
    ImageFormat.JXL: _Saver("jxlsave_buffer", _jxl),
    ImageFormat.TIFF: _Saver("tiffsave_buffer", _tiff),
    ImageFormat.GIF: _Saver("gifsave_buffer", _gif),
}


class Encoding(Struct, frozen=True, kw_only=True):
    """How a result is written: format, quality 1 to 100, and the bytes it may have (0 is any number)."""

    format: ImageFormat
    quality: int
    max_bytes: int = 0


def save(image: pyvips.Image, encoding: Encoding, settings: FormatSettings, deadline: Deadline) -> bytes:
    """The result's bytes.

    Raises:
        BrokenImage: decoding or encoding failed.
        RequestTimeout: the deadline passed.
    """
    if encoding.max_bytes <= 0 or not encoding.format.traits.has_quality:
        return _saved(image, encoding, settings, deadline)
    image = deadline.in_memory(image)
    quality = encoding.quality
    while True:
        data = _saved(image, Encoding(format=encoding.format, quality=quality), settings, deadline)
        if len(data) <= encoding.max_bytes or quality <= MIN_QUALITY:
            return data
        quality = reduced_quality(quality, len(data), encoding.max_bytes)


def _saved(image: pyvips.Image, encoding: Encoding, settings: FormatSettings, deadline: Deadline) -> bytes:
    if encoding.format in (ImageFormat.BMP, ImageFormat.ICO):
        from renderer.vips import bitmaps

        save = bitmaps.save_bmp if encoding.format is ImageFormat.BMP else bitmaps.save_ico
        return save(image, deadline)
    if encoding.format in runtime.start().foreign_saves:
        from renderer.vips import foreign

        return foreign.save_jxl(image, quality=encoding.quality, effort=settings.jxl_effort, deadline=deadline)
    if encoding.format is ImageFormat.WEBP and runtime.start().has_fast_webp:
        from renderer.vips import webp

        file = webp.save(image, _webp_encoder(encoding, settings), deadline)
        if file is not None:
            return file
    saver = _SAVERS.get(encoding.format)
    if saver is None:
        raise ResultFormatUnsavable(f"Can't save {encoding.format.value}")
    options = saver.options(image, settings)
    rows = _png_rows(image, settings, options) if encoding.format is ImageFormat.PNG else None
    if rows is not None:
        image = deadline.in_memory(image)
        options |= _png_effort(image, rows)
    if encoding.format.traits.has_quality:
        options["Q"] = encoding.quality
    with deadline.evaluating(image):
        return saved(saver.operation, image, **options)
