"""HEIC pixels, decoded by the libheif inside pi-heif: the optional extra `heif`.

libvips reads the header, since its libheif needs no HEVC decoder for that: size, profile and metadata are the same
whoever decodes the pixels. Rotation and mirroring that the file asks for are done by libheif in both cases.

libheif's C interface is called, not pi-heif's objects: those trust a file's header where its pixels say otherwise, and
write beyond their memory.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_uint32, c_void_p
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np

from renderer.codecs.bundled import bundled
from renderer.codecs.planes import Planes
from renderer.errors import BrokenImage

_RGB: Final = 1
_INTERLEAVED: Final = 10
_LAYOUTS: Final = {(False, False): 10, (False, True): 11, (True, False): 14, (True, True): 15}
"""libheif's numbers for RGB, RGBA, and both with 16 bits in little endian, by (is deep, has alpha)."""


class _Error(ctypes.Structure):
    """What most functions return; the message is libheif's own memory."""

    _fields_ = (("code", c_int), ("subcode", c_int), ("message", c_char_p))


_FUNCTIONS: Final[dict[str, tuple[Any, tuple[Any, ...]]]] = {
    "heif_context_alloc": (c_void_p, ()),
    "heif_context_free": (None, (c_void_p,)),
    "heif_context_set_max_decoding_threads": (None, (c_void_p, c_int)),
    "heif_context_read_from_memory_without_copy": (_Error, (c_void_p, c_char_p, c_size_t, c_void_p)),
    "heif_context_get_primary_image_handle": (_Error, (c_void_p, POINTER(c_void_p))),
    "heif_image_handle_release": (None, (c_void_p,)),
    "heif_image_handle_get_width": (c_int, (c_void_p,)),
    "heif_image_handle_get_height": (c_int, (c_void_p,)),
    "heif_image_handle_get_luma_bits_per_pixel": (c_int, (c_void_p,)),
    "heif_image_handle_is_premultiplied_alpha": (c_int, (c_void_p,)),
    "heif_image_handle_get_list_of_thumbnail_IDs": (c_int, (c_void_p, POINTER(c_uint32), c_int)),
    "heif_image_handle_get_thumbnail": (_Error, (c_void_p, c_uint32, POINTER(c_void_p))),
    "heif_decode_image": (_Error, (c_void_p, POINTER(c_void_p), c_int, c_int, c_void_p)),
    "heif_image_release": (None, (c_void_p,)),
    "heif_image_get_width": (c_int, (c_void_p, c_int)),
    "heif_image_get_height": (c_int, (c_void_p, c_int)),
    "heif_image_get_bits_per_pixel_range": (c_int, (c_void_p, c_int)),
    "heif_image_get_plane_readonly": (c_void_p, (c_void_p, c_int, POINTER(c_int))),
}
"""Result and arguments of the functions that are called, as in libheif's public header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbnail:
    """What the header says of the smaller picture inside a file; `bits` are of a sample."""

    width: int
    height: int
    bits: int


def thumbnail(data: bytes) -> Thumbnail | None:
    """The primary picture's first thumbnail, not decoded; None when there is none.

    Raises:
        BrokenImage: the header does not read.
    """
    heif = _library()
    with _picture(data, of_thumbnail=True) as handle:
        if handle is None:
            return None
        width, height = heif.heif_image_handle_get_width(handle), heif.heif_image_handle_get_height(handle)
        bits = heif.heif_image_handle_get_luma_bits_per_pixel(handle)
        return Thumbnail(width=width, height=height, bits=bits) if min(width, height, bits) > 0 else None


def decode(data: bytes, *, of_thumbnail: bool = False, has_alpha: bool = False) -> Planes:
    """The primary picture's pixels, or its thumbnail's: RGB or RGBA, in 16 bits where the file has more than 8.

    The caller has compared the header's size with its limits: libheif refuses a coded picture that is larger.

    Raises:
        BrokenImage: it does not decode, or there is no thumbnail.
    """
    heif = _library()
    with _picture(data, of_thumbnail=of_thumbnail) as handle, contextlib.ExitStack() as stack:
        if handle is None:
            raise BrokenImage("HEIF: no thumbnail")
        is_deep = heif.heif_image_handle_get_luma_bits_per_pixel(handle) > 8
        image = c_void_p()
        layout = _LAYOUTS[is_deep, has_alpha]
        _check(heif.heif_decode_image(handle, byref(image), _RGB, layout, None))
        stack.callback(heif.heif_image_release, image)
        return Planes(
            samples=_samples(image, 4 if has_alpha else 3, is_deep=is_deep),
            is_premultiplied=bool(heif.heif_image_handle_is_premultiplied_alpha(handle)),
        )


@cache
def _library() -> ctypes.CDLL:
    """The libheif that pi-heif's module is linked with, started by importing it."""
    import _pi_heif  # type: ignore[import-not-found]  # the extra; it has no types

    return bundled(_pi_heif.__file__, _FUNCTIONS)


@contextlib.contextmanager
def _picture(data: bytes, *, of_thumbnail: bool) -> Iterator[c_void_p | None]:
    """The primary picture of a file, or its thumbnail if it has one."""
    heif = _library()
    with contextlib.ExitStack() as stack:
        context = heif.heif_context_alloc()
        if not context:
            raise BrokenImage("HEIF: no memory")
        stack.callback(heif.heif_context_free, context)
        heif.heif_context_set_max_decoding_threads(context, 0)  # the worker pool is the parallelism
        _check(heif.heif_context_read_from_memory_without_copy(context, data, len(data), None))
        handle = c_void_p()
        _check(heif.heif_context_get_primary_image_handle(context, byref(handle)))
        stack.callback(heif.heif_image_handle_release, handle)
        if of_thumbnail:
            number = c_uint32()
            if heif.heif_image_handle_get_list_of_thumbnail_IDs(handle, byref(number), 1) < 1:
                yield None
                return
            small = c_void_p()
            _check(heif.heif_image_handle_get_thumbnail(handle, number, byref(small)))
            stack.callback(heif.heif_image_handle_release, small)
            handle = small
        yield handle


def _check(error: _Error) -> None:
    if error.code:
        message = (error.message or b"").decode("utf-8", "replace").strip()
        raise BrokenImage(f"HEIF: {message}")


def _samples(image: c_void_p, bands: int, *, is_deep: bool) -> np.ndarray[Any, Any]:
    """A copy of the decoded pixels; samples of 9 to 15 bits are moved up to fill 16, as libvips does."""
    heif = _library()
    stride = c_int()
    width, height = (get(image, _INTERLEAVED) for get in (heif.heif_image_get_width, heif.heif_image_get_height))
    plane = heif.heif_image_get_plane_readonly(image, _INTERLEAVED, byref(stride))
    row_bytes = width * bands * (2 if is_deep else 1)
    if not plane or width < 1 or height < 1 or stride.value < row_bytes:
        raise BrokenImage(f"HEIF: no pixels of {width} x {height}")
    memory = (ctypes.c_uint8 * (stride.value * height)).from_address(plane)
    rows = np.frombuffer(memory, np.uint8).reshape(height, stride.value)[:, :row_bytes].copy()
    if not is_deep:
        return rows.reshape(height, width, bands)
    bits = heif.heif_image_get_bits_per_pixel_range(image, _INTERLEAVED)
    samples = rows.view("<u2").reshape(height, width, bands).astype(np.uint16, copy=False)
    samples <<= max(16 - bits, 0)
    return samples
