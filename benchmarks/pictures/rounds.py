"""Measures a scenario: rounds of all targets, interleaved, so that what the machine does meanwhile hits all alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from benchmarks.pictures.load import Failed, Gone
from benchmarks.pictures.measured import Series
from benchmarks.pictures.order import rotated, spread, zipf
from benchmarks.pictures.scenarios import Order, Scenario, Shot
from benchmarks.pictures.targets import Target, Work

_SAMPLE: Final = 12
"""Pictures of the round that is not counted: it says how many make one that is, and its results are looked at."""

_MAX_PICTURES: Final = 5000
_DRAWN: Final = 400
"""Draws of a round: as many on every machine, for the share of repeats among them grows with their number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How long a run takes: so many rounds, each about so many seconds for the first target."""

    rounds: int
    round_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What a target did instead of answering pictures; it takes no part in the rest of the scenario."""

    scenario: str
    target: str
    text: str
    is_gone: bool


@dataclass(slots=True, kw_only=True)
class Measured:
    """What a scenario has shown: a series for each target, in the order of the report."""

    scenario: Scenario
    series: dict[str, Series] = field(default_factory=dict)
    bodies: dict[str, dict[Shot, bytes]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


async def measure(
    scenario: Scenario, targets: Sequence[Target], effort: Effort, done: Callable[[], object]
) -> Measured:
    """Runs all rounds; the first target says how many pictures make one. `done` is called after each of them.

    A target that fails is left out from then on; its rounds so far stay.
    """
    measured = Measured(scenario=scenario, series={one.name: Series(target=one.name) for one in targets})
    count, sample = 0, _SAMPLE
    for target in targets:
        with _noted(target, measured):
            rate = await target.warm(_work(scenario, sample, effort.rounds))
            # What takes seconds is seen once; a dozen of them would be most of the run.
            sample = min(sample, max(1, round(rate)))
            warm = await target.answer(_work(scenario, sample, effort.rounds + 1), keeps_bodies=True)
            rate = max(rate, warm.per_second)
            wanted = min(_MAX_PICTURES, round(effort.round_seconds * rate))
            # Fewer than clients would leave some of them without anything to do.
            count = count or max(scenario.connections, wanted)
    for number in range(effort.rounds):
        work = _work(scenario, count, number)
        for target in rotated(targets, number):
            if not any(failure.target == target.name for failure in measured.failures):
                with _noted(target, measured):
                    measured.series[target.name].rounds.append(await target.answer(work))
            done()
    measured.bodies = {one.name: one.bodies for one in targets if one.bodies}
    return measured


@contextmanager
def _noted(target: Target, measured: Measured) -> Iterator[None]:
    """Notes how a target failed, instead of raising it."""
    try:
        yield
    except Failed as error:
        name = measured.scenario.name
        measured.failures.append(
            Failure(scenario=name, target=target.name, text=str(error), is_gone=isinstance(error, Gone))
        )


def _work(scenario: Scenario, count: int, number: int) -> Work:
    """A round of about so many pictures."""
    if scenario.order is not Order.ZIPF:
        return Work(scenario=scenario, shots=spread(scenario.shots, count, scenario.burst), number=number)
    # With the cachebuster no round lives on what was kept in the one before.
    drawn = zipf(scenario.shots, _DRAWN, seed=number)
    shots = [replace(shot, options=f"{shot.options}/cb:{number}") for shot in drawn]
    return Work(scenario=scenario, shots=shots, number=number)
