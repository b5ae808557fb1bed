"""What a plan must know of a picture: the raster as stored, and how it is turned (spec 02 section 2.11)."""

from __future__ import annotations

from msgspec import Struct

from renderer.pipeline.geometry import Size

_TURNS = {
    1: (0, False),
    2: (0, True),
    3: (180, False),
    4: (180, True),
    5: (90, True),
    6: (90, False),
    7: (270, True),
    8: (270, False),
}


class Raster(Struct, frozen=True):
    """A raster as it is stored: its size before turning, its EXIF orientation, and whether it is a drawing."""

    width: int
    height: int
    orientation: int = 1
    is_vector: bool = False

    @property
    def turn(self) -> tuple[int, bool]:
        """Clockwise degrees, then whether to mirror horizontally, that bring the picture upright."""
        return _TURNS.get(self.orientation, (0, False))

    @property
    def shown(self) -> Size:
        """The size that debug headers report and limits check: upright, even when `auto_rotate` is off."""
        size = Size(self.width, self.height)
        return size.turned if self.turn[0] % 180 else size
