"""What is watched of CloudFront and its firewall. Their metrics are in us-east-1, so these alarms are too."""

from __future__ import annotations

from infra.config import StageConfig
from infra.monitoring.alarms import Alarm
from infra.monitoring.sources import EdgeSources, Source, formula


def delivery_alarms(config: StageConfig, edge: EdgeSources) -> tuple[Alarm, ...]:
    """The alarms; CloudFront's additional metrics have to be on for the hit rate and the origin's latency."""
    firewall = () if edge.firewall is None else (_firewall(config, edge.firewall),)
    distribution = edge.distribution
    return (
        _errors(distribution),
        _hit_rate(distribution),
        _latency(config, distribution),
        _function(edge.function),
        *firewall,
    )


def _errors(distribution: Source) -> Alarm:
    requests, errors = distribution.metric("Requests"), distribution.metric("5xxErrorRate", "Average")
    return Alarm(
        name="cdn-5xx-rate",
        metric=formula("IF(requests >= 100, errors, 0)", {"requests": requests, "errors": errors}, label="5xx rate"),
        threshold=1,
        periods=5,
        breaching=3,
        says="More than 1 % of what visitors ask CloudFront for ends with 5xx.",
        why="ten times what an availability of 99.9 % allows; under 100 requests a minute one failure would be 1 %.",
        pages=True,
    )


def _hit_rate(distribution: Source) -> Alarm:
    seconds = 300
    requests = distribution.metric("Requests", seconds=seconds)
    hits = distribution.metric("CacheHitRate", "Average", seconds=seconds)
    return Alarm(
        name="cdn-cache-hit-rate",
        metric=formula(
            "IF(requests >= 1000, hits, 100)", {"requests": requests, "hits": hits}, seconds=seconds, label="hit rate"
        ),
        threshold=70,
        is_floor=True,
        periods=6,
        says="CloudFront answers less than 70 % from its cache, for half an hour.",
        why="at 70 % three times as many pictures are rendered as at 90 %, which the number of tasks is planned for."
        " Half an hour, because a purge or a release refills the cache.",
    )


def _latency(config: StageConfig, distribution: Source) -> Alarm:
    milliseconds = config.renderer.timeout_seconds * 300
    return Alarm(
        name="cdn-origin-latency",
        metric=distribution.metric("OriginLatency", "p95", seconds=300),
        threshold=milliseconds,
        periods=3,
        says=f"One in twenty pictures that are not cached takes longer than {milliseconds / 1000:g} s to CloudFront.",
        why=f"a third of the render timeout of {config.renderer.timeout_seconds} s, so there is time before requests"
        " end with it.",
    )


def _function(function: Source) -> Alarm:
    errors, invalid = function.metric("FunctionExecutionErrors"), function.metric("FunctionValidationErrors")
    throttles = function.metric("FunctionThrottles")
    return Alarm(
        name="cdn-function-errors",
        metric=formula(
            "FILL(errors, 0) + FILL(invalid, 0) + FILL(throttles, 0)",
            {"errors": errors, "invalid": invalid, "throttles": throttles},
            label="function errors",
        ),
        threshold=0,
        periods=5,
        breaching=2,
        says="The Accept function fails in CloudFront; each failure is a 5xx for a visitor.",
        why="the function is tested never to throw, so a failure is a defect; two minutes, because AWS too fails once.",
        pages=True,
    )


def _firewall(config: StageConfig, firewall: Source) -> Alarm:
    most = config.delivery.requests_per_client_per_5_minutes
    return Alarm(
        name="cdn-firewall-blocks",
        metric=firewall.metric("BlockedRequests", seconds=300),
        threshold=most,
        periods=1,
        says=f"The firewall of CloudFront blocked more than {most} requests in five minutes.",
        why="as many as one address may send at the rate limit: either somebody floods, or a rule hits real visitors.",
    )
