"""Log lines over OTLP: the body is the whole line as it is written elsewhere (spec 03 section 7.3)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Final

from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider

from renderer.errors import ConfigurationError
from renderer.telemetry.background import CLOSE_SECONDS, within
from renderer.telemetry.observation import Silent

_SEVERITIES: Final = (
    (logging.CRITICAL, SeverityNumber.FATAL),
    (logging.ERROR, SeverityNumber.ERROR),
    (logging.WARNING, SeverityNumber.WARN),
    (logging.INFO, SeverityNumber.INFO),
    (logging.NOTSET, SeverityNumber.DEBUG),
)
_LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}
_EXPORTERS_OWN: Final = ("opentelemetry", "grpc", "urllib3", "requests")
"""A line about a failed export would be exported, fail, and be written again."""


class OpenTelemetryLogs(Silent):
    """Sends what is logged. `handler` is to be given a formatter and put beside the other handlers of the log."""

    def __init__(self, provider: LoggerProvider, *, name: str, level: int) -> None:
        self._provider = provider
        self.handler: logging.Handler = _Handler(provider, name, level)

    async def close(self) -> None:
        """Sends what is left."""
        await within(CLOSE_SECONDS, self._provider.shutdown, purpose="Sending the last log lines")


class _Handler(logging.Handler):
    def __init__(self, provider: LoggerProvider, name: str, level: int) -> None:
        super().__init__(level)
        self._provider = provider
        self._logger = provider.get_logger(name)
        self.addFilter(_is_not_exporters_own)

    def emit(self, record: logging.LogRecord) -> None:
        """Queues the line; the provider sends in batches. A critical one is sent at once, as it may be the last."""
        try:
            self._logger.emit(
                timestamp=int(record.created * 1e9),
                severity_number=next(number for level, number in _SEVERITIES if record.levelno >= level),
                severity_text=record.levelname,
                body=self.format(record),
            )
        except Exception:  # noqa: BLE001  the logging module's own way: a handler never raises
            self.handleError(record)
        if record.levelno >= logging.CRITICAL:
            threading.Thread(target=self._provider.force_flush, name="Flushing the log", daemon=True).start()


def _is_not_exporters_own(record: logging.LogRecord) -> bool:
    return record.name.partition(".")[0] not in _EXPORTERS_OWN


def level(environment: Mapping[str, str]) -> int:
    """The least level that is sent by `OTEL_LOG_LEVEL`; unset, whatever the log's own level lets through.

    Raises:
        ConfigurationError: it is no level.
    """
    text = environment.get("OTEL_LOG_LEVEL", "").strip().lower()
    if text and text not in _LEVELS:
        raise ConfigurationError([f"OTEL_LOG_LEVEL: expected one of {', '.join(_LEVELS)}, got {text[:200]!r}"])
    return _LEVELS[text] if text else logging.NOTSET
