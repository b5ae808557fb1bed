"""Traces, metrics and logs as an OTLP collector gets them, over HTTP and over gRPC."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from renderer.errors import ConfigurationError, InternalError, InvalidURL, RequestCancelled, SourceTimeout
from renderer.settings.load import Settings, load_settings
from renderer.telemetry.monitors import tracing_monitors
from renderer.telemetry.observation import Monitor, Observation, Stage

HTTP = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}


def settings(**variables: str) -> Settings:
    return load_settings({"IMGPROXY_OPEN_TELEMETRY_ENABLE": "1", **variables})


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


async def test_a_request_is_a_span_with_a_span_inside_for_each_stage(
    monitors_over_http: Setup, receiver: Any, observe: Any
) -> None:
    monitors = monitors_over_http()
    observe(monitors)

    spans = await traced(monitors, receiver)

    assert {"/request", "queue", "downloading_source_image", "processing_image"} == set(spans)
    root = spans.pop("/request")
    assert root.kind == root.SPAN_KIND_SERVER
    assert root.parent_span_id == b""
    for span in spans.values():
        assert (root.trace_id, root.span_id) == (span.trace_id, span.parent_span_id)
        assert span.kind == span.SPAN_KIND_INTERNAL
        assert root.start_time_unix_nano <= span.start_time_unix_nano
        assert span.start_time_unix_nano <= span.end_time_unix_nano <= root.end_time_unix_nano


async def test_the_root_says_what_was_asked_and_what_came_of_it(
    monitors_over_http: Setup, receiver: Any, observe: Any
) -> None:
    monitors = monitors_over_http()
    observe(monitors)

    root = (await traced(monitors, receiver))["/request"]

    assert attributes(root) == {
        "http.method": "GET",
        "http.scheme": "http",
        "http.url": "/sig/rs:fit:300/plain/a",
        "http.client_ip": "203.0.113.7",
        "http.status_code": 200,
        "net.protocol.version": "1.1",
        "net.host.name": "pictures.example",
        "net.host.port": 8080,
        "net.sock.peer.addr": "127.0.0.1",
        "net.sock.peer.port": 5555,
        "user_agent.original": "browser/1",
        "imgproxy.source_image_url": "http://origin.example:81/a/b.jpg",
        "imgproxy.source_image_origin": "http://origin.example",
        "imgproxy.options.resize.width": 300,
        "imgproxy.options.resize.enlarge": True,
        "imgproxy.options.quality": 80,
        "imgproxy.options.gravity.type": "ce",
        "imgproxy.options.gravity.x": 0.5,
    }
    assert root.status.code == root.status.STATUS_CODE_UNSET


async def test_the_download_names_the_source_and_the_processing_the_options(
    monitors_over_http: Setup, receiver: Any, observe: Any
) -> None:
    monitors = monitors_over_http()
    observe(monitors)

    spans = await traced(monitors, receiver)

    assert set(attributes(spans["downloading_source_image"])) == {
        "imgproxy.source_image_url",
        "imgproxy.source_image_origin",
    }
    assert all(name.startswith("imgproxy.options.") for name in attributes(spans["processing_image"]))
    assert attributes(spans["queue"]) == {}


async def test_an_error_is_an_event_with_its_kind_and_trace(
    monitors_over_http: Setup, receiver: Any, observe: Any
) -> None:
    monitors = monitors_over_http()
    observe(monitors, error=raised(SourceTimeout("no answer in 5 s")), stages=[Stage.DOWNLOAD])

    root = (await traced(monitors, receiver))["/request"]

    event = attributes(root.events[0])
    assert root.events[0].name == "exception"
    assert event["exception.type"] == "timeout_error (SourceTimeout)"
    assert event["exception.message"] == "no answer in 5 s"
    assert "in raised" in event["exception.stacktrace"]
    assert (root.status.code, root.status.message) == (root.status.STATUS_CODE_ERROR, "no answer in 5 s")
    assert attributes(root)["http.status_code"] == 504


def raised(error: Any, cause: BaseException | None = None) -> Any:
    """The error with a trace, as one that was caught has it."""
    try:
        raise error from cause
    except type(error) as caught:
        return caught


async def test_the_class_of_a_wrapped_error_is_the_one_inside(
    monitors_over_http: Setup, receiver: Any, observe: Any
) -> None:
    monitors = monitors_over_http()
    observe(monitors, error=raised(InternalError("ZeroDivisionError: x"), raised(ZeroDivisionError("x"))))

    root = (await traced(monitors, receiver))["/request"]

    assert attributes(root.events[0])["exception.type"] == "unexpected_error (ZeroDivisionError)"


async def test_a_client_that_leaves_is_no_error(monitors_over_http: Setup, receiver: Any, observe: Any) -> None:
    monitors = monitors_over_http()
    observe(monitors, error=RequestCancelled("gone"))

    root = (await traced(monitors, receiver))["/request"]

    assert (list(root.events), root.status.code) == ([], root.status.STATUS_CODE_UNSET)


async def test_a_url_that_is_not_understood_is_traced_too(
    monitors_over_http: Setup, receiver: Any, observe: Any
) -> None:
    monitors = monitors_over_http()
    observe(monitors, error=InvalidURL("no such option"), stages=[], is_understood=False)

    spans = await traced(monitors, receiver)

    assert set(spans) == {"/request"}
    assert not any(name.startswith("imgproxy.") for name in attributes(spans["/request"]))


async def test_trace_ids_start_with_the_time_for_xray(monitors_over_http: Setup, receiver: Any, observe: Any) -> None:
    monitors = monitors_over_http()
    observe(monitors)

    root = (await traced(monitors, receiver))["/request"]

    assert abs(int.from_bytes(root.trace_id[:4], "big") - time.time()) < 60


async def test_trace_ids_are_random_on_request(monitors_over_http: Setup, receiver: Any, observe: Any) -> None:
    monitors = monitors_over_http(IMGPROXY_OPEN_TELEMETRY_TRACE_ID_GENERATOR="random")
    for _ in range(4):
        observe(monitors)
    for monitor in monitors:
        await monitor.close()

    request = ExportTraceServiceRequest.FromString(receiver.next("/v1/traces").body)

    starts = {span.trace_id[:4] for scope in request.resource_spans[0].scope_spans for span in scope.spans}
    assert len(starts) == 4


async def test_the_resource_is_named_imgproxy_and_knows_its_version(
    monitors_over_http: Setup, receiver: Any, observe: Any
) -> None:
    monitors = monitors_over_http()
    observe(monitors)
    await monitors[0].close()

    request = ExportTraceServiceRequest.FromString(receiver.next("/v1/traces").body)

    found = attributes(request.resource_spans[0].resource)
    assert (found["service.name"], found["service.version"]) == ("imgproxy", "1.2.3")
    assert found["service.instance.id"]
    assert request.resource_spans[0].scope_spans[0].scope.name == "imgproxy"


async def test_the_service_may_be_named(monitors_over_http: Setup, receiver: Any, observe: Any) -> None:
    monitors = monitors_over_http({"OTEL_SERVICE_NAME": "pictures"})
    observe(monitors)
    await monitors[0].close()

    request = ExportTraceServiceRequest.FromString(receiver.next("/v1/traces").body)

    assert attributes(request.resource_spans[0].resource)["service.name"] == "pictures"


async def test_stages_of_requests_side_by_side_stay_with_their_own(monitors_over_http: Setup, receiver: Any) -> None:
    monitors = monitors_over_http()
    first, second = (
        Observation(request_id=name, method="GET", target=f"/{name}", client_ip="", monitors=monitors)
        for name in ("first", "second")
    )
    first.begin()
    second.begin()
    with first.stage(Stage.DOWNLOAD), second.stage(Stage.PROCESSING):
        pass
    second.end(200)
    first.end(200)
    await monitors[0].close()

    request = ExportTraceServiceRequest.FromString(receiver.next("/v1/traces").body)

    spans = [span for scope in request.resource_spans[0].scope_spans for span in scope.spans]
    roots = {attributes(span)["http.url"]: span.span_id for span in spans if span.name == "/request"}
    parents = {span.name: span.parent_span_id for span in spans if span.name != "/request"}
    assert parents == {"downloading_source_image": roots["/first"], "processing_image": roots["/second"]}


async def test_a_collector_that_hangs_does_not_hold_the_end(
    monitors_over_http: Setup, receiver: Any, observe: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Closing is bounded by 5 seconds, and says that something was lost."""
    receiver.may_answer.clear()
    monitors = monitors_over_http()
    observe(monitors)
    started = time.monotonic()

    await monitors[0].close()

    assert 4 < time.monotonic() - started < 8
    assert "took longer than 5 seconds" in caplog.text


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps what it gets."""

    def __init__(self) -> None:
        self.got: queue.Queue[ExportTraceServiceRequest] = queue.Queue()

    def Export(  # noqa: N802  gRPC's name
        self, request: ExportTraceServiceRequest, _context: Any
    ) -> ExportTraceServiceResponse:
        """Takes spans."""
        self.got.put(request)
        return ExportTraceServiceResponse()


@pytest.fixture
def grpc_server() -> Iterator[tuple[grpc.Server, Collector]]:
    server, collector = grpc.server(ThreadPoolExecutor(2)), Collector()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    yield server, collector
    server.stop(None).wait(10)


async def test_grpc_is_the_default(
    grpc_server: tuple[grpc.Server, Collector], environment: Any, vitals: Any, observe: Any
) -> None:
    server, collector = grpc_server
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    found = environment(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}")
    (monitor,) = tracing_monitors(settings(), environment=found, vitals=vitals, version="1")
    observe([monitor])

    await monitor.close()

    assert "/request" in spans_of(collector.got.get(timeout=10))


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "carrier-pigeon"}, "OTEL_EXPORTER_OTLP_PROTOCOL"),
        ({"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "x"}, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"),
        ({"OTEL_EXPORTER_OTLP_TIMEOUT": "10s"}, "OTEL_EXPORTER_OTLP_TIMEOUT"),
        ({"OTEL_PROPAGATORS": "tracecontext,ottrace"}, "OTEL_PROPAGATORS"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(
    variables: dict[str, str], names: str, environment: Any, vitals: Any
) -> None:
    with pytest.raises(ConfigurationError, match=f"^{names}: expected"):
        tracing_monitors(settings(), environment=environment(**variables), vitals=vitals, version="1")


def test_nothing_is_traced_by_default(vitals: Any) -> None:
    assert tracing_monitors(Settings(), environment={}, vitals=vitals, version="1") == []
