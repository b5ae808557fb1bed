"""Pixels that come from extras: of HEIC and JPEG XL, which libvips lacks, and of AVIF and WebP, which it reads slowly.

Opening gives a picture with size, bands and fields but without pixels, so limits and the thumbnail inside a HEIC file
come first. Decoding is one call that cannot be killed: the deadline is looked at before and after.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyvips

from renderer.codecs import avif, heif
from renderer.codecs.jxl import codec as jxl
from renderer.codecs.planes import Planes
from renderer.errors import BrokenImage
from renderer.formats import ImageFormat
from renderer.vips import webp
from renderer.vips.color import ICC_FIELD, Profile, to_result
from renderer.vips.fields import (
    bands,
    blob,
    remove,
    set_blob,
    set_fields_of,
    set_whole_number,
    set_whole_numbers,
    whole_number,
    whole_size,
    with_fields_of,
    without,
    word,
)
from renderer.vips.operations import made
from renderer.vips.runtime import Deadline, forget_complaints

PENDING: Final = "pending-pixels"
"""Marks a picture that has no pixels yet, and says which of a file's pictures it is."""

_MAIN, _THUMBNAIL = 1, 2
_ASPECT_TOLERANCE: Final = 0.1
"""By how much a thumbnail's ratio of width to height may differ from the picture's; libvips' limit."""


def open_heic(data: bytes, *, thumbnail: bool) -> pyvips.Image:
    """The primary picture of a HEVC-coded file, or its thumbnail where it has one; without pixels."""
    main: pyvips.Image = pyvips.Image.heifload_buffer(data)
    forget_complaints()
    small = heif.thumbnail(data) if thumbnail else None
    if small is None or abs(main.width / main.height - small.width / small.height) > _ASPECT_TOLERANCE:
        return pending(main, _MAIN)
    # Bands and metadata are the picture's, as in libvips.
    image = _empty((small.width, small.height), main.bands, is_deep=small.bits > 8)
    return pending(with_fields_of(image, main), _THUMBNAIL)


def _empty(size: tuple[int, int], bands: int, *, is_deep: bool) -> pyvips.Image:
    image = pyvips.Image.black(*size, bands=bands).cast("ushort" if is_deep else "uchar")
    return image.copy(interpretation=_interpretation(bands, is_deep=is_deep))


def _interpretation(bands: int, *, is_deep: bool) -> str:
    if bands > 2:
        return "rgb16" if is_deep else "srgb"
    return "grey16" if is_deep else "b-w"


def open_jxl(data: bytes, *, pages: int) -> pyvips.Image:
    """The first frames of a JPEG XL file, stacked; without pixels. The fields are those that libvips would set."""
    picture = jxl.read(data)
    header = picture.header
    width, height = header.size
    count = min(pages, len(picture.delays))
    image = _empty((width, height * count), header.bands, is_deep=header.depth == 16)
    blobs = ((ICC_FIELD, picture.profile), ("exif-data", picture.file.exif), ("xmp-data", picture.file.xmp))
    for field, value in blobs:
        if value is not None:
            set_blob(image, field, value)
    set_whole_number(image, "orientation", 1)  # the decoder turns the picture; what EXIF says is history
    set_whole_number(image, "bits-per-sample", header.bits)
    if len(picture.delays) > 1:
        _set_pages(image, picture, height, count)
    return pending(image, _MAIN)


def _set_pages(image: pyvips.Image, picture: jxl.JxlPicture, height: int, count: int) -> None:
    set_whole_number(image, "n-pages", len(picture.delays))
    if count > 1:
        set_whole_number(image, "page-height", height)
    if picture.is_animated and picture.header.animation is not None:
        set_whole_numbers(image, "delay", list(picture.delays))
        set_whole_number(image, "loop", min(picture.header.animation.loops, 2**31 - 1))


def pending(image: pyvips.Image, which: int = _MAIN) -> pyvips.Image:
    """The picture, marked as one whose pixels `decoded` gives; it must be the caller's own."""
    set_whole_number(image, PENDING, which)
    return image


