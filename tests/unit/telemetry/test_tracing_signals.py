"""Metrics and log lines as an OTLP collector gets them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from opentelemetry._logs import SeverityNumber
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from renderer.errors import RequestCancelled, SourceTimeout
from renderer.telemetry.monitors import log_handlers
from renderer.telemetry.observation import Monitor

Setup = Callable[..., list[Monitor]]


def attributes(holder: Any) -> dict[str, Any]:
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in holder.attributes}


async def test_metrics_carry_the_names_of_imgproxy(monitors_over_http: Setup, receiver: Any, observe: Any) -> None:
    monitors = monitors_over_http(IMGPROXY_OPEN_TELEMETRY_ENABLE_METRICS="1")
    observe(monitors)
    observe(monitors, error=SourceTimeout("late"))
    observe(monitors, error=RequestCancelled("gone"))
    await monitors[1].close()

    metrics = metrics_of(receiver)

    assert points(metrics["requests_total"].sum) == {(): 3}
    assert points(metrics["status_codes_total"].sum) == {
        (("status", 200),): 1,
        (("status", 504),): 1,
        (("status", 499),): 1,
    }
    assert points(metrics["errors_total"].sum) == {(("type", "timeout"),): 1}
    assert metrics["request_duration_seconds"].histogram.data_points[0].count == 3
    assert list(metrics["request_duration_seconds"].histogram.data_points[0].explicit_bounds)[:2] == [0.005, 0.01]
    stages = {
        attributes(point)["span"]: point.count
        for point in metrics["request_span_duration_seconds"].histogram.data_points
    }
    assert stages == {"queue": 3, "downloading_source_image": 3, "processing_image": 3}
    await monitors[0].close()


async def test_gauges_show_the_process(monitors_over_http: Setup, receiver: Any) -> None:
    monitors = monitors_over_http(IMGPROXY_OPEN_TELEMETRY_ENABLE_METRICS="1")
    await monitors[1].close()

    metrics = metrics_of(receiver)
    gauges = {name: value for name, metric in metrics.items() for value in points(metric.gauge).values()}

    assert gauges.pop("process_resident_memory_bytes") > 1_000_000
    assert gauges.pop("process_virtual_memory_bytes") > 1_000_000
    assert gauges == {
        "workers": 4,
        "requests_in_progress": 6,
        "images_in_progress": 3,
        "workers_utilization": 150,
        "vips_memory_bytes": 2048,
        "vips_max_memory_bytes": 4096,
        "vips_allocs": 5,
        "queue_length": 2,
        "connections": 9,
        "source_bytes_in_flight": 1024,
    }
    await monitors[0].close()


def metrics_of(receiver: Any) -> dict[str, Any]:
    request = ExportMetricsServiceRequest.FromString(receiver.next("/v1/metrics").body)
    return {
        metric.name: metric
        for part in request.resource_metrics
        for scope in part.scope_metrics
        for metric in scope.metrics
    }


def points(data: Any) -> dict[tuple[tuple[str, Any], ...], float]:
    return {tuple(attributes(point).items()): getattr(point, point.WhichOneof("value")) for point in data.data_points}


async def test_log_lines_are_sent_as_they_are_written(monitors_over_http: Setup, receiver: Any) -> None:
    monitors = monitors_over_http(
        {"OTEL_LOG_LEVEL": "info"},
        IMGPROXY_OPEN_TELEMETRY_ENABLE_LOGS="1",
        IMGPROXY_OPEN_TELEMETRY_LOGGER_NAME="lines",
    )
    (handler,) = log_handlers(monitors)
    handler.setFormatter(logging.Formatter("<%(levelname)s> %(message)s"))
    log = logging.Logger("test")  # noqa: LOG001  a logger of this test alone
    log.addHandler(handler)

    log.debug("not wanted")
    log.warning("pictures: %d", 7)
    await monitors[1].close()

    request = ExportLogsServiceRequest.FromString(receiver.next("/v1/logs").body)
    (scope,) = request.resource_logs[0].scope_logs
    (record,) = scope.log_records
    assert scope.scope.name == "lines"
    assert (record.body.string_value, record.severity_text) == ("<WARNING> pictures: 7", "WARNING")
    assert record.severity_number == SeverityNumber.WARN.value
    await monitors[0].close()


async def test_a_critical_line_is_sent_at_once(monitors_over_http: Setup, receiver: Any) -> None:
    """It may be the last one: nothing is closed here, and batches are sent once a second at the earliest."""
    monitors = monitors_over_http({"OTEL_BLRP_SCHEDULE_DELAY": "600000"}, IMGPROXY_OPEN_TELEMETRY_ENABLE_LOGS="1")
    log = logging.Logger("test")  # noqa: LOG001  a logger of this test alone
    log.addHandler(log_handlers(monitors)[0])

    log.critical("out of memory")

    assert b"out of memory" in receiver.next("/v1/logs").body
    for monitor in monitors:
        await monitor.close()


async def test_lines_about_the_export_itself_are_not_exported(monitors_over_http: Setup, receiver: Any) -> None:
    monitors = monitors_over_http(IMGPROXY_OPEN_TELEMETRY_ENABLE_LOGS="1")
    log = logging.Logger("opentelemetry.exporter")  # noqa: LOG001  as above
    log.addHandler(log_handlers(monitors)[0])

    log.error("export failed")
    for monitor in monitors:
        await monitor.close()

    assert receiver.got.empty()
