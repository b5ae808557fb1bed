"""Prometheus: what requests and processes did, under imgproxy's names (spec 03 section 7.2).

Every process counts into its own files (`metric_files`); whoever is asked puts them together.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, Counter, Metric, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily

from renderer.errors import BildwerkError
from renderer.telemetry.gauges import ProcessGauges, ServerGauges
from renderer.telemetry.metadata import error_type
from renderer.telemetry.metric_files import MetricFiles, merged
from renderer.telemetry.metric_table import BYTES_BUCKETS, SECONDS_BUCKETS, UTILIZATION, UTILIZATION_TEXT
from renderer.telemetry.observation import Observation, Silent, Stage, Timing

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4


class Prometheus(Silent):
    """The monitor that counts requests.

    Args:
        files: of this process.
        gauges: of this process, which know of a request at once.
    """

    def __init__(self, files: MetricFiles, gauges: ServerGauges) -> None:
        self._gauges = gauges
        self._requests = files.counter("requests", "Processing requests that came in.")
        statuses = files.counter("status_codes", "Answers by status.", ("status",))
        errors = files.counter("errors", "Errors by type.", ("type",))
        self._duration = files.histogram(
            "request_duration_seconds", "How long processing requests took.", buckets=SECONDS_BUCKETS
        )
        spans = files.histogram(
            "request_span_duration_seconds", "How long the stages of requests took.", ("span",), buckets=SECONDS_BUCKETS
        )
        self._size = files.histogram(
            "result_size_bytes", "How large answers with a picture were.", buckets=BYTES_BUCKETS
        )
        # Finding the series of a label costs as much as counting in it. Statuses and types are few.
        self._status = functools.lru_cache(maxsize=1024)(statuses.labels)
        self._error = functools.lru_cache(maxsize=64)(errors.labels)
        self._spans = {stage: spans.labels(stage.value) for stage in (Stage.QUEUE, Stage.DOWNLOAD, Stage.PROCESSING)}
        self._span = spans.labels

    def request_started(self, _seen: Observation) -> None:
        """Counts it."""
        self._requests.inc()
        self._gauges.requests_in_progress.inc()

    def stage_ended(self, _seen: Observation, timing: Timing) -> None:
        """Notes how long the stage took."""
        span = self._spans.get(timing.stage)
        if span is None:
            span = self._spans[timing.stage] = self._span(timing.stage.value)
        span.observe(timing.seconds)

    def request_failed(self, seen: Observation, error: BildwerkError) -> None:
        """Counts the error, unless the client went away."""
        kind = error_type(seen, error)
        if kind is not None:
            self._error(kind).inc()

    def request_ended(self, seen: Observation) -> None:
        """Counts the status; notes time and size."""
        self._gauges.requests_in_progress.dec()
        self._status(str(seen.status)).inc()
        self._duration.observe(seen.seconds)
        if seen.status < 300 and seen.result_bytes:
            self._size.observe(seen.result_bytes)


class Supervision:
    """What the supervisor has to tell: its own memory and CPU time, and how often it replaced a process."""

    def __init__(self, files: MetricFiles) -> None:
        self._process = ProcessGauges(files)
        restarts = files.counter("process_restarts", "Server processes that were replaced.", ("reason",))
        self._restarts: dict[str, Counter] = {reason: restarts.labels(reason) for reason in ("died", "recycled")}

    def restarted(self, reason: Literal["died", "recycled"]) -> None:
        """A process was replaced: it died, or it had grown too large."""
        self._restarts[reason].inc()

    def update(self) -> None:
        """To be called now and then, once a second at most."""
        self._process.update()


def exposition(directory: Path, namespace: str = "") -> bytes:
    """Everything that the processes have counted, in Prometheus' text format."""
    return generate_latest(_Families(directory, namespace))


class _Families:
    def __init__(self, directory: Path, namespace: str) -> None:
        self._directory = directory
        self._prefix = f"{namespace}_" if namespace else ""

    def collect(self) -> Iterator[Metric]:
        families = {metric.name: metric for metric in merged(self._directory)}
        for name in sorted(families):
            yield families[name]
        workers, requests = (families.get(self._prefix + name) for name in ("workers", "requests_in_progress"))
        if workers is not None and requests is not None and workers.samples[0].value:
            # A sum of the processes' percentages would say nothing.
            yield GaugeMetricFamily(
                self._prefix + UTILIZATION,
                UTILIZATION_TEXT,
                100 * requests.samples[0].value / workers.samples[0].value,
            )
