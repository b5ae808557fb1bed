"""The parent of the server processes: one listening socket, replacements, signals (DESIGN section 3).

It is one thread without an event loop, so that it can fork at any time: everything that the processes need is imported
before the first fork and shared. It waits for signals, for words from its processes and for time, and starts whatever
is missing.

SIGTERM, SIGINT  stop: the listener closes, processes answer what they have; a second signal ends them at once.
SIGHUP           reload: settings are read anew in a process of their own and tried by one successor. Once that serves,
                 each process gets a successor and is retired; if it cannot, everything stays as it was.
SIGCHLD          a process has ended; if nobody told it to, it is replaced.

A process that has outgrown its memory, or that has a render that does not end, asks for a successor and gets it as in a
reload.
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from renderer.errors import ConfigurationError
from renderer.server.child import READY, REPLACE, UNUSABLE, Child, Tell, fork_child, reaped
from renderer.server.listener import remove_socket_file
from renderer.server.plan import Callbacks, Patience, Plan
from renderer.server.reload import Reload, begin_reload
from renderer.server.seats import Seat, Seats, Trial
from renderer.server.signals import caught_signals, received

_log = logging.getLogger(__name__)

NOTHING_RELOADED: Final = "Nothing is reloaded: %s"


class Supervisor:
    """Keeps the processes of one server running."""

    def __init__(
        self,
        plan: Plan,
        listeners: Sequence[socket.socket],
        callbacks: Callbacks,
        patience: Patience = Patience(),  # noqa: B008  frozen
    ) -> None:
        """Starts nothing yet; `listeners` are closed when it stops."""
        self._plan = plan
        self._listeners = listeners
        self._callbacks = callbacks
        self._patience = patience
        self._generation = 0
        self._seats = Seats(plan.settings.server.processes, patience)
        self._reload: Reload | None = None
        self._trial: Trial | None = None
        self._selector = selectors.DefaultSelector()
        self._signals: socket.socket | None = None
        self._is_ready = False
        self._stop_by: float | None = None
        self._looked_at = self._turned_at = time.monotonic()
        self._status = 0

    def run(self) -> int:
        """Serves until it is told to stop; the exit status is 0, or 1 if it never could serve."""
        with caught_signals() as signals, self._selector:
            self._signals = signals
            self._selector.register(signals, selectors.EVENT_READ)
            while self._stop_by is None or self._children():
                self._advance(time.monotonic())
                events = self._selector.select(self._patience.turn)
                for number in received(signals):
                    self._handle(number)
                # Who has ended is not listened to any more: it may have said that it serves.
                self._reap()
                for key, _ in events:
                    if isinstance(key.data, Child) and key.data in self._children():
                        self._hear(key.data)
                if self._looked_at - self._turned_at >= 1:
                    self._turned_at = self._looked_at
                    self._callbacks.turned()
        return self._status

    # What time brings

    def _advance(self, now: float) -> None:
        """Starts what is missing and kills what is late."""
        children = self._children()
        if now - self._looked_at > self._patience.last_backoff:
            # The machine stood still, or only we did: nobody could be heard.
            for child in children:
                child.heard = now
        self._looked_at = now
        if self._stop_by is None:
            self._seats.watch(now)
            self._start_missing(now)
        for child in children:
            child.kill_if_late(now, self._patience.last_backoff)

    def _start_missing(self, now: float) -> None:
        """Fills empty seats; beside that, one process at a time gets a successor."""
        for seat in self._seats if self._is_ready else [self._seats.first]:
            if not seat.children and now >= seat.start_at:
                self._start(seat, self._plan, self._generation)
        if any(seat.successor for seat in self._seats):
            return
        due = next((seat for seat in self._seats if seat.is_due and seat.serving and now >= seat.start_at), None)
        if due is not None:
            self._start(due, self._plan, self._generation)

    def _start(self, seat: Seat, plan: Plan, generation: int) -> None:
        def main(tell: Tell) -> int:
            self._leave_behind()
            return self._callbacks.serve(plan, seat.index, tell)

        child = self._forked(lambda: fork_child(main))
        if child is None:
            seat.postpone(time.monotonic(), self._patience)
            return
        child.generation = generation
        child.retirement_seconds = self._callbacks.retirement_seconds(plan.settings)
        self._selector.register(child.pipe, selectors.EVENT_READ, child)
        seat.successor = child

    def _forked(self, fork: Callable[[], Child]) -> Child | None:
        try:
            return fork()
        except OSError as error:
            _log.error("No process can be started: %s", error)
            if not self._is_ready:
                self._fail()
            return None

    def _leave_behind(self) -> None:
        """In a new process: closes what only the supervisor needs."""
        self._selector.close()
        if self._signals is not None:
            self._signals.close()
        for child in self._children():
            os.close(child.pipe)

    # What processes say

    def _hear(self, child: Child) -> None:
        said = child.words()
        if said is None:
            self._selector.unregister(child.pipe)  # it would be readable for ever
            return
        seat = self._seats.of(child)
        if seat is None:
            return
        if READY in said and seat.successor is child:
            self._seated(seat, child)
        if REPLACE in said and seat.serving is child and child.age >= self._patience.steady and not seat.is_outgrown:
            _log.warning("Process %d holds too much memory or a render that does not end: it is replaced", child.pid)
            seat.is_due = seat.is_outgrown = True

    def _seated(self, seat: Seat, child: Child) -> None:
        """A process serves: it takes its seat, and who sat there retires."""
        _log.info("Process %d serves", child.pid)
        if seat.serving is not None:
            self._seats.retire(seat.serving)
            if seat.is_outgrown:
                self._callbacks.replaced("recycled")
        seat.serving, seat.successor = child, None
        seat.is_due = seat.is_outgrown = False
        if self._trial is not None and self._trial.child is child:
            self._adopt(self._trial.plan, child.generation)
        if not self._is_ready:
            self._is_ready = True
            self._callbacks.ready()

    # What signals ask for

    def _handle(self, number: int) -> None:
        if number in (signal.SIGTERM, signal.SIGINT):
            self._stop()
            _log.info("Stopping: no new connections, requests in flight end first")
        elif number == signal.SIGHUP and self._stop_by is None:
            self._begin_reload()

    def _stop(self) -> None:
        """The first time: no more connections, and the processes end what they have. The second time: at once."""
        if self._stop_by is not None:
            for child in self._children():
                child.send(signal.SIGKILL)
            return
        # The processes hold the socket too and take what has reached it; the last one closes it.
        for listener in self._listeners:
            remove_socket_file(listener)
            listener.close()
        patience = self._plan.settings.server.graceful_stop_timeout_seconds - self._patience.margin
        self._stop_by = time.monotonic() + max(patience, self._patience.least)
        for child in self._children():
            is_reading = self._reload is not None and self._reload.child is child
            child.send(signal.SIGKILL if is_reading else signal.SIGTERM)
            child.kill_at = self._stop_by

    def _fail(self) -> None:
        """Nobody has ever served, and nobody will."""
        self._stop()
        self._status = 1

    def _begin_reload(self) -> None:
        if self._reload is not None:
            self._reload.is_stale = True
            return
        _log.info("Reloading: settings are read anew")
        try:
            self._reload = begin_reload(self._read)
        except OSError as error:
            _log.error(NOTHING_RELOADED, error)
            return
        self._reload.child.kill_at = time.monotonic() + self._patience.reload

    def _read(self) -> Mapping[str, str] | None:
        """The new variables; in a process of its own, which must not keep the port when it outlives the server."""
        self._leave_behind()
        for listener in self._listeners:
            listener.close()
        return self._callbacks.reload()

    def _end_reload(self, reload: Reload, status: int) -> None:
        """The new settings are there, or they cannot be used and everything stays."""
        self._reload = None
        environment = reload.environment(status)
        if self._stop_by is not None:
            return
        try:
            if environment is None:
                _log.error(NOTHING_RELOADED, "the new settings cannot be used")
            else:
                self._try(self._callbacks.planned(environment))
        except ConfigurationError as error:
            _log.error(NOTHING_RELOADED, error)
        if reload.is_stale:
            self._begin_reload()

    def _try(self, plan: Plan) -> None:
        """Starts one process under a plan; those that do not serve yet are given up."""
        for seat in self._seats:
            self._seats.give_up(seat)
        self._start(self._seats.first, plan, self._generation + 1)
        child = self._seats.first.successor
        self._trial = None if child is None else Trial(plan=plan, child=child)
        if child is None:
            _log.error(NOTHING_RELOADED, "no process can be started")

    def _adopt(self, plan: Plan, generation: int) -> None:
        """The plan is good: everybody else is to be renewed under it."""
        self._plan, self._generation, self._trial = plan, generation, None
        self._seats.renew(plan.settings.server.processes, generation)

    # Who has ended

    def _reap(self) -> None:
        for pid, status in reaped():
            child = next((child for child in self._children() if child.pid == pid), None)
            if child is not None:  # else somebody's child that was left to us
                self._ended(child, status)

    def _ended(self, child: Child, status: int) -> None:
        seat = self._seats.of(child)
        if child.pipe in self._selector.get_map():
            self._selector.unregister(child.pipe)
        os.close(child.pipe)
        if self._reload is not None and child is self._reload.child:
            self._end_reload(self._reload, status)
        elif seat is None:
            self._seats.gone(child)
        else:
            self._lost(seat, child, status)

    def _lost(self, seat: Seat, child: Child, status: int) -> None:
        """A process has ended that was meant to serve."""
        seat.left(child)
        if self._stop_by is not None:
            return
        now = time.monotonic()
        if self._trial is not None and self._trial.child is child:
            self._trial = None
            _log.error(NOTHING_RELOADED, f"the first process under the new settings ended with status {status}")
        elif not self._is_ready:
            if status != UNUSABLE:
                _log.error("Process %d ended with status %d before it served", child.pid, status)
            self._fail()
        elif seat.serving is not None:
            # The old process goes on meanwhile.
            _log.error("The successor of process %d ended with status %d", seat.serving.pid, status)
            seat.postpone(now, self._patience)
        else:
            seat.postpone(now, self._patience, was_steady=child.age >= self._patience.steady)
            _log.error("Process %d ended with status %d: it is replaced", child.pid, status)
            self._callbacks.replaced("died")

    def _children(self) -> list[Child]:
        """Everybody who has not been reaped."""
        reading = [] if self._reload is None else [self._reload.child]
        return self._seats.children + reading
