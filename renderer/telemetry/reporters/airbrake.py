"""Airbrake's notifier API, version 3 (https://docs.airbrake.io/docs/devops-tools/api/)."""

from __future__ import annotations

import platform
import socket
from collections.abc import Callable
from typing import Any

from renderer.telemetry.reporters.letter import NOTIFIER, Letter
from renderer.telemetry.reporters.report import Problem, Report, renamed


def airbrake(*, project_id: int, key: str, environment: str, version: str, host: str) -> Callable[[Report], Letter]:
    """Composes reports for that project."""
    machine = {
        "os": platform.platform(),
        "language": f"Python {platform.python_version()}",
        "hostname": socket.gethostname(),
    }

    def compose(report: Report) -> Letter:
        return Letter(
            url=f"{host.rstrip('/')}/api/v3/projects/{project_id}/notices",
            headers={"Authorization": f"Bearer {key}"},
            document={
                "errors": [_error(problem) for problem in report.problems],
                "context": {
                    "notifier": {**NOTIFIER, "version": version},
                    **machine,
                    "environment": environment,
                    "severity": "error",
                    "version": version,
                    "url": report.url,
                    "httpMethod": report.method,
                    "userAgent": report.headers.get("user-agent", ""),
                },
                "environment": dict(report.headers),
                "params": renamed(report.context, "-"),
            },
        )

    return compose


def _error(problem: Problem) -> dict[str, Any]:
    return {
        "type": problem.kind,
        "message": problem.message,
        "backtrace": [
            {"file": frame.file, "line": frame.line, "function": frame.function} for frame in reversed(problem.frames)
        ],
    }
