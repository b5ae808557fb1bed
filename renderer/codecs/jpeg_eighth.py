"""A progressive JPEG without the scans that do not show at one eighth of its size.

The rule. At one eighth a block becomes one pixel: its mean, coefficient 0. libjpeg decodes a component at twice that
size instead if that spares enlarging it, which is so where it is subsampled by an even factor in both directions
(`jpeg_calc_output_dimensions` in jdmaster.c); then all its coefficients count. So the scans of means stay, the first
ones and the refinements, and of the others those of such components.

A decoder that believes coefficients unknown estimates them from the means around them (`smoothing_ok` in jdcoefct.c).
Therefore the end of the file says that the coefficients of the other components are 0: for each of them one scan of
nothing but end-of-band runs (ITU-T T.81 section G.1.2.2), with a code table of its own. The pixels are those of the
whole file.

At a quarter and a half coefficients of all bands show, and a refinement scan is only read with all that came before it:
there nothing can be left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from renderer.codecs.jpeg_scans import COEFFICIENTS, Component, Progressive, read_progressive

_BLOCK_SIDE: Final = 8
_END: Final = b"\xff\xd9"
_NO_RESTARTS: Final = b"\xff\xdd\x00\x04\x00\x00"
_LONGEST_RUN: Final = (1 << 15) - 1
_EXPONENT_BITS: Final = 4
_RUN_TABLE: Final = (
    b"\xff\xc4\x00\x22\x10" + bytes([0, 0, 0, 15, *[0] * 12]) + bytes(exponent << 4 for exponent in range(15))
)
"""Fifteen codes of four bits for AC coefficients: code n is EOBn, a run of 2^n blocks and as many as n bits add."""


def without_unseen_scans(data: bytes, *, max_bytes: int) -> bytes | None:
    """A file of the same pixels at one eighth, and of the same metadata; None if there is none, or nothing to gain.

    Args:
        data: a JPEG of any kind.
        max_bytes: where more than that would stay, nothing is copied.
    """
    picture = read_progressive(data)
    if picture is None:
        return None
    unseen = [index for index, plane in enumerate(picture.components) if not _shows_detail(plane, picture)]
    kept = list(_kept(data, picture, frozenset(unseen)))
    if not unseen or sum(map(len, kept)) > max_bytes:
        return None
    return b"".join([*kept, _NO_RESTARTS, _RUN_TABLE, *(_zeros(picture, index) for index in unseen), _END])


def _shows_detail(plane: Component, picture: Progressive) -> bool:
    """Whether more than its means are decoded of a component."""
    horizontal = max(other.horizontal for other in picture.components)
    vertical = max(other.vertical for other in picture.components)
    return horizontal % (2 * plane.horizontal) == 0 and vertical % (2 * plane.vertical) == 0


def _kept(data: bytes, picture: Progressive, unseen: frozenset[int]) -> Iterator[memoryview]:
    """The file up to its end, without the scans that carry more than means of these components; no bytes are copied."""
    view = memoryview(data)
    position = 0
    for scan in picture.scans:
        if scan.first and unseen.issuperset(scan.components):
            yield view[position : scan.start]
            position = scan.end
    yield view[position : picture.end]


def _zeros(picture: Progressive, index: int) -> bytes:
    """A scan that says of a component that all its coefficients but the means are 0."""
    plane = picture.components[index]
    horizontal = max(other.horizontal for other in picture.components)
    vertical = max(other.vertical for other in picture.components)
    # A scan of one component covers the blocks that its pixels fill, without the padding of interleaved scans (A.2.2).
    across = -(-picture.width * plane.horizontal // (horizontal * _BLOCK_SIDE))
    down = -(-picture.height * plane.vertical // (vertical * _BLOCK_SIDE))
    header = bytes([0xFF, 0xDA, 0, 8, 1, plane.identifier, 0, 1, COEFFICIENTS - 1, 0])
    return header + _runs(across * down)


def _runs(blocks: int) -> bytes:
    """End-of-band runs over so many blocks, padded with ones, zeros stuffed behind bytes of ones (F.1.2.3)."""
    full, rest = divmod(blocks, _LONGEST_RUN)
    bits = _run(_LONGEST_RUN) * full + (_run(rest) if rest else "")
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")


def _run(blocks: int) -> str:
    """One run in binary digits: the code of its exponent, then what it is longer than that power of two."""
    exponent = blocks.bit_length() - 1
    return f"{exponent:0{_EXPONENT_BITS}b}" + (f"{blocks - (1 << exponent):0{exponent}b}" if exponent else "")