def decoded(image: pyvips.Image, data: bytes, format: ImageFormat, deadline: Deadline) -> pyvips.Image:
    """A picture from `open_heic`, `open_jxl` or `pending` with its pixels; libvips' own where no extra does better.

    Raises:
        BrokenImage: they do not decode, or are not what the header says.
        RequestTimeout: the deadline passed.
    """
    which = whole_number(image, PENDING, _MAIN)
    deadline.check()
    if format is ImageFormat.WEBP:
        read = webp.pixels(data, image)
        deadline.check()
        if read is None:
            return without(image, PENDING)
        remove(read, PENDING)
        return read
    if format is ImageFormat.AVIF:
        is_plain = (bands(image), word(image, "format")) == (3, "uchar")
        size = whole_size(image)
        faster = avif.decode(data, size.width, size.height) if is_plain else None
        if faster is None:
            return without(image, PENDING)
        planes = faster
    elif format is ImageFormat.HEIC:
        planes = heif.decode(data, of_thumbnail=which == _THUMBNAIL, has_alpha=image.bands == 4)
    else:
        picture = jxl.read(data)
        planes = jxl.decode(picture, image.height // picture.header.size[1], deadline.check)
    deadline.check()
    pixels = _image(planes)
    _check_like(pixels, image)
    set_fields_of(pixels, image)
    remove(pixels, PENDING)
    return pixels


def _check_like(pixels: pyvips.Image, header: pyvips.Image) -> None:
    size, promised = whole_size(pixels), whole_size(header)
    if size != promised:
        raise BrokenImage(
            f"{size.width} x {size.height} pixels, where the header says {promised.width} x {promised.height}"
        )
    if (bands(pixels), word(pixels, "format")) != (bands(header), word(header, "format")):
        raise BrokenImage(f"{pixels.bands} bands of {pixels.format}, where the header says {header.bands}")


def _image(planes: Planes) -> pyvips.Image:
    is_deep = planes.samples.dtype == np.uint16
    format = "ushort" if is_deep else "uchar"
    image = pyvips.Image.new_from_memory(planes.samples.data, planes.width, planes.height, planes.bands, format)
    image = made("copy", image, interpretation=_interpretation(planes.bands, is_deep=is_deep))
    return image.unpremultiply().cast(format) if planes.is_premultiplied else image


def save_jxl(image: pyvips.Image, *, quality: int, effort: int, deadline: Deadline) -> bytes:
    """The picture as JPEG XL in sRGB: imagecodecs takes no other profile, so pixels are converted into it.

    Args:
        image: the result.
        quality: 1 to 100.
        effort: 1 (fast) to 9 (small).
        deadline: looked at before and after encoding.
    """
    exif = _exif(image, deadline)
    xmp = blob(image, "xmp-data")
    profile = blob(image, ICC_FIELD)
    if profile is not None:
        image = to_result(image, Profile(data=profile), keeps_profile=False)
    if image.format not in ("uchar", "ushort"):
        image = image.colourspace("rgb16" if image.bands > 2 else "grey16")
    with deadline.evaluating(image):
        memory = image.write_to_memory()
    type = np.uint8 if image.format == "uchar" else np.uint16
    samples = np.frombuffer(memory, type).reshape(image.height, image.width, image.bands)
    deadline.check()
    file = jxl.encode(samples, distance=distance(quality), effort=effort)
    deadline.check()
    return jxl.with_metadata(file, exif=exif, xmp=xmp)


def distance(quality: int) -> float:
    """How far JPEG XL may be from the picture for a quality of 1 to 100; libvips' formula."""
    if quality >= 100:
        return 0.0
    if quality >= 30:
        return 0.1 + (100 - quality) * 0.09
    return 53 / 3000 * quality**2 - 23 / 20 * quality + 25


def _exif(image: pyvips.Image, deadline: Deadline) -> bytes | None:
    """EXIF as it is now, which libvips writes only into files: here of a black picture of the same size."""
    if blob(image, "exif-data") is None:
        return None
    carrier = with_fields_of(pyvips.Image.black(image.width, image.height), image)
    carrier = without(carrier, ICC_FIELD, "page-height", "n-pages")
    with deadline.evaluating(carrier):
        file = carrier.pngsave_buffer(compression=1)
    return blob(pyvips.Image.pngload_buffer(file), "exif-data")
