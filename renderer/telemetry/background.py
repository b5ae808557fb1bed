"""Work beside the event loop: calls that may block get a thread of their own and a bound on their time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable

_log = logging.getLogger(__name__)

CLOSE_SECONDS = 5.0
"""How long what is left may take to be sent when the process stops (spec 03 section 7.6)."""


async def within(seconds: float, call: Callable[[], object], *, purpose: str) -> None:
    """Runs a blocking call in a daemon thread and waits for it, but no longer than `seconds`.

    The loop's executor would not do: Python waits for its threads when the process ends.
    """
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def run() -> None:
        try:
            call()
        except Exception:  # noqa: BLE001  the border of a thread, and of a library
            _log.exception("%s failed", purpose)
        # The loop is closed if the call took longer than anybody waited.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, name=purpose, daemon=True).start()
    try:
        await asyncio.wait_for(done.wait(), seconds)
    except TimeoutError:
        _log.warning("%s took longer than %g seconds, what was left is lost", purpose, seconds)


class Periodic:
    """Calls a function every so many seconds, in a daemon thread, until it is stopped."""

    def __init__(self, call: Callable[[], object], *, seconds: float, purpose: str) -> None:
        self._call = call
        self._seconds = seconds
        self._purpose = purpose
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=purpose, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Makes one last call and ends the thread; waits for it, so this may block as long as a call does."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        is_last = False
        while not is_last:
            is_last = self._stop.wait(self._seconds)
            try:
                self._call()
            except Exception:  # noqa: BLE001  the border of a thread
                _log.exception("%s failed", self._purpose)
