"""Questions to libvips that are answered from a picture's header, asked with the interpreter's lock held.

pyvips lets go of the lock for every call, and a render that looks at a header a hundred times has to ask for it as
often, among threads that want it too. None of these calls computes, waits or calls back, and all are over sooner than
the lock changes hands.
"""

from __future__ import annotations

import ctypes
import importlib.util
import itertools
from collections.abc import Callable
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_void_p
from typing import Any, Final

import pyvips


def _library() -> ctypes.PyDLL:
    """The libvips that pyvips uses, and the GLib that libvips uses: its compiled half knows where they are."""
    binding = importlib.util.find_spec("_libvips")
    return ctypes.PyDLL("libvips.so.42" if binding is None or binding.origin is None else binding.origin)


def function(name: str, *takes: Any, gives: Any = c_int) -> Any:  # noqa: ANN401  ctypes' functions have no types
    """A function of libvips or GLib by its name in C, which is called with the interpreter's lock held.

    Args:
        name: as the library exports it.
        takes: the types of its arguments, as `ctypes` has them.
        gives: the type of its answer.
    """
    found = _LIBRARY[name]
    found.argtypes, found.restype = takes, gives
    return found


_LIBRARY: Final = _library()

# Functions of C themselves, as a call of Python around each would cost more than they do.
width: Final[Callable[[int], int]] = function("vips_image_get_width", c_void_p)
"""Pixels across, by `address`."""

height: Final[Callable[[int], int]] = function("vips_image_get_height", c_void_p)
"""Pixels down, over all frames."""

bands: Final[Callable[[int], int]] = function("vips_image_get_bands", c_void_p)
"""Samples of a pixel."""

has_alpha: Final[Callable[[int], int]] = function("vips_image_hasalpha", c_void_p)
"""Whether one of the bands is transparency; 0 if not."""

type_of: Final[Callable[[int, bytes], int]] = function("vips_image_get_typeof", c_void_p, c_char_p, gives=c_size_t)
"""The GType of a field; 0 where it is missing."""

samples: Final[Callable[[int], int]] = function("vips_image_get_data", c_void_p, gives=c_void_p)
"""Where the samples are of a picture that is in memory; any other would be computed."""

remove: Final[Callable[[int, bytes], int]] = function("vips_image_remove", c_void_p, c_char_p)
"""Removes a field, if it is there; nobody else may have the picture."""

_whole_number: Final = function("vips_image_get_int", c_void_p, c_char_p, c_void_p)
_fields: Final = function("vips_image_get_fields", c_void_p, gives=POINTER(c_char_p))
_free: Final = function("g_strfreev", c_void_p, gives=None)


def address(image: pyvips.Image) -> int:
    """Where libvips has the picture, as the questions take it; it is there for as long as `image`."""
    return int(pyvips.ffi.cast("uintptr_t", image.pointer))


def whole_number(picture: int, field: bytes) -> int:
    """A field that is there and is a whole number."""
    found = c_int()
    _whole_number(picture, field, byref(found))
    return found.value


def names(picture: int) -> list[bytes]:
    """The names of all fields as they are in the file."""
    listed = _fields(picture)
    found = list(itertools.takewhile(bool, map(listed.__getitem__, itertools.count())))
    _free(listed)
    return found
