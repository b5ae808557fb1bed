"""Datadog: spans through ddtrace, gauges through DogStatsD (spec 03 section 7.4). Needs the extra `datadog`.

The tracer of ddtrace is one per process and reads its `DD_*` variables itself. Spans are made with their parents named
and are never the active ones, so requests that run side by side do not see each other's. The library also tells the
agent about itself and its settings; `DD_INSTRUMENTATION_TELEMETRY_ENABLED=false` turns that off.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from renderer.errors import BildwerkError, ConfigurationError
from renderer.settings.tracing import TracingSettings
from renderer.telemetry.background import CLOSE_SECONDS, Periodic, within
from renderer.telemetry.libraries import hooks_restored
from renderer.telemetry.metadata import error_class, error_type, flattened, message, source_origin, stack_trace
from renderer.telemetry.observation import Observation, Silent, Stage, Timing, Vitals

_NOTE: Final = "datadog"
_SERVICE: Final = "imgproxy"
_MEASURED: Final = "_dd.measured"
"""Asks the agent for statistics of a span that is not the root."""

GAUGE_SECONDS: Final = 10.0

_GAUGES: Final = {
    "imgproxy.workers": "workers",
    "imgproxy.requests_in_progress": "requests_in_progress",
    "imgproxy.images_in_progress": "images_in_progress",
    "imgproxy.workers_utilization": "workers_utilization",
    "imgproxy.vips.memory": "vips_memory_bytes",
    "imgproxy.vips.max_memory": "vips_max_memory_bytes",
    "imgproxy.vips.allocs": "vips_allocs",
}


@dataclass(slots=True, kw_only=True)
class _Trace:
    root: Any
    stage: Any = None


class Datadog(Silent):
    """Sends a trace of each request to the agent, and gauges if they are wanted."""

    def __init__(
        self, settings: TracingSettings, environment: Mapping[str, str], vitals: Callable[[], Vitals], version: str
    ) -> None:
        """Starts the tracer.

        Raises:
            ConfigurationError: a `DD_*` variable cannot be used.
        """
        self._tracer, self._propagator = _tracer_and_propagator()
        self._propagates = settings.datadog_propagate_external
        self._service = environment.get("DD_SERVICE", "").strip() or _SERVICE
        self._version = version
        self._statsd: Any = None
        if settings.datadog_enable_additional_metrics:
            self._statsd = _statsd(environment, self._service, version)
            self._gauges = Periodic(
                partial(_send_gauges, self._statsd, vitals),
                seconds=GAUGE_SECONDS,
                purpose="Sending gauges to DogStatsD",
            )

    def request_started(self, seen: Observation) -> None:
        """Opens the trace, or goes on with the one that the client's headers name."""
        root = self._tracer.start_span(
            "request",
            child_of=self._propagator.extract(dict(seen.headers)),
            service=self._service,
            span_type="web",
            activate=False,
        )
        root.start_ns = _nanoseconds(seen, seen.started)
        root.set_tags({"http.method": seen.method, "http.url": seen.target, "version": self._version})
        seen.notes[_NOTE] = _Trace(root=root)

    def request_understood(self, seen: Observation) -> None:
        """Says what is asked for."""
        if trace := _trace(seen):
            _tag(trace.root, _source(seen) | flattened(seen.options, "imgproxy.options"))

    def stage_started(self, seen: Observation, stage: Stage) -> None:
        """Opens a span inside."""
        if trace := _trace(seen):
            span = self._tracer.start_span(stage.value, child_of=trace.root, service=self._service, activate=False)
            span.start_ns = _nanoseconds(seen, time.monotonic())
            span.set_metric(_MEASURED, 1)
            if stage is Stage.PROCESSING:
                _tag(span, flattened(seen.options, "imgproxy.options"))
            elif stage is Stage.DOWNLOAD:
                _tag(span, _source(seen))
            trace.stage = span

    def stage_ended(self, seen: Observation, timing: Timing) -> None:
        """Ends the span inside."""
        trace = _trace(seen)
        if trace and trace.stage:
            trace.stage.finish(_nanoseconds(seen, timing.started + timing.seconds) / 1e9)
            trace.stage = None

    def request_failed(self, seen: Observation, error: BildwerkError) -> None:
        """Marks the trace as failed."""
        trace, kind = _trace(seen), error_type(seen, error)
        if trace and kind is not None:
            trace.root.error = 1
            tags = {"error.type": f"{kind}_error ({error_class(error)})", "error.message": message(error)}
            trace.root.set_tags({**tags, "error.stack": stack_trace(error)})

    def request_ended(self, seen: Observation) -> None:
        """Ends the trace."""
        if trace := _trace(seen):
            trace.root.set_tag("http.status_code", str(seen.status))
            trace.root.finish(_nanoseconds(seen, seen.started + seen.seconds) / 1e9)
            del seen.notes[_NOTE]

    def source_headers(self, seen: Observation) -> Mapping[str, str]:
        """Datadog's trace headers, and whatever else `DD_TRACE_PROPAGATION_STYLE` asks for."""
        trace = _trace(seen)
        headers: dict[str, str] = {}
        if self._propagates and trace:
            self._propagator.inject((trace.stage or trace.root).context, headers)
        return headers

    async def close(self) -> None:
        """Sends what is left."""
        await within(CLOSE_SECONDS, self._stop, purpose="Sending the last traces to Datadog")

    def _stop(self) -> None:
        if self._statsd is not None:
            self._gauges.stop()
            self._statsd.close_socket()
        self._tracer.shutdown(timeout=CLOSE_SECONDS)


