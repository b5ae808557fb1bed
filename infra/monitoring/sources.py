"""Where metrics come from: namespace, dimensions and region of each part, so that alarms and dashboard name them alike.

Which metrics AWS has is in its own documentation of each service; which ones are ours is in `renderer/telemetry` and
`api/application.py`. The tests know both lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.config import CLOUDFRONT_REGION

API_NAMESPACE: Final = "Bildwerk"
"""Of the functions' embedded metrics (`api/functions.py`)."""
API_SERVICE: Final = "bildwerk-api"
"""Their dimension `service`: the same in every stage, so stages that share account and region are added up."""

API_COUNTS: Final = (
    "ImagesStored",
    "ImagesDeleted",
    "TicketsGiven",
    "ChangesPurged",
    "Invalidations",
    "PurgesFailed",
)
"""Those of the functions' counts that the dashboard shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Something that has metrics. A blank region is the stack's."""

    namespace: str
    dimensions: Mapping[str, str] = field(default_factory=dict)
    region: str = ""

    def metric(
        self, name: str, statistic: str = "Sum", *, seconds: int = 60, label: str | None = None
    ) -> cloudwatch.Metric:
        """One of its metrics, over periods of so many seconds."""
        return cloudwatch.Metric(
            namespace=self.namespace,
            metric_name=name,
            dimensions_map=dict(self.dimensions),
            statistic=statistic,
            period=Duration.seconds(seconds),
            label=label,
            region=self.region or None,
        )


def formula(
    expression: str, metrics: Mapping[str, cloudwatch.IMetric], *, seconds: int = 60, label: str | None = None
) -> cloudwatch.MathExpression:
    """A metric made of others, which the expression calls by their names here."""
    return cloudwatch.MathExpression(
        expression=expression, using_metrics=dict(metrics), label=label, period=Duration.seconds(seconds)
    )


def rate(
    part: cloudwatch.IMetric, whole: cloudwatch.IMetric, *, at_least: int, seconds: int = 60, label: str | None = None
) -> cloudwatch.MathExpression:
    """A share in percent; 0 while there are too few for a share to say anything."""
    expression = f"IF(whole >= {at_least}, 100 * FILL(part, 0) / whole, 0)"
    return formula(expression, {"part": part, "whole": whole}, seconds=seconds, label=label)


def edge_source(name: str, value: str) -> Source:
    """CloudFront's metrics of a distribution or a function, which exist in us-east-1 alone."""
    return Source(namespace="AWS/CloudFront", dimensions={name: value, "Region": "Global"}, region=CLOUDFRONT_REGION)


def edge_firewall_source(web_acl: str) -> Source:
    """A firewall of CloudFront; AWS WAF leaves the dimension Region away there."""
    return Source(namespace="AWS/WAFV2", dimensions={"WebACL": web_acl, "Rule": "ALL"}, region=CLOUDFRONT_REGION)


def firewall_source(web_acl: str, region: str) -> Source:
    """A firewall of a load balancer or an API."""
    return Source(namespace="AWS/WAFV2", dimensions={"WebACL": web_acl, "Rule": "ALL", "Region": region})


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeSources:
    """CloudFront's side, in us-east-1.

    Attributes:
        distribution: it.
        function: which reduces `Accept`.
        firewall: None where a company's own stands before the distribution.
    """

    distribution: Source
    function: Source
    firewall: Source | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Everything in the stack that has metrics."""

    edge: EdgeSources
    load_balancer: Source
    targets: tuple[Source, ...]
    """The target group; a canary's second one too, since they take turns."""
    service: Source
    insights: Source
    """Container Insights' figures of the same service."""
    render_server: Source
    """Gauges that each task writes into its log every ten seconds."""
    log_lines: Source
    """What `log_metrics` makes of the server's log."""
    functions: Mapping[str, Source]
    api_counts: Source
    """What the functions count."""
    api: Source
    purges: Source
    dead_letters: Source
    failed_events: Source
    """Events of the bucket that no function could deal with."""
    originals: Source
    origin_firewall: Source
    api_firewall: Source

    def healthy_tasks(self, *, label: str | None = None) -> cloudwatch.IMetric:
        """Tasks that get requests: the least in a minute, of all target groups together."""
        return _sum(self.targets, "HealthyHostCount", "Minimum", label)

    def unhealthy_tasks(self, *, label: str | None = None) -> cloudwatch.IMetric:
        """Tasks that fail their health check: the most in a minute, of all target groups together."""
        return _sum(self.targets, "UnHealthyHostCount", "Maximum", label)


def _sum(sources: tuple[Source, ...], name: str, statistic: str, label: str | None) -> cloudwatch.IMetric:
    # An id is one metric's in a graph, and two sums may stand in one.
    metrics = {
        f"{name[0].lower()}{name[1:]}{number}": source.metric(name, statistic, label=label)
        for number, source in enumerate(sources)
    }
    if len(metrics) == 1:
        return next(iter(metrics.values()))
    return formula(" + ".join(f"FILL({each}, 0)" for each in metrics), metrics, label=label)
