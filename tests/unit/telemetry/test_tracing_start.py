"""How tracers start and stop: libraries that are missing, certificates, what AWS says of the machine, time limits."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import queue
import signal
import ssl
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.resources import Resource, ResourceDetector

from renderer.errors import ConfigurationError
from renderer.settings.load import load_settings
from renderer.telemetry.background import Periodic, within
from renderer.telemetry.libraries import hooks_restored
from renderer.telemetry.metadata import flattened, source_origin
from renderer.telemetry.monitors import tracing_monitors
from renderer.telemetry.otlp.resource import detected, detectors

EXTRAS = [
    ("otel", "opentelemetry.sdk", {"IMGPROXY_OPEN_TELEMETRY_ENABLE": "1"}),
    ("otel", "opentelemetry.exporter.otlp.proto.grpc", {"IMGPROXY_OPEN_TELEMETRY_ENABLE": "1"}),
    ("datadog", "ddtrace", {"IMGPROXY_DATADOG_ENABLE": "1"}),
    ("newrelic", "newrelic", {"IMGPROXY_NEW_RELIC_KEY": "k"}),
    ("sentry", "sentry_sdk", {"IMGPROXY_SENTRY_DSN": "http://k@127.0.0.1:1/1"}),
]


@pytest.mark.parametrize(("extra", "module", "variables"), EXTRAS, ids=[module for _, module, _ in EXTRAS])
def test_a_missing_library_is_named_by_its_extra(
    extra: str, module: str, variables: dict[str, str], vitals: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(ConfigurationError, match=rf"^{next(iter(variables))}: .*pip install bildwerk\[{extra}\]"):
        tracing_monitors(load_settings(variables), environment={}, vitals=vitals, version="1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A certificate and its key, PEM."""

    certificate: str
    key: str


