"""What the `OTEL_*` variables mean where imgproxy reads them in its own way (spec 03 section 1.12)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from renderer.errors import ConfigurationError

GRPC: Final = "grpc"
HTTP: Final = "http/protobuf"

SERVICE_NAME: Final = "imgproxy"
"""The service, tracer and meter are named so: existing dashboards ask for it."""

_PROTOCOLS: Final = {"grpc": GRPC, "http/protobuf": HTTP, "http": HTTP, "https": HTTP}
_TIMEOUT_MILLISECONDS: Final = 10_000


def protocol(environment: Mapping[str, str], signal: str) -> str:
    """`grpc` or `http/protobuf`.

    Args:
        environment: where the variables are.
        signal: TRACES, METRICS or LOGS, which may have a variable of its own.

    Raises:
        ConfigurationError: it is neither.
    """
    for name in (f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        text = environment.get(name, "").strip()
        if text:
            if text not in _PROTOCOLS:
                raise ConfigurationError([f"{name}: expected one of {', '.join(_PROTOCOLS)}, got {text[:200]!r}"])
            return _PROTOCOLS[text]
    return GRPC


def timeout_seconds(environment: Mapping[str, str], signal: str) -> float:
    """How long one export may take; the variables hold milliseconds, although Python's SDK reads them as seconds.

    Raises:
        ConfigurationError: a variable is no whole number of at least 0.
    """
    for name in (f"OTEL_EXPORTER_OTLP_{signal}_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"):
        text = environment.get(name, "").strip()
        if text and not (text.isascii() and text.isdigit()):
            raise ConfigurationError([f"{name}: expected whole milliseconds, got {text[:200]!r}"])
        if text and int(text):
            return int(text) / 1000
    return _TIMEOUT_MILLISECONDS / 1000
