"""One page for a morning: eight figures that say whether it goes well, then each part from the visitor inwards.

A row for each part in the order of a request: CDN, load balancer, tasks, render server, API, purges, firewalls, log.
CloudFront's widgets look at us-east-1, wherever the stack is; all else is in the stack's region.
"""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.config import CLOUDFRONT_REGION, StageConfig
from infra.monitoring import panels
from infra.monitoring.queries import QUERIES
from infra.monitoring.sources import Sources, formula

LOGGED = ("errors-by-reason", "slowest-renders", "missing-originals")
"""Queries on the page. Each refresh asks them anew and pays for what they read, so they are few."""

FARGATE_VCPU_HOUR_USD = 0.03238
FARGATE_GIB_HOUR_USD = 0.00356
"""Linux on ARM in us-east-1 (AWS Fargate pricing)."""
CDN_REQUEST_USD = 0.000001
CDN_GB_USD = 0.085
"""HTTPS requests and bytes to visitors in North America and Europe, the first 10 TB (Amazon CloudFront pricing)."""


class Dashboard(Construct):
    """The page."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: StageConfig,
        sources: Sources,
        alarms: Sequence[cloudwatch.IAlarm],
        renderer_log_group: str,
    ) -> None:
        """`alarms` are those of the stack's region, `renderer_log_group` is the name of the server's."""
        super().__init__(scope, construct_id)
        page = cloudwatch.Dashboard(
            self,
            "Page",
            # Dashboards belong to the account, not to a region.
            dashboard_name=f"bildwerk-{config.name}-{Stack.of(self).region}",
            default_interval=Duration.hours(3),
        )
        page.add_widgets(*_figures(config, sources))
        page.add_widgets(cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms), width=24, height=3))
        for row in panels.rows(config, sources):
            page.add_widgets(*row)
        page.add_widgets(*_logged(renderer_log_group))


def _figures(config: StageConfig, sources: Sources) -> list[cloudwatch.IWidget]:
    """The top row: figures of the last five minutes."""
    cdn, balancer = sources.edge.distribution, sources.load_balancer
    requests, served = cdn.metric("Requests", seconds=300), balancer.metric("RequestCount", seconds=300)
    hits, errors = (cdn.metric(name, "Average", seconds=300) for name in ("CacheHitRate", "5xxErrorRate"))
    return [
        _figure("Requests/s", formula("requests / 300", {"requests": requests}, seconds=300), CLOUDFRONT_REGION),
        _figure("Cache hits, %", hits, CLOUDFRONT_REGION),
        _figure("5xx to visitors, %", errors, CLOUDFRONT_REGION),
        _figure("Rendered/s", formula("served / 300", {"served": served}, seconds=300)),
        _figure("p95 of rendering, s", balancer.metric("TargetResponseTime", "p95", seconds=300)),
        _figure("Tasks", sources.insights.metric("RunningTaskCount", "Average", seconds=300)),
        _figure("Tasks, USD/h", _task_cost(config, sources)),
        _figure("CDN, USD/h", _cdn_cost(sources), CLOUDFRONT_REGION),
    ]


def _figure(title: str, metric: cloudwatch.IMetric, region: str | None = None) -> cloudwatch.IWidget:
    return cloudwatch.SingleValueWidget(
        title=title, metrics=[metric], region=region, width=3, height=3, sparkline=True, period=Duration.minutes(5)
    )


def _task_cost(config: StageConfig, sources: Sources) -> cloudwatch.IMetric:
    """List price on demand: what Spot and savings plans save is not seen."""
    renderer = config.renderer
    hourly = renderer.vcpus * FARGATE_VCPU_HOUR_USD + renderer.memory_mib / 1024 * FARGATE_GIB_HOUR_USD
    tasks = sources.insights.metric("RunningTaskCount", "Average", seconds=300)
    return formula(f"tasks * {hourly:.5f}", {"tasks": tasks}, seconds=300, label="USD/h")


def _cdn_cost(sources: Sources) -> cloudwatch.IMetric:
    """List price beyond the free allowance, without the firewall."""
    requests = sources.edge.distribution.metric("Requests", seconds=300)
    sent = sources.edge.distribution.metric("BytesDownloaded", seconds=300)
    expression = f"12 * (requests * {CDN_REQUEST_USD:f} + sent / 1000000000 * {CDN_GB_USD})"
    return formula(expression, {"requests": requests, "sent": sent}, seconds=300, label="USD/h")


def _logged(log_group: str) -> list[cloudwatch.IWidget]:
    texts = {query.name: query.text for query in QUERIES}
    return [
        cloudwatch.LogQueryWidget(
            title=name.replace("-", " ").capitalize(),
            log_group_names=[log_group],
            query_string=texts[name].strip(),
            view=cloudwatch.LogQueryVisualizationType.TABLE,
            width=8,
            height=8,
        )
        for name in LOGGED
    ]
