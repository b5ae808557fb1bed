"""Settings of traces and of error reports (spec 03 section 1.12)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from renderer.settings.declare import Reader, setting
from renderer.settings.readers import BOOLEAN, TEXT, integer, non_empty, one_of
from renderer.version import IMGPROXY_VERSION


def _read_labels(text: str) -> tuple[tuple[str, str], ...]:
    labels = {}
    for pair in filter(None, (item.strip() for item in text.split(";"))):
        name, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"{pair!r} is not name=value")
        labels[name] = value
    return tuple(labels.items())


def _read_pem(text: str) -> str:
    pem = text.replace("\\n", "\n")
    if "-----BEGIN" not in pem:
        raise ValueError("no BEGIN line")
    return pem


LABELS: Final = Reader(expected="name=value pairs between semicolons", read=_read_labels)
PEM: Final = Reader(expected="a certificate or key as PEM text, line ends written as \\n", read=_read_pem)


@dataclass(frozen=True, slots=True, kw_only=True)
class TracingSettings:
    """Where traces go: OpenTelemetry, Datadog, New Relic. `OTEL_*` and `DD_*` variables are read as well."""

    open_telemetry_enable: bool = setting(
        "IMGPROXY_OPEN_TELEMETRY_ENABLE",
        read=BOOLEAN,
        default=False,
        doc="Send traces over OTLP to where the `OTEL_*` variables say. Needs the extra `otel`.",
    )
    open_telemetry_enable_metrics: bool = setting(
        "IMGPROXY_OPEN_TELEMETRY_ENABLE_METRICS",
        read=BOOLEAN,
        default=False,
        doc="Send metrics too, every 10 seconds.",
    )
    open_telemetry_enable_logs: bool = setting(
        "IMGPROXY_OPEN_TELEMETRY_ENABLE_LOGS", read=BOOLEAN, default=False, doc="Send the lines of the log too."
    )
    open_telemetry_logger_name: str = setting(
        "IMGPROXY_OPEN_TELEMETRY_LOGGER_NAME",
        read=TEXT,
        default="imgproxy",
        doc="Name of the scope that log lines are sent under.",
    )
    open_telemetry_server_cert: str = setting(
        "IMGPROXY_OPEN_TELEMETRY_SERVER_CERT",
        read=PEM,
        default="",
        doc="Certificate of the collector or of its authority, as PEM text.",
    )
    open_telemetry_client_cert: str = setting(
        "IMGPROXY_OPEN_TELEMETRY_CLIENT_CERT",
        read=PEM,
        default="",
        doc="Our certificate, as PEM text; ignored without the server's.",
    )
    open_telemetry_client_key: str = setting(
        "IMGPROXY_OPEN_TELEMETRY_CLIENT_KEY",
        read=PEM,
        default="",
        secret=True,
        doc="The key of our certificate, as PEM text.",
    )
    open_telemetry_trace_id_generator: str = setting(
        "IMGPROXY_OPEN_TELEMETRY_TRACE_ID_GENERATOR",
        read=one_of("xray", "random"),
        default="xray",
        doc="`xray` starts trace ids with the time, as AWS X-Ray needs them.",
    )
    open_telemetry_propagate_external: bool = setting(
        "IMGPROXY_OPEN_TELEMETRY_PROPAGATE_EXTERNAL",
        read=BOOLEAN,
        default=False,
        doc="Send the trace's headers (`traceparent`) along when a source is fetched for processing.",
    )
    datadog_enable: bool = setting(
        "IMGPROXY_DATADOG_ENABLE",
        read=BOOLEAN,
        default=False,
        doc="Send traces to the Datadog agent that the `DD_*` variables name. Needs the extra `datadog`.",
    )
    datadog_enable_additional_metrics: bool = setting(
        "IMGPROXY_DATADOG_ENABLE_ADDITIONAL_METRICS",
        read=BOOLEAN,
        default=False,
        doc="Send gauges to DogStatsD every 10 seconds.",
    )
    datadog_propagate_external: bool = setting(
        "IMGPROXY_DATADOG_PROPAGATE_EXTERNAL",
        read=BOOLEAN,
        default=False,
        doc="Send Datadog's trace headers along when a source is fetched for processing.",
    )
    new_relic_key: str = setting(
        "IMGPROXY_NEW_RELIC_KEY",
        read=non_empty(),
        default="",
        secret=True,
        doc="License key of New Relic; blank turns it off. Needs the extra `newrelic`.",
    )
    new_relic_app_name: str = setting(
        "IMGPROXY_NEW_RELIC_APP_NAME", read=TEXT, default="imgproxy", doc="Name of the application in New Relic."
    )
    new_relic_labels: tuple[tuple[str, str], ...] = setting(
        "IMGPROXY_NEW_RELIC_LABELS",
        read=LABELS,
        default=(),
        doc="`name=value` pairs between `;` that New Relic files the application under.",
    )
    new_relic_propagate_external: bool = setting(
        "IMGPROXY_NEW_RELIC_PROPAGATE_EXTERNAL",
        read=BOOLEAN,
        default=False,
        doc="Send New Relic's trace headers along when a source is fetched for processing.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportingSettings:
    """Which errors are reported, and to whom (spec 03 section 7.6)."""

    report_downloading_errors: bool = setting(
        "IMGPROXY_REPORT_DOWNLOADING_ERRORS", read=BOOLEAN, default=True, doc="Report sources that cannot be fetched."
    )
    report_io_errors: bool = setting(
        "IMGPROXY_REPORT_IO_ERRORS",
        read=BOOLEAN,
        default=False,
        doc="Count and report answers that cannot be written to the client as errors.",
    )
    bugsnag_key: str = setting(
        "IMGPROXY_BUGSNAG_KEY", read=non_empty(), default="", secret=True, doc="API key of Bugsnag; blank is off."
    )
    bugsnag_stage: str = setting(
        "IMGPROXY_BUGSNAG_STAGE", read=TEXT, default="production", doc="Release stage told to Bugsnag."
    )
    honeybadger_key: str = setting(
        "IMGPROXY_HONEYBADGER_KEY",
        read=non_empty(),
        default="",
        secret=True,
        doc="API key of Honeybadger; blank is off.",
    )
    honeybadger_env: str = setting(
        "IMGPROXY_HONEYBADGER_ENV", read=TEXT, default="production", doc="Environment told to Honeybadger."
    )
    sentry_dsn: str = setting(
        "IMGPROXY_SENTRY_DSN",
        read=non_empty(),
        default="",
        secret=True,
        doc="DSN of the Sentry project; blank is off. Needs the extra `sentry`.",
    )
    sentry_environment: str = setting(
        "IMGPROXY_SENTRY_ENVIRONMENT", read=TEXT, default="production", doc="Environment told to Sentry."
    )
    sentry_release: str = setting(
        "IMGPROXY_SENTRY_RELEASE",
        read=TEXT,
        default=f"imgproxy@{IMGPROXY_VERSION}",
        doc="Release told to Sentry.",
    )
    airbrake_project_id: int = setting(
        "IMGPROXY_AIRBRAKE_PROJECT_ID", read=integer(0), default=0, doc="Number of the Airbrake project."
    )
    airbrake_project_key: str = setting(
        "IMGPROXY_AIRBRAKE_PROJECT_KEY",
        read=non_empty(),
        default="",
        secret=True,
        doc="Key of the Airbrake project; blank is off.",
    )
    airbrake_environment: str = setting(
        "IMGPROXY_AIRBRAKE_ENVIRONMENT",
        "IMGPROXY_AIRBRAKE_ENV",
        read=TEXT,
        default="production",
        doc="Environment told to Airbrake.",
    )
    airbrake_host: str = setting(
        "BILDWERK_AIRBRAKE_HOST",
        read=non_empty(),
        default="https://api.airbrake.io",
        doc="Address of the Airbrake API, or of a server that speaks it.",
    )
