"""Leaves a store alone that keeps failing, so that requests do not wait for it one after the other.

After `failures` in a row nothing is asked for `pause_seconds`; then one request may try. What went wrong is logged at
most once in `LOG_SECONDS`, with how often it did.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

_log = logging.getLogger(__name__)

LOG_SECONDS: Final = 30.0
FAILURES: Final = 5
PAUSE_SECONDS: Final = 5.0


class Circuit:
    """The state of one store as seen from this process."""

    def __init__(
        self,
        *,
        failures: int = FAILURES,
        pause_seconds: float = PAUSE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most_failures = failures
        self._pause_seconds = pause_seconds
        self._clock = clock
        self._failures = 0
        self._next_try = 0.0
        self._next_line = 0.0
        self._untold = 0

    @property
    def is_open(self) -> bool:
        """Whether the store is left alone, but for a try now and then."""
        return self._failures >= self._most_failures

    def allows(self) -> bool:
        """Whether the store may be asked now; whoever is told yes asks it."""
        if not self.is_open:
            return True
        now = self._clock()
        if now < self._next_try:
            return False
        self._next_try = now + self._pause_seconds
        return True

    def succeeded(self) -> None:
        """The store did what it was asked."""
        if self.is_open:
            _log.warning("The store of results works again")
        self._failures = 0

    def failed(self, what: str, error: BaseException) -> None:
        """The store failed; `what` completes "could not"."""
        self._failures += 1
        if self.is_open:
            self._next_try = self._clock() + self._pause_seconds
        self.note(what, error)

    def note(self, what: str, error: BaseException) -> None:
        """Logs what is no failure of the store as a whole."""
        now = self._clock()
        if now < self._next_line:
            self._untold += 1
            return
        self._next_line = now + LOG_SECONDS
        untold, self._untold = self._untold, 0
        more = f" ({untold} more since the last line)" if untold else ""
        _log.warning("The store of results could not %s: %s%s", what, str(error) or type(error).__name__, more)
