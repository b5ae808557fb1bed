"""The monitor that reports: a bounded queue, and one task that sends what is in it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Final, Protocol

from renderer.errors import BildwerkError
from renderer.settings.tracing import ReportingSettings
from renderer.telemetry.background import CLOSE_SECONDS
from renderer.telemetry.observation import Observation, Silent
from renderer.telemetry.reporters.report import Report, is_reported, report

_log = logging.getLogger(__name__)

MAX_QUEUED: Final = 100
"""Reports that wait: a flood of errors is a few kinds of error, more reports would say nothing new."""


class Delivery(Protocol):
    """How one service gets its reports."""

    @property
    def service(self) -> str:
        """Its name, for the log."""

    async def send(self, report: Report) -> None:
        """Sends one report; whatever it raises is logged."""

    async def close(self) -> None:
        """Sends what is held, within `CLOSE_SECONDS`, and gives connections back."""


class ErrorReporter(Silent):
    """Reports errors to one service. A request only pays for putting its report together."""

    def __init__(
        self,
        delivery: Delivery,
        settings: ReportingSettings,
        *,
        max_queued: int = MAX_QUEUED,
        close_seconds: float = CLOSE_SECONDS,
    ) -> None:
        self._delivery = delivery
        self._settings = settings
        self._max_queued = max_queued
        self._close_seconds = close_seconds
        self._queue: deque[Report] = deque()
        self._sending: asyncio.Task[None] | None = None
        self._lost = 0

    def request_failed(self, seen: Observation, error: BildwerkError) -> None:
        """Queues a report of the error, if it is one to be reported and there is room."""
        if not is_reported(error, self._settings):
            return
        if len(self._queue) >= self._max_queued:
            self._lost += 1
            return
        self._queue.append(report(seen, error))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.get_running_loop().create_task(self._send_all())

    async def close(self) -> None:
        """Sends what is left, for a bounded time."""
        if self._sending is not None:
            _done, late = await asyncio.wait({self._sending}, timeout=self._close_seconds)
            for task in late:
                task.cancel()
                await asyncio.wait({task})
            self._lost += len(self._queue) + len(late)
        self._say_what_is_lost()
        await self._delivery.close()

    async def _send_all(self) -> None:
        while self._queue:
            try:
                await self._delivery.send(self._queue.popleft())
            except Exception as error:  # noqa: BLE001  the border of a service: its failure is no request's
                _log.warning("A report to %s failed: %s: %s", self._delivery.service, type(error).__name__, error)
        self._say_what_is_lost()

    def _say_what_is_lost(self) -> None:
        if self._lost:
            _log.warning("%d reports to %s were not sent", self._lost, self._delivery.service)
            self._lost = 0
