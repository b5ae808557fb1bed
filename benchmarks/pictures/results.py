"""Everything that a run has seen, and its raw numbers as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from benchmarks.pictures.flat import Memory
from benchmarks.pictures.measured import Round, Series, percentile
from benchmarks.pictures.ramp import Ramp
from benchmarks.pictures.rounds import Failure, Measured

SHARES: Final = (0.50, 0.95, 0.99)


@dataclass(slots=True, kw_only=True)
class Results:
    """A run's parts; a part that was not wanted is empty."""

    head: Mapping[str, str] = field(default_factory=dict)
    scenarios: list[Measured] = field(default_factory=list)
    hits: Measured | None = None
    stored: Measured | None = None
    ramps: list[Ramp] = field(default_factory=list)
    memory: list[Memory] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def measured(self) -> Iterator[Measured]:
        """All that was measured in rounds."""
        yield from self.scenarios
        yield from (one for one in (self.hits, self.stored) if one is not None)

    def failures(self) -> list[Failure]:
        """What targets did instead of answering pictures."""
        return [failure for one in self.measured() for failure in one.failures]

    def scenario(self, name: str) -> Measured | None:
        """A scenario of the table by its name."""
        return next((one for one in self.scenarios if one.scenario.name == name), None)

    @property
    def is_whole(self) -> bool:
        """Whether every target answered everything."""
        return not self.failures() and not self.broken and not any(one.failure for one in self.memory)


def raw(results: Results) -> dict[str, Any]:
    """The numbers of every round, for JSON."""
    return {
        "head": dict(results.head),
        "scenarios": [_raw(one) for one in results.measured()],
        "ramps": [asdict(ramp) for ramp in results.ramps],
        "memory": [asdict(memory) for memory in results.memory],
        "broken": results.broken,
    }


def _raw(measured: Measured) -> dict[str, Any]:
    return {
        "name": measured.scenario.name,
        "title": measured.scenario.title,
        "connections": measured.scenario.connections,
        "variables": dict(measured.scenario.variables),
        "targets": {name: _raw_series(series) for name, series in measured.series.items()},
        "failures": [asdict(failure) for failure in measured.failures],
        "notes": measured.notes,
    }


def _raw_series(series: Series) -> dict[str, Any]:
    return {
        "similarities": [round(value, 5) for value in series.similarities],
        "rounds": [_raw_round(one) for one in series.rounds],
    }


def _raw_round(one: Round) -> dict[str, Any]:
    latencies = {share: one.percentiles.get(share) or percentile(one.latencies, share) for share in SHARES}
    return {
        "number": one.number,
        "pictures": one.pictures,
        "wall_seconds": round(one.wall_seconds, 6),
        "cpu_seconds": None if one.cpu_seconds is None else round(one.cpu_seconds, 6),
        "result_bytes": one.result_bytes,
        "latency_ms": {
            f"p{100 * share:.0f}": None if seconds is None else round(1000 * seconds, 3)
            for share, seconds in latencies.items()
        },
        "peak_bytes": one.peak_bytes,
    }
