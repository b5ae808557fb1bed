"""The page that is looked at in the morning: what stands on top, and that every graph has something to draw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from aws_cdk.assertions import Template

from infra.monitoring.log_metrics import STAGES
from infra.monitoring.queries import QUERIES
from renderer.telemetry.observation import Stage
from tests.infra.log_lines import flat, function_lines, renderer_lines
from tests.infra.watched import (
    DOCUMENTED,
    Metric,
    dashboard_widgets,
    log_settings,
    our_metrics,
    texts_of,
    unknown,
    widget_metrics,
)

PAGES = ("dev", "production", "europe", "http_sources", "canary_iam")
TOP = [
    "Requests/s",
    "Cache hits, %",
    "5xx to visitors, %",
    "Rendered/s",
    "p95 of rendering, s",
    "Tasks",
    "Tasks, USD/h",
    "CDN, USD/h",
]
PARTS = {
    "AWS/CloudFront": "CDN",
    "AWS/ApplicationELB": "load balancer",
    "AWS/ECS": "tasks",
    "ECS/ContainerInsights": "tasks",
    "imgproxy": "render server",
    "AWS/ApiGateway": "API",
    "AWS/Lambda": "functions",
    "Bildwerk": "what the functions count",
    "AWS/SQS": "purges",
    "AWS/WAFV2": "firewalls",
    "AWS/S3": "originals",
}
"""Row 15: what is on the page."""


def metrics_of(template: Template) -> list[Metric]:
    """All metrics on the page."""
    return [metric for widget in dashboard_widgets(template) for metric in widget_metrics(widget)]


@pytest.mark.parametrize("variant", PAGES)
def test_row_15_one_page_shows_every_part(templates: Mapping[str, Template], variant: str) -> None:
    """CDN, load balancer, tasks, stages of a render, API, purges, firewalls, log queries; figures and money on top."""
    widgets = dashboard_widgets(templates[variant])
    namespaces = {metric.namespace for metric in metrics_of(templates[variant])}

    assert set(PARTS) <= namespaces
    assert [widget["properties"]["title"] for widget in widgets if widget["y"] == 0] == TOP
    assert {
        metric.name for metric in metrics_of(templates[variant]) if metric.namespace.startswith("Bildwerk/")
    } >= set(STAGES)
    assert sum(widget["type"] == "log" for widget in widgets) == 3


@pytest.mark.parametrize("variant", PAGES)
def test_row_15_every_metric_on_the_page_exists(templates: Mapping[str, Template], variant: str) -> None:
    """AWS's by its documentation, ours by the lines that the real server and functions write under these settings."""
    metrics = metrics_of(templates[variant])

    assert len(metrics) > 50
    assert unknown(metrics, our_metrics(templates[variant])) == []


def test_a_name_that_nobody_has_is_found() -> None:
    """The test above can fail: an unknown name, and a known one by other dimensions."""
    metrics = [
        Metric(namespace="AWS/SQS", name="Age", values=(("QueueName", "q"),)),
        Metric(namespace="AWS/S3", name="5xxErrors", values=(("BucketName", "b"),)),
        Metric(namespace="Ours", name="Made"),
    ]

    assert unknown(metrics, {}) == [
        "AWS/S3 5xxErrors by BucketName",
        "AWS/SQS Age by QueueName",
        "Ours Made by ",
    ]
    assert unknown(metrics, {"Ours": {frozenset(): {"Made"}}}) == [
        "AWS/S3 5xxErrors by BucketName",
        "AWS/SQS Age by QueueName",
    ]
    assert all(names for by_dimensions in DOCUMENTED.values() for names in by_dimensions.values())


@pytest.mark.parametrize("variant", PAGES)
def test_our_metrics_are_asked_for_by_the_values_that_they_have(
    templates: Mapping[str, Template], variant: str
) -> None:
    """The server's service name as its settings have it, the functions' as their lines do."""
    lines = [*renderer_lines(*log_settings(templates[variant])), *function_lines()]
    written = {
        (directive["Namespace"], name, line[name])
        for line in lines
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", [])
        for (name,) in directive["Dimensions"]
    }
    asked = {
        (metric.namespace, *metric.values[0])
        for metric in metrics_of(templates[variant])
        if metric.namespace in {"imgproxy", "Bildwerk"}
    }

    assert asked == written


