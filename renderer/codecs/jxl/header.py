"""The header of a JPEG XL codestream: all that is known of a picture before pixels (ISO 18181-1 annexes D and E)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from renderer.codecs.jxl.bits import BitReader, Choices
from renderer.codecs.jxl.color import ColorEncoding, read_color
from renderer.errors import BrokenImage

_SIGNATURE: Final = b"\xff\x0a"
_SIDE: Final[Choices] = ((9, 1), (13, 1), (18, 1), (30, 1))
_PREVIEW_SIDE: Final[Choices] = ((6, 1), (8, 65), (10, 321), (12, 1345))
_PREVIEW_BLOCKS: Final[Choices] = ((0, 16), (0, 32), (5, 1), (9, 33))
_RATIOS: Final = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_INTEGER_BITS: Final[Choices] = ((0, 8), (0, 10), (0, 12), (6, 1))
_FLOAT_BITS: Final[Choices] = ((0, 32), (0, 16), (0, 24), (6, 1))
_CHANNELS: Final[Choices] = ((0, 0), (0, 1), (4, 2), (12, 1))
_DIM_SHIFTS: Final[Choices] = ((0, 0), (0, 3), (0, 4), (3, 1))
_FILTER_CHANNELS: Final[Choices] = ((0, 1), (2, 0), (4, 3), (8, 19))
_TICKS: Final[Choices] = ((0, 100), (0, 1000), (10, 1), (30, 1))
_TICK_DIVISORS: Final[Choices] = ((0, 1), (0, 1001), (8, 1), (10, 1))
_LOOPS: Final[Choices] = ((0, 0), (3, 0), (16, 0), (32, 0))
_WEIGHTS: Final = (15, 55, 210)
_OPSIN_NUMBERS: Final = 16
_ALPHA, _SPOT, _BLACK, _FILTER = 0, 2, 4, 5
_MAX_SIDE: Final = 100_000_000
"""libvips holds no picture that is wider or higher."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Animation:
    """How time is counted: ticks a second as a fraction, loops (0 is for ever), and whether frames have timecodes."""

    ticks: int
    divisor: int
    loops: int
    has_timecodes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtraChannel:
    """A channel beside the colors."""

    type: int
    dim_shift: int
    is_premultiplied: bool

    @property
    def is_alpha(self) -> bool:
        """Whether it is opacity."""
        return self.type == _ALPHA