def pair(name: str) -> Pair:
    """A certificate that signs itself, for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Pair(
        certificate=certificate.public_bytes(serialization.Encoding.PEM).decode(),
        key=key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
    )


def one_line(pem: str) -> str:
    """As a variable holds it."""
    return pem.replace("\n", "\\n")


def tls_variables(server: Pair, client: Pair) -> dict[str, str]:
    return {
        "IMGPROXY_OPEN_TELEMETRY_ENABLE": "1",
        "IMGPROXY_OPEN_TELEMETRY_SERVER_CERT": one_line(server.certificate),
        "IMGPROXY_OPEN_TELEMETRY_CLIENT_CERT": one_line(client.certificate),
        "IMGPROXY_OPEN_TELEMETRY_CLIENT_KEY": one_line(client.key),
    }


async def test_grpc_with_certificates_on_both_sides(environment: Any, vitals: Any, observe: Any) -> None:
    server_pair, client_pair = pair("collector"), pair("us")
    got: queue.Queue[Any] = queue.Queue()

    class Collector(trace_service_pb2_grpc.TraceServiceServicer):
        def Export(self, request: Any, _context: Any) -> ExportTraceServiceResponse:  # noqa: N802  gRPC's name
            got.put(request)
            return ExportTraceServiceResponse()

    server = grpc.server(ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Collector(), server)
    credentials = grpc.ssl_server_credentials(
        [(server_pair.key.encode(), server_pair.certificate.encode())],
        root_certificates=client_pair.certificate.encode(),
        require_client_auth=True,
    )
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    settings = load_settings(tls_variables(server_pair, client_pair))
    variables = environment(OTEL_EXPORTER_OTLP_ENDPOINT=f"https://127.0.0.1:{port}")
    (monitor,) = tracing_monitors(settings, environment=variables, vitals=vitals, version="1")
    observe([monitor])
    await monitor.close()

    assert got.get(timeout=10).resource_spans
    server.stop(None).wait(10)


async def test_http_with_certificates_on_both_sides(environment: Any, vitals: Any, observe: Any, tmp_path: Any) -> None:
    server_pair, client_pair = pair("collector"), pair("us")
    got: queue.Queue[str] = queue.Queue()

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            subject = dict(item[0] for item in self.connection.getpeercert()["subject"])  # type: ignore[attr-defined]  # TLS
            got.put(subject["commonName"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on stderr."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (tmp_path / "pair.pem").write_text(server_pair.key + server_pair.certificate)
    context.load_cert_chain(tmp_path / "pair.pem")
    context.load_verify_locations(cadata=client_pair.certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    server = HTTPServer(("127.0.0.1", 0), Collector)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    settings = load_settings(tls_variables(server_pair, client_pair))
    variables = environment(
        OTEL_EXPORTER_OTLP_ENDPOINT=f"https://127.0.0.1:{server.server_address[1]}",
        OTEL_EXPORTER_OTLP_PROTOCOL="https",
    )
    (monitor,) = tracing_monitors(settings, environment=variables, vitals=vitals, version="1")
    observe([monitor])
    await monitor.close()

    assert got.get(timeout=10) == "us"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_certificate_that_is_none_is_named_and_a_key_not_shown() -> None:
    with pytest.raises(ConfigurationError) as raised:
        load_settings(
            {"IMGPROXY_OPEN_TELEMETRY_SERVER_CERT": "hunter1", "IMGPROXY_OPEN_TELEMETRY_CLIENT_KEY": "hunter2"}
        )

    text = str(raised.value)
    assert "IMGPROXY_OPEN_TELEMETRY_SERVER_CERT: expected" in text
    assert "IMGPROXY_OPEN_TELEMETRY_CLIENT_KEY: expected" in text
    assert "hunter2" not in text


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, ["AwsEksResourceDetector", "AwsEc2ResourceDetector"]),
        ({"AWS_EC2_METADATA_DISABLED": "true"}, ["AwsEksResourceDetector"]),
        (
            {"AWS_EXECUTION_ENV": "AWS_ECS_FARGATE", "ECS_CONTAINER_METADATA_URI_V4": "http://x"},
            ["AwsEksResourceDetector", "AwsEcsResourceDetector"],
        ),
        (
            {"ECS_CONTAINER_METADATA_URI": "http://x"},
            ["AwsEksResourceDetector", "AwsEcsResourceDetector", "AwsEc2ResourceDetector"],
        ),
    ],
)
def test_only_metadata_that_may_be_there_is_asked_for(variables: dict[str, str], expected: list[str]) -> None:
    assert [type(detector).__name__ for detector in detectors(variables)] == expected


def test_a_detector_that_hangs_does_not_hold_the_start() -> None:
    """Outside AWS the metadata address may answer nothing at all."""
    over = threading.Event()

    class Hanging(ResourceDetector):
        def detect(self) -> Resource:
            over.wait(60)
            return Resource({"never": "seen"})

    class Quick(ResourceDetector):
        def detect(self) -> Resource:
            return Resource({"host.id": "i-1"})

    started = time.monotonic()
    found = detected([Hanging(), Quick()], 0.2)
    over.set()

    assert time.monotonic() - started < 5
    assert dict(found.attributes) == {"host.id": "i-1"}


async def test_a_call_that_blocks_is_waited_for_no_longer_than_said(caplog: pytest.LogCaptureFixture) -> None:
    over = threading.Event()

    await asyncio.wait_for(within(0.05, lambda: over.wait(60), purpose="A long call"), 10)
    over.set()

    assert "A long call took longer than 0.05 seconds" in caplog.text


async def test_a_call_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise ValueError("no")

    await within(10, fail, purpose="A call")

    assert "A call failed" in caplog.text


def test_periodic_calls_go_on_after_one_that_failed(caplog: pytest.LogCaptureFixture) -> None:
    calls: queue.Queue[int] = queue.Queue()

    def call() -> None:
        calls.put(1)
        raise ValueError("no")

    periodic = Periodic(call, seconds=0.01, purpose="Sending")
    for _ in range(3):
        calls.get(timeout=10)
    periodic.stop()

    assert "Sending failed" in caplog.text


def test_hooks_that_an_import_replaces_are_put_back() -> None:
    """Honeybadger, Datadog and their like take SIGTERM, which would end requests in the middle."""
    before = (sys.excepthook, threading.excepthook, signal.getsignal(signal.SIGTERM))

    with hooks_restored():
        sys.excepthook = lambda *_: None
        threading.excepthook = lambda *_: None
        signal.signal(signal.SIGTERM, lambda *_: None)

    assert before == (sys.excepthook, threading.excepthook, signal.getsignal(signal.SIGTERM))


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://user:pass@h.example:81/a", "http://h.example"),
        ("s3://bucket/key", "s3://bucket"),
        ("local:///a.jpg", "local://"),
        ("no url", ""),
        ("http://[::1/a", ""),
    ],
)
def test_the_origin_of_a_source_says_nothing_secret(url: str, origin: str) -> None:
    assert source_origin(url) == origin


def test_options_are_flattened_to_plain_values() -> None:
    """OTLP holds integers of 64 bits; a URL may name larger ones."""
    assert flattened({"a": {"b": [1, None]}, "c": True, "d": 1.5, "e": 2**70}, "p") == {
        "p.a.b.0": 1,
        "p.a.b.1": "None",
        "p.c": True,
        "p.d": 1.5,
        "p.e": str(2**70),
    }
