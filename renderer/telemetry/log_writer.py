"""Log lines leave through a thread of their own, so that a slow reader of the log never holds up a request.

Lines wait in memory, up to a number of them and of characters; what comes after that is counted and dropped, and the
log says how many once it moves again.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import operator
import os
import select
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

_MAX_CHARACTERS: Final = 4 * 1024 * 1024
_MAX_LINES: Final = 10_000
"""One that is not put together yet takes a kilobyte or two, whatever the length of its text."""

_LINGER_SECONDS: Final = 0.1
"""How long a line may wait for company: one write for a burst of lines costs a fraction of one write for each.

With seventy photographs a second, two lines each, that brings fourteen together. What a process that is killed has
said in this time is lost.
"""

_CROWD_CHARACTERS: Final = 64 * 1024
"""So much does not wait for more: it is what a pipe holds, and a hundred lines take the interpreter a millisecond."""

_QUIET_TURNS: Final = 5
"""How often the thread comes round in vain before it sleeps until it is woken.

To wake it, who logs has to pass on the interpreter's lock, and the thread only goes to sleep again for company.
"""

_AT_ONCE: Final = -1
"""How many characters have to wait before the thread is woken that has nothing to do."""

_AWAKE: Final = math.inf
"""The same of a thread that is awake."""

_NO_THREAD: Final = -math.inf
"""The same while there is none: the first line starts it."""

_CLOSE_SECONDS: Final = 2.0

_size: Final = operator.attrgetter("size")
_text: Final = operator.attrgetter("text")


class Line(NamedTuple):
    """A line without its end, and the level of `logging` that it has."""

    level: int
    text: str

    @property
    def size(self) -> int:
        """Characters."""
        return len(self.text)


class Waiting(Protocol):
    """What waits to be written: a line, or what becomes one in the writer's thread."""

    @property
    def level(self) -> int:
        """As a line has it."""

    @property
    def size(self) -> int:
        """About how many characters it has, the same each time."""

    @property
    def text(self) -> str:
        """The line without its end; asked for only to write it. Never raises."""


class Sink(Protocol):
    """Where lines end up."""

    def write(self, lines: Sequence[Waiting]) -> None:
        """Writes lines; may block; raises OSError when they are lost."""

    def close(self) -> None:
        """Gives up what the sink holds."""


