"""When tasks are added and removed: target tracking as AWS documents it, and steps as imgproxy's template has them.

Rules: Application Auto Scaling user guide, "How target tracking scaling works", and CloudWatch's "Alarm actions". What
AWS does not publish is marked †: three periods above the target start a scale-out and 15 minutes 10 % below it a
scale-in, as the alarms that it makes show; an alarm that stays acts again each minute.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final, Protocol

from infra.simulation.metrics import CONCURRENCY_10, Metric, Observed

OUT_PERIODS: Final = 3
IN_SECONDS: Final = 900
IN_FACTOR: Final = 0.9
REPEAT_SECONDS: Final = 60


class Policy(Protocol):
    """Decides from metrics; made anew for each run."""

    def decide(self, observed: Observed, *, desired: int, now: int) -> Decision:
        """What it wants at this second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """How many tasks a policy wants more or less of, if anything; `agrees` is whether fewer would be right to it."""

    out: int | None = None
    fewer: int | None = None
    agrees: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetTracking:
    """A metric to keep at a value."""

    metric: Metric
    target: float
    out_cooldown_seconds: int
    in_cooldown_seconds: int


class Tracker:
    """Target tracking over its two alarms."""

    def __init__(self, rule: TargetTracking) -> None:
        self._rule = rule
        periods = max(OUT_PERIODS, IN_SECONDS // rule.metric.period_seconds)
        self._values: deque[float] = deque(maxlen=periods)
        self._acted_at = -REPEAT_SECONDS
        self._out_at = -rule.out_cooldown_seconds
        self._in_at = -rule.in_cooldown_seconds
        self._base = 0

    def decide(self, observed: Observed, *, desired: int, now: int) -> Decision:
        """Tasks in proportion to the metric; fewer only where the last 15 minutes were below the target by a tenth."""
        value = observed.value(self._rule.metric, now=now)
        if value is not None:
            self._values.append(value)
            if self._is_high():
                return self._out(value, desired=desired, now=now)
        if not self._is_low():
            return Decision()
        fewer = math.ceil(desired * self._values[-1] / self._rule.target)
        if value is None or now - self._in_at < self._rule.in_cooldown_seconds or fewer >= desired:
            return Decision(agrees=True, fewer=None)
        return Decision(agrees=True, fewer=fewer)

    def scaled_in(self, *, now: int) -> None:
        """Tasks were removed: its cooldown begins."""
        self._in_at = now

    def _is_high(self) -> bool:
        last = list(self._values)[-OUT_PERIODS:]
        return len(last) == OUT_PERIODS and min(last) > self._rule.target

    def _is_low(self) -> bool:
        return len(self._values) == self._values.maxlen and max(self._values) < IN_FACTOR * self._rule.target

    def _out(self, value: float, *, desired: int, now: int) -> Decision:
        if now - self._acted_at < REPEAT_SECONDS:
            return Decision()
        # In the cooldown what the last scale-out added counts as added already: only a larger one goes further.
        is_cooling = now - self._out_at < self._rule.out_cooldown_seconds
        base = self._base if is_cooling else desired
        wanted = math.ceil(base * value / self._rule.target)
        self._acted_at = now
        if wanted <= desired:
            return Decision()
        if not is_cooling:
            self._base = desired
        self._out_at = now
        return Decision(out=wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """imgproxy-cloudformation 0.3.0, ecs-service.yml: 1, 2 or 3 tasks more from 75, 125 and 175 % of the workers on,
    one less after 30 s at 50 %, half a minute of cooldown.
    """

    metric: Metric = CONCURRENCY_10
    out_from: float = 75
    in_from: float = 50
    in_periods: int = 3
    cooldown_seconds: int = 30


class Stepper:
    """Step scaling over its two alarms."""

    def __init__(self, rule: Steps) -> None:
        self._rule = rule
        self._values: deque[float] = deque(maxlen=rule.in_periods)
        self._acted_at = -REPEAT_SECONDS

    def decide(self, observed: Observed, *, desired: int, now: int) -> Decision:
        """A step by how far the metric is from its threshold."""
        value = observed.value(self._rule.metric, now=now)
        if value is None:
            return Decision()
        self._values.append(value)
        if now - self._acted_at < max(self._rule.cooldown_seconds, REPEAT_SECONDS):
            return Decision()
        over = value - self._rule.out_from
        if over >= 0:
            self._acted_at = now
            return Decision(out=desired + min(3, 1 + int(over // 50)))
        if len(self._values) == self._values.maxlen and max(self._values) <= self._rule.in_from:
            self._acted_at = now
            return Decision(fewer=desired - 1, agrees=True)
        return Decision()
