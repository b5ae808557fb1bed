"""A forked process as its parent sees it: a process id and a pipe through which it speaks."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, NoReturn

_log = logging.getLogger(__name__)

CAUGHT: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
"""The signals that the parent handles; a child begins with the system's own handling, and without SIGINT.

A terminal's Ctrl-C goes to every process; the parent decides what follows.
"""

READY: Final = b"R"
"""A process says that it serves."""
REPLACE: Final = b"M"
"""A process has outgrown its memory, or cannot end a render, and asks for a successor."""
ALIVE: Final = b"."
"""A process's event loop turns."""

UNUSABLE: Final = 78
"""Exit status of a process whose settings cannot be used (`EX_CONFIG` of sysexits.h); it has said why."""
FAILED: Final = 70
"""Exit status of a child that ended by an error of ours (`EX_SOFTWARE` of sysexits.h)."""

READ_BYTES: Final = 65_536

Tell = Callable[[bytes], None]


@dataclass(slots=True, kw_only=True, eq=False)
class Child:
    """A process that was forked and has not been reaped.

    Attributes:
        pid: its process id.
        pipe: non-blocking; what it tells, and its end.
        generation: of the settings that it was started under.
        retirement_seconds: how long it may take to end under these settings, once it is retired.
        started: when, on the clock of `time.monotonic`.
        heard: when it last said something.
        kill_at: when it is killed if it still runs; None is never.
    """

    pid: int
    pipe: int
    generation: int = 0
    retirement_seconds: float = 0.0
    started: float = field(default_factory=time.monotonic)
    heard: float = field(default_factory=time.monotonic)
    kill_at: float | None = None

    @property
    def age(self) -> float:
        """Seconds since its start."""
        return time.monotonic() - self.started

    def send(self, number: signal.Signals) -> None:
        """Sends a signal. A child is not reaped behind our back, so its id is its own."""
        os.kill(self.pid, number)

    def kill_if_late(self, now: float, again_seconds: float) -> None:
        """Kills it when its time is up, and again after some seconds as long as it is there."""
        if self.kill_at is not None and now >= self.kill_at:
            _log.error("Process %d is killed: it is late", self.pid)
            self.send(signal.SIGKILL)
            self.kill_at = now + again_seconds

    def words(self) -> bytes | None:
        """What it has told since; empty when there is nothing, None when it has closed its end."""
        try:
            said = os.read(self.pipe, READ_BYTES)
        except BlockingIOError:
            return b""
        if said:
            self.heard = time.monotonic()
        return said or None


def fork_child(main: Callable[[Tell], int]) -> Child:
    """Forks; `main` is the whole life of the child, its result the exit status.

    The caller must be a process of one thread. What `main` tells is written to the child's pipe; it never waits, and
    what the parent does not read in time is lost.

    Raises:
        OSError: there is no room for a process or a pipe; nothing has changed then.
    """
    reading, writing = os.pipe()
    try:
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        _flush()
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, CAUGHT)
        try:
            pid = os.fork()
            if not pid:
                _live(main, reading, writing)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    return Child(pid=pid, pipe=reading)


def reaped() -> Iterator[tuple[int, int]]:
    """Process ids and exit statuses of children that have ended; a negative status is a signal's number."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        yield pid, os.waitstatus_to_exitcode(status)


def _live(main: Callable[[Tell], int], reading: int, writing: int) -> NoReturn:
    """The child, from its first to its last moment; whatever happens, it never returns into its parent's code."""
    status = FAILED
    try:
        os.close(reading)
        wakeup = signal.set_wakeup_fd(-1)
        if wakeup >= 0:
            os.close(wakeup)  # the parent's
        for number in CAUGHT:
            signal.signal(number, signal.SIG_IGN if number == signal.SIGINT else signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, CAUGHT)
        status = main(lambda said: _tell(writing, said))
    except BaseException:  # noqa: BLE001  the border of a process: the error is told and becomes its status
        with contextlib.suppress(Exception):
            traceback.print_exc()
    finally:
        try:
            _flush()
        finally:
            # Threads that an encoder holds would be waited for by a normal exit.
            os._exit(status)


def _flush() -> None:
    """Empties Python's buffers: a fork would double what is in them, and the end of a child would lose it."""
    for stream in (sys.stdout, sys.stderr):
        # Closed, or nobody reads it, or its disk is full: no reason for a server to end.
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()


def _tell(pipe: int, said: bytes) -> None:
    try:
        os.write(pipe, said)
    except (BlockingIOError, BrokenPipeError):
        _log.debug("the supervisor does not listen")
