"""ICC profiles for spaces that a file names without one: a matrix and a curve (ICC.1:2022, sections 7 to 10)."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from enum import Enum
from typing import Final

import numpy as np
from numpy.typing import NDArray

Chromaticity = tuple[float, float]
"""x and y of CIE 1931."""
Matrix = NDArray[np.float64]

D65: Final[Chromaticity] = (0.3127, 0.3290)
SRGB_PRIMARIES: Final = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))

_D50_XYZ: Final = np.array([0.9642, 1.0, 0.8249])
_BRADFORD: Final = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_CURVE_POINTS: Final = 4096
_SDR_WHITE_NITS: Final = 203
"""What white on paper has in HDR pictures (ITU-R BT.2408); what is brighter becomes white."""


class Curve(Enum):
    """How light becomes samples, by the name of its standard."""

    SRGB = "sRGB"
    BT709 = "BT.709"
    LINEAR = "linear"
    GAMMA_26 = "DCI"
    PQ = "PQ"
    HLG = "HLG"


_PARAMETRIC: Final = {
    Curve.SRGB: (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045),
    Curve.BT709: (1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081),
}
_GAMMAS: Final = {Curve.LINEAR: 1.0, Curve.GAMMA_26: 2.6}


def rgb_profile(white: Chromaticity, primaries: Sequence[Chromaticity], curve: Curve | float) -> bytes:
    """A display profile of three primaries.

    Raises:
        ValueError: no space has such primaries.
    """
    adaptation = _adaptation(white)
    columns = adaptation @ _primary_matrix(white, primaries)
    tag = _curve_tag(curve)
    colors = [(name, _xyz(columns[:, index])) for index, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))]
    curves = [(name, tag) for name in (b"rTRC", b"gTRC", b"bTRC")]
    return _profile(b"RGB ", [*_common(adaptation), *colors, *curves])


def gray_profile(white: Chromaticity, curve: Curve | float) -> bytes:
    """A display profile of one channel."""
    return _profile(b"GRAY", [*_common(_adaptation(white)), (b"kTRC", _curve_tag(curve))])


def _xyz_of(chromaticity: Chromaticity) -> Matrix:
    x, y = chromaticity
    if y == 0:
        raise ValueError("a color without luminance is no primary")
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _adaptation(white: Chromaticity) -> Matrix:
    """From light under a white point to light under D50, after Bradford."""
    with np.errstate(all="ignore"):
        gains = (_BRADFORD @ _D50_XYZ) / (_BRADFORD @ _xyz_of(white))
    if not np.isfinite(gains).all():
        raise ValueError("no white point is this")
    result: Matrix = np.linalg.inv(_BRADFORD) @ np.diag(gains) @ _BRADFORD
    return result


def _primary_matrix(white: Chromaticity, primaries: Sequence[Chromaticity]) -> Matrix:
    columns = np.array([_xyz_of(primary) for primary in primaries]).T
    try:
        scales = np.linalg.solve(columns, _xyz_of(white))
    except np.linalg.LinAlgError as error:
        raise ValueError("primaries on one line span no space") from error
    result: Matrix = columns * scales
    return result


def _common(adaptation: Matrix) -> list[tuple[bytes, bytes]]:
    return [
        (b"desc", _text("Space named by the picture")),
        (b"cprt", _text("No copyright, use freely")),
        (b"wtpt", _xyz(_D50_XYZ)),
        (b"chad", b"sf32\0\0\0\0" + _fixed(adaptation.ravel())),
    ]


def _fixed(values: Sequence[float] | Matrix) -> bytes:
    """Numbers with 16 bits before and after the point.

    Raises:
        ValueError: one does not fit.
    """
    rounded = [round(float(value) * 65536) for value in values]
    try:
        return struct.pack(f">{len(rounded)}i", *rounded)
    except struct.error as error:
        raise ValueError("a number too large for a profile") from error


def _xyz(values: Matrix) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(values)


def _text(text: str) -> bytes:
    encoded = text.encode("utf-16-be")
    return b"mluc\0\0\0\0" + struct.pack(">II4sII", 1, 12, b"enUS", len(encoded), 28) + encoded


def _curve_tag(curve: Curve | float) -> bytes:
    """Samples to light, as a formula where there is one."""
    if isinstance(curve, Curve) and curve in _PARAMETRIC:
        return b"para\0\0\0\0" + struct.pack(">HH", 3, 0) + _fixed(_PARAMETRIC[curve])
    gamma = _GAMMAS.get(curve) if isinstance(curve, Curve) else curve
    if gamma is not None:
        return b"para\0\0\0\0" + struct.pack(">HH", 0, 0) + _fixed([gamma])
    light = _pq_light if curve is Curve.PQ else _hlg_light
    points = [round(65535 * min(light(index / (_CURVE_POINTS - 1)), 1.0)) for index in range(_CURVE_POINTS)]
    return b"curv\0\0\0\0" + struct.pack(f">I{_CURVE_POINTS}H", _CURVE_POINTS, *points)


def _pq_light(sample: float) -> float:
    """Light of a PQ sample (SMPTE ST 2084), 1 at the white of paper."""
    root = sample ** (1 / 78.84375)
    nits: float = 10_000 * (max(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)
    return nits / _SDR_WHITE_NITS


def _hlg_light(sample: float) -> float:
    """Light of an HLG sample (ARIB STD-B67), 1 at the white of paper, which is at 75 percent."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = sample**2 / 3 if sample <= 0.5 else (math.exp((sample - c) / a) + b) / 12
    white = (math.exp((0.75 - c) / a) + b) / 12
    light: float = (scene / white) ** 1.2
    return light


def _profile(space: bytes, tags: list[tuple[bytes, bytes]]) -> bytes:
    """A version 4 profile; equal contents are stored once."""
    directory, contents = [], b""
    start = 128 + 4 + 12 * len(tags)
    places: dict[bytes, int] = {}
    for name, content in tags:
        if content not in places:
            places[content] = start + len(contents)
            contents += content + bytes(-len(content) % 4)
        directory.append(struct.pack(">4sII", name, places[content], len(content)))
    size = start + len(contents)
    header = struct.pack(">I4sI4s4s4s12s4s", size, b"\0\0\0\0", 0x0440_0000, b"mntr", space, b"XYZ ", b"", b"acsp")
    header += bytes(4 + 4 + 4 + 4 + 8 + 4) + _fixed(_D50_XYZ)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + b"".join(directory) + contents
