"""A run: traffic, pool, fleet and policies, second by second. The same seed gives the same requests to every plan."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infra.simulation.fleet import Fleet
from infra.simulation.metrics import Measure, Observed
from infra.simulation.pictures import SCATTER, Cost
from infra.simulation.plans import Plan
from infra.simulation.policies import Policy, Stepper, Steps, TargetTracking, Tracker
from infra.simulation.pool import NOT_HOT, Arrival, Pool
from infra.simulation.traffic import HotSet, Traffic

USUAL_LOAD = 0.6
"""Of the CPUs, at the first second of a plan whose policies name none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a plan made of the traffic; arrays have a value for each second.

    Attributes:
        waits: seconds in the queue of each picture that was rendered.
        late: pictures whose deadline passed in the queue (503).
    """

    arrivals: NDArray[np.int64]
    refused: NDArray[np.int64]
    late: NDArray[np.int64]
    tasks: NDArray[np.int64]
    desired: NDArray[np.int64]
    waits: NDArray[np.float32]
    on_demand_seconds: float
    spot_seconds: float

    @property
    def seconds_with_refusals(self) -> int:
        """Seconds in which anybody was turned away."""
        return int(np.count_nonzero(self.refused + self.late))


def run(traffic: Traffic, plan: Plan, cost: Cost, *, seed: int = 7, reclaims: Sequence[int] = ()) -> Outcome:
    """What the plan makes of the traffic; all Spot tasks are taken at the seconds of the day in `reclaims`."""
    return _Run(traffic, plan, cost, seed).play(frozenset(reclaims))


class _Run:
    def __init__(self, traffic: Traffic, plan: Plan, cost: Cost, seed: int) -> None:
        self._traffic, self._plan, self._cost = traffic, plan, cost
        self._random = np.random.default_rng(seed)
        self._misses = traffic.ordinary_misses_per_second()
        spike = traffic.spike
        self._hot = HotSet(spike, np.random.default_rng(seed + 1)) if spike else None
        self._added = traffic.added_per_second() * (spike.hot_share if spike else 0)
        self._hot_random = np.random.default_rng(seed + 2)
        self._fleet = Fleet(plan.bounds, tasks=_first_tasks(plan, cost, float(self._misses[0])))
        self._pool = Pool(seconds=traffic.seconds, deadline_seconds=plan.deadline_seconds)
        self._observed = Observed(traffic.seconds)
        self._policies: list[Policy] = [
            Stepper(rule) if isinstance(rule, Steps) else Tracker(rule) for rule in plan.rules
        ]

    def play(self, reclaims: frozenset[int]) -> Outcome:
        seconds = self._traffic.seconds
        rows = np.zeros((seconds, 5), dtype=np.int64)
        waits: list[NDArray[np.float32]] = []
        for second in range(seconds):
            if self._traffic.begin + second in reclaims:
                self._fleet.reclaim_spot(now=second)
            tasks = self._fleet.tick(now=second)
            cpus = max(1, round(tasks * self._plan.cpus))
            self._pool.resize(cpus, room=tasks * self._plan.queue, now=second)
            arrival = self._arrival(second)
            answer = self._pool.serve(arrival)
            if self._hot is not None:
                for rendition in answer.unmade:
                    self._hot.refused(rendition)
            waits.append(np.array(answer.waits, dtype=np.float32))
            rows[second] = (len(arrival.at), answer.refused, answer.late, tasks, self._fleet.desired)
            self._scale(second, requests=len(arrival.at), tasks=tasks, cpus=cpus)
        return self._outcome(rows, np.concatenate(waits))

    def _arrival(self, second: int) -> Arrival:
        count = int(self._random.poisson(self._misses[second]))
        costs = self._costs(self._random, count)
        at = np.sort(self._random.random(count)) + second
        hot = self._hot.asked(self._added[second]) if self._hot else np.empty(0, dtype=np.intp)
        rendition = np.full(count, NOT_HOT)
        if len(hot):
            at = np.concatenate([at, self._hot_random.random(len(hot)) + second])
            costs = np.concatenate([costs, self._costs(self._hot_random, len(hot))])
            rendition = np.concatenate([rendition, hot])
            order = np.argsort(at, kind="stable")
            at, costs, rendition = at[order], costs[order], rendition[order]
        return Arrival(at=at.tolist(), cpu_seconds=costs.tolist(), rendition=rendition.tolist())

    def _costs(self, random: np.random.Generator, count: int) -> NDArray[np.float64]:
        kinds = random.choice(np.array(self._cost.seconds), size=count, p=np.array(self._cost.shares))
        scattered: NDArray[np.float64] = kinds * random.lognormal(-SCATTER * SCATTER / 2, SCATTER, size=count)
        return scattered

    def _scale(self, second: int, *, requests: int, tasks: int, cpus: int) -> None:
        self._observed.note(
            second,
            busy=self._pool.busy[second],
            cpus=cpus,
            requests=requests,
            tasks=tasks,
            inside=self._pool.in_system(second + 1),
        )
        now = second + 1
        desired = self._fleet.desired
        decisions = [policy.decide(self._observed, desired=desired, now=now) for policy in self._policies]
        out = max((decision.out for decision in decisions if decision.out is not None), default=0)
        fewer = [decision.fewer for decision in decisions if decision.fewer is not None]
        if out > desired:
            self._fleet.want(out, now=now)
        elif fewer and all(decision.agrees for decision in decisions):
            self._fleet.want(max(fewer), now=now)
            for policy in self._policies:
                if isinstance(policy, Tracker):
                    policy.scaled_in(now=now)

    def _outcome(self, rows: NDArray[np.int64], waits: NDArray[np.float32]) -> Outcome:
        arrivals, refused, late, tasks, desired = rows.T
        return Outcome(
            arrivals=arrivals,
            refused=refused,
            late=late,
            tasks=tasks,
            desired=desired,
            waits=waits,
            on_demand_seconds=self._fleet.on_demand_seconds,
            spot_seconds=self._fleet.spot_seconds,
        )


def _first_tasks(plan: Plan, cost: Cost, misses_per_second: float) -> int:
    """Tasks with which the first second's load is at the targets."""
    a_task = plan.cpus * cost.pictures_per_second
    full = [a_task * USUAL_LOAD]
    for rule in plan.rules:
        if isinstance(rule, TargetTracking) and rule.metric.measure is Measure.CPU:
            full.append(a_task * rule.target / 100)
        elif isinstance(rule, TargetTracking) and rule.metric.measure is Measure.REQUESTS:
            full.append(rule.target / 60)
    return math.ceil(misses_per_second / min(full[1:] or full))
