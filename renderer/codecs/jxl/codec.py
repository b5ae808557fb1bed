"""JPEG XL pixels, decoded and encoded by imagecodecs: the optional extra `jxl`.

The header is read by our own code, since imagecodecs tells size, frames and color space only by decoding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from renderer.codecs.icc import Curve
from renderer.codecs.jxl.container import JxlFile, unwrapped, wrapped
from renderer.codecs.jxl.frames import frame_ticks
from renderer.codecs.jxl.header import JxlHeader, read_header
from renderer.codecs.jxl.icc import read_profile
from renderer.codecs.planes import Planes
from renderer.errors import BrokenImage

__all__ = ["JxlFile", "JxlPicture", "decode", "encode", "read"]

_PAGE: Final = 0xFFFF_FFFF
"""The duration that makes a frame a page of a document."""

Samples = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class JxlPicture:
    """A file whose header is read.

    Attributes:
        file: codestream and metadata.
        header: as the codestream has it.
        delays: how long frames are shown, in milliseconds; one for a still picture.
        is_animated: several frames that are no pages.
        profile: the ICC profile of decoded samples; None when they are sRGB or its grey.
    """

    file: JxlFile
    header: JxlHeader
    delays: tuple[int, ...]
    is_animated: bool
    profile: bytes | None


def read(data: bytes) -> JxlPicture:
    """What a file says of its picture, before any pixel is decoded.

    Raises:
        BrokenImage: it is no JPEG XL file, or of a kind that is not readable.
    """
    file = unwrapped(data)
    header = read_header(file.codestream)
    icc, first_frame = read_profile(file.codestream, header)
    ticks = frame_ticks(file.codestream, header, first_frame)
    return JxlPicture(
        file=file,
        header=header,
        delays=_milliseconds(header, ticks),
        is_animated=len(ticks) > 1 and any(tick != _PAGE for tick in ticks),
        profile=icc if header.color.has_icc else _named_profile(header),
    )


def decode(picture: JxlPicture, count: int, check: Callable[[], None]) -> Planes:
    """The pixels of the first frames, stacked, upright.

    Args:
        picture: from `read`; the caller has compared size and number of frames with its limits.
        count: how many frames.
        check: called between frames; what it raises ends the work.

    Raises:
        BrokenImage: a frame does not decode, or is not what the header says.
    """
    header = picture.header
    width, height = header.size
    try:
        frames = np.empty((count, *_frame_shape(header)), _sample_type(header))
    except MemoryError as error:
        raise BrokenImage(f"JXL: no memory for {count} x {width} x {height}") from error
    if count == len(picture.delays) > 1:
        _decode_into(picture.file.codestream, None, frames)
    else:
        for index in range(count):
            check()
            _decode_into(picture.file.codestream, index, frames[index])
    if _is_planar(header):
        frames = frames[:, 0]
    samples = _in_full_range(frames.reshape(count * height, width, -1), header)
    return Planes(samples=np.ascontiguousarray(samples), is_premultiplied=header.is_premultiplied)


def encode(samples: Samples, *, distance: float, effort: int) -> JxlFile:
    """A codestream of sRGB samples.

    Args:
        samples: height x width x bands (grey, grey and alpha, RGB or RGBA), uint8 or uint16.
        distance: how far the result may be from the picture; 1 is hardly visible, 0 is lossless.
        effort: 1 (fast) to 9 (small).

    Raises:
        BrokenImage: the picture cannot be encoded.
    """
    import imagecodecs  # the extra

    if samples.dtype == np.uint16:
        samples = _recurved(samples, _linear_of_srgb(), has_alpha=samples.shape[2] in (2, 4))
    if samples.shape[2] == 1:
        samples = samples[:, :, 0]
    try:
        data = imagecodecs.jpegxl_encode(
            samples, distance=distance, lossless=distance == 0, effort=effort, numthreads=1
        )
    except (RuntimeError, ValueError, MemoryError) as error:
        raise BrokenImage(f"JXL: {error}") from error
    return unwrapped(bytes(data))


def with_metadata(file: JxlFile, *, exif: bytes | None, xmp: bytes | None) -> bytes:
    """The file's bytes, with metadata around the codestream."""
    return wrapped(JxlFile(codestream=file.codestream, level=file.level, exif=exif, xmp=xmp))


