"""What a corpus consists of: the groups of its pictures, what is known of each, and how many and how large they are."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final


class Group(enum.StrEnum):
    """What a picture of the corpus is there for.

    The first four are photographs of 2,040 pixels. LARGE and PROGRESSIVE are JPEG of 4 to 24 megapixels, DETAILED is
    one of 4,000 by 3,000, HIT one whose result of half its size has about 30 KB.
    """

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    AVIF = "avif"
    LARGE = "large"
    PROGRESSIVE = "progressive"
    DETAILED = "detailed"
    ALPHA = "alpha"
    GIF = "gif"
    ANIMATED_WEBP = "animated-webp"
    SVG = "svg"
    ICON = "icon"
    HIT = "hit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A file of the corpus.

    Attributes:
        path: relative to the corpus' folder.
        format: "jpeg", "png", "webp", "avif", "gif" or "svg".
        width, height: in pixels, of one frame, as stored.
        size_bytes: of the file.
        is_progressive: whether a JPEG is.
    """

    path: str
    format: str
    width: int
    height: int
    size_bytes: int
    is_progressive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How many pictures a corpus has, and how large they are: width and height in pixels.

    Attributes:
        side: the longer one of the photographs.
        count: of the photographs, and of icons.
        special_count: of pictures with alpha and of drawings; of animations half as many.
        large_count: of large JPEG of either kind, `real_count` of them whole photographs, the rest montages.
        montages: of these montages, one after the other.
        tile: the most that one photograph gives to a montage.
        detailed: of the picture for bursts.
        alpha_side: the longer one of pictures with alpha.
        frame: of animations.
        frames: how many one has.
    """

    side: int = 2040
    count: int = 12
    special_count: int = 6
    large_count: int = 8
    real_count: int = 5
    montages: tuple[tuple[int, int], ...] = ((6000, 4000), (4000, 3000), (4896, 3264), (5472, 3648))
    tile: tuple[int, int] = (2000, 1500)
    detailed: tuple[int, int] = (4000, 3000)
    alpha_side: int = 1200
    frame: tuple[int, int] = (480, 320)
    frames: int = 8


FULL: Final = Sizes()
