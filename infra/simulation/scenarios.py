"""Days and hours that are simulated, and what a plan makes of each in one line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from infra.simulation.pictures import Cost
from infra.simulation.plans import Plan
from infra.simulation.prices import task_hour, usd
from infra.simulation.run import Outcome, run
from infra.simulation.traffic import DAY, Spike, Traffic

PHASES: Final = (0, 21, 43)
"""Seconds past the minute at which news breaks: metrics are cut at full minutes, so one time says little."""

SPIKE_AFTER: Final = 600
"""Seconds from the begin of an hour to the news, and the phase."""

BREAKING: Final = Spike()
COLD: Final = replace(BREAKING, hot_share=0.0)
"""Ten times the traffic for pictures that the CDN knows as little as usual: a campaign, a crawler, a lost cache."""
NIGHT: Final = replace(COLD, at_seconds=10_800)


_PEAK: Final = 28_800


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Traffic at some phases."""

    title: str
    traffics: tuple[Traffic, ...]
    reclaims: tuple[int, ...] = ()
    """When AWS takes all Spot tasks, one for each phase."""


def _hour(spike: Spike, begins: tuple[int, ...] = ()) -> tuple[Traffic, ...]:
    """From ten minutes before it to fifty after, once for each phase."""
    begins = begins or (spike.at_seconds - SPIKE_AFTER,) * len(PHASES)
    return tuple(
        Traffic(spike=replace(spike, at_seconds=begin + SPIKE_AFTER + phase), begin=begin, end=begin + 3_600)
        for begin, phase in zip(begins, PHASES, strict=True)
    )


SCENARIOS: Final[Mapping[str, Scenario]] = {
    "day": Scenario(
        title="A day with breaking news at 11:30: 10 x in a minute, nine tenths of it for 12 new pictures",
        traffics=(Traffic(spike=BREAKING),),
    ),
    "news": Scenario(
        title="The hour of such news, broken at 8:10, 12:40 or 19:20",
        traffics=_hour(BREAKING, (28_800, 45_000, 69_000)),
    ),
    "cold": Scenario(title="11:30, 10 x in a minute, and the CDN knows as little of it as usual", traffics=_hour(COLD)),
    "night": Scenario(title="03:00, the same", traffics=_hour(NIGHT)),
    "reclaim": Scenario(
        title="08:00, the morning peak, and AWS takes every Spot task at once",
        traffics=tuple(Traffic(begin=_PEAK - SPIKE_AFTER, end=_PEAK + 3_000) for _ in PHASES),
        reclaims=tuple(_PEAK + phase for phase in PHASES),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Means over the phases of a scenario; waits are of all of them together."""

    name: str
    p50: float
    p95: float
    p99: float
    refused: float
    late: float
    refused_share: float
    bad_seconds: float
    least_tasks: int
    most_tasks: int
    mean_tasks: float
    usd_a_day: float


def summary(name: str, outcomes: Sequence[Outcome], plan: Plan, *, gigabytes: float) -> Summary:
    """What a plan made of the phases of a scenario."""
    waits = np.concatenate([outcome.waits for outcome in outcomes])
    p50, p95, p99 = (float(np.percentile(waits, percent)) for percent in (50, 95, 99))
    refused = [int(outcome.refused.sum()) for outcome in outcomes]
    late = [int(outcome.late.sum()) for outcome in outcomes]
    arrivals = sum(int(outcome.arrivals.sum()) for outcome in outcomes)
    return Summary(
        name=name,
        p50=p50,
        p95=p95,
        p99=p99,
        refused=sum(refused) / len(outcomes),
        late=sum(late) / len(outcomes),
        refused_share=(sum(refused) + sum(late)) / arrivals,
        bad_seconds=sum(outcome.seconds_with_refusals for outcome in outcomes) / len(outcomes),
        least_tasks=min(int(outcome.tasks.min()) for outcome in outcomes),
        most_tasks=max(int(outcome.tasks.max()) for outcome in outcomes),
        mean_tasks=float(np.mean([outcome.tasks.mean() for outcome in outcomes])),
        usd_a_day=float(np.mean([dollars_a_day(outcome, plan, gigabytes=gigabytes) for outcome in outcomes])),
    )


def dollars_a_day(outcome: Outcome, plan: Plan, *, gigabytes: float) -> float:
    """What the tasks cost if all day were like this."""
    hours = (outcome.on_demand_seconds + usd("spot factor") * outcome.spot_seconds) / 3600
    return hours * task_hour(plan.cpus, gigabytes) * DAY / len(outcome.tasks)


def compared(scenario: Scenario, plans: Mapping[str, Plan], cost: Cost, *, gigabytes: float) -> Iterator[Summary]:
    """Every plan in a scenario, as each is done."""
    for name, plan in plans.items():
        outcomes = [
            run(traffic, plan, cost, reclaims=scenario.reclaims[number : number + 1])
            for number, traffic in enumerate(scenario.traffics)
        ]
        yield summary(name, outcomes, plan, gigabytes=gigabytes)


HEAD: Final = (
    "| plan | queue p50 / p95 / p99, ms | 429 | 503 | turned away | seconds with refusals | tasks | mean | $ a day |\n"
    "|---|---|---:|---:|---:|---:|---|---:|---:|"
)


def line(one: Summary) -> str:
    """A row of the table."""
    waits = " / ".join(f"{1000 * value:,.0f}" for value in (one.p50, one.p95, one.p99))
    return (
        f"| {one.name} | {waits} | {one.refused:,.0f} | {one.late:,.0f} | {one.refused_share:.2%} |"
        f" {one.bad_seconds:.0f} | {one.least_tasks}-{one.most_tasks} | {one.mean_tasks:.1f} | {one.usd_a_day:.2f} |"
    )
