"""Who renders next: slots, and a line before them that is ordered by arrival and cost. Pure: times are arguments.

A picture's rank is its arrival plus a few times what it costs, so a cheap one passes an expensive one that came shortly
before, and no other. How far anyone can fall behind is bounded by the time that it has left, so nobody starves.
Pictures over a bound leave one slot to the rest: a slot cannot be taken back once an animation runs in it.
"""

from __future__ import annotations

import heapq
from enum import Enum
from typing import Final

EXPENSIVE_SECONDS: Final = 1.0
"""From this cost on, a picture counts as expensive."""

_YIELD: Final = 4.0
"""For how many times its own cost a picture lets cheaper ones pass."""

_PATIENCE_SHARE: Final = 0.5
"""How much of its spare time, at most, a picture gives to those who come after it."""


class ClaimState(Enum):
    """Where a claim stands."""

    WAITING = "waiting"
    GRANTED = "granted"
    OVER = "over"


class Claim:
    """One picture's claim on a slot; equal to itself only. `state` is changed by its slots and by nobody else."""

    __slots__ = ("is_expensive", "state")

    def __init__(self, state: ClaimState, *, is_expensive: bool) -> None:
        self.is_expensive = is_expensive
        self.state = state


class Slots:
    """A number of slots and the claims on them. Every call costs the logarithm of the claims that wait.

    `running` is how many claims are granted and not over.

    Args:
        count: claims that are granted at once; with two or more, one slot is kept from expensive ones.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.running = 0
        self._most_expensive = max(1, count - 1)
        self._expensive_granted = 0
        self._claims = 0
        self._cheap = _Line()
        self._expensive = _Line()

    @property
    def queued(self) -> int:
        """Claims that wait."""
        return self._cheap.length + self._expensive.length

    @property
    def held(self) -> int:
        """Claims that are remembered in the line, those included that have left it."""
        return self._cheap.held + self._expensive.held

    def take(self, seconds: float) -> Claim | None:
        """A claim that is granted already; None if it would have to wait, or to be weighed against others.

        Args:
            seconds: what the picture is estimated to cost.
        """
        is_expensive = seconds >= EXPENSIVE_SECONDS
        if self.running >= self.count or self._cheap.length or self._expensive.length:
            return None
        if is_expensive and self._expensive_granted >= self._most_expensive:
            return None
        self.running += 1
        self._expensive_granted += is_expensive
        return Claim(ClaimState.GRANTED, is_expensive=is_expensive)

    def claim(self, now: float, *, seconds: float, patience_seconds: float) -> Claim:
        """A claim, waiting; `grant` says when it is granted.

        Args:
            now: the time, on any clock.
            seconds: what the picture is estimated to cost.
            patience_seconds: how long the claim is of use.
        """
        spare = max(0.0, patience_seconds - seconds)
        rank = now + min(_YIELD * seconds, _PATIENCE_SHARE * spare)
        claim = Claim(ClaimState.WAITING, is_expensive=seconds >= EXPENSIVE_SECONDS)
        self._claims += 1
        self._line(claim).append(claim, rank, self._claims)
        return claim

    def grant(self) -> Claim | None:
        """Gives a slot to the claim whose turn it is; None when there is no slot or nobody who may have it."""
        if self.running >= self.count or not (self._cheap.length or self._expensive.length):
            return None
        line = self._next_line()
        claim = line.pop()
        if claim is None:
            return None
        claim.state = ClaimState.GRANTED
        self.running += 1
        self._expensive_granted += claim.is_expensive
        return claim

    def release(self, claim: Claim) -> None:
        """Ends a claim, granted or not; ending it again does nothing."""
        state, claim.state = claim.state, ClaimState.OVER
        if state is ClaimState.GRANTED:
            self.running -= 1
            self._expensive_granted -= claim.is_expensive
        elif state is ClaimState.WAITING:
            self._line(claim).forget()

    def _line(self, claim: Claim) -> _Line:
        return self._expensive if claim.is_expensive else self._cheap

    def _next_line(self) -> _Line:
        if self._expensive_granted >= self._most_expensive:
            return self._cheap
        return self._expensive if self._expensive.first_place() < self._cheap.first_place() else self._cheap


_Place = tuple[float, int]


class _Line:
    """Claims by rank, then by arrival. One that leaves stays until it is first, or until half of the line has left."""

    __slots__ = ("_heap", "length")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Claim]] = []
        self.length = 0

    @property
    def held(self) -> int:
        return len(self._heap)

    def append(self, claim: Claim, rank: float, number: int) -> None:
        heapq.heappush(self._heap, (rank, number, claim))
        self.length += 1

    def first_place(self) -> _Place:
        """Rank and number of the first claim; past everything when there is none."""
        heap = self._heap
        while heap and heap[0][2].state is not ClaimState.WAITING:
            heapq.heappop(heap)
        return heap[0][:2] if heap else (float("inf"), 0)

    def pop(self) -> Claim | None:
        self.first_place()
        if not self._heap:
            return None
        claim = heapq.heappop(self._heap)[2]
        self.forget()
        return claim

    def forget(self) -> None:
        """Counts a claim out that does not wait any more."""
        self.length -= 1
        self._tidy()

    def _tidy(self) -> None:
        """Drops claims that have left once they are the majority, so that the heap is bounded by who waits."""
        if len(self._heap) > 2 * self.length + 16:
            self._heap = [entry for entry in self._heap if entry[2].state is ClaimState.WAITING]
            heapq.heapify(self._heap)
