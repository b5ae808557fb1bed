"""What is compared: the stage as it is configured, and what could be instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from infra.config import RendererConfig
from infra.simulation.fleet import Bounds
from infra.simulation.metrics import CONCURRENCY_10, CPU_20, CPU_60, REQUESTS_60
from infra.simulation.policies import Steps, TargetTracking
from infra.stages import production
from infra.timeouts import waiting_room

Rule = TargetTracking | Steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a service scales; `queue` is IMGPROXY_REQUESTS_QUEUE_SIZE of a task."""

    bounds: Bounds
    cpus: float
    rules: tuple[Rule, ...]
    queue: int
    deadline_seconds: float = 10.0


def plan_of(
    renderer: RendererConfig, *, is_fast: bool = True, by_cpu: bool = True, by_requests: bool | None = None
) -> Plan:
    """The policies that a configuration makes; `is_fast` is the 20-second metric. A canary has none by requests."""
    scaling = renderer.scaling
    rules: list[Rule] = []
    if by_cpu:
        rules.append(_tracking(renderer, is_fast=is_fast))
    if by_requests if by_requests is not None else not renderer.canary:
        target = float(scaling.requests_per_task_minute(renderer.vcpus))
        rules.append(replace(_tracking(renderer, is_fast=True), metric=REQUESTS_60, target=target))
    return Plan(
        bounds=Bounds(minimum=scaling.min_tasks, maximum=scaling.max_tasks, spot_weight=renderer.spot_weight),
        cpus=renderer.vcpus,
        rules=tuple(rules),
        queue=waiting_room(renderer),
        deadline_seconds=renderer.timeout_seconds,
    )


def _queue(renderer: RendererConfig, seconds: float) -> int:
    return max(1, round(renderer.scaling.pictures_per_second_per_vcpu * renderer.vcpus * seconds))


def _tracking(renderer: RendererConfig, *, is_fast: bool) -> TargetTracking:
    scaling = renderer.scaling
    return TargetTracking(
        metric=CPU_20 if is_fast else CPU_60,
        target=scaling.cpu_percent,
        out_cooldown_seconds=scaling.scale_out_cooldown_seconds,
        in_cooldown_seconds=scaling.scale_in_cooldown_seconds,
    )


def with_scaling(renderer: RendererConfig, **changes: float) -> RendererConfig:
    """A configuration with other numbers in its scaling."""
    return replace(renderer, scaling=replace(renderer.scaling, **changes))  # type: ignore[arg-type]  # the fields' own types


def plans(renderer: RendererConfig | None = None) -> Mapping[str, Plan]:
    """The alternatives by name; the first is the stage as it is."""
    ours = renderer or production().renderer
    configured = plan_of(ours)
    return {
        "as configured": configured,
        "CPU alone (as with a canary)": plan_of(ours, by_requests=False),
        "requests alone": plan_of(ours, by_cpu=False),
        "60-second CPU, and requests": plan_of(ours, is_fast=False),
        "60-second CPU alone": plan_of(ours, is_fast=False, by_requests=False),
        "with requests inside, 10-second": replace(configured, rules=(*configured.rules, _burst(ours))),
        "steps of imgproxy's template": replace(configured, rules=(Steps(),)),
        **{f"at least {tasks} tasks": plan_of(with_scaling(ours, min_tasks=tasks)) for tasks in (2, 6)},
        **{f"targets {percent} %": plan_of(_aiming_at(ours, percent)) for percent in (30, 45, 75)},
        **{f"cooldown {seconds} s": plan_of(_cooling(ours, seconds)) for seconds in (90, 180)},
        **{f"{seconds} s of waiting": replace(configured, queue=_queue(ours, seconds)) for seconds in (1, 5)},
        "no bound on waiting": replace(configured, queue=1_000_000),
        "a task starts in 90 s": replace(configured, bounds=replace(configured.bounds, start_seconds=90)),
    }


def _burst(renderer: RendererConfig) -> TargetTracking:
    """A third policy, which is not in the stack: more requests in the tasks than workers means that some wait."""
    return replace(_tracking(renderer, is_fast=True), metric=CONCURRENCY_10, target=100.0)


def _aiming_at(renderer: RendererConfig, percent: int) -> RendererConfig:
    return with_scaling(renderer, cpu_percent=percent, requests_percent=percent)


def _cooling(renderer: RendererConfig, seconds: int) -> RendererConfig:
    return with_scaling(renderer, scale_out_cooldown_seconds=seconds)
