"""Keeps refusals cheap when they come by the hundred, so that those who are served do not pay for those who are not.

Clients that come back at once after a 429 would spend the processor on being refused. Up to so many refusals a second
are answered at once and logged. Beyond that each waits a little, which bounds how often one connection can ask, and
only their number is logged, once a second.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

_log = logging.getLogger(__name__)

FREE_PER_SECOND: Final = 50
PAUSE_SECONDS: Final = 0.02
"""With this a client that is refused has its answer well within the 50 ms that it may take."""


class Refusals:
    """The refusals of one process; `clock` tells seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._second = 0
        self._count = 0

    @property
    def are_many(self) -> bool:
        """Whether this second has had its share."""
        return int(self._clock()) == self._second and self._count >= FREE_PER_SECOND

    async def pause(self) -> None:
        """Counts a refusal, and waits if there are many."""
        self._turn()
        self._count += 1
        if self._count > FREE_PER_SECOND:
            await asyncio.sleep(PAUSE_SECONDS)

    def _turn(self) -> None:
        second = int(self._clock())
        if second == self._second:
            return
        if self._count > FREE_PER_SECOND:
            _log.warning("%d more requests were refused within a second", self._count - FREE_PER_SECOND)
        self._second, self._count = second, 0
