"""Questions to libvips that are answered from a picture's header, asked with the interpreter's lock held.

pyvips lets go of the lock for every call, and a render that looks at a header a hundred times has to ask for it as
often, among threads that want it too. None of these calls computes, waits or calls back, and all are over sooner than
the lock changes hands; what does any of that is reached from here too, without the lock. Pictures are handed over as
they are: ctypes asks each for its place.
"""

from __future__ import annotations

import ctypes
import importlib.util
import itertools
import operator
from collections.abc import Callable
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_void_p
from typing import Any, Final

import pyvips

_cast: Final = pyvips.ffi.cast
_NUMBER: Final = pyvips.ffi.typeof("uintptr_t")
_IMAGE: Final = pyvips.ffi.typeof("VipsImage *")
_OBJECT: Final = pyvips.ffi.typeof("VipsObject *")
_GOBJECT: Final = pyvips.ffi.typeof("GObject *")


def address_of(pointer: Any) -> int:  # noqa: ANN401  cffi's objects have no types
    """Where a pointer of pyvips points to."""
    return int(_cast(_NUMBER, pointer))


class Picture(pyvips.Image):
    """A picture of pyvips that knows what C is given for it; there are many questions to each."""

    __slots__ = ("_as_parameter_",)

    def __init__(self, pointer: c_void_p, references: list[Any]) -> None:
        """Takes a reference over.

        Args:
            pointer: to libvips' picture.
            references: what has to live as long as this.
        """
        # What three constructors of pyvips do one after the other.
        image = pyvips.ffi.gc(_cast(_IMAGE, pointer.value), pyvips.gobject_lib.g_object_unref)
        self._handles: list[Any] = []
        self._references = references
        self._as_parameter_ = pointer
        self.pointer = image
        self.vobject = _cast(_OBJECT, image)
        self.gobject = _cast(_GOBJECT, image)


def _pointer(image: pyvips.Image) -> c_void_p:
    return c_void_p(address_of(image.pointer))


# What ctypes asks an object for, so that pictures that pyvips has made can be given to C as well.
pyvips.Image._as_parameter_ = property(_pointer)  # type: ignore[attr-defined]

address: Final[Callable[[pyvips.Image], c_void_p]] = operator.attrgetter("_as_parameter_")
"""Where libvips has the picture; it is there for as long as `image`. Raises AttributeError for anything else."""


class _Image:
    """An argument that is a picture and nothing else."""

    from_param = address


class _Text:
    """An argument that is a text."""

    from_param = str.encode


def function(name: str, *takes: Any, gives: Any = c_int, is_held: bool = True) -> Any:  # noqa: ANN401  ctypes' functions have no types
    """A function of libvips or GLib by its name in C.

    Args:
        name: as the library exports it.
        takes: the types of its arguments, as `ctypes` has them; there may be more of them in a call.
        gives: the type of its answer.
        is_held: whether it is called with the interpreter's lock held; not if it computes or waits.
    """
    found = (_HELD if is_held else _RELEASED)[name]
    found.argtypes, found.restype = takes, gives
    return found


def _library() -> str:
    """The libvips that pyvips uses, and the GLib that libvips uses: its compiled half knows where they are."""
    binding = importlib.util.find_spec("_libvips")
    return "libvips.so.42" if binding is None or binding.origin is None else binding.origin


_HELD: Final = ctypes.PyDLL(_library())
_RELEASED: Final = ctypes.CDLL(_library())

# Functions of C themselves, as a call of Python around each would cost more than they do.
width: Final[Callable[[pyvips.Image], int]] = function("vips_image_get_width", _Image)
"""Pixels across."""

height: Final[Callable[[pyvips.Image], int]] = function("vips_image_get_height", _Image)
"""Pixels down, over all frames."""

bands: Final[Callable[[pyvips.Image], int]] = function("vips_image_get_bands", _Image)
"""Samples of a pixel."""

has_alpha: Final[Callable[[pyvips.Image], bool]] = function("vips_image_hasalpha", _Image, gives=bool)
"""Whether one of the bands is transparency."""

format: Final[Callable[[pyvips.Image], int]] = function("vips_image_get_format", _Image)
"""The type of a sample, as libvips numbers them."""

coding: Final[Callable[[pyvips.Image], int]] = function("vips_image_get_coding", _Image)
"""How pixels are packed, as libvips numbers it."""

interpretation: Final[Callable[[pyvips.Image], int]] = function("vips_image_get_interpretation", _Image)
"""The space of the colors that the header names, as libvips numbers them."""

type_of: Final[Callable[[pyvips.Image, str], int]] = function("vips_image_get_typeof", _Image, _Text, gives=c_size_t)
"""The GType of a field; 0 where it is missing."""

samples: Final[Callable[[pyvips.Image], int]] = function("vips_image_get_data", _Image, gives=c_void_p)
"""Where the samples are of a picture that is in memory; any other would be computed."""

remove: Final[Callable[[pyvips.Image, bytes], int]] = function("vips_image_remove", _Image, c_char_p)
"""Removes a field, if it is there; nobody else may have the picture."""

_whole_number: Final = function("vips_image_get_int", _Image, _Text, c_void_p)
_fields: Final = function("vips_image_get_fields", _Image, gives=POINTER(c_char_p))
_free: Final = function("g_strfreev", c_void_p, gives=None)


def whole_number(image: pyvips.Image, field: str) -> int:
    """A field that is there and is a whole number."""
    found = c_int()
    _whole_number(image, field, byref(found))
    return found.value


def names(image: pyvips.Image) -> list[bytes]:
    """The names of all fields as they are in the file."""
    listed = _fields(image)
    found = list(itertools.takewhile(bool, map(listed.__getitem__, itertools.count())))
    _free(listed)
    return found
