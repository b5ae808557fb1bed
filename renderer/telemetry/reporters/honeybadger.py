"""Honeybadger's exceptions API, version 1 (https://docs.honeybadger.io/api/reporting-exceptions/)."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from renderer.telemetry.reporters.letter import NOTIFIER, Letter
from renderer.telemetry.reporters.report import Problem, Report, renamed

ENDPOINT: Final = "https://api.honeybadger.io"


def honeybadger(*, key: str, environment: str, version: str, endpoint: str = ENDPOINT) -> Callable[[Report], Letter]:
    """Composes reports for the project of that key."""
    hostname = socket.gethostname()

    def compose(report: Report) -> Letter:
        first, *others = [_error(problem) for problem in report.problems]
        return Letter(
            url=f"{endpoint.rstrip('/')}/v1/notices",
            headers={"X-API-Key": key, "Accept": "application/json", "User-Agent": f"{NOTIFIER['name']} {version}"},
            document={
                "notifier": {**NOTIFIER, "version": version},
                "error": {**first, "causes": others},
                "request": {
                    "url": report.url,
                    "context": dict(report.context),
                    "cgi_data": _cgi_data(report),
                },
                "server": {
                    "environment_name": environment,
                    "hostname": hostname,
                    "revision": version,
                    "pid": os.getpid(),
                    "time": datetime.fromtimestamp(report.at, UTC).isoformat(timespec="seconds"),
                },
            },
        )

    return compose


def _cgi_data(report: Report) -> dict[str, Any]:
    """The request in the words of CGI, and the context spelled the same way (spec 03 section 7.6)."""
    headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in report.headers.items()}
    context = {name.upper(): value for name, value in renamed(report.context, "_").items()}
    return {"REQUEST_METHOD": report.method, "REMOTE_ADDR": report.client_ip, **headers, **context}


def _error(problem: Problem) -> dict[str, Any]:
    return {
        "class": problem.kind,
        "message": problem.message,
        "backtrace": [
            {"file": frame.file, "number": frame.line, "method": frame.function} for frame in reversed(problem.frames)
        ],
    }
