"""Decoded sizes of one source, each made once for the renders that need it at the same time.

A level is what a decoder gives for one shrink factor: a JPEG at 1/8, a PNG as it is. It is decoded into memory by the
render that comes first; the others wait for it and compute from the same pixels, so results stay what they are. A
render that shares with nobody decodes row by row as ever. All levels of a process are bounded by bytes together; what
does not fit is decoded by each render for itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

import pyvips

from renderer.vips.runtime import Deadline

_LOOK_SECONDS: Final = 0.05
"""How often a render that waits for another one's level looks at its own deadline."""

_SAMPLE_BYTES: Final = {"uchar": 1, "char": 1, "ushort": 2, "short": 2, "uint": 4, "int": 4, "float": 4, "double": 8}


class SharedDecodes:
    """What the levels of a process have in common.

    Args:
        max_bytes: the bytes that all of them may have; 0 shares nothing.
        serves_smaller: whether a level is also used where a smaller one would do. Results change a little then.
        spared: is told of each decode that was not needed, in the thread of the render.
    """

    def __init__(
        self, max_bytes: int, *, serves_smaller: bool = False, spared: Callable[[], None] | None = None
    ) -> None:
        self.max_bytes = max_bytes
        self.serves_smaller = serves_smaller
        self.held_bytes = 0
        self.spared = 0
        self._spared = spared
        self._lock = threading.Lock()

    def levels(self) -> Levels | None:
        """The levels of one more source; None if nothing is shared."""
        return Levels(self) if self.max_bytes else None

    def try_take(self, size: int) -> bool:
        """Takes `size` bytes if they are there."""
        with self._lock:
            if self.held_bytes + size > self.max_bytes:
                return False
            self.held_bytes += size
            return True

    def give_back(self, size: int) -> None:
        """Gives `size` bytes back."""
        with self._lock:
            self.held_bytes -= size

    def spare(self) -> None:
        """Counts a decode that was not needed, in `spared`."""
        with self._lock:
            self.spared += 1
        if self._spared is not None:
            self._spared()


class _Level:
    """The pixels, once they are there, and the bytes of the budget that they hold."""

    __slots__ = ("image", "size_bytes")

    def __init__(self, size_bytes: int) -> None:
        self.image: pyvips.Image | None = None
        self.size_bytes = size_bytes


class Levels:
    """The levels of one source. Renders use it from their threads; the event loop says what is expected and closes.

    `serves_smaller` is whether a level also serves where a smaller one would do.
    """

    def __init__(self, shared: SharedDecodes) -> None:
        self.serves_smaller = shared.serves_smaller
        self._shared = shared
        self._expected: dict[float, int] = {}
        self._levels: dict[float, _Level] = {}
        self._lock = threading.Lock()
        self._changed: threading.Condition | None = None  # nearly nobody ever waits
        self._is_closed = False

    def expect(self, shrink: float, count: int = 1) -> None:
        """So many renders more, or fewer if negative, are going to need this shrink factor; 1 is the size as it is."""
        with self._lock:
            self._expected[shrink] = self._expected.get(shrink, 0) + count

    def best(self, shrink: float) -> float:
        """The shrink factor to open with instead of `shrink`: the smallest that is expected, if that is allowed."""
        if not self.serves_smaller:
            return shrink
        with self._lock:
            return min(
                (other for other, count in self._expected.items() if count > 0 and other < shrink), default=shrink
            )

    def decoded(
        self, shrink: float, image: pyvips.Image, decode: Callable[[pyvips.Image], pyvips.Image], deadline: Deadline
    ) -> pyvips.Image:
        """The pixels of a level, or what `decode` gives where nothing is shared.

        Args:
            shrink: the factor that `image` was opened with.
            image: as it was opened.
            decode: gives the pixels of `image` where it is not libvips that decodes when it has to.
            deadline: of the render that asks.

        Raises:
            BildwerkError: what decoding raises; a render that waited for it then decodes for itself.
        """
        with self._lock:
            is_alone = shrink not in self._levels and not self._may_share()
        if is_alone:
            return decode(image)
        size = image.width * image.height * image.bands * _SAMPLE_BYTES.get(str(image.format), 16)
        level, has_to_decode = self._level(shrink, size, deadline)
        if level is None:
            return decode(image)
        if has_to_decode:
            self._decode(shrink, level, lambda: deadline.in_memory(decode(image)))
        pixels = level.image
        # A copy of the picture, not of its pixels: libvips stops what is killed, and others go on with these.
        return decode(image) if pixels is None else pixels.copy()

    def close(self) -> None:
        """Lets go of all pixels. Renders that still use some keep theirs."""
        with self._lock:
            self._is_closed = True
            ready = [level for level in self._levels.values() if level.image is not None]
            self._levels.clear()
        for level in ready:
            self._shared.give_back(level.size_bytes)

    def _level(self, shrink: float, size: int, deadline: Deadline) -> tuple[_Level | None, bool]:
        """The level, and whether the caller has to decode it; None if the caller is on its own."""
        with self._lock:
            while (level := self._levels.get(shrink)) is not None and level.image is None:
                self._changed = self._changed or threading.Condition(self._lock)
                self._changed.wait(_LOOK_SECONDS)
                deadline.check()
            if level is not None:
                self._shared.spare()
                return level, False
            if not self._may_share() or not self._shared.try_take(size):
                return None, False
            level = self._levels[shrink] = _Level(size)
            return level, True

    def _may_share(self) -> bool:
        """Whether anybody could use a level beside the render that makes it; to be asked under the lock."""
        return not self._is_closed and sum(self._expected.values()) > 1

    def _decode(self, shrink: float, level: _Level, pixels: Callable[[], pyvips.Image]) -> None:
        is_kept = False
        try:
            level.image = pixels()
        finally:
            with self._lock:
                is_kept = level.image is not None and not self._is_closed
                if not is_kept:
                    self._levels.pop(shrink, None)
                if self._changed is not None:
                    self._changed.notify_all()
            if not is_kept:
                self._shared.give_back(level.size_bytes)
