"""Two lines for each processing request: `Started` and `Completed in` (spec 03 section 2.14)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from renderer.errors import BildwerkError, RequestTimeout
from renderer.telemetry.durations import Duration, go_duration
from renderer.telemetry.formats import Entry, stack_text
from renderer.telemetry.late_line import OWN_SIZE, LateLine
from renderer.telemetry.logging import Log
from renderer.telemetry.observation import Observation, Silent, Timing

_log = logging.getLogger(__name__)


class AccessLog(Silent):
    """The monitor that writes requests into the log: straight into `log`, unless others listen to `logging` too."""

    def __init__(self, log: Log | None = None) -> None:
        self._own = log

    def request_started(self, seen: Observation) -> None:
        """Writes that a request has come."""
        if not seen.is_quiet:
            values = (time.time(), (seen.request_id, seen.method, seen.client_ip, seen.target))
            self._say(logging.INFO, OWN_SIZE + len(seen.target), _started, values)

    def request_ended(self, seen: Observation) -> None:
        """Writes what became of it; its level is the status's."""
        if seen.is_quiet:
            return
        error = None if seen.error is None else _told(seen.error, seen.status)
        values = (
            time.time(),
            seen.seconds,
            (seen.request_id, seen.method, seen.client_ip, seen.target),
            seen.status,
            (seen.source_url, seen.options),
            seen.result_bytes,
            tuple(seen.timings),
            error,
        )
        size = OWN_SIZE + len(seen.target) + len(seen.source_url) + (0 if error is None else error.size)
        self._say(_level(seen.status), size, _completed, values)

    def _say(self, level: int, size: int, entry: Callable[..., Entry], values: tuple[Any, ...]) -> None:
        own = self._own
        if own is not None and own.is_alone:
            own.tell(LateLine(level, size, own.formatter, entry, values))
        elif _log.isEnabledFor(level):
            said = entry(*values)
            _log.log(level, said.message, extra={"fields": {**said.ordinary, **said.special}})


@dataclass(frozen=True, slots=True)
class _Error:
    """What a line says of an error; the stack is empty if it says nothing of where it was."""

    text: str
    stack: str

    @property
    def size(self) -> int:
        return len(self.text) + len(self.stack)


def _told(error: BildwerkError, status: int) -> _Error:
    # Deadlines pass by the hundred under overload; a stack costs a quarter of a millisecond and says nothing then.
    has_stack = status >= 500 and not isinstance(error, RequestTimeout)
    return _Error(str(error) or error.public, stack_text(error) if has_stack else "")


def _level(status: int) -> int:
    if status >= 500:
        return logging.ERROR
    return logging.WARNING if status >= 400 else logging.INFO


def _started(created: float, request: tuple[str, str, str, str]) -> Entry:
    request_id, method, client_ip, target = request
    said = {"request_id": request_id, "method": method, "client_ip": client_ip}
    return Entry(logging.INFO, created, f"Started {target}", said, {})


def _completed(  # noqa: PLR0917  called with the tuple of what was taken at the end
    created: float,
    seconds: float,
    request: tuple[str, str, str, str],
    status: int,
    asked: tuple[str, Any],
    result_bytes: int,
    timings: tuple[Timing, ...],
    error: _Error | None,
) -> Entry:
    request_id, method, client_ip, target = request
    source_url, options = asked
    said: dict[str, object] = {
        "request_id": request_id,
        "method": method,
        "status": status,
        "client_ip": client_ip,
    }
    if source_url:
        said["image_url"] = source_url
        said["processing_options"] = options
    if status < 400:
        said["result_bytes"] = result_bytes
    if timings:
        said["timings"] = _by_stage(timings)
    special: dict[str, object] = {}
    if error is not None:
        special["error"] = error.text
        if error.stack:
            special["stack"] = error.stack
    return Entry(_level(status), created, f"Completed in {go_duration(seconds)} {target}", said, special)


def _by_stage(timings: Iterable[Timing]) -> dict[str, Duration]:
    """Seconds by stage; a stage that came several times is added up."""
    told: dict[str, Duration] = {}
    for timing in timings:
        name = timing.stage.value
        told[name] = Duration(told.get(name, 0.0) + timing.seconds)
    return told