class LineWriter:
    """The queue and the thread between those who log and a sink.

    Args:
        sink: where lines go.
        drop_notice: the line that says how many lines were dropped.
        max_characters: how much may wait.
        max_lines: how many lines may wait.
        linger_seconds: how long a line waits for company.
    """

    def __init__(
        self,
        sink: Sink,
        drop_notice: Callable[[int], Line],
        max_characters: int = _MAX_CHARACTERS,
        max_lines: int = _MAX_LINES,
        *,
        linger_seconds: float = _LINGER_SECONDS,
    ) -> None:
        self._sink = sink
        self._drop_notice = drop_notice
        self._max_characters = max_characters
        self._max_lines = max_lines
        self._many_lines = max_lines // 2
        self._linger_seconds = linger_seconds
        self._reset()
        # A fork takes the queue along but not the thread; the child begins with an empty one.
        alive = weakref.WeakMethod(self._reset)
        os.register_at_fork(after_in_child=lambda: (reset := alive()) and reset())

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        # What the thread sleeps on; a condition makes a lock for each sleep and takes ten calls more.
        self._wake = threading.Lock()
        self._wake.acquire()
        self._wakes_at: float = _NO_THREAD
        self._is_closed = self._is_hurried = False
        self._room: float = self._max_characters
        self._lines: list[Waiting] = []
        self._characters = 0
        self._dropped = 0
        self._thread: threading.Thread | None = None

    def write(self, line: Waiting) -> None:
        """Takes a line, or drops it when too many wait; never blocks."""
        with self._lock:  # that of the condition, whose own `with` is a call in Python
            lines = self._lines
            characters = self._characters + line.size
            if characters > self._room or (len(lines) >= self._many_lines and not self._takes_more()):
                self._dropped += 1
                return
            self._characters = characters
            lines.append(line)
            if characters >= self._wakes_at:
                self._wake_up()

    def _takes_more(self) -> bool:
        """Whether one more line may wait with so many, for which the thread is woken; to be called under the lock."""
        if len(self._lines) >= self._max_lines:
            return False
        self._wake_up()
        return True

    def close(self, seconds: float = _CLOSE_SECONDS) -> None:
        """Writes what waits, as far as that goes within the time."""
        with self._changed:
            self._is_closed, self._room = True, -1
            if self._thread is not None:
                self._wake_up()
        if self._thread is not None:
            self._thread.join(seconds)
        if self._thread is None or not self._thread.is_alive():
            self._sink.close()

    def flush(self, seconds: float = _CLOSE_SECONDS) -> bool:
        """Has all that waits written at once and waits for that; says whether it was within the time."""
        end = time.monotonic() + seconds
        with self._changed:
            if self._lines:
                self._is_hurried = True
                self._wake_up()
            return self._changed.wait_for(lambda: self._characters == 0, max(0.0, end - time.monotonic()))

    def _run(self) -> None:
        while (lines := self._next()) is not None:
            dropped = self._written(lines)
            with self._changed:
                self._characters -= sum(map(_size, lines))
                self._dropped += dropped
                self._changed.notify_all()

    def _next(self) -> list[Waiting] | None:
        """What waits, after giving more of it time to come; None when the writer is closed and all is written."""
        crowd = min(self._max_characters // 2, _CROWD_CHARACTERS)
        for _ in range(_QUIET_TURNS):
            self._sleep(crowd, self._linger_seconds)
            if self._lines or self._is_closed:
                break
        else:
            self._sleep(_AT_ONCE)
            self._sleep(crowd, self._linger_seconds)
        with self._lock:
            lines, self._lines = self._lines, []
            self._is_hurried = False
        return lines or None

    def _sleep(self, wakes_at: int, seconds: float = -1) -> None:
        """Waits until so many characters wait, or somebody is in a hurry, or the time is over if there is any."""
        with self._lock:
            is_crowded = self._characters >= wakes_at or len(self._lines) > self._many_lines
            if self._is_closed or self._is_hurried or (self._lines and is_crowded):
                return
            self._wakes_at = wakes_at
        if self._wake.acquire(timeout=seconds):
            return
        with self._lock:
            if self._wakes_at == _AWAKE:
                self._wake.acquire()  # it was woken just after the time was over
            self._wakes_at = _AWAKE

    def _wake_up(self) -> None:
        """Wakes the thread if it sleeps, or starts it; to be called under the lock."""
        if self._wakes_at == _NO_THREAD:
            self._wakes_at = _AWAKE
            self._thread = threading.Thread(target=self._run, name="log", daemon=True)
            self._thread.start()
        elif self._wakes_at < _AWAKE:
            self._wakes_at = _AWAKE
            self._wake.release()

    def _written(self, lines: list[Waiting]) -> int:
        """Hands lines to the sink; gives the number that was lost."""
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        told = [*lines, self._drop_notice(dropped)] if dropped else lines
        try:
            self._sink.write(told)
        except OSError:
            # There is nowhere to complain to but the log itself, once it works again.
            return len(lines) + dropped
        return 0


class StreamSink:
    """Writes lines to a file descriptor; several processes that do so never mix theirs."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def close(self) -> None:
        """Leaves the descriptor to who opened it."""

    def write(self, lines: Sequence[Waiting]) -> None:
        """Writes the lines; waits for the reader."""
        data = "\n".join([*map(_text, lines), ""]).encode("utf-8", "replace")
        with self._lock():
            rest = memoryview(data)
            while rest:
                try:
                    rest = rest[os.write(self._descriptor, rest) :]
                except BlockingIOError:
                    # Whoever shares the descriptor has made it non-blocking.
                    select.select([], [self._descriptor], [])

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Keeps other processes out; a pipe would keep only 4 KiB of a write together."""
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX)
        except OSError:
            yield  # a device without locks: better a line in two parts than none
            return
        try:
            yield
        finally:
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN)
