"""One trace per request: a span for it and one inside for each stage (spec 03 section 7.3)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from opentelemetry.context import Context
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context

from renderer.errors import BildwerkError, RequestCancelled
from renderer.telemetry.background import CLOSE_SECONDS, within
from renderer.telemetry.metadata import (
    Scalar,
    error_class,
    error_type,
    flattened,
    message,
    source_origin,
    stack_trace,
)
from renderer.telemetry.observation import Observation, Silent, Stage, Timing
from renderer.telemetry.otlp.propagation import LowerCaseHeaders
from renderer.telemetry.otlp.variables import SERVICE_NAME

_NOTE: Final = "opentelemetry"
_GETTER: Final = LowerCaseHeaders()
_DOWNLOADS: Final = (Stage.DOWNLOAD, Stage.STREAMING, Stage.DOWNLOAD_FALLBACK)


@dataclass(slots=True, kw_only=True)
class _Trace:
    """The spans of one request. No context variable is used: stages may run in other tasks than the request."""

    root: Span
    context: Context
    stage: Span | None = None
    source: dict[str, Scalar] = field(default_factory=dict)
    options: dict[str, Scalar] = field(default_factory=dict)


class OpenTelemetryTraces(Silent):
    """Sends a trace of each request. The provider batches: nothing here waits."""

    def __init__(self, provider: TracerProvider, propagator: TextMapPropagator, *, propagates: bool) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer(SERVICE_NAME)
        self._propagator = propagator
        self._propagates = propagates

    def request_started(self, seen: Observation) -> None:
        """Opens the trace, or goes on with the one that the client's headers name."""
        incoming = self._propagator.extract(seen.headers, Context(), _GETTER)
        root = self._tracer.start_span(
            "/request",
            context=incoming,
            kind=SpanKind.SERVER,
            attributes=request_attributes(seen),
            start_time=_nanoseconds(seen, seen.started),
        )
        seen.notes[_NOTE] = _Trace(root=root, context=set_span_in_context(root, incoming))

    def request_understood(self, seen: Observation) -> None:
        """Says what is asked for."""
        trace = _trace(seen)
        if trace is not None and trace.root.is_recording():
            trace.source, trace.options = source_attributes(seen), flattened(seen.options, "imgproxy.options")
            trace.root.set_attributes(trace.source | trace.options)

    def stage_started(self, seen: Observation, stage: Stage) -> None:
        """Opens a span inside."""
        trace = _trace(seen)
        if trace is not None:
            trace.stage = self._tracer.start_span(
                stage.value,
                context=trace.context,
                attributes=_stage_attributes(trace, stage),
                start_time=_nanoseconds(seen, time.monotonic()),
            )

    def stage_ended(self, seen: Observation, timing: Timing) -> None:
        """Ends the span inside."""
        trace = _trace(seen)
        if trace is not None and trace.stage is not None:
            trace.stage.end(_nanoseconds(seen, timing.started + timing.seconds))
            trace.stage = None

    def request_failed(self, seen: Observation, error: BildwerkError) -> None:
        """Adds the error as an event."""
        trace = _trace(seen)
        kind = error_type(seen, error)
        if trace is None or kind is None or not trace.root.is_recording():
            return
        trace.root.add_event(
            "exception",
            {
                "exception.type": f"{kind}_error ({error_class(error)})",
                "exception.message": message(error),
                "exception.stacktrace": stack_trace(error),
            },
        )

    def request_ended(self, seen: Observation) -> None:
        """Ends the trace."""
        trace = seen.notes.pop(_NOTE, None)
        if not isinstance(trace, _Trace):
            return
        trace.root.set_attribute("http.status_code", seen.status)
        if seen.error is not None and not isinstance(seen.error, RequestCancelled):
            trace.root.set_status(Status(StatusCode.ERROR, message(seen.error)))
        elif seen.status >= 500:
            trace.root.set_status(StatusCode.ERROR)
        trace.root.end(_nanoseconds(seen, seen.started + seen.seconds))

    def source_headers(self, seen: Observation) -> Mapping[str, str]:
        """`traceparent` and its like, naming the span of the download."""
        trace = _trace(seen)
        headers: dict[str, str] = {}
        if self._propagates and trace is not None:
            self._propagator.inject(headers, set_span_in_context(trace.stage or trace.root, trace.context))
        return headers

    async def close(self) -> None:
        """Sends what is left."""
        await within(CLOSE_SECONDS, self._provider.shutdown, purpose="Sending the last traces")


def _trace(seen: Observation) -> _Trace | None:
    trace = seen.notes.get(_NOTE)
    return trace if isinstance(trace, _Trace) else None


def _nanoseconds(seen: Observation, monotonic: float) -> int:
    """A moment of the monotonic clock as wall clock time; one offset a request, so spans never cross."""
    return int((seen.started_at + monotonic - seen.started) * 1e9)


def request_attributes(seen: Observation) -> dict[str, Scalar]:
    """What is known of a request from its line and headers, in the words of semantic conventions 1.20."""
    host, port = _host_and_port(seen)
    attributes: dict[str, Scalar] = {
        "http.method": seen.method,
        "http.scheme": "http",
        "http.url": seen.target,
        "net.protocol.version": "1.1",  # the version that the server answers in
        "net.host.name": host,
        "user_agent.original": seen.headers.get("user-agent", ""),
        "http.client_ip": seen.client_ip,
        "net.sock.peer.addr": seen.peer[0],
    }
    # 80 is what the scheme says already.
    if port not in (0, 80):
        attributes["net.host.port"] = port
    if seen.peer[1]:
        attributes["net.sock.peer.port"] = seen.peer[1]
    return {name: value for name, value in attributes.items() if value != ""}


def _host_and_port(seen: Observation) -> tuple[str, int]:
    host = seen.headers.get("host", "")
    if not host:
        return seen.server
    name, colon, port = host.rpartition(":")
    if not colon or name.endswith(":") or not (port.isascii() and port.isdigit()):
        return host.strip("[]"), 0
    return name.strip("[]"), int(port) if len(port) <= 5 else 0


def source_attributes(seen: Observation) -> dict[str, Scalar]:
    """Where the picture comes from."""
    return {
        "imgproxy.source_image_url": seen.source_url,
        "imgproxy.source_image_origin": source_origin(seen.source_url),
    }


def _stage_attributes(trace: _Trace, stage: Stage) -> dict[str, Scalar] | None:
    if stage is Stage.PROCESSING:
        return trace.options
    return trace.source if stage in _DOWNLOADS else None
