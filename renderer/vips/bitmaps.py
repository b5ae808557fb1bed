"""BMP and ICO, which libvips lacks: from our codecs' samples to images and back (spec 02 sections 2.5, 2.6, 7.9, 7.10).

Imported when the first such picture comes: numpy costs a tenth of a second and 20 MB that most processes never need.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyvips

from renderer.codecs import bmp, ico
from renderer.codecs.planes import Planes
from renderer.errors import BrokenImage
from renderer.pipeline.geometry import Size
from renderer.vips.fields import set_whole_number, without
from renderer.vips.runtime import Deadline

_ENTRY_FIELDS: Final = (
    "palette",
    "bits-per-sample",
    "palette-bit-depth",
    "background",
    "interlaced",
    "icc-profile-data",
    "exif-data",
    "xmp-data",
)


def bmp_size(data: bytes) -> Size:
    """Width and height as the header says, before anything is decoded."""
    header = bmp.read_header(data)
    return Size(header.width, header.height)


def ico_size(data: bytes) -> Size:
    """Width and height of the entry that will be shown, as the directory says."""
    entry = ico.best_entry(data)
    return Size(entry.width, entry.height)


def open_bmp(data: bytes, deadline: Deadline, *, is_strict: bool) -> pyvips.Image:
    """The decoded picture."""
    return _image(bmp.decode(data, deadline.check, strict=is_strict))


def open_ico(data: bytes, deadline: Deadline, *, is_strict: bool) -> pyvips.Image:
    """The largest entry, by imgproxy's idea of large."""
    entry = ico.best_entry(data, strict=is_strict)
    if entry.is_png:
        image = pyvips.Image.pngload_buffer(
            entry.payload, access="sequential", fail_on="truncated" if is_strict else "none"
        )
    else:
        image = open_bmp(entry.payload, deadline, is_strict=is_strict)
    if (image.width, image.height) != (entry.width, entry.height):
        raise BrokenImage(f"an icon of {entry.width} x {entry.height} whose picture is {image.width} x {image.height}")
    # Only pixels cross over from the entry: no palette, no metadata (spec 02 section 2.6).
    return without(image, *_ENTRY_FIELDS)


def save_bmp(image: pyvips.Image, deadline: Deadline) -> bytes:
    """The picture as BMP: grey, RGB or RGBA with 8 bits."""
    if image.format != "uchar":
        image = image.cast("uchar", shift=image.format == "ushort")
    if image.bands == 2:
        # BMP has no grey with alpha; imgproxy fails on it (DESIGN section 2, item 5).
        image = image.colourspace("srgb")
    with deadline.evaluating(image):
        samples = image.write_to_memory()
    pixels = np.frombuffer(samples, dtype=np.uint8).reshape(image.height, image.width, image.bands)
    return bmp.encode(Planes(samples=pixels, palette_bits=None))


def save_ico(image: pyvips.Image, deadline: Deadline) -> bytes:
    """The picture as an icon with one PNG entry."""
    if image.bands < 3:
        image = image.colourspace("srgb")
    with deadline.evaluating(image):
        png = image.pngsave_buffer()
    return ico.encode(png, width=image.width, height=image.height, has_alpha=image.hasalpha())


def _image(planes: Planes) -> pyvips.Image:
    image = pyvips.Image.new_from_memory(planes.samples.data, planes.width, planes.height, planes.bands, "uchar")
    image = image.copy(interpretation="srgb")
    if planes.palette_bits is not None:
        set_whole_number(image, "palette", 1)
        set_whole_number(image, "bits-per-sample", planes.palette_bits)
    return image
