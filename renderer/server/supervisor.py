"""The parent of the server processes: one listening socket, replacements, signals (DESIGN section 3).

It is one thread without an event loop, so that it can fork at any time: everything that the processes need is imported
before the first fork and shared. It waits for signals, for words from its processes and for time, and starts whatever
is missing.

SIGTERM, SIGINT  stop: the listener closes, processes answer what they have; a second signal ends them at once.
SIGHUP           reload: settings are read anew in a process of their own; if they can be used, each process gets a
                 successor and is retired once that serves. Otherwise everything stays as it was.
SIGCHLD          a process has ended; if nobody told it to, it is replaced.

A process that asks for a successor because of its memory is treated like one that is reloaded.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from renderer.server.child import READY, REPLACE, Child, Tell, fork_child
from renderer.server.listener import remove_socket_file
from renderer.server.reload import Reload, begin_reload
from renderer.server.signals import caught_signals, received
from renderer.settings.load import Settings

_log = logging.getLogger(__name__)

KILL_MARGIN_SECONDS: Final = 0.3
"""So long before the time to stop is over, processes that still run are killed."""

SILENCE_SECONDS: Final = 30.0
"""A process that says nothing for so long hangs: not even its event loop turns."""

START_SECONDS: Final = 60.0
"""How long a process may take until it serves: it may have to fetch a watermark from a slow origin."""

TURN_SECONDS: Final = 0.1
"""How late time may be noticed; signals and words from processes are noticed at once."""

FIRST_BACKOFF_SECONDS: Final = 0.1
LAST_BACKOFF_SECONDS: Final = 5.0
STEADY_SECONDS: Final = 5.0
"""A process that ran for so long ended for a reason of its own: its successor starts at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What processes are started with: settings, and the variables behind them."""

    settings: Settings
    environment: Mapping[str, str]


@dataclass(slots=True, kw_only=True)
class Seat:
    """One place among the processes: who serves there, who is about to, and when the next may start."""

    index: int
    serving: Child | None = None
    successor: Child | None = None
    start_at: float = 0.0
    failures: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Callbacks:
    """What the supervisor does not know.

    Attributes:
        serve: the life of a process, after the fork, under a plan, in the seat of an index; its result is the exit
            status, `UNUSABLE` after it has said which settings it cannot use.
        planned: the plan that follows from variables.
        reload: the variables, read anew in a process of their own; None after it has said what cannot be used.
        retirement_seconds: how long a retired process may take.
        ready: called once, when the first process serves.
        replaced: called when a process was replaced, with `died` or `recycled`.
        turned: called in every turn, some times a second.
    """

    serve: Callable[[Plan, int, Tell], int]
    planned: Callable[[Mapping[str, str]], Plan]
    reload: Callable[[], Mapping[str, str] | None]
    retirement_seconds: Callable[[Settings], float]
    ready: Callable[[], None] = lambda: None
    replaced: Callable[[Literal["died", "recycled"]], None] = lambda _: None
    turned: Callable[[], None] = lambda: None


class Supervisor:
    """Keeps the processes of one server running."""

    def __init__(self, plan: Plan, listeners: Sequence[socket.socket], callbacks: Callbacks) -> None:
        """Starts nothing yet; `listeners` are closed when it stops."""
        self._plan = plan
        self._listeners = listeners
        self._callbacks = callbacks
        self._seats = [Seat(index=index) for index in range(plan.settings.server.processes)]
        self._leaving: list[Child] = []
        self._renewals: deque[Seat] = deque()
        self._reload: Reload | None = None
        self._selector = selectors.DefaultSelector()
        self._is_ready = False
        self._stop_by: float | None = None
        self._status = 0

    def run(self) -> int:
        """Serves until it is told to stop; the exit status is 0, or 1 if it never could serve."""
        with caught_signals() as signals:
            self._selector.register(signals, selectors.EVENT_READ)
            while self._stop_by is None or self._children():
                self._advance(time.monotonic())
                for key, _ in self._selector.select(TURN_SECONDS):
                    if isinstance(key.data, Child):
                        self._hear(key.data)
                for number in received(signals):
                    self._handle(number)
                self._reap()
                self._callbacks.turned()
        self._selector.close()
        return self._status

    # What time brings

    def _advance(self, now: float) -> None:
        """Starts what is missing and kills what is late."""
        for child in self._children():
            if child.kill_at is not None and now >= child.kill_at:
                _log.error("Process %d is killed: it is late", child.pid)
                child.send(signal.SIGKILL)
                child.kill_at = now + LAST_BACKOFF_SECONDS
        if self._stop_by is not None:
            return
        for seat in self._seats if self._is_ready else self._seats[:1]:
            self._watch(seat, now)
            if seat.serving is None and seat.successor is None and now >= seat.start_at:
                seat.successor = self._start(seat)
        if self._renewals and not any(seat.successor for seat in self._seats):
            seat = self._renewals.popleft()
            seat.successor = self._start(seat)

    def _watch(self, seat: Seat, now: float) -> None:
        serving, successor = seat.serving, seat.successor
        if serving is not None and serving.kill_at is None and now - serving.heard > SILENCE_SECONDS:
            _log.error("Process %d has said nothing for %.0f s", serving.pid, SILENCE_SECONDS)
            serving.kill_at = now
        if successor is not None and successor.kill_at is None and now - successor.started > START_SECONDS:
            _log.error("Process %d does not serve after %.0f s", successor.pid, START_SECONDS)
            successor.kill_at = now

    def _start(self, seat: Seat) -> Child:
        plan, index = self._plan, seat.index
        child = fork_child(lambda tell: self._callbacks.serve(plan, index, tell))
        self._selector.register(child.pipe, selectors.EVENT_READ, child)
        return child

    # What processes say

    def _hear(self, child: Child) -> None:
        said = child.words()
        seat = next((seat for seat in self._seats if child in (seat.serving, seat.successor)), None)
        if seat is None:
            return
        if READY in said and seat.successor is child:
            self._seated(seat, child)
        if REPLACE in said and seat.serving is child and seat not in self._renewals and seat.successor is None:
            _log.warning("Process %d has outgrown its memory: it gets a successor", child.pid)
            self._renewals.append(seat)
            self._callbacks.replaced("recycled")

    def _seated(self, seat: Seat, child: Child) -> None:
        """A process serves: it takes its seat, and who sat there retires."""
        child.is_ready = True
        _log.info("Process %d serves", child.pid)
        if seat.serving is not None:
            self._retire(seat.serving)
        seat.serving, seat.successor = child, None
        if not self._is_ready:
            self._is_ready = True
            self._callbacks.ready()

    def _retire(self, child: Child) -> None:
        child.send(signal.SIGUSR1)
        child.kill_at = (
            time.monotonic() + self._callbacks.retirement_seconds(self._plan.settings) + LAST_BACKOFF_SECONDS
        )
        self._leaving.append(child)

    # What signals ask for

    def _handle(self, number: int) -> None:
        if number in (signal.SIGTERM, signal.SIGINT):
            self._stop()
        elif number == signal.SIGHUP and self._stop_by is None:
            self._begin_reload()

    def _stop(self) -> None:
        """The first time: no more connections, and the processes end what they have. The second time: at once."""
        is_second = self._stop_by is not None
        if not is_second:
            _log.info("Stopping: no new connections, requests in flight end first")
            # The processes hold the socket too and take what has reached it; the last one closes it.
            for listener in self._listeners:
                remove_socket_file(listener)
                listener.close()
            patience = self._plan.settings.server.graceful_stop_timeout_seconds
            self._stop_by = time.monotonic() + max(patience - KILL_MARGIN_SECONDS, 0)
        for child in self._children():
            child.send(signal.SIGKILL if is_second else signal.SIGTERM)
            child.kill_at = self._stop_by

    def _begin_reload(self) -> None:
        if self._reload is not None:
            self._reload.is_stale = True
            return
        _log.info("Reloading: settings are read anew")
        self._reload = begin_reload(self._callbacks.reload)

    def _end_reload(self, reload: Reload, status: int) -> None:
        """The new settings are there, or they cannot be used and everything stays."""
        self._reload = None
        environment = reload.environment() if status == 0 else None
        if environment is None:
            _log.error("Nothing is reloaded: the new settings cannot be used")
        else:
            self._plan = self._callbacks.planned(environment)
            self._resize(self._plan.settings.server.processes)
            self._renew()
        if reload.is_stale:
            self._begin_reload()

    def _renew(self) -> None:
        """Lets every process have a successor under the plan as it is now; those that do not serve yet are given up."""
        for seat in self._seats:
            if seat.successor is not None:
                seat.successor.send(signal.SIGTERM)
                self._leaving.append(seat.successor)
                seat.successor = None
        self._renewals = deque(seat for seat in self._seats if seat.serving is not None)

    def _resize(self, count: int) -> None:
        for seat in self._seats[count:]:
            for child in (seat.serving, seat.successor):
                if child is not None:
                    self._retire(child)
        self._seats = self._seats[:count]
        self._seats += [Seat(index=index) for index in range(len(self._seats), count)]

    # Who has ended

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            self._ended(pid, os.waitstatus_to_exitcode(status))

    def _ended(self, pid: int, status: int) -> None:
        if self._reload is not None and pid == self._reload.child.pid:
            self._forget(self._reload.child)
            self._end_reload(self._reload, status)
            return
        child = next((child for child in self._children() if child.pid == pid), None)
        if child is None:
            return  # not one of ours: somebody's child that was left to us
        self._hear(child)
        self._forget(child)
        if child in self._leaving:
            self._leaving.remove(child)
        else:
            self._lost(child, status)

    def _forget(self, child: Child) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(child.pipe)
        os.close(child.pipe)

    def _lost(self, child: Child, status: int) -> None:
        """A process has ended that was meant to serve."""
        seat = next(seat for seat in self._seats if child in (seat.serving, seat.successor))
        if seat.serving is child:
            seat.serving = None
        else:
            seat.successor = None
        if self._stop_by is not None:
            return
        if not self._is_ready:
            self._stop_by, self._status = time.monotonic(), 1
            return
        if seat.serving is not None:
            # A successor that cannot serve: the old process goes on, and so does the next seat.
            _log.error("The successor of process %d ended with status %d", seat.serving.pid, status)
            return
        now = time.monotonic()
        seat.failures = 0 if now - child.started >= STEADY_SECONDS else seat.failures + 1
        wait = min(FIRST_BACKOFF_SECONDS * 2 ** (seat.failures - 1), LAST_BACKOFF_SECONDS) if seat.failures else 0.0
        seat.start_at = now + wait
        _log.error("Process %d ended with status %d: it is replaced", child.pid, status)
        self._callbacks.replaced("died")

    def _children(self) -> list[Child]:
        seated = [child for seat in self._seats for child in (seat.serving, seat.successor) if child is not None]
        return seated + self._leaving