@dataclass(frozen=True, slots=True, kw_only=True)
class JxlHeader:
    """A readable codestream's header.

    Attributes:
        stored: width and height as they are stored, before the orientation is undone.
        orientation: as in EXIF; decoders undo it themselves.
        bits: of a sample.
        exponent_bits: of a floating-point sample; 0 for whole numbers.
        extra: channels beside the colors.
        is_xyb: whether colors are stored in the codec's own space, and come out in `color`'s.
        color: what the samples mean.
        animation: None for a still picture.
        preview: width and height of a preview, which comes before the first frame.
        end: where the header ends, in bits; an ICC profile follows when `color` says so.
    """

    stored: tuple[int, int]
    orientation: int
    bits: int
    exponent_bits: int
    extra: tuple[ExtraChannel, ...]
    is_xyb: bool
    color: ColorEncoding
    animation: Animation | None
    preview: tuple[int, int] | None
    end: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as the picture is shown."""
        width, height = self.stored
        return (height, width) if self.orientation > 4 else (width, height)

    @property
    def has_alpha(self) -> bool:
        """Whether a channel is opacity."""
        return any(channel.is_alpha for channel in self.extra)

    @property
    def is_premultiplied(self) -> bool:
        """Whether colors are multiplied with the opacity that counts, the first one."""
        return next((channel.is_premultiplied for channel in self.extra if channel.is_alpha), False)

    @property
    def bands(self) -> int:
        """Samples of a pixel, without channels that are neither color nor opacity."""
        return (1 if self.color.is_grey else 3) + self.has_alpha

    @property
    def depth(self) -> int:
        """Bits of a sample that hold it: 8 or 16."""
        return 8 if self.bits <= 8 and not self.exponent_bits else 16


def read_header(codestream: bytes) -> JxlHeader:
    """The header of a codestream.

    Raises:
        BrokenImage: it is none, cut short, or of a kind that is not readable.
    """
    if not codestream.startswith(_SIGNATURE):
        raise BrokenImage("JXL: no signature")
    reader = BitReader(codestream, 16)
    width, height = _size(reader, _SIDE, None)
    if max(width, height) > _MAX_SIDE:
        raise BrokenImage(f"JXL: {width} x {height} is too large")
    is_plain = reader.flag()
    header = _plain(reader, (width, height)) if is_plain else _metadata(reader, (width, height))
    if any(channel.type == _BLACK for channel in header.extra):
        raise BrokenImage("JXL: CMYK is not supported")
    return header


def _plain(reader: BitReader, stored: tuple[int, int]) -> JxlHeader:
    _skip_transform(reader, is_xyb=True)
    return JxlHeader(
        stored=stored,
        orientation=1,
        bits=8,
        exponent_bits=0,
        extra=(),
        is_xyb=True,
        color=ColorEncoding(),
        animation=None,
        preview=None,
        end=reader.position,
    )


def _metadata(reader: BitReader, stored: tuple[int, int]) -> JxlHeader:
    orientation, preview, animation = 1, None, None
    if has_more := reader.flag():
        orientation = reader.bits(3) + 1
        if reader.flag():
            _size(reader, _SIDE, None)  # the size that it should be shown in
        if reader.flag():
            preview = _size(reader, _PREVIEW_SIDE, _PREVIEW_BLOCKS)
        if reader.flag():
            animation = _animation(reader)
    bits, exponent_bits = _depth(reader)
    reader.skip(1)  # whether 16-bit buffers do
    extra = tuple(_extra_channel(reader) for _ in range(reader.u32(_CHANNELS)))
    is_xyb = reader.flag()
    color = read_color(reader)
    if has_more and not reader.flag():
        reader.skip(16 + 16 + 1 + 16)  # tone mapping
    reader.skip_extensions()
    _skip_transform(reader, is_xyb=is_xyb)
    return JxlHeader(
        stored=stored,
        orientation=orientation,
        bits=bits,
        exponent_bits=exponent_bits,
        extra=extra,
        is_xyb=is_xyb,
        color=color,
        animation=animation,
        preview=preview,
        end=reader.position,
    )


def _size(reader: BitReader, side: Choices, blocks: Choices | None) -> tuple[int, int]:
    """Width and height, from the height and a ratio or both sides.

    Small pictures give their sides in blocks of eight: five bits, or in the ways of `blocks`.
    """
    in_blocks = reader.flag()

    def read_side() -> int:
        if not in_blocks:
            return reader.u32(side)
        return 8 * (reader.bits(5) + 1 if blocks is None else reader.u32(blocks))

    height = read_side()
    ratio = reader.bits(3)
    if not ratio:
        return read_side(), height
    numerator, denominator = _RATIOS[ratio - 1]
    width = height * numerator // denominator
    if width == 0:
        raise BrokenImage("JXL: no picture is 0 wide")
    return width, height


def _animation(reader: BitReader) -> Animation:
    return Animation(
        ticks=reader.u32(_TICKS),
        divisor=reader.u32(_TICK_DIVISORS),
        loops=reader.u32(_LOOPS),
        has_timecodes=reader.flag(),
    )


def _depth(reader: BitReader) -> tuple[int, int]:
    """Bits of a sample, and of its exponent."""
    if not reader.flag():
        return reader.u32(_INTEGER_BITS), 0
    return reader.u32(_FLOAT_BITS), reader.bits(4) + 1


def _extra_channel(reader: BitReader) -> ExtraChannel:
    if reader.flag():
        return ExtraChannel(type=_ALPHA, dim_shift=0, is_premultiplied=False)
    type = reader.enum()
    _depth(reader)
    dim_shift = reader.u32(_DIM_SHIFTS)
    reader.skip_name()
    is_premultiplied = type == _ALPHA and reader.flag()
    if type == _SPOT:
        reader.skip(4 * 16)
    elif type == _FILTER:
        reader.u32(_FILTER_CHANNELS)
    return ExtraChannel(type=type, dim_shift=dim_shift, is_premultiplied=is_premultiplied)


def _skip_transform(reader: BitReader, *, is_xyb: bool) -> None:
    """Passes over the numbers of the color transform and of the upsampling filters."""
    if reader.flag():
        return
    if is_xyb and not reader.flag():
        reader.skip(_OPSIN_NUMBERS * 16)
    mask = reader.bits(3)
    for index, count in enumerate(_WEIGHTS):
        if mask >> index & 1:
            reader.skip(count * 16)
