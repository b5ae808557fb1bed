"""The supervisor's log: a line is written at once or not at all.

The supervisor may have no thread, because it forks, and may not wait, because it is the one that hears SIGTERM: whoever
reads its standard output may have stopped reading. Server processes have a log of their own.
"""

from __future__ import annotations

import fcntl
import logging
import os
import select
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from renderer.settings.load import Settings

_LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}

_PATIENCE_SECONDS: Final = 0.5
_POLL_SECONDS: Final = 0.01
_MAX_LINE_BYTES: Final = select.PIPE_BUF
"""So much goes into a pipe that `select` finds writable without waiting (pipe(7))."""


class SupervisorHandler(logging.Handler):
    """Writes to a descriptor that server processes write to as well."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a line, unless nobody takes it for half a second."""
        line = self.format(record).encode("utf-8", "replace")[: _MAX_LINE_BYTES - 1] + b"\n"
        end = time.monotonic() + _PATIENCE_SECONDS
        is_locked = self._lock_before(end)
        try:
            if select.select([], [self._descriptor], [], max(0.0, end - time.monotonic()))[1]:
                os.write(self._descriptor, line)
        except OSError:
            return  # a full disk, a closed pipe: there is nowhere to complain to
        finally:
            if is_locked:
                fcntl.lockf(self._descriptor, fcntl.LOCK_UN)

    def _lock_before(self, end: float) -> bool:
        """Keeps server processes out, which hold the lock while they write."""
        while True:
            try:
                fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):
                if time.monotonic() >= end:
                    return False
                time.sleep(_POLL_SECONDS)
            except OSError:
                return False  # a device without locks
            else:
                return True


def log_as_supervisor(settings: Settings, *, descriptor: int = 1) -> None:
    """Sets up logging for the supervisor, in the format of the others; again after a reload."""
    from renderer.telemetry.formats import line_formatter

    handler = SupervisorHandler(descriptor)
    handler.setFormatter(line_formatter(settings.log.format or ("pretty" if os.isatty(descriptor) else "structured")))
    logging.basicConfig(level=_LEVELS[settings.log.level], handlers=[handler], force=True)
