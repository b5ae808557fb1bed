"""The metrics of spec 03 section 7.3.

Of imgproxy's gauges the `go_*` ones are left out: they describe the Go runtime, and a number under such a name would
mean something else here. `queue_length`, `connections` and `source_bytes_in_flight` are ours.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Final

from opentelemetry.metrics import CallbackOptions
from opentelemetry.metrics import Observation as Measurement
from opentelemetry.sdk.metrics import MeterProvider

from renderer.errors import BildwerkError
from renderer.telemetry.background import CLOSE_SECONDS, within
from renderer.telemetry.metadata import error_type
from renderer.telemetry.observation import Observation, Silent, Timing, Vitals
from renderer.telemetry.otlp.variables import SERVICE_NAME

EXPORT_SECONDS: Final = 10
BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Seconds, those of the Prometheus metrics (spec 03 section 7.2)."""

_STATM: Final = Path("/proc/self/statm")

_GAUGES: Final = (
    ("workers", "1", "Pictures that may be processed at once"),
    ("requests_in_progress", "1", "Requests in progress, waiting ones too"),
    ("images_in_progress", "1", "Pictures that are being processed"),
    ("workers_utilization", "%", "Requests in progress per worker"),
    ("vips_memory_bytes", "By", "Memory that libvips holds"),
    ("vips_max_memory_bytes", "By", "Most memory that libvips has held"),
    ("vips_allocs", "1", "Blocks of memory that libvips holds"),
    ("queue_length", "1", "Requests that wait for a worker"),
    ("connections", "1", "Connections of clients"),
    ("source_bytes_in_flight", "By", "Bytes of sources that are held"),
)


class OpenTelemetryMetrics(Silent):
    """Counts requests; gauges are asked for in the exporter's thread, so `vitals` may be called there."""

    def __init__(self, provider: MeterProvider, vitals: Callable[[], Vitals]) -> None:
        self._provider = provider
        meter = provider.get_meter(SERVICE_NAME)
        self._requests = meter.create_counter("requests_total", "1", "Requests that came in")
        self._statuses = meter.create_counter("status_codes_total", "1", "Answers by status")
        self._errors = meter.create_counter("errors_total", "1", "Errors by kind")
        self._duration = meter.create_histogram(
            "request_duration_seconds",
            "s",
            "How long requests take",
            explicit_bucket_boundaries_advisory=BUCKETS,
        )
        self._stages = meter.create_histogram(
            "request_span_duration_seconds",
            "s",
            "How long the stages of requests take",
            explicit_bucket_boundaries_advisory=BUCKETS,
        )
        for name, unit, text in _GAUGES:
            meter.create_observable_gauge(name, [partial(_vital, vitals, name)], unit, text)
        if _STATM.exists():
            for position, name in ((0, "process_virtual_memory_bytes"), (1, "process_resident_memory_bytes")):
                meter.create_observable_gauge(name, [partial(_memory, position)], "By", "Memory of this process")

    def request_started(self, _seen: Observation) -> None:
        """Counts it."""
        self._requests.add(1)

    def stage_ended(self, _seen: Observation, timing: Timing) -> None:
        """Notes how long the stage took."""
        self._stages.record(timing.seconds, {"span": timing.stage.value})

    def request_failed(self, seen: Observation, error: BildwerkError) -> None:
        """Counts the error."""
        kind = error_type(seen, error)
        if kind is not None:
            self._errors.add(1, {"type": kind})

    def request_ended(self, seen: Observation) -> None:
        """Counts the status, and notes how long the request took."""
        self._statuses.add(1, {"status": seen.status})
        self._duration.record(seen.seconds)

    async def close(self) -> None:
        """Sends the last figures."""
        await within(CLOSE_SECONDS, self._provider.shutdown, purpose="Sending the last metrics")


def _vital(vitals: Callable[[], Vitals], name: str, _options: CallbackOptions) -> Iterable[Measurement]:
    yield Measurement(getattr(vitals(), name))


def _memory(position: int, _options: CallbackOptions) -> Iterable[Measurement]:
    """Size or resident part of this process, in bytes (proc_pid_statm(5))."""
    pages = int(_STATM.read_text(encoding="ascii").split()[position])
    yield Measurement(pages * os.sysconf("SC_PAGE_SIZE"))
