"""How a trace crosses from one server to the next: the formats that `OTEL_PROPAGATORS` names."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Final

from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import Getter, TextMapPropagator

from renderer.errors import ConfigurationError

_PROPAGATORS: Final = {
    "tracecontext": ("opentelemetry.trace.propagation.tracecontext", "TraceContextTextMapPropagator"),
    "baggage": ("opentelemetry.baggage.propagation", "W3CBaggagePropagator"),
    "b3": ("opentelemetry.propagators.b3", "B3SingleFormat"),
    "b3multi": ("opentelemetry.propagators.b3", "B3MultiFormat"),
    "jaeger": ("opentelemetry.propagators.jaeger", "JaegerPropagator"),
    "xray": ("opentelemetry.propagators.aws", "AwsXRayPropagator"),
}
_DEFAULT: Final = "tracecontext,baggage"


def propagator(environment: Mapping[str, str]) -> TextMapPropagator:
    """The formats that are read and written; `none` stands for none.

    Raises:
        ConfigurationError: a name is unknown.
    """
    text = environment.get("OTEL_PROPAGATORS", "").strip() or _DEFAULT
    names = [name.strip() for name in text.split(",") if name.strip() not in ("", "none")]
    unknown = [name for name in names if name not in _PROPAGATORS]
    if unknown:
        known = ", ".join([*_PROPAGATORS, "none"])
        raise ConfigurationError([f"OTEL_PROPAGATORS: expected {known}, got {', '.join(unknown)[:200]!r}"])
    found = []
    for name in names:
        module, attribute = _PROPAGATORS[name]
        found.append(getattr(importlib.import_module(module), attribute)())
    return CompositePropagator(found)


class LowerCaseHeaders(Getter[Mapping[str, str]]):
    """Reads headers whose names are in lower case, however a format spells them."""

    def get(self, carrier: Mapping[str, str], key: str) -> list[str] | None:
        """The values of a header."""
        value = carrier.get(key.lower())
        return None if value is None else [value]

    def keys(self, carrier: Mapping[str, str]) -> list[str]:
        """The names of all headers."""
        return list(carrier)
