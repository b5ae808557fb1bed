"""The exporter of each signal in each protocol; addresses, headers and compression are `OTEL_*` variables."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Final

from renderer.telemetry.otlp.certificates import Certificates, memory_file
from renderer.telemetry.otlp.variables import GRPC, protocol, timeout_seconds

_CLASSES: Final = {
    "TRACES": ("trace_exporter", "OTLPSpanExporter"),
    "METRICS": ("metric_exporter", "OTLPMetricExporter"),
    "LOGS": ("_log_exporter", "OTLPLogExporter"),
}


def exporter(signal: str, environment: Mapping[str, str], certificates: Certificates | None) -> Any:  # noqa: ANN401  the six classes share no type
    """The exporter of one signal: TRACES, METRICS or LOGS.

    Raises:
        ConfigurationError: a variable cannot be used.
    """
    is_grpc = protocol(environment, signal) == GRPC
    module, name = _CLASSES[signal]
    package = "grpc" if is_grpc else "http"
    found = getattr(importlib.import_module(f"opentelemetry.exporter.otlp.proto.{package}.{module}"), name)
    tls = _grpc_tls if is_grpc else _http_tls
    return found(timeout=timeout_seconds(environment, signal), **({} if certificates is None else tls(certificates)))


def _grpc_tls(certificates: Certificates) -> dict[str, Any]:
    grpc = importlib.import_module("grpc")  # it has no types
    credentials = grpc.ssl_channel_credentials(
        root_certificates=certificates.server.encode(),
        private_key=certificates.client_key.encode() or None,
        certificate_chain=certificates.client.encode() or None,
    )
    return {"insecure": False, "credentials": credentials}


def _http_tls(certificates: Certificates) -> dict[str, Any]:
    requests = importlib.import_module("requests")  # it has no types
    server = memory_file(certificates.server)
    ours = (memory_file(certificates.client), memory_file(certificates.client_key)) if certificates.client else None

    class Adapter(requests.adapters.HTTPAdapter):  # type: ignore[misc,name-defined]  # as above
        """Insists on our files: `REQUESTS_CA_BUNDLE` would win over those of the session."""

        def send(self, request: Any, **how: Any) -> Any:  # noqa: ANN401  as above
            """One request."""
            return super().send(request, **{**how, "verify": server, "cert": ours})

    session = requests.Session()
    session.mount("https://", Adapter())
    return {"session": session}
