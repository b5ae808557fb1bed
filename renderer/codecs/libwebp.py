"""The libwebp that Pillow brings, by its C interface: structures and functions as in its public headers.

It is the version that is inside libvips' wheel, compiled for speed where that one is compiled for size, so the same
calls give the same bytes for 30 % less CPU. Pillow's own objects do not offer them: they neither shrink while decoding
nor take an encoder's effort and preset as libvips does.
"""

from __future__ import annotations

import ctypes
import logging
from ctypes import POINTER, c_char_p, c_float, c_int, c_size_t, c_uint32, c_void_p
from functools import cache
from typing import Any, Final

from renderer.codecs.bundled import bundled

_log = logging.getLogger(__name__)

_VERSION: Final = 0x010600
"""Libvips' wheel has libwebp 1.6.0 inside; another one may round otherwise."""
ABI: Final = 0x0210
"""What both halves of libwebp 1.6 are told in the calls that fill a structure; they refuse another major number."""


class Features(ctypes.Structure):
    """`WebPBitstreamFeatures`."""

    _fields_ = (
        ("width", c_int),
        ("height", c_int),
        ("has_alpha", c_int),
        ("has_animation", c_int),
        ("format", c_int),
        ("reserved", c_uint32 * 5),
    )


class _Memory(ctypes.Structure):
    """`WebPRGBABuffer`."""

    _fields_ = (("samples", c_void_p), ("stride", c_int), ("size", c_size_t))


class _Samples(ctypes.Union):
    """The larger half, `WebPYUVABuffer`, is not used; it says how much room there is."""

    _fields_ = (("memory", _Memory), ("room", c_size_t * 10))


class _Output(ctypes.Structure):
    """`WebPDecBuffer`."""

    _fields_ = (
        ("layout", c_int),
        ("width", c_int),
        ("height", c_int),
        ("is_external", c_int),
        ("samples", _Samples),
        ("reserved", c_uint32 * 4),
        ("own_memory", c_void_p),
    )


class _DecoderOptions(ctypes.Structure):
    """`WebPDecoderOptions`."""

    _fields_ = (
        ("bypass_filtering", c_int),
        ("no_fancy_upsampling", c_int),
        ("crops", c_int),
        ("crop", c_int * 4),
        ("scales", c_int),
        ("scaled_width", c_int),
        ("scaled_height", c_int),
        ("uses_threads", c_int),
        ("dithering", c_int),
        ("flip", c_int),
        ("alpha_dithering", c_int),
        ("reserved", c_uint32 * 5),
    )


class DecoderConfig(ctypes.Structure):
    """`WebPDecoderConfig`."""

    _fields_ = (("features", Features), ("output", _Output), ("options", _DecoderOptions))


class EncoderConfig(ctypes.Structure):
    """`WebPConfig`: what comes after the effort keeps the preset's values."""

    _fields_ = (
        ("is_lossless", c_int),
        ("quality", c_float),
        ("effort", c_int),
        ("others", c_int * 26),
    )


class Picture(ctypes.Structure):
    """`WebPPicture`."""

    _fields_ = (
        ("is_argb", c_int),
        ("layout", c_int),
        ("width", c_int),
        ("height", c_int),
        ("planes", c_void_p * 3),
        ("strides", c_int * 2),
        ("alpha", c_void_p),
        ("alpha_stride", c_int),
        ("reserved1", c_uint32 * 2),
        ("argb", c_void_p),
        ("argb_stride", c_int),
        ("reserved2", c_uint32 * 3),
        ("writer", c_void_p),
        ("written_to", c_void_p),
        ("extra_info_type", c_int),
        ("extra_info", c_void_p),
        ("statistics", c_void_p),
        ("error", c_int),
        ("progress", c_void_p),
        ("user_data", c_void_p),
        ("reserved3", c_uint32 * 3),
        ("reserved4", c_void_p * 2),
        ("reserved5", c_uint32 * 8),
        ("memory", c_void_p),
        ("argb_memory", c_void_p),
        ("reserved6", c_void_p * 2),
    )


class Written(ctypes.Structure):
    """`WebPMemoryWriter`."""

    _fields_ = (("data", c_void_p), ("size", c_size_t), ("room", c_size_t), ("reserved", c_uint32))


_FUNCTIONS: Final[dict[str, tuple[Any, tuple[Any, ...]]]] = {
    "WebPGetDecoderVersion": (c_int, ()),
    "WebPGetEncoderVersion": (c_int, ()),
    "WebPGetFeaturesInternal": (c_int, (c_char_p, c_size_t, POINTER(Features), c_int)),
    "WebPInitDecoderConfigInternal": (c_int, (POINTER(DecoderConfig), c_int)),
    "WebPDecode": (c_int, (c_char_p, c_size_t, POINTER(DecoderConfig))),
    "WebPConfigInitInternal": (c_int, (POINTER(EncoderConfig), c_int, c_float, c_int)),
    "WebPPictureInitInternal": (c_int, (POINTER(Picture), c_int)),
    "WebPPictureImportRGB": (c_int, (POINTER(Picture), c_void_p, c_int)),
    "WebPPictureImportRGBA": (c_int, (POINTER(Picture), c_void_p, c_int)),
    "WebPPictureFree": (None, (POINTER(Picture),)),
    "WebPEncode": (c_int, (POINTER(EncoderConfig), POINTER(Picture))),
    "WebPMemoryWriterInit": (None, (POINTER(Written),)),
    "WebPMemoryWriterClear": (None, (POINTER(Written),)),
}
"""Result and arguments of the functions that are called."""


@cache
def library() -> ctypes.CDLL | None:
    """The libwebp that Pillow's module is linked with; None if there is none of the right version."""
    try:
        from PIL import _webp
    except ImportError:
        _log.info("there is no Pillow with libwebp: WebP is left to libvips")
        return None
    try:
        found = bundled(_webp.__file__, _FUNCTIONS)
    except AttributeError:
        _log.info("Pillow's libwebp cannot be called: WebP is left to libvips")
        return None
    if (found.WebPGetDecoderVersion(), found.WebPGetEncoderVersion()) != (_VERSION, _VERSION):
        _log.info("Pillow's libwebp is another version than libvips': WebP is left to libvips")
        return None
    return found
