"""Source bytes -> image: one opener per format (spec 02 sections 2.4 to 2.9).

Opening reads the header only; pixels are decoded when something asks for them, row by row.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pyvips

from renderer.codecs import bmp, ico
from renderer.codecs.planes import Planes
from renderer.errors import BrokenImage, UnsupportedFormat
from renderer.formats import ImageFormat
from renderer.pipeline.geometry import Size
from renderer.pipeline.header import Raster
from renderer.vips.runtime import Deadline, vips_errors

_SVG_DPI: Final = 96
_SVG_USER_UNITS: Final = 72 / 96
"""User units map to pixels one to one at 96 dpi."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoaderSettings:
    """Limits of the decoders, and whether a file that is cut short is an error."""

    png_unlimited: bool = False
    svg_unlimited: bool = False
    is_strict: bool = False


@dataclass(frozen=True, slots=True)
class Loader:
    """A source that can be opened more than once."""

    data: bytes
    format: ImageFormat
    settings: LoaderSettings
    deadline: Deadline

    def open(self, *, shrink: float = 1.0, pages: int = 1, thumbnail: bool = False) -> pyvips.Image:
        """The picture, not yet decoded.

        Args:
            shrink: by how much the decoder makes it smaller; 8, 4, 2 for JPEG; below 1 larger, for drawings.
            pages: how many frames, stacked.
            thumbnail: the thumbnail inside a HEIC or AVIF file.

        Raises:
            BrokenImage: the header does not read.
            UnsupportedFormat: no decoder for the format in this build.
        """
        opener = _OPENERS.get(self.format)
        if opener is None:
            raise UnsupportedFormat(f"Source image format is not supported: {self.format.value}")
        with vips_errors():
            return opener(self, shrink, pages, thumbnail)

    def size(self) -> Size | None:
        """Width and height of formats whose pixels `open` decodes at once; None for all others."""
        if self.format is ImageFormat.BMP:
            header = bmp.read_header(self.data)
            return Size(header.width, header.height)
        if self.format is ImageFormat.ICO:
            entry = ico.best_entry(self.data)
            return Size(entry.width, entry.height)
        return None

    def _load(self, operation: Callable[..., Any], **options: Any) -> pyvips.Image:  # noqa: ANN401  loaders differ
        if self.settings.is_strict:
            options["fail_on"] = "truncated"
        image: pyvips.Image = operation(self.data, access="sequential", **options)
        return image


def _open_jpeg(loader: Loader, shrink: float, _pages: int, _thumbnail: bool) -> pyvips.Image:
    return loader._load(pyvips.Image.jpegload_buffer, shrink=int(shrink))


def _open_png(loader: Loader, _shrink: float, _pages: int, _thumbnail: bool) -> pyvips.Image:
    return loader._load(pyvips.Image.pngload_buffer, unlimited=loader.settings.png_unlimited)


def _open_webp(loader: Loader, shrink: float, pages: int, _thumbnail: bool) -> pyvips.Image:
    return loader._load(pyvips.Image.webpload_buffer, scale=1 / shrink, page=0, n=pages)


def _open_gif(loader: Loader, _shrink: float, pages: int, _thumbnail: bool) -> pyvips.Image:
    return loader._load(pyvips.Image.gifload_buffer, page=0, n=pages)


def _open_svg(loader: Loader, shrink: float, _pages: int, _thumbnail: bool) -> pyvips.Image:
    scale = (1 / shrink) * _SVG_USER_UNITS
    return loader._load(
        pyvips.Image.svgload_buffer, dpi=_SVG_DPI, scale=scale, unlimited=loader.settings.svg_unlimited
    )


def _open_heif(loader: Loader, _shrink: float, _pages: int, thumbnail: bool) -> pyvips.Image:
    return loader._load(pyvips.Image.heifload_buffer, thumbnail=thumbnail)


def _open_jxl(loader: Loader, _shrink: float, pages: int, _thumbnail: bool) -> pyvips.Image:
    return loader._load(pyvips.Image.jxlload_buffer, page=0, n=pages)


def _open_tiff(loader: Loader, _shrink: float, _pages: int, _thumbnail: bool) -> pyvips.Image:
    return _with_linear_floats(loader._load(pyvips.Image.tiffload_buffer, page=0, n=1))


