"""Sentry, through a client of its own: the SDK's global one and its integrations stay off."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import Any

from renderer.errors import ConfigurationError
from renderer.telemetry.background import CLOSE_SECONDS, within
from renderer.telemetry.libraries import hooks_restored, require
from renderer.telemetry.reporters.report import Problem, Report


class Sentry:
    """Sends events. The SDK has a queue and a thread of its own behind this, both bounded."""

    service = "Sentry"

    def __init__(self, *, dsn: str, environment: str, release: str) -> None:
        """Opens the client.

        Raises:
            ConfigurationError: the DSN is none, or the SDK is missing.
        """
        require("sentry_sdk", extra="sentry", setting="IMGPROXY_SENTRY_DSN")
        # Imported here: it is an extra.
        with hooks_restored():
            from sentry_sdk import Client
            from sentry_sdk.utils import BadDsn
        try:
            self._client = Client(
                dsn=dsn,
                environment=environment,
                release=release,
                default_integrations=False,  # they hook exceptions, logging and exit, and take headers
                auto_enabling_integrations=False,
                auto_session_tracking=False,
                enable_backpressure_handling=False,  # a thread of its own, for traces that are not sent
                send_client_reports=False,
                propagate_traces=False,
                max_breadcrumbs=0,
            )
        except BadDsn as error:
            raise ConfigurationError(["IMGPROXY_SENTRY_DSN: expected the DSN of a Sentry project"]) from error

    async def send(self, report: Report) -> None:
        """Hands the report to the SDK's queue; making the event takes a moment, so in a thread."""
        await asyncio.to_thread(self._client.capture_event, _event(report))

    async def close(self) -> None:
        """Waits for the SDK's queue, for 5 seconds at most."""
        await within(CLOSE_SECONDS, partial(self._client.close, CLOSE_SECONDS), purpose="Sending the last reports")


def _event(report: Report) -> Any:  # noqa: ANN401  the SDK's Event is a dict whose type is not public
    return {
        "level": "error",
        "platform": "python",
        "timestamp": datetime.fromtimestamp(report.at, UTC),
        # Causes first: Sentry shows the last one on top.
        "exception": {"values": [_exception(problem) for problem in reversed(report.problems)]},
        "request": {"url": report.url, "method": report.method, "headers": dict(report.headers)},
        "contexts": {"Processing context": dict(report.context)},
    }


def _exception(problem: Problem) -> dict[str, Any]:
    frames = [
        {"abs_path": frame.file, "filename": frame.file, "lineno": frame.line, "function": frame.function}
        for frame in problem.frames
    ]
    return {"type": problem.kind, "value": problem.message, "stacktrace": {"frames": frames}}
