"""What alarms and dashboards look at, read out of the templates, and which metrics there are to look at."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk.assertions import Template

from tests.infra.log_lines import function_lines, renderer_lines
from tests.infra.template_reading import properties

_BALANCER, _TARGETS = frozenset({"LoadBalancer"}), frozenset({"LoadBalancer", "TargetGroup"})
_SERVICE = frozenset({"ClusterName", "ServiceName"})
_DISTRIBUTION, _FUNCTION = frozenset({"DistributionId", "Region"}), frozenset({"FunctionName", "Region"})
_FIREWALL = frozenset({"WebACL", "Rule", "Region"})

DOCUMENTED: Mapping[str, Mapping[frozenset[str], frozenset[str]]] = {
    # Amazon CloudFront Developer Guide, "View CloudFront and edge function metrics".
    "AWS/CloudFront": {
        _DISTRIBUTION: frozenset(
            {"Requests", "BytesDownloaded", "4xxErrorRate", "5xxErrorRate", "CacheHitRate", "OriginLatency"}
        ),
        _FUNCTION: frozenset(
            {
                "FunctionExecutionErrors",
                "FunctionValidationErrors",
                "FunctionThrottles",
                "FunctionComputeUtilization",
            }
        ),
    },
    # AWS WAF Developer Guide, "Metrics and dimensions": the dimension Region is there for all but CloudFront.
    "AWS/WAFV2": {_FIREWALL: frozenset({"BlockedRequests"}), _FIREWALL - {"Region"}: frozenset({"BlockedRequests"})},
    # User Guide for Application Load Balancers, "CloudWatch metrics".
    "AWS/ApplicationELB": {
        _BALANCER: frozenset(
            {
                "RequestCount",
                "TargetResponseTime",
                "RejectedConnectionCount",
                "TargetConnectionErrorCount",
                "HTTPCode_ELB_5XX_Count",
                *(f"HTTPCode_Target_{status}XX_Count" for status in (2, 3, 4, 5)),
            }
        ),
        _TARGETS: frozenset({"HealthyHostCount", "UnHealthyHostCount", "RequestCountPerTarget"}),
    },
    # Amazon ECS Developer Guide, "Amazon ECS CloudWatch metrics".
    "AWS/ECS": {_SERVICE: frozenset({"CPUUtilization", "MemoryUtilization"})},
    # Amazon CloudWatch User Guide, "Amazon ECS Container Insights metrics".
    "ECS/ContainerInsights": {_SERVICE: frozenset({"RunningTaskCount"})},
    # AWS Lambda Developer Guide, "Types of metrics for Lambda functions".
    "AWS/Lambda": {
        frozenset({"FunctionName"}): frozenset({"Errors", "Throttles", "Duration", "DestinationDeliveryFailures"})
    },
    # API Gateway Developer Guide, "Amazon API Gateway dimensions and metrics".
    "AWS/ApiGateway": {frozenset({"ApiName", "Stage"}): frozenset({"Count", "4XXError", "5XXError", "Latency"})},
    # Amazon SQS Developer Guide, "Available CloudWatch metrics for Amazon SQS".
    "AWS/SQS": {
        frozenset({"QueueName"}): frozenset({"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"})
    },
    # Amazon S3 User Guide, "Metrics and dimensions": request metrics.
    "AWS/S3": {frozenset({"BucketName", "FilterId"}): frozenset({"4xxErrors", "5xxErrors", "FirstByteLatency"})},
}
"""Names that AWS documents, by namespace and by the dimensions that they have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric that a template names."""

    namespace: str
    name: str
    values: tuple[tuple[str, str], ...] = ()
    region: str = ""

    @property
    def dimensions(self) -> frozenset[str]:
        """Their names."""
        return frozenset(name for name, _ in self.values)


def texts(value: Any) -> Any:
    """A template's value with each intrinsic function as a text: the test is about what stands around it."""
    if isinstance(value, list):
        return [texts(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::Join"}:
        separator, parts = value["Fn::Join"]
        return separator.join(str(texts(part)) for part in parts)
    if len(value) == 1 and next(iter(value)).startswith(("Fn::", "Ref")):
        return f"<{re.sub(r'[^A-Za-z0-9:.]', '', json.dumps(value))}>"
    return {name: texts(item) for name, item in value.items()}


def texts_of(template: Template, kind: str) -> list[dict[str, Any]]:
    """The properties of all resources of a type, intrinsic functions as texts."""
    return [texts(found) for found in properties(template, kind)]


def alarms_of(template: Template) -> dict[str, dict[str, Any]]:
    """Alarms by their names without application and stage; the one that pages is among them."""
    found = [alarm for kind in ("Alarm", "CompositeAlarm") for alarm in texts_of(template, f"AWS::CloudWatch::{kind}")]
    return {re.sub(r"^bildwerk-[a-z0-9]+-", "", alarm["AlarmName"]): alarm for alarm in found}


def alarm_metrics(alarm: Mapping[str, Any]) -> Iterator[Metric]:
    """The metrics that an alarm looks at."""
    if "MetricName" in alarm:
        yield _alarm_metric(alarm)
    for query in alarm.get("Metrics", []):
        if "MetricStat" in query:
            yield _alarm_metric(query["MetricStat"]["Metric"])


def _alarm_metric(told: Mapping[str, Any]) -> Metric:
    return Metric(
        namespace=told["Namespace"],
        name=told["MetricName"],
        values=tuple((dimension["Name"], dimension["Value"]) for dimension in told.get("Dimensions", [])),
    )


def dashboard_widgets(template: Template) -> list[dict[str, Any]]:
    """The widgets of the one dashboard."""
    (page,) = texts_of(template, "AWS::CloudWatch::Dashboard")
    widgets: list[dict[str, Any]] = json.loads(page["DashboardBody"])["widgets"]
    return widgets


def widget_metrics(widget: Mapping[str, Any]) -> Iterator[Metric]:
    """The metrics of a widget, expressions left out."""
    properties = widget["properties"]
    for row in properties.get("metrics", []):
        *names, options = row if isinstance(row[-1], dict) else [*row, {}]
        if not names:
            assert "expression" in options
            continue
        namespace, name, *dimensions = names
        yield Metric(
            namespace=namespace,
            name=name,
            values=tuple(zip(dimensions[::2], dimensions[1::2], strict=True)),
            region=options.get("region", properties["region"]),
        )


def our_metrics(template: Template) -> dict[str, dict[frozenset[str], set[str]]]:
    """The metrics that the template's own settings and filters make of real log lines, shaped as `DOCUMENTED`."""
    found: dict[str, dict[frozenset[str], set[str]]] = {}
    lines = [*renderer_lines(*log_settings(template)), *function_lines()]
    for directive in [each for line in lines for each in line.get("_aws", {}).get("CloudWatchMetrics", [])]:
        for dimensions in directive["Dimensions"]:
            named = found.setdefault(directive["Namespace"], {}).setdefault(frozenset(dimensions), set())
            named |= {metric["Name"] for metric in directive["Metrics"]}
    for metric_filter in texts_of(template, "AWS::Logs::MetricFilter"):
        for made in metric_filter["MetricTransformations"]:
            found.setdefault(made["MetricNamespace"], {}).setdefault(frozenset(), set()).add(made["MetricName"])
    return found


def log_settings(template: Template) -> tuple[tuple[str, str], ...]:
    """How the deployed server is told to log and to measure."""
    (task,) = texts_of(template, "AWS::ECS::TaskDefinition")
    (container,) = task["ContainerDefinitions"]
    return tuple(
        (each["Name"], each["Value"])
        for each in container["Environment"]
        if each["Name"].startswith(("IMGPROXY_LOG_", "IMGPROXY_CLOUD_WATCH_"))
    )


def unknown(metrics: Iterable[Metric], ours: Mapping[str, Mapping[frozenset[str], set[str]]]) -> list[str]:
    """Those that neither AWS nor our own code has under these dimensions."""
    known: dict[str, Mapping[frozenset[str], Any]] = {**DOCUMENTED, **ours}
    return sorted(
        {
            f"{metric.namespace} {metric.name} by {', '.join(sorted(metric.dimensions))}"
            for metric in metrics
            if metric.name not in known.get(metric.namespace, {}).get(metric.dimensions, ())
        }
    )
