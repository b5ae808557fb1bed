"""A forked process as its parent sees it: a process id and a pipe through which it speaks."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

_log = logging.getLogger(__name__)

CAUGHT: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
"""The signals that the parent handles; a child begins with the system's own handling, and without SIGINT.

A terminal's Ctrl-C goes to every process; the parent decides what follows.
"""

READY: Final = b"R"
"""A process says that it serves."""
REPLACE: Final = b"M"
"""A process has outgrown its memory and asks for a successor."""
ALIVE: Final = b"."
"""A process's event loop turns."""

UNUSABLE: Final = 78
"""Exit status of a process whose settings cannot be used (`EX_CONFIG` of sysexits.h); it has said why."""

READ_BYTES: Final = 65_536
FAILED: Final = 70
"""Exit status of a child that ended by an error of ours (`EX_SOFTWARE` of sysexits.h)."""

Tell = Callable[[bytes], None]


@dataclass(slots=True, kw_only=True)
class Child:
    """A process that was forked and has not been reaped.

    Attributes:
        pid: its process id.
        pipe: non-blocking; what it tells, and its end.
        started: when, on the clock of `time.monotonic`.
        heard: when it last said something.
        is_ready: it has said that it serves.
        kill_at: when it is killed if it still runs; None is never.
    """

    pid: int
    pipe: int
    started: float = field(default_factory=time.monotonic)
    heard: float = field(default_factory=time.monotonic)
    is_ready: bool = False
    kill_at: float | None = None

    def send(self, number: signal.Signals) -> None:
        """Sends a signal. A child is not reaped behind our back, so its id is its own."""
        os.kill(self.pid, number)

    def words(self) -> bytes:
        """What it has told since; empty at its end and when there is nothing."""
        try:
            said = os.read(self.pipe, READ_BYTES)
        except BlockingIOError:
            return b""
        if said:
            self.heard = time.monotonic()
        return said


def fork_child(main: Callable[[Tell], int]) -> Child:
    """Forks; `main` is the whole life of the child, its result the exit status.

    The caller must be a process of one thread. What `main` tells is written to the child's pipe; it never waits, and
    what the parent does not read in time is lost.
    """
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, CAUGHT)
    pid = os.fork()
    if pid:
        os.close(writing)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        return Child(pid=pid, pipe=reading)
    status = FAILED
    try:
        os.close(reading)
        signal.set_wakeup_fd(-1)
        for number in CAUGHT:
            signal.signal(number, signal.SIG_IGN if number == signal.SIGINT else signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        status = main(lambda said: _tell(writing, said))
    except BaseException:  # noqa: BLE001  the border of a process: the error is told and becomes its status
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        # Threads that an encoder holds would be waited for by a normal exit.
        os._exit(status)


def _tell(pipe: int, said: bytes) -> None:
    try:
        os.write(pipe, said)
    except (BlockingIOError, BrokenPipeError):
        _log.debug("the supervisor does not listen")
