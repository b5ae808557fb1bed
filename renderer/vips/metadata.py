"""What of a picture's header reaches the result (spec 02 section 4.7).

libvips writes EXIF anew from the fields that are left, which is why every JPEG, PNG, WebP and AVIF result has some.
"""

from __future__ import annotations

from typing import Final

import pyvips

from renderer.codecs import iptc, xmp
from renderer.vips.color import ICC_FIELD
from renderer.vips.fields import blob, set_blob

_PIXELS_PER_MM_AT_72_DPI: Final = 72 / 25.4

_KEPT: Final = frozenset(
    {ICC_FIELD, "bits-per-sample", "palette", "palette-bit-depth", "background", "vips-loader", "vips-sequential"}
)
ANIMATION: Final = frozenset({"page-height", "delay", "loop", "n-pages"})
_COPYRIGHT: Final = frozenset({"exif-data", "exif-ifd0-Copyright", "exif-ifd0-Artist"})
_FILTERED: Final = {"iptc-data": iptc.only_copyright, "xmp-data": xmp.only_copyright}


_HEADER: Final = frozenset(
    {"width", "height", "bands", "format", "coding", "interpretation", "xoffset", "yoffset", "xres", "yres", "filename"}
)
"""What libvips lists among the fields but keeps in the image itself."""


def stripped(image: pyvips.Image, *, is_animated: bool, keeps_copyright: bool) -> pyvips.Image:
    """The picture at 72 dpi without metadata, except what pixels and frames need, and the copyright if it is kept."""
    image = image.copy(xres=_PIXELS_PER_MM_AT_72_DPI, yres=_PIXELS_PER_MM_AT_72_DPI)
    kept = _KEPT | (ANIMATION if is_animated else frozenset()) | (_COPYRIGHT if keeps_copyright else frozenset())
    for field in image.get_fields():
        if field in kept or not image.get_typeof(field):
            continue
        if keeps_copyright and field in _FILTERED:
            _filter(image, field)
        else:
            image.remove(field)
    return image


def _filter(image: pyvips.Image, field: str) -> None:
    data = blob(image, field)
    remaining = None if data is None else _FILTERED[field](data)
    if remaining is None:
        image.remove(field)
    else:
        set_blob(image, field, remaining)


def bare(image: pyvips.Image) -> pyvips.Image:
    """The picture without any metadata."""
    image = image.copy()
    for field in image.get_fields():
        if image.get_typeof(field) and field not in _HEADER:
            image.remove(field)
    return image
