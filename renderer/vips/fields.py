"""Header fields of pictures, read and written by type; libvips keeps all of them under names.

What every render asks is asked of libvips itself: an attribute of a pyvips picture costs 6.7 µs, the same answer here
0.9, and a picture is asked some fifty times on its way.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import pyvips

from renderer.pipeline.geometry import Size
from renderer.vips.operations import made

PLAIN: Final = frozenset(
    {"width", "height", "bands", "format", "coding", "interpretation", "xoffset", "yoffset", "xres", "yres", "filename"}
)
"""What libvips lists among the fields but keeps in the image itself."""


def whole_size(image: pyvips.Image) -> Size:
    """Pixels across, and down over all frames."""
    return Size(_number(image, b"width"), _number(image, b"height"))


def bands(image: pyvips.Image) -> int:
    """Samples of a pixel."""
    return _number(image, b"bands")


def word(image: pyvips.Image, field: str) -> str:
    """A field of libvips' own that is one of a few words: `format`, `coding` or `interpretation`."""
    value = pyvips.ffi.new("GValue *")
    pyvips.vips_lib.vips_image_get(image.pointer, field.encode(), value)
    return _nickname(value.g_type, pyvips.gobject_lib.g_value_get_enum(value))


def has(image: pyvips.Image, field: str) -> bool:
    """Whether there is such a field, of any type."""
    return bool(_type(image, field))


def whole_number(image: pyvips.Image, field: str, default: int) -> int:
    """A field that is a whole number; the default where it is missing or something else."""
    return _number(image, field.encode()) if _type(image, field) == pyvips.GValue.gint_type else default


def whole_numbers(image: pyvips.Image, field: str) -> list[int]:
    """A field that is a list of whole numbers; empty where it is missing or something else."""
    value = image.get(field) if has(image, field) else []
    return [item for item in value if isinstance(item, int)] if isinstance(value, list) else []


def blob(image: pyvips.Image, field: str) -> bytes | None:
    """A field that is bytes; None where it is missing or something else."""
    if _type(image, field) != pyvips.GValue.blob_type:
        return None
    value: object = image.get(field)
    return value if isinstance(value, bytes) else None


def names(image: pyvips.Image) -> list[str]:
    """The names of all fields; bytes that are no UTF-8 become surrogates.

    Comments in a file are fields under the file's own names, in any encoding; pyvips reads UTF-8 only.
    """
    return [name.decode("utf-8", "surrogateescape") for name in raw_names(image)]


def raw_names(image: pyvips.Image) -> list[bytes]:
    """The names of all fields as they are in the file."""
    text, free = pyvips.ffi.string, pyvips.glib_lib.g_free
    listed = pyvips.vips_lib.vips_image_get_fields(image.pointer)
    found = []
    position = 0
    while name := listed[position]:
        found.append(text(name))
        free(name)
        position += 1
    free(listed)
    return found


def remove(image: pyvips.Image, name: str) -> None:
    """Removes a field by a name from `names`; the picture must be the caller's own copy."""
    remove_raw(image, name.encode("utf-8", "surrogateescape"))


def remove_raw(image: pyvips.Image, name: bytes) -> None:
    """Removes a field by a name from `raw_names`; the picture must be the caller's own copy."""
    # pyvips' stub has no bytes here, its code has.
    image.remove(name)  # type: ignore[arg-type]


def set_whole_number(image: pyvips.Image, field: str, value: int) -> None:
    """Writes a field; the picture must be the caller's own copy."""
    image.set_type(pyvips.GValue.gint_type, field, value)


def set_whole_numbers(image: pyvips.Image, field: str, values: list[int]) -> None:
    """Writes a field; the picture must be the caller's own copy."""
    image.set_type(pyvips.GValue.array_int_type, field, values)


def set_blob(image: pyvips.Image, field: str, data: bytes) -> None:
    """Writes a field; the picture must be the caller's own copy."""
    # pyvips' stub has no bytes here, its code has.
    image.set_type(pyvips.GValue.blob_type, field, data)  # type: ignore[arg-type]


def with_fields_of(image: pyvips.Image, other: pyvips.Image) -> pyvips.Image:
    """The picture with the other's fields instead of its own; values cross unread, whatever they are."""
    image = image.copy()
    set_fields_of(image, other)
    return image


def set_fields_of(image: pyvips.Image, other: pyvips.Image) -> None:
    """Writes the other's fields instead of the picture's own; it must be the caller's own copy."""
    kept = set(names(other))
    for name in kept - PLAIN:
        value = pyvips.GValue()
        encoded = name.encode("utf-8", "surrogateescape")
        if pyvips.vips_lib.vips_image_get(other.pointer, encoded, value.pointer) == 0:
            pyvips.vips_lib.vips_image_set(image.pointer, encoded, value.pointer)
    # libvips reads EXIF as soon as it is set, and finds there what a loader has taken out on purpose.
    for name in set(names(image)) - kept:
        remove(image, name)


def without(image: pyvips.Image, *fields: str) -> pyvips.Image:
    """The picture without some fields."""
    present = [field for field in fields if has(image, field)]
    if present:
        image = made("copy", image)
        for field in present:
            image.remove(field)
    return image


def _type(image: pyvips.Image, field: str) -> int:
    """The GType of a field; 0 where it is missing."""
    found: int = pyvips.vips_lib.vips_image_get_typeof(image.pointer, field.encode())
    return found


def _number(image: pyvips.Image, field: bytes) -> int:
    """A field that is there and is a whole number; its GValue holds nothing that would have to be freed."""
    value = pyvips.ffi.new("GValue *")
    pyvips.vips_lib.vips_image_get(image.pointer, field, value)
    number: int = pyvips.gobject_lib.g_value_get_int(value)
    return number


@cache
def _nickname(type: int, value: int) -> str:
    return pyvips.GValue.from_enum(type, value)
