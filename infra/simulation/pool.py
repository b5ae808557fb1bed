"""The tasks' CPUs as one queue: first come, first served, a bounded room to wait in, a deadline.

That the tasks are one queue is the load balancer's doing (least outstanding requests), nearly; that cheap pictures pass
expensive ones (`renderer/pipeline/slots.py`) is left out. A second worker for each CPU shares it, so it adds no room.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

NOT_HOT: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A second's requests, in order: when, how much CPU, and which hot rendition or `NOT_HOT`."""

    at: Sequence[float]
    cpu_seconds: Sequence[float]
    rendition: Sequence[int]


@dataclass(slots=True, kw_only=True)
class Answer:
    """What became of them.

    Attributes:
        waits: seconds in the queue of each that was rendered.
        refused: 429 because the room was full.
        late: 503 because the deadline passed before a CPU was free.
        unmade: hot renditions among those two.
    """

    waits: list[float] = field(default_factory=list)
    refused: int = 0
    late: int = 0
    unmade: list[int] = field(default_factory=list)


class Pool:
    """CPUs by when each is free, and the requests that wait by when each begins.

    Args:
        seconds: how long the simulation is, for the account of CPU time.
        deadline_seconds: IMGPROXY_TIMEOUT.
    """

    def __init__(self, *, seconds: int, deadline_seconds: float) -> None:
        self._free_at: list[float] = []
        self._begins: deque[float] = deque()
        self._deadline = deadline_seconds
        self.room = 0
        """How many may wait: IMGPROXY_REQUESTS_QUEUE_SIZE of all tasks."""
        self.busy = [0.0] * (seconds + int(deadline_seconds) + 2)
        """CPU seconds by the second in which a picture began."""

    @property
    def cpus(self) -> int:
        """CPUs of all tasks that run."""
        return len(self._free_at)

    def in_system(self, now: float) -> int:
        """Pictures that are rendered or wait."""
        self._leave(now)
        return len(self._begins) + sum(1 for free in self._free_at if free > now)

    def resize(self, cpus: int, *, room: int, now: float) -> None:
        """Adds idle CPUs, or takes away those that are free first; what they have begun or been promised they end."""
        self.room = room
        while len(self._free_at) < cpus:
            heapq.heappush(self._free_at, now)
        while len(self._free_at) > cpus:
            heapq.heappop(self._free_at)

    def serve(self, arrival: Arrival) -> Answer:
        """Lets a second's requests in, or not."""
        answer = Answer()
        for at, seconds, rendition in zip(arrival.at, arrival.cpu_seconds, arrival.rendition, strict=True):
            self._leave(at)
            begin = max(at, self._free_at[0])
            if begin > at and len(self._begins) >= self.room:
                answer.refused += 1
            elif begin - at >= self._deadline:
                answer.late += 1
            else:
                heapq.heapreplace(self._free_at, begin + seconds)
                self.busy[int(begin)] += seconds
                if begin > at:
                    self._begins.append(begin)
                answer.waits.append(begin - at)
                continue
            if rendition != NOT_HOT:
                answer.unmade.append(rendition)
        return answer

    def _leave(self, now: float) -> None:
        while self._begins and self._begins[0] <= now:
            self._begins.popleft()