def _open_bmp(loader: Loader, _shrink: float, _pages: int, _thumbnail: bool) -> pyvips.Image:
    return _from_planes(bmp.decode(loader.data, loader.deadline.check, strict=loader.settings.is_strict))


def _open_ico(loader: Loader, _shrink: float, _pages: int, _thumbnail: bool) -> pyvips.Image:
    entry = ico.best_entry(loader.data, strict=loader.settings.is_strict)
    if entry.is_png:
        image = pyvips.Image.pngload_buffer(entry.payload, access="sequential")
    else:
        image = _from_planes(bmp.decode(entry.payload, loader.deadline.check, strict=loader.settings.is_strict))
    if (image.width, image.height) != (entry.width, entry.height):
        raise BrokenImage(
            f"the icon's directory says {entry.width} x {entry.height}, its picture is {image.width} x {image.height}"
        )
    # Only pixels cross over from the entry: no palette, no metadata (spec 02 section 2.6).
    image = image.copy()
    for field in image.get_fields():
        if image.get_typeof(field) and field in _ENTRY_FIELDS | {"icc-profile-data", "exif-data", "xmp-data"}:
            image.remove(field)
    return image


_ENTRY_FIELDS: Final = {"palette", "bits-per-sample", "palette-bit-depth", "background", "interlaced"}

_OPENERS: Final[dict[ImageFormat, Callable[[Loader, float, int, bool], pyvips.Image]]] = {
    ImageFormat.JPEG: _open_jpeg,
    ImageFormat.PNG: _open_png,
    ImageFormat.WEBP: _open_webp,
    ImageFormat.GIF: _open_gif,
    ImageFormat.SVG: _open_svg,
    ImageFormat.HEIC: _open_heif,
    ImageFormat.AVIF: _open_heif,
    ImageFormat.JXL: _open_jxl,
    ImageFormat.TIFF: _open_tiff,
    ImageFormat.BMP: _open_bmp,
    ImageFormat.ICO: _open_ico,
}


def _from_planes(planes: Planes) -> pyvips.Image:
    image = pyvips.Image.new_from_memory(planes.samples, planes.width, planes.height, planes.bands, "uchar")
    image = image.copy(interpretation="srgb")
    if planes.palette_bits is not None:
        image.set_type(pyvips.GValue.gint_type, "palette", 1)
        image.set_type(pyvips.GValue.gint_type, "bits-per-sample", planes.palette_bits)
    return image


def _with_linear_floats(image: pyvips.Image) -> pyvips.Image:
    """Grey floats in a TIFF are linear light, whatever their tag says (spec 02 section 2.4)."""
    if image.format not in ("float", "double") or image.interpretation not in ("b-w", "grey16") or image.bands > 2:
        return image
    with contextlib.suppress(pyvips.Error):  # what cannot be converted is rendered as it was tagged
        band = image[0]
        grey = band.bandjoin([band, band]).copy(interpretation="scrgb").colourspace("grey16")
        if image.bands > 1:
            grey = grey.bandjoin(image[1].linear(65535, 0).cast("ushort"))
        grey = grey.copy()
        if grey.get_typeof("icc-profile-data"):
            grey.remove("icc-profile-data")
        return grey
    return image


def raster_of(image: pyvips.Image, *, is_vector: bool) -> Raster:
    """The raster as plans see it: one frame, with its EXIF orientation."""
    orientation = 1
    if image.get_typeof("orientation") == pyvips.GValue.gint_type:
        orientation = image.get("orientation")
    return Raster(image.width, page_height(image), orientation, is_vector)


def page_height(image: pyvips.Image) -> int:
    """The height of one frame."""
    if image.get_typeof("page-height") == pyvips.GValue.gint_type:
        height: int = image.get("page-height")
        if 0 < height < image.height and image.height % height == 0:
            return height
    return int(image.height)


def page_count(image: pyvips.Image) -> int:
    """How many frames the file has, loaded or not."""
    return image.get("n-pages") if image.get_typeof("n-pages") == pyvips.GValue.gint_type else 1


def is_animated(image: pyvips.Image) -> bool:
    """Several frames with times, as GIF and WebP have them (spec 02 section 2.8)."""
    return bool(image.get_typeof("delay") and image.get_typeof("loop") and page_count(image) > 1)
