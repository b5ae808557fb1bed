"""Header fields of pictures, read and written by type; libvips keeps all of them under names.

What every render asks is asked of libvips itself: an attribute of a pyvips picture costs 6.7 µs, the same answer here
0.2, and a picture is asked some fifty times on its way.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import repeat
from typing import Final

import pyvips

from renderer.pipeline.geometry import Size
from renderer.vips import held_calls
from renderer.vips.operations import made

PLAIN: Final = frozenset(
    {"width", "height", "bands", "format", "coding", "interpretation", "xoffset", "yoffset", "xres", "yres", "filename"}
)
"""What libvips lists among the fields but keeps in the image itself."""

_WHOLE_NUMBER: Final = pyvips.GValue.gint_type
_WORDS: Final = {
    "format": (held_calls.format, pyvips.GValue.format_type),
    "coding": (held_calls.coding, pyvips.type_from_name("VipsCoding")),
    "interpretation": (held_calls.interpretation, pyvips.type_from_name("VipsInterpretation")),
}


def whole_size(image: pyvips.Image) -> Size:
    """Pixels across, and down over all frames."""
    return Size(held_calls.width(image), held_calls.height(image))


bands: Final = held_calls.bands
"""Samples of a pixel."""

has_alpha: Final = held_calls.has_alpha
"""Whether one of the bands is transparency."""


def word(image: pyvips.Image, field: str) -> str:
    """A field of libvips' own that is one of a few words: `format`, `coding` or `interpretation`."""
    asked, type = _WORDS[field]
    return _nickname(type, asked(image))


def has(image: pyvips.Image, field: str) -> bool:
    """Whether there is such a field, of any type."""
    return held_calls.type_of(image, field) != 0


def whole_number(image: pyvips.Image, field: str, default: int) -> int:
    """A field that is a whole number; the default where it is missing or something else."""
    return held_calls.whole_number(image, field) if held_calls.type_of(image, field) == _WHOLE_NUMBER else default


def whole_numbers(image: pyvips.Image, field: str) -> list[int]:
    """A field that is a list of whole numbers; empty where it is missing or something else."""
    value = image.get(field) if has(image, field) else []
    return [item for item in value if isinstance(item, int)] if isinstance(value, list) else []


def blob(image: pyvips.Image, field: str) -> bytes | None:
    """A field that is bytes; None where it is missing or something else."""
    if held_calls.type_of(image, field) != pyvips.GValue.blob_type:
        return None
    value: object = image.get(field)
    return value if isinstance(value, bytes) else None


def names(image: pyvips.Image) -> list[str]:
    """The names of all fields; bytes that are no UTF-8 become surrogates.

    Comments in a file are fields under the file's own names, in any encoding; pyvips reads UTF-8 only.
    """
    return [name.decode("utf-8", "surrogateescape") for name in raw_names(image)]


raw_names: Final = held_calls.names
"""The names of all fields as they are in the file."""


def remove(image: pyvips.Image, name: str) -> None:
    """Removes a field by a name from `names`; the picture must be the caller's own copy."""
    remove_all(image, (name.encode("utf-8", "surrogateescape"),))


def remove_all(image: pyvips.Image, fields: Iterable[bytes]) -> None:
    """Removes fields by names from `raw_names`; the picture must be the caller's own copy."""
    list(map(held_calls.remove, repeat(image), fields))


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
    present = [field.encode() for field in fields if has(image, field)]
    if present:
        image = made("copy", image)
        remove_all(image, present)
    return image


@cache
def _nickname(type: int, value: int) -> str:
    return pyvips.GValue.from_enum(type, value)
