"""Settings -> the monitors that report errors."""

from __future__ import annotations

from collections.abc import Mapping

from renderer.errors import ConfigurationError
from renderer.settings.tracing import ReportingSettings
from renderer.telemetry.observation import Monitor
from renderer.telemetry.reporters import airbrake, bugsnag, honeybadger
from renderer.telemetry.reporters.letter import Post
from renderer.telemetry.reporters.reporter import Delivery, ErrorReporter


def error_reporters(settings: ReportingSettings, environment: Mapping[str, str], version: str) -> list[Monitor]:
    """One monitor for each service that has a key.

    Bugsnag and Honeybadger have libraries, but theirs hook the whole process when they are imported (Honeybadger:
    SIGTERM and `sys.excepthook`), need live exceptions, or send without a time limit; their APIs are one JSON document.

    Raises:
        ConfigurationError: a key is none, or a library is missing.
    """
    deliveries: list[Delivery] = []
    if settings.bugsnag_key:
        compose = bugsnag.bugsnag(
            key=settings.bugsnag_key,
            stage=settings.bugsnag_stage,
            version=version,
            endpoint=environment.get("BUGSNAG_NOTIFY_ENDPOINT") or bugsnag.ENDPOINT,
        )
        deliveries.append(Post("Bugsnag", compose))
    if settings.honeybadger_key:
        compose = honeybadger.honeybadger(
            key=settings.honeybadger_key,
            environment=settings.honeybadger_env,
            version=version,
            endpoint=environment.get("HONEYBADGER_ENDPOINT") or honeybadger.ENDPOINT,
        )
        deliveries.append(Post("Honeybadger", compose))
    if settings.sentry_dsn:
        deliveries.append(_sentry(settings))
    if settings.airbrake_project_key:
        deliveries.append(_airbrake(settings, version))
    return [ErrorReporter(delivery, settings) for delivery in deliveries]


def _sentry(settings: ReportingSettings) -> Delivery:
    from renderer.telemetry.reporters.sentry import Sentry  # imported here: it is an extra

    return Sentry(
        dsn=settings.sentry_dsn,
        environment=settings.sentry_environment,
        release=settings.sentry_release,
    )


def _airbrake(settings: ReportingSettings, version: str) -> Delivery:
    if not settings.airbrake_project_id:
        raise ConfigurationError(["IMGPROXY_AIRBRAKE_PROJECT_ID: expected a project for the key that is set"])
    compose = airbrake.airbrake(
        project_id=settings.airbrake_project_id,
        key=settings.airbrake_project_key,
        environment=settings.airbrake_environment,
        version=version,
        host=settings.airbrake_host,
    )
    return Post("Airbrake", compose)
