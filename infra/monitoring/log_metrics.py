"""Metrics that CloudWatch makes of the render server's log: refusals, faults, and how long each stage took.

The server's embedded metrics are imgproxy's and know neither. Each of these costs as much as one custom metric a month;
none has a dimension, so their number does not grow with traffic.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.monitoring.sources import Source

REFUSALS: Final = "QueueRefusals"
FAULTS: Final = "Faults"
RESULT_BYTES: Final = "ResultBytes"

STAGES: Final[Mapping[str, str]] = {
    "Queue": "queue",
    "Download": "downloading_source_image",
    "Processing": "processing_image",
    "Streaming": "streaming_image",
}
"""Names of metrics and of members of `timings`, whole nanoseconds (docs/monitoring.md)."""

NANOSECONDS: Final = 1_000_000
"""In a millisecond: CloudWatch has no such unit, so the dashboard divides."""


def log_source(stage: str) -> Source:
    """Where these metrics are; the stage is in the namespace, because a metric by dimension counts as another one."""
    return Source(namespace=f"Bildwerk/{stage}")


class LogMetrics(Construct):
    """The metric filters of the render server's log group."""

    def __init__(self, scope: Construct, construct_id: str, *, log_group: logs.ILogGroup, source: Source) -> None:
        super().__init__(scope, construct_id)
        self._log_group, self._namespace = log_group, source.namespace
        self._filter(REFUSALS, logs.FilterPattern.number_value("$.status", "=", 429), "1")
        self._filter(FAULTS, logs.FilterPattern.number_value("$.status", "=", 500), "1")
        self._filter(RESULT_BYTES, logs.FilterPattern.number_value("$.result_bytes", ">=", 0), "$.result_bytes")
        for name, member in STAGES.items():
            field = f"$.timings.{member}"
            self._filter(name, logs.FilterPattern.number_value(field, ">=", 0), field)

    def _filter(self, name: str, pattern: logs.IFilterPattern, value: str) -> None:
        logs.MetricFilter(
            self,
            name,
            log_group=self._log_group,
            filter_pattern=pattern,
            metric_namespace=self._namespace,
            metric_name=name,
            metric_value=value,
        )
