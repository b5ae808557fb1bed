"""The graphs of the dashboard: three or four to a row, a row for each part that a request passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from aws_cdk import aws_cloudwatch as cloudwatch

from infra.config import CLOUDFRONT_REGION, StageConfig
from infra.monitoring import log_metrics
from infra.monitoring.sources import API_COUNTS, EdgeSources, Source, Sources, formula

_HEIGHT: Final = 6
_WHOLE: Final = 24


def rows(config: StageConfig, sources: Sources) -> list[list[cloudwatch.IWidget]]:
    """The rows from top to bottom."""
    return [
        _cdn(config, sources.edge),
        _load_balancer(sources),
        _tasks(config, sources),
        _render_server(sources),
        _api(sources),
        _purges_and_firewalls(sources),
    ]


def _graph(
    title: str,
    left: Sequence[cloudwatch.IMetric],
    right: Sequence[cloudwatch.IMetric] = (),
    *,
    of: int = 3,
    lines: Mapping[str, float] | None = None,
    region: str | None = None,
) -> cloudwatch.IWidget:
    """A graph that shares its row with others; `lines` are bounds on the left axis."""
    return cloudwatch.GraphWidget(
        title=title,
        left=list(left),
        right=list(right),
        left_annotations=[
            cloudwatch.HorizontalAnnotation(label=label, value=value) for label, value in (lines or {}).items()
        ],
        left_y_axis=cloudwatch.YAxisProps(min=0),
        right_y_axis=cloudwatch.YAxisProps(min=0),
        region=region,
        width=_WHOLE // of,
        height=_HEIGHT,
    )


def _each(
    source: Source, names: Sequence[str], statistic: str = "Sum", *, seconds: int = 60
) -> list[cloudwatch.IMetric]:
    return [source.metric(name, statistic, seconds=seconds, label=name) for name in names]


def _percentiles(source: Source, name: str, *, seconds: int = 60) -> list[cloudwatch.IMetric]:
    return [source.metric(name, percentile, seconds=seconds, label=percentile) for percentile in ("p50", "p95", "p99")]


def _cdn(config: StageConfig, edge: EdgeSources) -> list[cloudwatch.IWidget]:
    distribution, function = edge.distribution, edge.function
    deadline = {"render timeout": config.renderer.timeout_seconds * 1000}
    region = CLOUDFRONT_REGION
    errors = ("4xxErrorRate", "5xxErrorRate")
    failed = ("FunctionExecutionErrors", "FunctionThrottles")
    return [
        _graph(
            "CDN: requests and bytes",
            _each(distribution, ["Requests"]),
            _each(distribution, ["BytesDownloaded"]),
            of=4,
            region=region,
        ),
        _graph(
            "CDN: hits and errors, %",
            _each(distribution, ["CacheHitRate"], "Average"),
            _each(distribution, errors, "Average"),
            of=4,
            region=region,
        ),
        _graph(
            "CDN: origin latency, ms", _percentiles(distribution, "OriginLatency"), of=4, lines=deadline, region=region
        ),
        _graph(
            "CDN: Accept function",
            _each(function, failed),
            _each(function, ["FunctionComputeUtilization"], "Average"),
            of=4,
            region=region,
        ),
    ]


def _load_balancer(sources: Sources) -> list[cloudwatch.IWidget]:
    source = sources.load_balancer
    answers = ("HTTPCode_Target_2XX_Count", "HTTPCode_Target_3XX_Count", "HTTPCode_Target_4XX_Count")
    failures = ("HTTPCode_Target_5XX_Count", "HTTPCode_ELB_5XX_Count", "RejectedConnectionCount")
    return [
        _graph("Load balancer: answers", _each(source, answers)),
        _graph("Load balancer: failures", _each(source, [*failures, "TargetConnectionErrorCount"])),
        _graph("Load balancer: seconds until the answer", _percentiles(source, "TargetResponseTime")),
    ]


def _tasks(config: StageConfig, sources: Sources) -> list[cloudwatch.IWidget]:
    scaling = config.renderer.scaling
    bounds = {"minimum": scaling.min_tasks, "maximum": scaling.max_tasks}
    per_task = [target.metric("RequestCountPerTarget", label="requests per task") for target in sources.targets]
    wanted = scaling.requests_per_task_minute(config.renderer.vcpus)
    return [
        _graph(
            "Tasks",
            [
                sources.insights.metric("RunningTaskCount", "Minimum", label="running"),
                sources.healthy_tasks(label="healthy"),
                sources.unhealthy_tasks(label="unhealthy"),
            ],
            lines=bounds,
        ),
        _graph(
            "Tasks: CPU and memory, %",
            [
                sources.service.metric("CPUUtilization", "Average", label="CPU"),
                sources.service.metric("MemoryUtilization", "Maximum", label="memory of the fullest"),
            ],
            lines={"tasks are added": scaling.cpu_percent},
        ),
        _graph("Tasks: requests in a minute", per_task, lines={"tasks are added": wanted}),
    ]


def _render_server(sources: Sources) -> list[cloudwatch.IWidget]:
    server, log = sources.render_server, sources.log_lines
    stages = [_milliseconds(log.metric(name, "p95", label=name), name) for name in log_metrics.STAGES]
    sizes = log_metrics.RESULT_BYTES
    return [
        _graph(
            "Render server: requests by workers, %",
            _each(server, ["WorkersUtilization"], "Average"),
            _each(server, ["RequestsInProgress", "ImagesInProgress"], "Average"),
            of=4,
            lines={"requests wait": 100},
        ),
        _graph("Render server: stages, p95 in ms", stages, of=4),
        _graph(
            "Render server: refused (429) and faults (500)",
            _each(log, [log_metrics.REFUSALS, log_metrics.FAULTS]),
            of=4,
        ),
        _graph(
            "Render server: bytes",
            [log.metric(sizes, label="sent")],
            [
                log.metric(sizes, "Average", label="of a picture"),
                server.metric("VipsMemory", "Maximum", label="pixels in memory"),
            ],
            of=4,
        ),
    ]


def _milliseconds(metric: cloudwatch.IMetric, label: str) -> cloudwatch.IMetric:
    return formula(f"stage{label} / {log_metrics.NANOSECONDS}", {f"stage{label}": metric}, label=label)


def _api(sources: Sources) -> list[cloudwatch.IWidget]:
    functions = sources.functions.items()
    return [
        _graph(
            "API: requests and refusals",
            _each(sources.api, ["Count", "4XXError", "5XXError"], seconds=300),
            _percentiles(sources.api, "Latency", seconds=300)[1:2],
            of=4,
        ),
        _graph("API: pictures", _each(sources.api_counts, API_COUNTS, seconds=300), of=4),
        _graph(
            "Functions: errors and throttles",
            [function.metric("Errors", seconds=300, label=name) for name, function in functions],
            [function.metric("Throttles", seconds=300, label=f"{name} throttled") for name, function in functions],
            of=4,
        ),
        _graph(
            "Functions: longest call, ms",
            [function.metric("Duration", "Maximum", seconds=300, label=name) for name, function in functions],
            of=4,
        ),
    ]


def _purges_and_firewalls(sources: Sources) -> list[cloudwatch.IWidget]:
    firewalls = {"API": sources.api_firewall, "load balancer": sources.origin_firewall}
    blocked = [each.metric("BlockedRequests", seconds=300, label=name) for name, each in firewalls.items()]
    if sources.edge.firewall is not None:
        blocked.append(sources.edge.firewall.metric("BlockedRequests", seconds=300, label="CloudFront"))
    return [
        _graph(
            "Purges: oldest in s, waiting, given up",
            [sources.purges.metric("ApproximateAgeOfOldestMessage", "Maximum", label="oldest")],
            [
                sources.dead_letters.metric("ApproximateNumberOfMessagesVisible", "Maximum", label="dead letters"),
                sources.failed_events.metric("ApproximateNumberOfMessagesVisible", "Maximum", label="failed events"),
                sources.purges.metric("ApproximateNumberOfMessagesVisible", "Maximum", label="waiting"),
            ],
        ),
        _graph("Firewalls: blocked", blocked),
        _graph(
            "Originals in S3: failures and latency, ms",
            _each(sources.originals, ["4xxErrors", "5xxErrors"], seconds=300),
            [sources.originals.metric("FirstByteLatency", "p95", seconds=300, label="p95 to the first byte")],
        ),
    ]
