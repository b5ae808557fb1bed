"""Source bytes -> image: one opener per format (spec 02 sections 2.4 to 2.9).

Opening reads the header only; pixels are decoded when something asks for them, row by row.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pyvips
from msgspec import Struct

from renderer.codecs.heif_boxes import names_thumbnail
from renderer.codecs.jpeg_eighth import without_unseen_scans
from renderer.errors import UnsupportedFormat
from renderer.formats import ImageFormat
from renderer.pipeline.geometry import Size
from renderer.pipeline.header import Raster
from renderer.storage.held_file import Encoded, whole_of
from renderer.vips import runtime
from renderer.vips.fields import has, whole_number, whole_size, without
from renderer.vips.levels import Levels
from renderer.vips.operations import made
from renderer.vips.runtime import EXTRAS, Deadline, forget_complaints, vips_errors

_SVG_DPI: Final = 96
_SVG_USER_UNITS: Final = 72 / 96
"""User units map to pixels one to one at 96 dpi."""

_EIGHTH: Final = 8
_WORTH_COPYING: Final = 7 / 8
"""A megabyte of scans costs 25 ms to decode, one of metadata 0.2 ms to copy."""


class LoaderSettings(Struct, frozen=True, kw_only=True):
    """Limits of the decoders, and whether a file that is cut short is an error."""

    png_unlimited: bool = False
    svg_unlimited: bool = False
    is_strict: bool = False


class Loader(Struct, frozen=True):
    """A source that can be opened more than once."""

    data: Encoded
    format: ImageFormat
    settings: LoaderSettings
    deadline: Deadline
    levels: Levels | None = None

    def open(self, *, shrink: float = 1.0, pages: int = 1, thumbnail: bool = False) -> pyvips.Image:
        """The picture, not yet decoded; only BMP and ICO, which libvips lacks, are decoded here.

        Where an extra decodes, the picture has no pixels before `decoded` has been called on it.

        Args:
            shrink: by how much the decoder makes it smaller; 8, 4, 2 for JPEG; below 1 larger, for drawings.
            pages: how many frames, stacked.
            thumbnail: the thumbnail inside a HEIC or AVIF file.

        Raises:
            BrokenImage: the header does not read.
            UnsupportedFormat: no decoder for the format in this build.
        """
        with vips_errors():
            if self.format in _BITMAPS:
                return self._open_bitmap()
            if self._is_foreign():
                return self._open_foreign(pages=pages, thumbnail=thumbnail)
            opening = _OPENINGS.get(self.format)
            if opening is None:
                raise UnsupportedFormat(f"Source image format is not supported: {self.format.value}")
            data = self._data_at(shrink)
            image = self._load(data, opening.operation, opening.options(self.settings, shrink, pages, thumbnail))
            if self.format is ImageFormat.AVIF and not thumbnail:
                return self._perhaps_decoded_faster(image)
            if self.format is ImageFormat.WEBP and pages == 1 and runtime.start().has_fast_webp:
                from renderer.vips import foreign

                return foreign.pending(image)
            return _with_linear_floats(image) if self.format is ImageFormat.TIFF else image

    def decoded(self, image: pyvips.Image, shrink: float | None = None) -> pyvips.Image:
        """A picture from `open` with its pixels; the same picture where libvips decodes when it has to.

        Args:
            image: a still picture, or all frames.
            shrink: the factor that it was opened with, if its pixels may be shared with other renders.

        Raises:
            BrokenImage: the pixels do not decode.
            RequestTimeout: the deadline passed.
        """
        if self.levels is None or shrink is None or self.format in _BITMAPS:
            return self._decoded(image)
        with vips_errors():
            return self.levels.decoded(shrink, image, self._decoded, self.deadline)

    def _decoded(self, image: pyvips.Image) -> pyvips.Image:
        if self.format not in EXTRAS and self.format not in _PERHAPS_FASTER:
            return image
        from renderer.vips import foreign

        if not image.get_typeof(foreign.PENDING):
            return image
        with vips_errors():
            return foreign.decoded(image, whole_of(self.data), self.format, self.deadline)

    def may_have_thumbnail(self) -> bool:
        """Whether opening the thumbnail of a HEIC or AVIF file is worth trying."""
        return self.format is not ImageFormat.AVIF or names_thumbnail(whole_of(self.data))

    def size(self) -> Size | None:
        """Width and height of formats whose pixels `open` decodes at once; None for all others."""
        if self.format not in _BITMAPS:
            return None
        from renderer.vips import bitmaps

        size = bitmaps.bmp_size if self.format is ImageFormat.BMP else bitmaps.ico_size
        return size(whole_of(self.data))

    def _is_foreign(self) -> bool:
        """Whether libvips lacks the decoder.

        Raises:
            UnsupportedFormat: nothing else has it.
        """
        if self.format is not ImageFormat.HEIC:
            return self.format in runtime.start().foreign_loads
        from renderer.codecs.heif_boxes import is_hevc

        # Files of this kind that hold AV1 are libvips' business.
        if not is_hevc(whole_of(self.data)):
            return False
        if not runtime.start().decodes_hevc:
            raise UnsupportedFormat("Source image format is not supported: heic (pip install bildwerk[heif])")
        return self.format in runtime.start().foreign_loads

    def _open_foreign(self, *, pages: int, thumbnail: bool) -> pyvips.Image:
        from renderer.vips import foreign

        if self.format is ImageFormat.HEIC:
            return foreign.open_heic(whole_of(self.data), thumbnail=thumbnail)
        return foreign.open_jxl(whole_of(self.data), pages=pages)

    def _data_at(self, shrink: float) -> Encoded:
        """What of the file the decoder has to read."""
        if self.format is not ImageFormat.JPEG or shrink < _EIGHTH:
            return self.data
        return without_unseen_scans(whole_of(self.data), max_bytes=int(len(self.data) * _WORTH_COPYING)) or self.data

    def _perhaps_decoded_faster(self, image: pyvips.Image) -> pyvips.Image:
        """The picture, marked for `decoded` if an extra may do better than libvips."""
        # dav1d shows what is damaged where libaom refuses it, so it is not for those who want to be told.
        if self.settings.is_strict or not runtime.start().has_fast_avif:
            return image
        from renderer.vips import foreign

        return foreign.pending(image)

    def _load(self, data: Encoded, operation: str, options: Options) -> pyvips.Image:
        if self.settings.is_strict:
            options["fail_on"] = "truncated"
        image = made(operation, data, access="sequential", **options)
        if operation == _HEIF.operation:
            forget_complaints()
        return image

    def _open_bitmap(self) -> pyvips.Image:
        from renderer.vips import bitmaps

        opened = bitmaps.open_bmp if self.format is ImageFormat.BMP else bitmaps.open_ico
        return opened(whole_of(self.data), self.deadline, is_strict=self.settings.is_strict)


Options = dict[str, Any]

_BITMAPS: Final = frozenset({ImageFormat.BMP, ImageFormat.ICO})
_PERHAPS_FASTER: Final = frozenset({ImageFormat.AVIF, ImageFormat.WEBP})
"""What libvips reads, and an extra may read faster."""


@dataclass(frozen=True, slots=True)
class _Opening:
    """A libvips loader and its options for (settings, shrink, pages, thumbnail)."""

    operation: str
    options: Callable[[LoaderSettings, float, int, bool], Options]


# What libvips does by itself is not asked for: each option costs 5 µs.
_HEIF: Final = _Opening(
    "heifload_source", lambda _settings, _shrink, _pages, thumbnail: {"thumbnail": True} if thumbnail else {}
)

_OPENINGS: Final = {
    ImageFormat.JPEG: _Opening(
        "jpegload_source", lambda _settings, shrink, _pages, _thumbnail: {} if shrink == 1 else {"shrink": int(shrink)}
    ),
    ImageFormat.PNG: _Opening(
        "pngload_source",
        lambda settings, _shrink, _pages, _thumbnail: {"unlimited": True} if settings.png_unlimited else {},
    ),
    ImageFormat.WEBP: _Opening(
        "webpload_source",
        lambda _settings, shrink, pages, _thumbnail: {
            **({} if shrink == 1 else {"scale": 1 / shrink}),
            **({} if pages == 1 else {"n": pages}),
        },
    ),
    ImageFormat.GIF: _Opening("gifload_source", lambda _settings, _shrink, pages, _thumbnail: {"page": 0, "n": pages}),
    ImageFormat.SVG: _Opening(
        "svgload_source",
        lambda settings, shrink, _pages, _thumbnail: {
            "dpi": _SVG_DPI,
            "scale": (1 / shrink) * _SVG_USER_UNITS,
            "unlimited": settings.svg_unlimited,
        },
    ),
    ImageFormat.HEIC: _HEIF,
    ImageFormat.AVIF: _HEIF,
    ImageFormat.JXL: _Opening("jxlload_source", lambda _settings, _shrink, pages, _thumbnail: {"page": 0, "n": pages}),
    ImageFormat.TIFF: _Opening("tiffload_source", lambda _settings, _shrink, _pages, _thumbnail: {"page": 0, "n": 1}),
}


def _with_linear_floats(image: pyvips.Image) -> pyvips.Image:
    """Grey floats in a TIFF are linear light, whatever their tag says (spec 02 section 2.4)."""
    if image.format not in ("float", "double") or image.interpretation not in ("b-w", "grey16") or image.bands > 2:
        return image
    with contextlib.suppress(pyvips.Error):  # what cannot be converted is rendered as it was tagged
        band = image[0]
        grey = band.bandjoin(band).bandjoin(band).copy(interpretation="scrgb").colourspace("grey16")
        if image.bands > 1:
            grey = grey.bandjoin(image[1].linear([65535], [0]).cast("ushort"))
        return without(grey, "icc-profile-data")
    return image


def raster_of(image: pyvips.Image, *, is_vector: bool) -> Raster:
    """The raster as plans see it: one frame, with its EXIF orientation."""
    size = frame_size(image)
    return Raster(size.width, size.height, whole_number(image, "orientation", 1), is_vector)


def frame_size(image: pyvips.Image) -> Size:
    """Width and height of one frame."""
    whole = whole_size(image)
    page = whole_number(image, "page-height", whole.height)
    return Size(whole.width, page) if 0 < page < whole.height and whole.height % page == 0 else whole


def page_height(image: pyvips.Image) -> int:
    """The height of one frame."""
    return frame_size(image).height


def page_count(image: pyvips.Image) -> int:
    """How many frames the file has, loaded or not."""
    return whole_number(image, "n-pages", 1)


def is_animated(image: pyvips.Image) -> bool:
    """Several frames with times, as GIF and WebP have them (spec 02 section 2.8)."""
    return has(image, "delay") and has(image, "loop") and page_count(image) > 1
