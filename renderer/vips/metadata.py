"""What of a picture's header reaches the result (spec 02 section 4.7).

libvips writes EXIF anew from the fields that are left, which is why every JPEG, PNG, WebP and AVIF result has some.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import pyvips

from renderer.vips.color import ICC_FIELD, PROFILE_FIELDS
from renderer.vips.fields import PLAIN, blob, names, raw_names, remove, remove_all, set_blob
from renderer.vips.operations import made

_PIXELS_PER_MM_AT_72_DPI: Final = 72 / 25.4

_KEPT: Final = PLAIN | frozenset(
    {ICC_FIELD, "bits-per-sample", "palette", "palette-bit-depth", "background", "vips-loader", "vips-sequential"}
)
ANIMATION: Final = frozenset({"page-height", "delay", "loop", "n-pages"})
_COPYRIGHT: Final = frozenset({"exif-data", "exif-ifd0-Copyright", "exif-ifd0-Artist"})
_FILTERED: Final = frozenset({b"iptc-data", b"xmp-data"})


def stripped(
    image: pyvips.Image, *, is_animated: bool, keeps_copyright: bool, keeps_profile: bool = True
) -> pyvips.Image:
    """The picture at 72 dpi without metadata, except what pixels and frames need, and the copyright if it is kept."""
    image = made("copy", image, xres=_PIXELS_PER_MM_AT_72_DPI, yres=_PIXELS_PER_MM_AT_72_DPI)
    kept = _kept(is_animated=is_animated, keeps_copyright=keeps_copyright, keeps_profile=keeps_profile)
    dropped = set(raw_names(image)) - kept
    if keeps_copyright:
        for name in dropped & _FILTERED:
            _filter(image, name.decode())
        dropped -= _FILTERED
    remove_all(image, dropped)
    return image


@cache
def _kept(*, is_animated: bool, keeps_copyright: bool, keeps_profile: bool) -> frozenset[bytes]:
    kept = _KEPT | (ANIMATION if is_animated else frozenset()) | (_COPYRIGHT if keeps_copyright else frozenset())
    return frozenset(name.encode() for name in (kept if keeps_profile else kept.difference(PROFILE_FIELDS)))


def _filter(image: pyvips.Image, field: str) -> None:
    from renderer.codecs import iptc, xmp  # few pictures have any, and an XML parser is dear to import

    data = blob(image, field)
    only_copyright = iptc.only_copyright if field == "iptc-data" else xmp.only_copyright
    remaining = None if data is None else only_copyright(data)
    if remaining is None:
        image.remove(field)
    else:
        set_blob(image, field, remaining)


def bare(image: pyvips.Image) -> pyvips.Image:
    """The picture without any metadata."""
    image = image.copy()
    for field in names(image):
        if field not in PLAIN:
            remove(image, field)
    return image
