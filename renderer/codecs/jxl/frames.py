"""The frames of a JPEG XL animation: how many are shown and for how long, found without decoding one.

Frame headers are read and the sections between them passed over (ISO 18181-1 annexes C.2, F and G).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from renderer.codecs.jxl.bits import BitReader, Choices
from renderer.codecs.jxl.entropy import skip_permutation
from renderer.codecs.jxl.header import JxlHeader
from renderer.errors import BrokenImage

_REGULAR, _LF, _REFERENCE_ONLY, _SKIP_PROGRESSIVE = range(4)
_USES_LF_FRAME: Final = 32
_REPLACE, _BLEND, _MULTIPLY_ADD, _MULTIPLY = 0, 2, 3, 4

_TYPES: Final[Choices] = ((0, 0), (0, 1), (0, 2), (0, 3))
_UPSAMPLINGS: Final[Choices] = ((0, 1), (0, 2), (0, 4), (0, 8))
_PASSES: Final[Choices] = ((0, 1), (0, 2), (0, 3), (3, 4))
_DOWNSAMPLINGS: Final[Choices] = ((0, 0), (0, 1), (0, 2), (1, 3))
_LAST_PASSES: Final[Choices] = ((0, 0), (0, 1), (0, 2), (3, 0))
_LF_LEVELS: Final[Choices] = ((0, 1), (0, 2), (0, 3), (0, 4))
_PLACES: Final[Choices] = ((8, 0), (11, 256), (14, 2304), (30, 18688))
_BLEND_MODES: Final[Choices] = ((0, 0), (0, 1), (0, 2), (2, 3))
_ALPHA_CHANNELS: Final[Choices] = ((0, 0), (0, 1), (0, 2), (3, 3))
_DURATIONS: Final[Choices] = ((0, 0), (0, 1), (8, 0), (32, 0))
_SECTION_SIZES: Final[Choices] = ((10, 0), (14, 1024), (22, 17_408), (30, 4_211_712))

_MAX_SECTIONS: Final = 65_536
_MAX_FRAMES: Final = 100_000


@dataclass(slots=True, kw_only=True)
class _Frame:
    """What of a frame's header is needed to find the next one; the defaults are those of an empty header."""

    size: tuple[int, int]
    type: int = _REGULAR
    is_modular: bool = False
    flags: int = 0
    upsampling: int = 1
    chroma_shift: tuple[int, int] = (0, 0)
    group_size_shift: int = 1
    passes: int = 1
    lf_level: int = 0
    is_partial: bool = False
    ticks: int = 0
    is_last: bool = True


def frame_ticks(codestream: bytes, header: JxlHeader, first: int) -> list[int]:
    """How long the frames that are shown last, in the animation's ticks; one entry for a still picture.

    Frames that take no time are layers of the next one. A file that is cut short has the frames that begin in it.

    Args:
        codestream: whole.
        header: of it.
        first: where the first frame begins, in bits.

    Raises:
        BrokenImage: a frame's header makes no sense.
    """
    if header.animation is None:
        return [0]
    reader = BitReader(codestream, first)
    if header.preview is not None:
        _skip_sections(reader, _read_frame(reader, header, header.preview))
    shown: list[int] = []
    for _ in range(_MAX_FRAMES):
        try:
            frame = _read_frame(reader, header, header.stored)
            if frame.type in (_REGULAR, _SKIP_PROGRESSIVE) and (frame.ticks or frame.is_last):
                shown.append(frame.ticks)
            if frame.is_last:
                return shown
            _skip_sections(reader, frame)
        except BrokenImage:
            if shown:
                return shown
            raise
    raise BrokenImage(f"JXL: more than {_MAX_FRAMES} frames")


def _read_frame(reader: BitReader, header: JxlHeader, size: tuple[int, int]) -> _Frame:
    reader.to_byte()
    frame = _Frame(size=size)
    if reader.flag():
        return frame
    frame.type = reader.u32(_TYPES)
    _read_coding(reader, header, frame)
    if frame.type == _LF:
        frame.lf_level = reader.u32(_LF_LEVELS)
    elif reader.flag():
        _read_place(reader, header, frame)
    _read_blending(reader, header, frame)
    reader.skip_name()
    _skip_restoration(reader, is_modular=frame.is_modular)
    reader.skip_extensions()
    return frame


def _read_coding(reader: BitReader, header: JxlHeader, frame: _Frame) -> None:
    frame.is_modular = reader.flag()
    frame.flags = reader.u64()
    is_ycbcr = not header.is_xyb and reader.flag()
    if not frame.flags & _USES_LF_FRAME:
        _read_sampling(reader, header, frame, is_ycbcr=is_ycbcr)
    if frame.is_modular:
        frame.group_size_shift = reader.bits(2)
    elif header.is_xyb:
        reader.skip(3 + 3)  # scales of the color channels' quantization
    if frame.type != _REFERENCE_ONLY:
        frame.passes = _read_passes(reader)


