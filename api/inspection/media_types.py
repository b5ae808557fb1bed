"""Whether a declared media type is that of the found format. Pure."""

from __future__ import annotations

import re
from typing import Final

from api.problems import TypeMismatch
from renderer.formats import ImageFormat

_UNDECLARED: Final = frozenset({"application/octet-stream", "binary/octet-stream", "image/*", "*/*"})
"""What senders write that do not know; the second one is S3's."""

_TYPE: Final = re.compile(r"[a-z0-9!#$&^_.+*-]+/[a-z0-9!#$&^_.+*-]+")

_ALIASES: Final[dict[ImageFormat, frozenset[str]]] = {
    ImageFormat.JPEG: frozenset({"image/jpg", "image/pjpeg", "image/x-jpeg", "image/x-jpg", "image/jfif"}),
    ImageFormat.JXL: frozenset({"image/x-jxl"}),
    ImageFormat.PNG: frozenset({"image/x-png", "image/apng", "image/vnd.mozilla.apng"}),
    ImageFormat.WEBP: frozenset({"image/x-webp"}),
    ImageFormat.GIF: frozenset({"image/x-gif"}),
    ImageFormat.ICO: frozenset({"image/vnd.microsoft.icon", "image/ico", "image/icon", "image/x-ico"}),
    ImageFormat.SVG: frozenset({"image/svg"}),
    ImageFormat.HEIC: frozenset({"image/heic", "image/heic-sequence", "image/heif-sequence"}),
    ImageFormat.AVIF: frozenset({"image/avif-sequence", "image/heif"}),
    ImageFormat.BMP: frozenset({"image/x-bmp", "image/x-ms-bmp", "image/x-windows-bmp"}),
    ImageFormat.TIFF: frozenset({"image/tif", "image/x-tiff", "image/x-tif"}),
}
"""Names that are or were in use for a format beside its own."""

_AVIF_TYPES: Final = frozenset({"image/avif", "image/avif-sequence"})
_BRANDS_BYTES: Final = 128


def check_declared(declared: str | None, format: ImageFormat, data: bytes) -> None:
    """Returns if a media type names the format, or names none.

    Args:
        declared: as it came, with parameters.
        format: by content.
        data: the file: of two kinds of HEIF files the brands decide.

    Raises:
        TypeMismatch: it names another one.
    """
    name = (declared or "").partition(";")[0].strip().lower()
    if name in _UNDECLARED or not _TYPE.fullmatch(name) or names_format(name, format):
        return
    # A file whose first brand is HEIF's general one may be AVIF by a further brand (AV1 Image File Format section 6).
    if format is ImageFormat.HEIC and name in _AVIF_TYPES and b"avif" in data[8:_BRANDS_BYTES]:
        return
    raise TypeMismatch(f"The content is {format.mime}, declared is {name[:100]}.", found=format.mime)


def names_format(media_type: str, format: ImageFormat) -> bool:
    """Whether a media type, in lower case and without parameters, is one of a format's names."""
    return media_type == format.mime or media_type in _ALIASES[format]
