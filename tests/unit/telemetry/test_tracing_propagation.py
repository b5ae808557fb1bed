"""Traces that come in with a request and go out with a download."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from renderer.errors import InvalidURL
from renderer.telemetry.observation import Monitor


def attributes(holder: Any) -> dict[str, Any]:
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in holder.attributes}


def spans_of(request: ExportTraceServiceRequest) -> dict[str, Any]:
    """The spans of one request by name."""
    return {span.name: span for part in request.resource_spans for scope in part.scope_spans for span in scope.spans}


Setup = Callable[..., list[Monitor]]


async def traced(monitors: list[Monitor], receiver: Any) -> dict[str, Any]:
    for monitor in monitors:
        await monitor.close()
    request = ExportTraceServiceRequest.FromString(receiver.next("/v1/traces").body)
    return spans_of(request)


TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

INCOMING = [
    ("tracecontext,baggage", {"traceparent": f"00-{TRACE}-{PARENT}-01"}),
    ("b3", {"b3": f"{TRACE}-{PARENT}-1"}),
    ("b3multi", {"x-b3-traceid": TRACE, "x-b3-spanid": PARENT, "x-b3-sampled": "1"}),
    ("jaeger", {"uber-trace-id": f"{TRACE}:{PARENT}:0:1"}),
    ("xray", {"x-amzn-trace-id": f"Root=1-{TRACE[:8]}-{TRACE[8:]};Parent={PARENT};Sampled=1"}),
]


@pytest.mark.parametrize(("names", "headers"), INCOMING, ids=[name for name, _ in INCOMING])
async def test_the_trace_of_the_client_goes_on(
    names: str, headers: dict[str, str], monitors_over_http: Setup, receiver: Any, observe: Any
) -> None:
    monitors = monitors_over_http({"OTEL_PROPAGATORS": names})
    observe(monitors, headers=headers)

    root = (await traced(monitors, receiver))["/request"]

    assert (root.trace_id.hex(), root.parent_span_id.hex()) == (TRACE, PARENT)


async def test_no_trace_is_continued_when_no_propagator_is_named(
    monitors_over_http: Setup, receiver: Any, observe: Any
) -> None:
    monitors = monitors_over_http({"OTEL_PROPAGATORS": "none"})
    observe(monitors, headers=INCOMING[0][1])

    root = (await traced(monitors, receiver))["/request"]

    assert root.trace_id.hex() != TRACE


async def test_the_source_is_told_of_the_download_when_asked(
    monitors_over_http: Setup, receiver: Any, observe: Any
) -> None:
    monitors = monitors_over_http(IMGPROXY_OPEN_TELEMETRY_PROPAGATE_EXTERNAL="1")
    seen = observe(monitors)

    spans = await traced(monitors, receiver)

    download = spans["downloading_source_image"]
    assert seen.notes["source headers"] == {"traceparent": f"00-{download.trace_id.hex()}-{download.span_id.hex()}-01"}


async def test_the_source_is_told_nothing_by_default(monitors_over_http: Setup, observe: Any) -> None:
    monitors = monitors_over_http()
    seen = observe(monitors)

    assert seen.notes["source headers"] == {}
    await monitors[0].close()


async def test_an_unsampled_trace_is_not_sent_but_passed_on(
    monitors_over_http: Setup, receiver: Any, observe: Any
) -> None:
    monitors = monitors_over_http(IMGPROXY_OPEN_TELEMETRY_PROPAGATE_EXTERNAL="1")
    seen = observe(monitors, headers={"traceparent": f"00-{TRACE}-{PARENT}-00"}, error=InvalidURL("no"))
    await monitors[0].close()

    assert receiver.got.empty()
    assert seen.notes["source headers"]["traceparent"].startswith(f"00-{TRACE}-")
    assert seen.notes["source headers"]["traceparent"].endswith("-00")


async def test_baggage_goes_on_to_the_source(monitors_over_http: Setup, observe: Any) -> None:
    monitors = monitors_over_http(IMGPROXY_OPEN_TELEMETRY_PROPAGATE_EXTERNAL="1")
    seen = observe(monitors, headers={"baggage": "tenant=7"})
    await monitors[0].close()

    assert seen.notes["source headers"]["baggage"] == "tenant=7"
