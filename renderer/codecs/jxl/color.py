"""What the samples of a JPEG XL picture mean, and the ICC profile that says the same (ISO 18181-1 annex E.2)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final

from renderer.codecs.icc import D65, SRGB_PRIMARIES, Chromaticity, Curve, gray_profile, rgb_profile
from renderer.codecs.jxl.bits import BitReader, Choices
from renderer.errors import BrokenImage

_RGB, _GREY, _XYB = 0, 1, 2
_CUSTOM: Final = 2
_COORDINATE: Final[Choices] = ((19, 0), (19, 524_288), (20, 1_048_576), (21, 2_097_152))
_GAMMA_UNIT: Final = 10_000_000
_WHITE_POINTS: Final = {1: D65, 10: (1 / 3, 1 / 3), 11: (0.314, 0.351)}
_P3: Final = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
_PRIMARIES: Final = {1: SRGB_PRIMARIES, 9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)), 11: _P3}
_CURVES: Final = {
    1: Curve.BT709,
    8: Curve.LINEAR,
    13: Curve.SRGB,
    16: Curve.PQ,
    17: Curve.GAMMA_26,
    18: Curve.HLG,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ColorEncoding:
    """The space of the samples.

    Attributes:
        is_grey: one channel instead of three.
        has_icc: an ICC profile in the file says what the other attributes would.
        white: the white point.
        primaries: red, green and blue.
        curve: how light becomes samples; a number is a gamma.
    """

    is_grey: bool = False
    has_icc: bool = False
    white: Chromaticity = D65
    primaries: tuple[Chromaticity, Chromaticity, Chromaticity] = SRGB_PRIMARIES
    curve: Curve | float = Curve.SRGB

    def with_curve(self, curve: Curve) -> ColorEncoding:
        """The space with another curve."""
        return dataclasses.replace(self, curve=curve)

    def profile(self) -> bytes | None:
        """The ICC profile of the space; None for sRGB and its grey, which need none.

        Raises:
            BrokenImage: no space has such a white point or such primaries.
        """
        if self.curve is Curve.SRGB and self.white == D65 and (self.is_grey or self.primaries == SRGB_PRIMARIES):
            return None
        try:
            if self.is_grey:
                return gray_profile(self.white, self.curve)
            return rgb_profile(self.white, self.primaries, self.curve)
        except ValueError as error:
            raise BrokenImage(f"JXL: {error}") from error


def read_color(reader: BitReader) -> ColorEncoding:
    """The space as the header names it.

    Raises:
        BrokenImage: it names one that does not exist.
    """
    if reader.flag():
        return ColorEncoding()
    has_icc = reader.flag()
    space = reader.enum()
    is_grey = space == _GREY
    if has_icc:
        return ColorEncoding(is_grey=is_grey, has_icc=True)
    white = D65 if space == _XYB else _white(reader)
    primaries = SRGB_PRIMARIES if space in (_GREY, _XYB) else _primaries(reader)
    curve = 3.0 if space == _XYB else _curve(reader)
    reader.enum()  # the rendering intent
    return ColorEncoding(is_grey=is_grey, white=white, primaries=primaries, curve=curve)


def _white(reader: BitReader) -> Chromaticity:
    kind = reader.enum()
    if kind == _CUSTOM:
        return _chromaticity(reader)
    if kind not in _WHITE_POINTS:
        raise BrokenImage(f"JXL: no white point is {kind}")
    return _WHITE_POINTS[kind]


def _primaries(reader: BitReader) -> tuple[Chromaticity, Chromaticity, Chromaticity]:
    kind = reader.enum()
    if kind == _CUSTOM:
        return _chromaticity(reader), _chromaticity(reader), _chromaticity(reader)
    if kind not in _PRIMARIES:
        raise BrokenImage(f"JXL: no primaries are {kind}")
    return _PRIMARIES[kind]


def _curve(reader: BitReader) -> Curve | float:
    if reader.flag():
        gamma = reader.bits(24)
        if not 0 < gamma <= _GAMMA_UNIT:
            raise BrokenImage(f"JXL: no gamma is {gamma}")
        return _GAMMA_UNIT / gamma
    kind = reader.enum()
    if kind not in _CURVES:
        raise BrokenImage(f"JXL: no transfer function is {kind}")
    return _CURVES[kind]


def _chromaticity(reader: BitReader) -> Chromaticity:
    return _coordinate(reader), _coordinate(reader)


def _coordinate(reader: BitReader) -> float:
    packed = reader.u32(_COORDINATE)
    # Signs are in the lowest bit; the unit is a millionth.
    return (-(packed + 1) // 2 if packed & 1 else packed // 2) / 1_000_000
