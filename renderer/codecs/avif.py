"""AVIF pixels, decoded by the dav1d inside Pillow's libavif.

libvips' wheel decodes AV1 with libaom, which takes more than three times as long for the same samples: AV1 leaves a
decoder no choice. So what is plain is decoded here, and all else, files that are cut short included, is libvips'
business as before. Plain are pictures of which it is known that the result is equal to the last bit: one item of 8-bit
4:2:0 in full range, with nothing to turn, cut, lay or put together. libheif's arithmetic makes RGB of it (`ycbcr`).

libavif's C interface is called, not Pillow's objects: those interpolate chroma, and do not give the planes.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
from collections.abc import Iterator
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_uint16, c_uint32, c_void_p
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from renderer.codecs import heif_boxes, ycbcr
from renderer.codecs.bundled import bundled
from renderer.codecs.planes import Planes
from renderer.errors import BrokenImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

_log = logging.getLogger(__name__)

_PLAIN: Final = frozenset({b"ispe", b"pixi", b"av1C", b"colr", b"pasp", b"auxC", b"clli", b"mdcv"})
"""Properties that leave the pixels of a picture where and what they are (ISO 23008-12 section 6.5)."""

_DAV1D: Final = 2
_CAN_DECODE: Final = 1
_PRIMARY_ITEM: Final = 1
_YUV420: Final = 3
_FULL_RANGE: Final = 1
_DEFAULTS: Final = (1, 16_384 * 16_384, 32_768)
"""Threads, pixels and side that a new decoder has by libavif's header: whoever says otherwise is laid out otherwise."""


class _Data(ctypes.Structure):
    _fields_ = (("data", c_void_p), ("size", c_size_t))


class _Image(ctypes.Structure):
    """The head of libavif's `avifImage`, whose members stay where they are through version 1."""

    _fields_ = (
        ("width", c_uint32),
        ("height", c_uint32),
        ("depth", c_uint32),
        ("layout", c_int),
        ("range", c_int),
        ("chroma_position", c_int),
        ("planes", c_void_p * 3),
        ("strides", c_uint32 * 3),
        ("owns_planes", c_int),
        ("alpha", c_void_p),
        ("alpha_stride", c_uint32),
        ("owns_alpha", c_int),
        ("is_premultiplied", c_int),
        ("profile", _Data),
        ("primaries", c_uint16),
        ("transfer", c_uint16),
        ("matrix", c_uint16),
    )


class _Decoder(ctypes.Structure):
    """The head of libavif's `avifDecoder`."""

    _fields_ = (
        ("codec", c_int),
        ("threads", c_int),
        ("source", c_int),
        ("allows_progressive", c_int),
        ("allows_incremental", c_int),
        ("ignores_exif", c_int),
        ("ignores_xmp", c_int),
        ("max_pixels", c_uint32),
        ("max_side", c_uint32),
        ("max_images", c_uint32),
        ("strictness", c_uint32),
        ("image", POINTER(_Image)),
    )


_FUNCTIONS: Final[dict[str, tuple[Any, tuple[Any, ...]]]] = {
    "avifVersion": (c_char_p, ()),
    "avifCodecName": (c_char_p, (c_int, c_uint32)),
    "avifDecoderCreate": (POINTER(_Decoder), ()),
    "avifDecoderDestroy": (None, (POINTER(_Decoder),)),
    "avifDecoderSetIOMemory": (c_int, (POINTER(_Decoder), c_char_p, c_size_t)),
    "avifDecoderParse": (c_int, (POINTER(_Decoder),)),
    "avifDecoderNextImage": (c_int, (POINTER(_Decoder),)),
}
"""Result and arguments of the functions that are called, as in libavif's public header."""


def decode(data: bytes, width: int, height: int) -> Planes | None:
    """The pixels of a plain file; None if it is not plain, or if libavif is not here.

    Args:
        data: the file, with one picture and no alpha channel, as libvips' header says.
        width: of the picture; a coded picture with more pixels than width times height is not decoded.
        height: of the picture.
    """
    library = _library()
    if library is None or not is_plain(data):
        return None
    with _decoder(library) as decoder:
        decoder.contents.max_pixels = min(width * height, decoder.contents.max_pixels)
        if library.avifDecoderSetIOMemory(decoder, data, len(data)) or library.avifDecoderParse(decoder):
            return None
        image = decoder.contents.image.contents
        if not _is_known(image, width, height) or library.avifDecoderNextImage(decoder):
            return None
        # Once more, because the coded picture may say otherwise. Planes of its own are those that libavif has scaled.
        if not _is_known(image, width, height) or image.owns_planes:
            return None
        luma = _plane(image, 0, (height, width))
        half = (height + 1) // 2, (width + 1) // 2
        chroma = _plane(image, 1, half), _plane(image, 2, half)
        return Planes(samples=ycbcr.rgb(luma, chroma, ycbcr.MATRICES[image.matrix]))


def is_plain(data: bytes) -> bool:
    """Whether the boxes of a file say that it shows one AV1 item as it is coded."""
    try:
        description = heif_boxes.meta(data)
        is_single = heif_boxes.primary_type(data, description) == b"av01"
        return is_single and heif_boxes.properties(data, description) <= _PLAIN
    except BrokenImage:
        return False  # libheif says what it is that is broken


def _is_known(image: _Image, width: int, height: int) -> bool:
    return (
        (image.width, image.height, image.depth) == (width, height, 8)
        and (image.layout, image.range) == (_YUV420, _FULL_RANGE)
        and image.matrix in ycbcr.MATRICES
    )


def _plane(image: _Image, index: int, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """A plane where the decoder has it; it is gone with the decoder."""
    height, width = shape
    stride = image.strides[index]
    memory = (ctypes.c_uint8 * (stride * height)).from_address(image.planes[index])
    return np.frombuffer(memory, np.uint8).reshape(height, stride)[:, :width]


@contextlib.contextmanager
def _decoder(library: ctypes.CDLL) -> Iterator[Any]:
    decoder = library.avifDecoderCreate()
    if not decoder:
        raise BrokenImage("AVIF: no memory")
    try:
        settings = decoder.contents
        settings.codec, settings.source = _DAV1D, _PRIMARY_ITEM
        # libvips has read both already.
        settings.ignores_exif = settings.ignores_xmp = 1
        yield decoder
    finally:
        library.avifDecoderDestroy(decoder)


@cache
def _library() -> ctypes.CDLL | None:
    """The libavif that Pillow's module is linked with; None if there is none that can be used."""
    try:
        from PIL import _avif
    except ImportError:
        _log.info("this Pillow has no libavif: AVIF is decoded by libvips")
        return None
    try:
        library = bundled(_avif.__file__, _FUNCTIONS)
    except AttributeError:
        _log.info("Pillow's libavif cannot be called: AVIF is decoded by libvips")
        return None
    if _is_usable(library):
        return library
    _log.info("Pillow's libavif is another version, or has no dav1d: AVIF is decoded by libvips")
    return None


def _is_usable(library: ctypes.CDLL) -> bool:
    if not library.avifVersion().startswith(b"1.") or library.avifCodecName(_DAV1D, _CAN_DECODE) != b"dav1d":
        return False
    decoder = library.avifDecoderCreate()
    if not decoder:
        return False
    settings = decoder.contents
    found = settings.threads, settings.max_pixels, settings.max_side
    library.avifDecoderDestroy(decoder)
    return found == _DEFAULTS
