"""Tasks that start, run and stop, and what they cost: on demand up to the minimum, above it by the weight of Spot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

START_SECONDS: Final = 45
"""From `desired count raised` to `gets requests`, assumed: 20 to 40 s on Fargate with an image of some
100 MB from ECR inside a VPC (reported in aws/containers-roadmap 358 and 696; AWS's own benchmark has 23), below 2 s to
the first picture (docs/container.md), and two health checks of the load balancer, 5 s apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Of the number of tasks, and how long one starts."""

    minimum: int
    maximum: int
    spot_weight: int = 0
    start_seconds: int = START_SECONDS


class Fleet:
    """How many tasks run, start and are wanted. Begins with `tasks` running."""

    def __init__(self, bounds: Bounds, *, tasks: int) -> None:
        self.bounds = bounds
        self.desired = self._inside(tasks)
        self.running = self.desired
        self._ready_at: list[int] = []
        self.on_demand_seconds = 0.0
        self.spot_seconds = 0.0

    def _inside(self, tasks: int) -> int:
        return max(self.bounds.minimum, min(self.bounds.maximum, tasks))

    @property
    def _spot_share(self) -> float:
        return self.bounds.spot_weight / (1 + self.bounds.spot_weight)

    def want(self, tasks: int, *, now: int) -> None:
        """Sets the desired count, inside the bounds: starts tasks, or stops those that have not begun, then others."""
        self.desired = self._inside(tasks)
        alive = self.running + len(self._ready_at)
        if self.desired > alive:
            self._ready_at += [now + self.bounds.start_seconds] * (self.desired - alive)
        for _ in range(alive - self.desired):
            if self._ready_at:
                self._ready_at.pop()
            else:
                self.running -= 1

    def reclaim_spot(self, *, now: int) -> None:
        """AWS takes all Spot tasks; ECS starts as many anew. The two minutes of notice are spent draining."""
        taken = round((self.running - self.bounds.minimum) * self._spot_share)
        self.running -= max(0, taken)
        self.want(self.desired, now=now)

    def tick(self, *, now: int) -> int:
        """A second passes: those whose start is over run. How many run."""
        ready = sum(1 for at in self._ready_at if at <= now)
        self._ready_at = [at for at in self._ready_at if at > now]
        self.running += ready
        alive = self.running + len(self._ready_at)  # Fargate bills from the pull of the image on
        above = max(0, alive - self.bounds.minimum)
        self.spot_seconds += above * self._spot_share
        self.on_demand_seconds += alive - above * self._spot_share
        return self.running
