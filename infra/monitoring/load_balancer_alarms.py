"""What is watched of the load balancer: the errors that visitors get, and how long they wait.

Three more alarms look at it, those that roll a release back: they belong to the service, since they have to exist
before it (infra/rendering/deployment_alarms.py). Here they get their texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from infra.config import StageConfig
from infra.monitoring.alarms import Alarm
from infra.monitoring.sources import Sources, rate

LEAST_REQUESTS: Final = 20
"""In a minute, before a share of them says anything."""


def load_balancer_alarms(config: StageConfig, sources: Sources) -> tuple[Alarm, ...]:
    """The alarms."""
    return (*_errors(sources), _waiting(config, sources), _rejected(sources), _firewall(sources))


def _errors(sources: Sources) -> tuple[Alarm, ...]:
    source = sources.load_balancer
    requests = source.metric("RequestCount")
    return (
        Alarm(
            name="load-balancer-5xx",
            metric=source.metric("HTTPCode_ELB_5XX_Count"),
            threshold=10,
            periods=5,
            breaching=3,
            says="The load balancer answers with 5xx itself: it reaches no task, or a task closes the connection.",
            why="it makes none in normal operation; up to 10 a minute may come while a Spot task goes.",
            pages=True,
        ),
        Alarm(
            name="target-5xx",
            metric=rate(source.metric("HTTPCode_Target_5XX_Count"), requests, at_least=LEAST_REQUESTS, label="5xx"),
            threshold=1,
            periods=5,
            breaching=3,
            says="The render server answers more than 1 % of its requests with 5xx.",
            why=f"ten times what 99.9 % allows; under {LEAST_REQUESTS} requests a minute it is not looked at.",
            pages=True,
        ),
    )


def _waiting(config: StageConfig, sources: Sources) -> Alarm:
    seconds = config.renderer.timeout_seconds / 5
    return Alarm(
        name="response-time-p95",
        metric=sources.load_balancer.metric("TargetResponseTime", "p95"),
        threshold=seconds,
        periods=5,
        says=f"One in twenty pictures takes longer than {seconds:g} s to render, for five minutes.",
        why=f"a fifth of the render timeout of {config.renderer.timeout_seconds} s; a large photograph takes 0.08 s of"
        " CPU (docs/growth.md), so this is waiting, not work.",
        pages=True,
    )


def _rejected(sources: Sources) -> Alarm:
    return Alarm(
        name="rejected-connections",
        metric=sources.load_balancer.metric("RejectedConnectionCount"),
        threshold=0,
        periods=1,
        says="The load balancer is at its own limit and takes no more connections.",
        why="it never is unless traffic grows faster than it can; every one is a visitor's error.",
        pages=True,
    )


def _firewall(sources: Sources) -> Alarm:
    return Alarm(
        name="origin-firewall-blocks",
        metric=sources.origin_firewall.metric("BlockedRequests", seconds=300),
        threshold=100,
        periods=1,
        says="The firewall of the load balancer blocked more than 100 requests in five minutes.",
        why="only CloudFront reaches it, and what CloudFront lets pass it lets pass too: this should be none.",
    )


DEPLOYMENT_ALARMS: Final[Mapping[str, tuple[str, str]]] = {
    "failed-answers": (
        "Of the answers of tasks and load balancer, more fail than on any normal day; a release under way goes back.",
        "twice that of the alarm target-5xx, for two minutes: a release should not wait for more proof.",
    ),
    "slow-answers": (
        "One in twenty pictures takes more than half of the render timeout; a release under way goes back.",
        "past half of the deadline the queue is full of requests that end with it.",
    ),
    "unhealthy-tasks": (
        "A task fails its health check, for three minutes; a release under way goes back.",
        "none should; ECS replaces such a task within these three minutes.",
    ),
}
"""What they say and why, by name."""