def _milliseconds(header: JxlHeader, ticks: list[int]) -> tuple[int, ...]:
    animation = header.animation
    if animation is None:
        return (0,) * len(ticks)
    return tuple(min(round(1000 * tick * animation.divisor / animation.ticks), 2**31 - 1) for tick in ticks)


def _named_profile(header: JxlHeader) -> bytes | None:
    if header.depth == 16 and header.color.curve is Curve.LINEAR:
        return header.color.with_curve(Curve.SRGB).profile()
    return header.color.profile()


def _sample_type(header: JxlHeader) -> type[Any]:
    """What imagecodecs decodes to."""
    if header.exponent_bits:
        return np.float16 if header.bits == 16 else np.float32
    return np.uint8 if header.bits <= 8 else np.uint16 if header.bits <= 16 else np.float32


def _is_planar(header: JxlHeader) -> bool:
    """Whether imagecodecs puts channels one after the other: grey with channels that are no opacity."""
    return header.color.is_grey and bool(header.extra) and not header.has_alpha


def _frame_shape(header: JxlHeader) -> tuple[int, ...]:
    """How imagecodecs lays out a frame."""
    width, height = header.size
    if _is_planar(header):
        return (1 + len(header.extra), height, width)
    return (height, width) if header.bands == 1 else (height, width, header.bands)


def _decode_into(codestream: bytes, index: int | None, samples: Samples) -> None:
    """Decodes one frame or all of them; a picture of another size than the header's does not fit and is refused."""
    import imagecodecs  # the extra

    try:
        imagecodecs.jpegxl_decode(codestream, index, numthreads=1, out=samples)
    except (RuntimeError, ValueError, MemoryError) as error:
        raise BrokenImage(f"JXL: {error}") from error


def _in_full_range(samples: Samples, header: JxlHeader) -> Samples:
    """Samples over the whole range of 8 or 16 bits; linear light of many bits with the curve of sRGB."""
    has_alpha = header.has_alpha
    if samples.dtype.kind == "f":
        samples = _from_fractions(samples)
    elif header.bits not in (8, 16):
        limit = (1 << header.bits) - 1
        full = 255 if header.bits < 8 else 65_535
        table = np.minimum(np.arange(1 << (8 * samples.itemsize), dtype=np.int64), limit)
        samples = ((table * full + limit // 2) // limit).astype(samples.dtype)[samples]
    if header.depth == 16 and header.color.curve is Curve.LINEAR and not header.color.has_icc:
        samples = _recurved(samples, _srgb_of_linear(), has_alpha=has_alpha)
    return samples


def _from_fractions(samples: Samples) -> Samples:
    """16 bits of floating-point samples, row by row; what is outside of 0 to 1 is cut off."""
    result = np.empty(samples.shape, np.uint16)
    for row, fractions in zip(result, samples, strict=True):
        clipped = np.clip(np.nan_to_num(fractions.astype(np.float32)), 0, 1)
        row[:] = np.rint(clipped * 65_535)
    return result


def _recurved(samples: Samples, table: Samples, *, has_alpha: bool) -> Samples:
    """16-bit samples with another curve; alpha stays."""
    result = table[samples]
    if has_alpha:
        result[:, :, -1] = samples[:, :, -1]
    return result


def _srgb_of_linear() -> Samples:
    light = np.arange(65_536) / 65_535
    curved = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    table: Samples = np.rint(65_535 * curved).astype(np.uint16)
    return table


def _linear_of_srgb() -> Samples:
    curved = np.arange(65_536) / 65_535
    light = np.where(curved <= 0.04045, curved / 12.92, ((curved + 0.055) / 1.055) ** 2.4)
    table: Samples = np.rint(65_535 * light).astype(np.uint16)
    return table
