"""What malloc keeps of memory that is free: few arenas, and nothing when a picture needs much at once.

After some large photographs 30 MB of a process are free and still the process's, in pieces between what is in use. A
picture that its decoder holds whole, as a progressive JPEG in its coefficients, comes on top of that; so what is free
is given back first. That takes 1.4 ms, and such a picture takes 100 at least (decision 0010).
"""

from __future__ import annotations

import ctypes
import logging
from typing import Final

import pyvips

from renderer.pipeline.geometry import Size
from renderer.vips.fields import has

_M_ARENA_MAX: Final = -8
_ARENAS: Final = 2

_BYTES_OF_PIXEL: Final = 3
"""Of a JPEG with halved color: one and a half coefficients of two bytes. An interlaced PNG has its samples."""
_MUCH_BYTES: Final = 32_000_000

_log = logging.getLogger(__name__)


def hold() -> None:
    """Two malloc arenas instead of eight per core: 690 -> 292 MB resident on 4 to 24 MP photographs (DESIGN 3)."""
    _asked("mallopt", _M_ARENA_MAX, _ARENAS)


def make_room(image: pyvips.Image, whole: Size) -> None:
    """Gives free memory back if the decoder is going to hold all of a large picture.

    Args:
        image: as it was opened, perhaps smaller.
        whole: the size of the picture in the file.
    """
    if whole.width * whole.height * _BYTES_OF_PIXEL >= _MUCH_BYTES and has(image, "interlaced"):
        give_back()


def give_back() -> None:
    """Gives the system what is free, where the C library can."""
    _asked("malloc_trim", 0)


def _asked(name: str, *numbers: int) -> None:
    """Calls a function of the C library, if it has it: these two are glibc's own."""
    try:
        found = getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError):
        _log.debug("this C library has no %s", name)
        return
    found(*numbers)
