"""What was measured, and the figures that are told of it. Pure.

The rule: a ratio is taken inside one round, where both targets had the same machine within the same seconds, and the
median of the rounds is told. Latencies of all rounds are one population: a round alone has too few for a p99.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One target's answer to one round of a scenario.

    Attributes:
        number: of the round, from 0.
        pictures: how many were answered.
        wall_seconds: from the first request to the last answer.
        cpu_seconds: processor time of the target's processes meanwhile; None where they cannot be seen.
        result_bytes: of all bodies.
        latencies: seconds of each request; empty for what takes no requests.
        percentiles: the seconds of p50, p95 and p99 where the load generator tells no more than these.
        peak_bytes: the highest proportional set size that was sampled; None where it cannot be seen.
    """

    number: int
    pictures: int
    wall_seconds: float
    cpu_seconds: float | None
    result_bytes: int
    latencies: tuple[float, ...] = field(default=(), repr=False)
    percentiles: Mapping[float, float] = field(default_factory=dict)
    peak_bytes: int | None = None

    @property
    def cpu_ms(self) -> float | None:
        """Milliseconds of processor time for a picture."""
        return None if self.cpu_seconds is None else 1000 * self.cpu_seconds / self.pictures

    @property
    def per_second(self) -> float:
        """Pictures a second."""
        return self.pictures / self.wall_seconds

    @property
    def mean_bytes(self) -> float:
        """Of a body."""
        return self.result_bytes / self.pictures


@dataclass(slots=True, kw_only=True)
class Series:
    """All rounds of one target in one scenario, and how like the full decode its pictures are (1 is equal)."""

    target: str
    rounds: list[Round] = field(default_factory=list)
    similarities: list[float] = field(default_factory=list)

    def median(self, figure: Callable[[Round], float | None]) -> float | None:
        """The median of a figure over the rounds that have it."""
        values = [value for one in self.rounds if (value := figure(one)) is not None]
        return statistics.median(values) if values else None

    def latency(self, share: float) -> float | None:
        """Seconds that this share of all requests stayed within, or the median of what rounds were told; else None."""
        told = self.median(lambda one: one.percentiles.get(share))
        return told or percentile([seconds for one in self.rounds for seconds in one.latencies], share)

    @property
    def peak_bytes(self) -> int | None:
        """The highest proportional set size of all rounds."""
        return max((one.peak_bytes for one in self.rounds if one.peak_bytes is not None), default=None)

    @property
    def similarity(self) -> float | None:
        """The mean; None when nothing was compared."""
        return statistics.fmean(self.similarities) if self.similarities else None


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share of all values does not exceed (nearest rank); None without values."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """A median of ratios of single rounds, with the lowest and the highest of them."""

    median: float
    low: float
    high: float
    rounds: int


def ratio(one: Series, other: Series, figure: Callable[[Round], float | None]) -> Ratio | None:
    """How a figure of `one` is to that of `other`, round by round; None when no round has both."""
    others = {round_.number: value for round_ in other.rounds if (value := figure(round_))}
    ratios = [
        value / others[round_.number]
        for round_ in one.rounds
        if round_.number in others and (value := figure(round_)) is not None
    ]
    if not ratios:
        return None
    return Ratio(median=statistics.median(ratios), low=min(ratios), high=max(ratios), rounds=len(ratios))


def difference_ms(one: Series, other: Series) -> float | None:
    """The median of what a picture costs `one` more than `other` in a round, in milliseconds of processor time."""
    others = {round_.number: round_.cpu_ms for round_ in other.rounds}
    differences = [
        mine - theirs
        for round_ in one.rounds
        if (mine := round_.cpu_ms) is not None and (theirs := others.get(round_.number)) is not None
    ]
    return statistics.median(differences) if differences else None
