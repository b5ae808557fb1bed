"""Bugsnag's error reporting API, payload version 5 (https://bugsnagerrorreportingapi.docs.apiary.io)."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from renderer.telemetry.reporters.letter import NOTIFIER, Letter
from renderer.telemetry.reporters.report import Problem, Report

ENDPOINT: Final = "https://notify.bugsnag.com"
_PAYLOAD_VERSION: Final = "5"


def bugsnag(*, key: str, stage: str, version: str, endpoint: str = ENDPOINT) -> Callable[[Report], Letter]:
    """Composes reports for the project of that key."""
    hostname = socket.gethostname()

    def compose(report: Report) -> Letter:
        at = datetime.fromtimestamp(report.at, UTC).isoformat(timespec="milliseconds")
        event = {
            "exceptions": [_exception(problem) for problem in report.problems],
            "severity": "error",
            "unhandled": False,
            "app": {"version": version, "releaseStage": stage},
            "device": {"hostname": hostname, "time": at},
            "request": {
                "clientIp": report.client_ip,
                "headers": dict(report.headers),
                "httpMethod": report.method,
                "url": report.url,
                "referer": report.headers.get("referer", ""),
            },
            "metaData": {"Processing Context": dict(report.context)},
        }
        return Letter(
            url=endpoint,
            headers={
                "Bugsnag-Api-Key": key,
                "Bugsnag-Payload-Version": _PAYLOAD_VERSION,
                "Bugsnag-Sent-At": datetime.now(UTC).isoformat(timespec="milliseconds"),
            },
            document={
                "apiKey": key,
                "payloadVersion": _PAYLOAD_VERSION,
                "notifier": {**NOTIFIER, "version": version},
                "events": [event],
            },
        )

    return compose


def _exception(problem: Problem) -> dict[str, Any]:
    return {
        "errorClass": problem.kind,
        "message": problem.message,
        "stacktrace": [
            {"file": frame.file, "lineNumber": frame.line, "method": frame.function}
            for frame in reversed(problem.frames)
        ],
    }
