"""What CloudWatch sees of the service: a value for each period, some time after its end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np


class Measure(Enum):
    """What a policy looks at."""

    CPU = "cpu"
    """Of the CPU the tasks have, in percent; never above 100."""
    REQUESTS = "requests"
    """For each task and minute, refused ones included (ALBRequestCountPerTarget)."""
    CONCURRENCY = "concurrency"
    """Requests in the tasks by workers, in percent; above 100 they wait (imgproxy's ConcurrencyUtilization)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A measure, how long a period is, and how long after it the value is there."""

    measure: Measure
    period_seconds: int
    lag_seconds: int


CPU_20: Final = Metric(measure=Measure.CPU, period_seconds=20, lag_seconds=26)
CPU_60: Final = Metric(measure=Measure.CPU, period_seconds=60, lag_seconds=183)
"""The lags make a sudden load trigger after 86 s and 363 s on average, three periods included, as AWS measured it
(announcement of high-resolution ECS metrics, June 18, 2026)."""
REQUESTS_60: Final = Metric(measure=Measure.REQUESTS, period_seconds=60, lag_seconds=60)
"""ALB sends its metrics each minute; the lag is assumed. †"""
CONCURRENCY_10: Final = Metric(measure=Measure.CONCURRENCY, period_seconds=10, lag_seconds=10)
"""What imgproxy sends; the lag is assumed. †"""


class Observed:
    """Sums from the first second on, so that any period is a difference."""

    def __init__(self, seconds: int) -> None:
        self._sums = np.zeros((seconds + 1, 6))

    def note(self, second: int, *, busy: float, cpus: float, requests: float, tasks: int, inside: int) -> None:
        """What was in a second: CPU seconds used and had, requests, tasks, and requests inside."""
        workers = 2 * cpus  # IMGPROXY_WORKERS is twice the CPUs
        self._sums[second + 1] = self._sums[second] + (busy, cpus, requests, tasks, inside, workers)

    def value(self, metric: Metric, *, now: int) -> float | None:
        """The value that comes at this second, if one does."""
        end = now - metric.lag_seconds
        begin = end - metric.period_seconds
        if begin < 0 or end % metric.period_seconds:
            return None
        busy, cpus, requests, tasks, inside, workers = self._sums[end] - self._sums[begin]
        if metric.measure is Measure.CPU:
            return float(min(100.0, 100 * busy / cpus))
        if metric.measure is Measure.REQUESTS:
            return float(60 * requests / tasks)
        return float(100 * inside / workers)
