"""Settings -> the monitors that speak OTLP. To be called in the process that serves, not before it is forked."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.extension.aws.trace import AwsXRayIdGenerator
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from renderer.settings.tracing import TracingSettings
from renderer.telemetry.observation import Monitor, Vitals
from renderer.telemetry.otlp import logs
from renderer.telemetry.otlp.certificates import certificates
from renderer.telemetry.otlp.exporters import exporter
from renderer.telemetry.otlp.logs import OpenTelemetryLogs
from renderer.telemetry.otlp.metrics import EXPORT_SECONDS, OpenTelemetryMetrics
from renderer.telemetry.otlp.propagation import propagator
from renderer.telemetry.otlp.resource import resource
from renderer.telemetry.otlp.traces import OpenTelemetryTraces


def open_telemetry_monitors(
    settings: TracingSettings, environment: Mapping[str, str], vitals: Callable[[], Vitals], version: str
) -> list[Monitor]:
    """Traces, and metrics and logs if they are wanted.

    Raises:
        ConfigurationError: an `OTEL_*` variable cannot be used.
    """
    sender = resource(environment, version)
    monitors: list[Monitor] = [_traces(settings, environment, sender)]
    if settings.open_telemetry_enable_metrics:
        reader = PeriodicExportingMetricReader(
            exporter("METRICS", environment, certificates(settings)), export_interval_millis=EXPORT_SECONDS * 1000
        )
        provider = MeterProvider([reader], resource=sender, shutdown_on_exit=False)
        monitors.append(OpenTelemetryMetrics(provider, vitals))
    if settings.open_telemetry_enable_logs:
        monitors.append(_logs(settings, environment, sender))
    return monitors


def _traces(settings: TracingSettings, environment: Mapping[str, str], sender: Resource) -> OpenTelemetryTraces:
    is_xray = settings.open_telemetry_trace_id_generator == "xray"
    provider = TracerProvider(
        resource=sender,
        id_generator=AwsXRayIdGenerator() if is_xray else RandomIdGenerator(),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(BatchSpanProcessor(exporter("TRACES", environment, certificates(settings))))
    return OpenTelemetryTraces(provider, propagator(environment), propagates=settings.open_telemetry_propagate_external)


def _logs(settings: TracingSettings, environment: Mapping[str, str], sender: Resource) -> OpenTelemetryLogs:
    level = logs.level(environment)
    provider = LoggerProvider(resource=sender, shutdown_on_exit=False)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter("LOGS", environment, certificates(settings))))
    return OpenTelemetryLogs(provider, name=settings.open_telemetry_logger_name, level=level)