def _trace(seen: Observation) -> _Trace | None:
    trace = seen.notes.get(_NOTE)
    return trace if isinstance(trace, _Trace) else None


def _source(seen: Observation) -> dict[str, Any]:
    return {
        "imgproxy.source_image_url": seen.source_url,
        "imgproxy.source_image_origin": source_origin(seen.source_url),
    }


def _tag(span: Any, values: Mapping[str, Any]) -> None:  # noqa: ANN401  ddtrace is an extra; its types may be missing
    """Numbers stay numbers; a boolean is a word, as Datadog's Go tracer writes it."""
    for name, value in values.items():
        span.set_tag(name, str(value).lower() if isinstance(value, bool) else value)


def _nanoseconds(seen: Observation, monotonic: float) -> int:
    return int((seen.started_at + monotonic - seen.started) * 1e9)


def _tracer_and_propagator() -> tuple[Any, Any]:
    try:
        with hooks_restored():
            from ddtrace.propagation.http import HTTPPropagator  # imported here: it is an extra
            from ddtrace.trace import tracer
    except (TypeError, ValueError) as error:
        # The library reads its variables when it is imported, and names only the value.
        raise ConfigurationError([f"DD_*: ddtrace cannot use a variable ({error})"]) from error
    return tracer, HTTPPropagator


def _statsd(environment: Mapping[str, str], service: str, version: str) -> Any:  # noqa: ANN401  as above
    """The client of DogStatsD: one datagram a gauge.

    Raises:
        ConfigurationError: the port is none.
    """
    with hooks_restored():
        from datadog.dogstatsd.base import DogStatsd  # imported here: it is an extra

    port = environment.get("DD_DOGSTATSD_PORT", "").strip() or "8125"
    if not (port.isascii() and port.isdigit() and len(port) <= 5):
        raise ConfigurationError([f"DD_DOGSTATSD_PORT: expected a port, got {port[:200]!r}"])
    return DogStatsd(
        host=environment.get("DD_AGENT_HOST", "").strip() or "localhost",
        port=int(port),
        constant_tags=[f"service:{service}", f"version:{version}"],
        disable_telemetry=True,
        disable_buffering=True,
    )


def _send_gauges(statsd: Any, vitals: Callable[[], Vitals]) -> None:  # noqa: ANN401  as above
    now = vitals()
    for name, attribute in _GAUGES.items():
        statsd.gauge(name, getattr(now, attribute))