def _read_sampling(reader: BitReader, header: JxlHeader, frame: _Frame, *, is_ycbcr: bool) -> None:
    if is_ycbcr:
        modes = [reader.bits(2) for _ in range(3)]
        frame.chroma_shift = int(any(mode in (1, 2) for mode in modes)), int(any(mode in (1, 3) for mode in modes))
    frame.upsampling = reader.u32(_UPSAMPLINGS)
    for _ in header.extra:
        reader.u32(_UPSAMPLINGS)


def _read_passes(reader: BitReader) -> int:
    count = reader.u32(_PASSES)
    if count != 1:
        downsamplings = reader.u32(_DOWNSAMPLINGS)
        reader.skip(2 * (count - 1))
        for _ in range(downsamplings):
            reader.u32(_UPSAMPLINGS)
        for _ in range(downsamplings):
            reader.u32(_LAST_PASSES)
    return count


def _read_place(reader: BitReader, header: JxlHeader, frame: _Frame) -> None:
    left = top = 0
    if frame.type in (_REGULAR, _SKIP_PROGRESSIVE):
        left, top = (_signed(reader.u32(_PLACES)) for _ in range(2))
    width, height = reader.u32(_PLACES), reader.u32(_PLACES)
    if not width or not height:
        raise BrokenImage(f"JXL: no frame is {width} x {height}")
    frame.size = width, height
    whole_width, whole_height = header.stored
    frame.is_partial = left > 0 or top > 0 or left + width < whole_width or top + height < whole_height


def _signed(packed: int) -> int:
    return -(packed + 1) // 2 if packed & 1 else packed // 2


def _read_blending(reader: BitReader, header: JxlHeader, frame: _Frame) -> None:
    if frame.type not in (_REGULAR, _SKIP_PROGRESSIVE):
        frame.is_last = False
        if frame.type == _REFERENCE_ONLY:
            reader.skip(2 + 1)  # where it is kept, and whether before the color transform
        return
    modes = [_read_blend_mode(reader, header, frame) for _ in range(1 + len(header.extra))]
    if header.animation is not None:
        frame.ticks = reader.u32(_DURATIONS)
        if header.animation.has_timecodes:
            reader.skip(32)
    frame.is_last = reader.flag()
    reference = 0 if frame.is_last else reader.bits(2)
    can_be_referenced = not frame.is_last and (frame.ticks == 0 or reference != 0)
    if can_be_referenced and modes[0] == _REPLACE and not frame.is_partial:
        reader.skip(1)  # whether it is kept before the color transform


def _read_blend_mode(reader: BitReader, header: JxlHeader, frame: _Frame) -> int:
    mode = reader.u32(_BLEND_MODES)
    has_alpha = bool(header.extra) and mode in (_BLEND, _MULTIPLY_ADD)
    if has_alpha:
        reader.u32(_ALPHA_CHANNELS)
    if has_alpha or mode == _MULTIPLY:
        reader.skip(1)  # whether alpha is cut off at 1
    if mode != _REPLACE or frame.is_partial:
        reader.skip(2)  # the frame that it is blended with
    return mode


def _skip_restoration(reader: BitReader, *, is_modular: bool) -> None:
    """Passes over the filters that follow decoding; their numbers have 16 bits."""
    if reader.flag():
        return
    if reader.flag() and reader.flag():
        reader.skip(6 * 16)
    if reader.bits(2):
        if not is_modular and reader.flag():
            reader.skip(8 * 16)
        if reader.flag():
            reader.skip(5 * 16)
        if reader.flag():
            reader.skip((3 if is_modular else 4) * 16)
        if is_modular:
            reader.skip(16)
    reader.skip_extensions()


def _skip_sections(reader: BitReader, frame: _Frame) -> None:
    """Passes over a frame's table of contents and its sections."""
    count = _section_count(frame)
    if count > _MAX_SECTIONS:
        raise BrokenImage(f"JXL: a frame of {count} sections")
    if reader.flag():
        skip_permutation(reader, count)
    reader.to_byte()
    sizes = [reader.u32(_SECTION_SIZES) for _ in range(count)]
    reader.to_byte()
    reader.skip(8 * sum(sizes))


def _section_count(frame: _Frame) -> int:
    """One section, or one for the frame, one for each large group, one for the frame again, one for each small one."""
    group = 128 << frame.group_size_shift
    width, height = (math.ceil(side / frame.upsampling / 8**frame.lf_level) for side in frame.size)
    groups: int = math.ceil(width / group) * math.ceil(height / group)
    if groups == 1 and frame.passes == 1:
        return 1
    large: int = 1
    for side, shift in zip((width, height), frame.chroma_shift, strict=True):
        blocks = math.ceil(side / (8 << shift)) << shift
        large *= math.ceil(blocks / group)
    return 2 + large + groups * frame.passes
