"""Lines that are put together by the thread that writes them.

Beside a request each piece of Python runs with cold caches: two lines for each answer cost as much there as half of
what a small cached answer costs without them. A hundred in a row, off the event loop's way, cost a fraction of it. What
a line says is taken at the moment that it tells of; only its form comes later.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from renderer.telemetry.formats import Entry, LineFormatter

OWN_SIZE: Final = 500
"""What a line has beside the texts that vary, about: time, names, options; in characters."""


class LateLine(Struct, frozen=True):
    """A line that is not put together yet.

    Attributes:
        level: of `logging`.
        size: about how many characters it has or takes, see `OWN_SIZE`.
        formatter: how it is written.
        entry: makes what it says from `values`.
        values: nothing in them may change.
    """

    level: int
    size: int
    formatter: LineFormatter
    entry: Callable[..., Entry]
    values: tuple[Any, ...]

    @property
    def text(self) -> str:
        """The line without its end; if it cannot be put together, that this is so."""
        try:
            return self.formatter.line(self.entry(*self.values))
        except Exception as error:  # noqa: BLE001  the thread must go on, whatever is wrong with one value
            return self.formatter.line(_failure(self.level, error))


def _failure(level: int, error: Exception) -> Entry:
    return Entry(level, time.time(), f"A line of the log cannot be written: {type(error).__name__}: {error}", {}, {})