@pytest.mark.parametrize("variant", PAGES)
def test_metrics_are_asked_for_where_they_are(templates: Mapping[str, Template], variant: str) -> None:
    """CloudFront's in us-east-1, wherever the stack is; all others in the stack's region."""
    for metric in metrics_of(templates[variant]):
        is_edge = metric.namespace == "AWS/CloudFront" or (
            metric.namespace == "AWS/WAFV2" and "Region" not in metric.dimensions
        )
        assert metric.region == "us-east-1" if is_edge else metric.region in {"<Ref:AWS::Region>", "us-east-1"}, metric
        if variant == "europe" and not is_edge:
            assert metric.region == "<Ref:AWS::Region>", metric


@pytest.mark.parametrize("variant", PAGES)
def test_formulas_have_all_their_metrics_in_one_region(templates: Mapping[str, Template], variant: str) -> None:
    """A formula over metrics of two regions may not be computed."""
    for widget in dashboard_widgets(templates[variant]):
        rows = widget["properties"].get("metrics", [])
        if any("expression" in row[-1] for row in rows if isinstance(row[-1], dict)):
            assert {metric.region for metric in widget_metrics(widget)} == {widget["properties"]["region"]}, widget


@pytest.mark.parametrize("variant", PAGES)
def test_widgets_fill_the_page_without_overlap(templates: Mapping[str, Template], variant: str) -> None:
    """Twenty-four columns, no cell twice and no gap in a row."""
    taken: set[tuple[int, int]] = set()
    widgets = dashboard_widgets(templates[variant])
    for widget in widgets:
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not taken & cells, widget["properties"].get("title")
        taken |= cells

    bottom = max(widget["y"] + widget["height"] for widget in widgets)
    assert taken == {(x, y) for x in range(24) for y in range(bottom)}


def test_pages_of_two_regions_do_not_replace_each_other(templates: Mapping[str, Template]) -> None:
    """Dashboards belong to the account: the name has stage and region in it."""
    names = {
        variant: texts_of(templates[variant], "AWS::CloudWatch::Dashboard")[0]["DashboardName"]
        for variant in ("dev", "production", "europe")
    }

    assert names == {
        "dev": "bildwerk-dev-us-east-1",
        "production": "bildwerk-production-us-east-1",
        "europe": "bildwerk-production-eu-central-1",
    }


def test_the_page_shows_all_alarms_of_its_region(templates: Mapping[str, Template]) -> None:
    """The one that pages comes first; CloudWatch shows up to 100 in a widget."""
    template = templates["production"]
    (widget,) = [each for each in dashboard_widgets(template) if each["type"] == "alarm"]
    shown = widget["properties"]["alarms"]
    made = [
        *template.find_resources("AWS::CloudWatch::CompositeAlarm"),
        *template.find_resources("AWS::CloudWatch::Alarm"),
    ]

    assert sorted(shown) == sorted(f"<Fn::GetAtt:{name}Arn>" for name in made)
    assert shown[0] == f"<Fn::GetAtt:{made[0]}Arn>"
    assert len(shown) <= 100


def test_queries_on_the_page_are_the_saved_ones(templates: Mapping[str, Template]) -> None:
    """Asked of the server's log group, word for word."""
    saved = {query.text.strip() for query in QUERIES if query.log == "renderer"}
    template = templates["dev"]
    (group,) = {found["LogGroupName"] for found in texts_of(template, "AWS::Logs::MetricFilter")}
    asked = [each["properties"]["query"] for each in dashboard_widgets(template) if each["type"] == "log"]

    for query in asked:
        source, _, text = query.partition(" | ")
        assert source == f"SOURCE '{group}'"
        assert text in saved


def test_metric_filters_find_their_fields_in_real_lines(templates: Mapping[str, Template]) -> None:
    """Each counts or measures a member that the server writes, as a number; stages are all that the server times."""
    lines = renderer_lines(*log_settings(templates["dev"]))
    members = {name: value for line in lines for name, value in _values(line)}
    filters = texts_of(templates["dev"], "AWS::Logs::MetricFilter")
    fields = {each["FilterPattern"].split()[1].removeprefix("$.") for each in filters}

    assert {field: type(members.get(field)) for field in fields} == dict.fromkeys(fields, int)
    values = {each["MetricTransformations"][0]["MetricValue"] for each in filters}
    assert {value.removeprefix("$.") for value in values - {"1"}} <= fields
    assert set(STAGES.values()) == {
        stage.value for stage in Stage if stage not in {Stage.DOWNLOAD_FALLBACK, Stage.DOWNLOAD_WATERMARK}
    }


def _values(line: Mapping[str, Any]) -> list[tuple[str, Any]]:
    found = []
    for name in flat(line):
        value: Any = line
        for part in name.split("."):
            value = value[int(part)] if isinstance(value, list) else value[part]
        found.append((name, value))
    return found
