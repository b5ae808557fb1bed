"""WebP pixels and bitstreams by Pillow's libwebp, equal to libvips' to the last bit.

What is not plain is None here and libvips' business: animations, and files that do not decode.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from renderer.codecs import libwebp
from renderer.codecs.planes import Planes
from renderer.errors import BrokenImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RGB: Final = 0
_RGBA: Final = 1
PRESETS: Final = {"default": 0, "picture": 1, "photo": 2, "drawing": 3, "icon": 4, "text": 5}
"""Libwebp's numbers of its presets."""


class Stopper(Protocol):
    """Takes whatever stops a computation while it runs."""

    def evaluating(self, work: Stoppable, /) -> contextlib.AbstractContextManager[None]:
        """Surrounds the computation."""


class Stoppable(Protocol):
    """A computation that another thread can stop."""

    def set_kill(self, kill: bool, /) -> None:
        """Stops it, or lets it run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """How a bitstream is written: quality 1 to 100, effort 0 to 6, one of the presets."""

    quality: int
    effort: int
    preset: str


def decode(data: bytes, width: int, height: int, bands: int) -> Planes | None:
    """The pixels of a still picture at a size; None if it is none, or if libwebp is not here.

    Args:
        data: the file.
        width: of the result; smaller than the picture's if the decoder is to shrink it.
        height: of the result.
        bands: 3 without alpha, 4 with it, as libvips' header says.
    """
    library = libwebp.library()
    if library is None:
        return None
    config = libwebp.DecoderConfig()
    library.WebPInitDecoderConfigInternal(config, libwebp.ABI)
    features = config.features
    if library.WebPGetFeaturesInternal(data, len(data), features, libwebp.ABI):
        return None
    if features.has_animation or bands != 3 + bool(features.has_alpha):
        return None
    samples = np.empty((height, width, bands), np.uint8)
    output, options = config.output, config.options
    output.layout, output.is_external = (_RGB if bands == 3 else _RGBA), 1
    memory = output.samples.memory
    memory.samples, memory.stride, memory.size = samples.ctypes.data, width * bands, samples.nbytes
    options.scales = (width, height) != (features.width, features.height)
    options.scaled_width, options.scaled_height = width, height
    return None if library.WebPDecode(data, len(data), config) else Planes(samples=samples)


def encode(samples: NDArray[np.uint8], encoder: Encoder, stopper: Stopper) -> bytes | None:
    """The bitstream in its container, without metadata; None if libwebp is not here.

    Args:
        samples: height x width x 3 or 4, rows without gaps.
        encoder: quality, effort and preset.
        stopper: is given the encoder to stop it.

    Raises:
        BrokenImage: the picture is too large for the format, or for the memory.
    """
    library = libwebp.library()
    if library is None:
        return None
    config = libwebp.EncoderConfig()
    preset = PRESETS[encoder.preset]
    library.WebPConfigInitInternal(config, preset, encoder.quality, libwebp.ABI)
    config.effort = encoder.effort
    height, width, bands = samples.shape
    with _picture(library, width, height) as picture, _written(library, picture) as written:
        imported = library.WebPPictureImportRGB if bands == 3 else library.WebPPictureImportRGBA
        with stopper.evaluating(_Encoding(picture)):
            done = imported(picture, samples.ctypes.data, width * bands) and library.WebPEncode(config, picture)
        if not done:
            raise BrokenImage(f"WebP: libwebp says error {picture.error}")
        return ctypes.string_at(written.data, written.size)


@contextlib.contextmanager
def _picture(library: ctypes.CDLL, width: int, height: int) -> Iterator[libwebp.Picture]:
    picture = libwebp.Picture()
    library.WebPPictureInitInternal(picture, libwebp.ABI)
    picture.width, picture.height = width, height
    try:
        yield picture
    finally:
        library.WebPPictureFree(picture)


@contextlib.contextmanager
def _written(library: ctypes.CDLL, picture: libwebp.Picture) -> Iterator[libwebp.Written]:
    """What the encoder writes; libwebp's own function appends to it, so no row of it calls Python."""
    written = libwebp.Written()
    library.WebPMemoryWriterInit(written)
    picture.writer, picture.written_to = _address(library, "WebPMemoryWrite"), ctypes.addressof(written)
    try:
        yield written
    finally:
        library.WebPMemoryWriterClear(written)


def _address(library: ctypes.CDLL, function: str) -> int | None:
    return ctypes.cast(getattr(library, function), ctypes.c_void_p).value


class _Encoding:
    """An encoder at work, stopped without a callback into Python (decision 0002).

    libwebp asks the function in `progress` whether to go on, if there is one. There is none until the encoder has to
    stop; then it is one of the C library's that takes no argument and always answers 0, which is no.
    """

    def __init__(self, picture: libwebp.Picture) -> None:
        self._picture = picture

    def set_kill(self, kill: bool, /) -> None:
        """Stops the encoder at its next percent."""
        self._picture.progress = _address(ctypes.CDLL(None), "sched_yield") if kill else None
