"""Places among the server processes: who serves there, who is about to, and when the next may start."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass

from renderer.server.child import Child
from renderer.server.plan import Patience, Plan

_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True, eq=False)
class Seat:
    """One place.

    Attributes:
        index: its number, from 0.
        serving: who has said that it serves.
        successor: who has been started and has not said so yet.
        is_due: who serves here is to have a successor.
        is_outgrown: because of its memory.
        start_at: nobody is started here before, on the clock of `time.monotonic`.
        failures: processes in a row that ended soon after their start.
    """

    index: int
    serving: Child | None = None
    successor: Child | None = None
    is_due: bool = False
    is_outgrown: bool = False
    start_at: float = 0.0
    failures: int = 0

    @property
    def children(self) -> list[Child]:
        """Who is here."""
        return [child for child in (self.serving, self.successor) if child is not None]

    def left(self, child: Child) -> None:
        """Takes a process out."""
        if self.serving is child:
            self.serving = None
        else:
            self.successor = None

    def postpone(self, now: float, patience: Patience, *, was_steady: bool = False) -> None:
        """Lets the next process wait, the longer the more often one has failed; not after one that ran for long."""
        self.failures = 0 if was_steady else self.failures + 1
        wait = patience.first_backoff * 2.0 ** min(self.failures - 1, 16) if self.failures else 0.0
        self.start_at = now + min(wait, patience.last_backoff)


@dataclass(slots=True, kw_only=True, eq=False)
class Trial:
    """New settings, until one process, `child`, serves under them; nothing else changes before."""

    plan: Plan
    child: Child


class Seats:
    """All places, and those who were told to leave theirs and have not ended yet."""

    def __init__(self, count: int, patience: Patience) -> None:
        self._seats = [Seat(index=index) for index in range(count)]
        self._leaving: list[Child] = []
        self._patience = patience

    def __iter__(self) -> Iterator[Seat]:
        return iter(self._seats)

    @property
    def first(self) -> Seat:
        """There is always one."""
        return self._seats[0]

    @property
    def children(self) -> list[Child]:
        """Everybody."""
        return [child for seat in self._seats for child in seat.children] + self._leaving

    def of(self, child: Child) -> Seat | None:
        """The place of a process; None if it is leaving."""
        return next((seat for seat in self._seats if child in seat.children), None)

    def watch(self, now: float) -> None:
        """Gives no more time to those who hang, and to those who still do not serve."""
        for seat in self._seats:
            serving, successor = seat.serving, seat.successor
            if serving is not None and serving.kill_at is None and now - serving.heard > self._patience.silence:
                _log.error("Process %d has said nothing for %.0f s", serving.pid, self._patience.silence)
                serving.kill_at = now
            if successor is not None and successor.kill_at is None and now - successor.started > self._patience.start:
                _log.error("Process %d does not serve after %.0f s", successor.pid, self._patience.start)
                successor.kill_at = now

    def retire(self, child: Child) -> None:
        """Tells a process that serves to end in its own time, because another one is there or none is needed."""
        child.send(signal.SIGUSR1)
        child.kill_at = time.monotonic() + child.retirement_seconds + self._patience.last_backoff
        self._leaving.append(child)

    def give_up(self, seat: Seat) -> None:
        """Ends the process that does not serve there yet, if there is one."""
        child, seat.successor = seat.successor, None
        if child is not None:
            child.send(signal.SIGTERM)
            child.kill_at = time.monotonic() + self._patience.last_backoff
            self._leaving.append(child)

    def renew(self, count: int, generation: int) -> None:
        """Makes them so many, and lets everybody of another generation have a successor."""
        for seat in self._seats[count:]:
            self.give_up(seat)
            if seat.serving is not None:
                self.retire(seat.serving)
        self._seats = self._seats[:count]
        for seat in self._seats:
            seat.is_due = seat.serving is not None and seat.serving.generation != generation
            if seat.successor is not None and seat.successor.generation != generation:
                self.give_up(seat)
        self._seats += [Seat(index=index) for index in range(len(self._seats), count)]

    def gone(self, child: Child) -> None:
        """Forgets a process that was leaving."""
        self._leaving.remove(child)
