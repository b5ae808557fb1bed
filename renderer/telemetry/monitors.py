"""Settings -> everybody who is told of requests beyond this process: tracers and error reporters."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping

from renderer.settings.load import Settings
from renderer.settings.tracing import TracingSettings
from renderer.telemetry.libraries import require
from renderer.telemetry.observation import Monitor, Vitals
from renderer.telemetry.reporters.start import error_reporters


def tracing_monitors(
    settings: Settings, *, environment: Mapping[str, str], vitals: Callable[[], Vitals], version: str
) -> list[Monitor]:
    """The monitors that the settings ask for.

    To be called where the event loop runs, after the process was forked: threads and connections are made here. With
    OpenTelemetry on this may take 2 seconds, while AWS is asked what this machine is.

    Args:
        settings: all of them.
        environment: where `OTEL_*`, `DD_*` and the like are looked up. The libraries read the process environment
            themselves, so both should say the same.
        vitals: what gauges show; called from other threads every 10 seconds.
        version: of this program, for those who are told.

    Raises:
        ConfigurationError: naming what cannot be used, or the extra that is missing.
    """
    tracing = settings.tracing
    monitors: list[Monitor] = []
    if tracing.open_telemetry_enable:
        monitors += _open_telemetry(tracing, environment, vitals, version)
    if tracing.datadog_enable:
        monitors.append(_datadog(tracing, environment, vitals, version))
    if tracing.new_relic_key:
        monitors.append(_new_relic(tracing, vitals))
    return monitors + error_reporters(settings.reporting, environment, version)


def log_handlers(monitors: Iterable[Monitor]) -> list[logging.Handler]:
    """The handlers of monitors that send the log; each wants a formatter and a place beside the other handlers."""
    return [
        handler for monitor in monitors if isinstance(handler := getattr(monitor, "handler", None), logging.Handler)
    ]


def _open_telemetry(
    settings: TracingSettings, environment: Mapping[str, str], vitals: Callable[[], Vitals], version: str
) -> list[Monitor]:
    require(
        "opentelemetry.sdk",
        "opentelemetry.exporter.otlp.proto.http",
        "opentelemetry.exporter.otlp.proto.grpc",
        "opentelemetry.sdk.extension.aws",
        extra="otel",
        setting="IMGPROXY_OPEN_TELEMETRY_ENABLE",
    )
    from renderer.telemetry.otlp.start import open_telemetry_monitors  # imported here: it is an extra

    return open_telemetry_monitors(settings, environment, vitals, version)


def _datadog(
    settings: TracingSettings, environment: Mapping[str, str], vitals: Callable[[], Vitals], version: str
) -> Monitor:
    require("ddtrace", "datadog", extra="datadog", setting="IMGPROXY_DATADOG_ENABLE")
    from renderer.telemetry.datadog import Datadog  # imported here: it is an extra

    return Datadog(settings, environment, vitals, version)


def _new_relic(settings: TracingSettings, vitals: Callable[[], Vitals]) -> Monitor:
    require("newrelic", extra="newrelic", setting="IMGPROXY_NEW_RELIC_KEY")
    from renderer.telemetry.newrelic import NewRelic  # imported here: it is an extra

    return NewRelic(settings, vitals)
