"""Two lines for each processing request: `Started` and `Completed in` (spec 03 section 2.14)."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from renderer.errors import RequestTimeout
from renderer.telemetry.durations import Duration, go_duration
from renderer.telemetry.formats import own_entry, stack_text
from renderer.telemetry.logging import Log
from renderer.telemetry.observation import Observation, Silent

_log = logging.getLogger(__name__)


class AccessLog(Silent):
    """The monitor that writes requests into the log: straight into `log`, unless others listen to `logging` too."""

    def __init__(self, log: Log | None = None) -> None:
        self._own = log

    def request_started(self, seen: Observation) -> None:
        """Writes that a request has come."""
        if not seen.is_quiet and _log.isEnabledFor(logging.INFO):
            said = {"request_id": seen.request_id, "method": seen.method, "client_ip": seen.client_ip}
            self._write(logging.INFO, f"Started {seen.target}", said)

    def request_ended(self, seen: Observation) -> None:
        """Writes what became of it; its level is the status's."""
        level = _level(seen.status)
        if not seen.is_quiet and _log.isEnabledFor(level):
            self._write(level, f"Completed in {go_duration(seen.seconds)} {seen.target}", _completed(seen))

    def _write(self, level: int, message: str, said: Mapping[str, object]) -> None:
        if self._own is not None and self._own.is_alone:
            self._own.tell(own_entry(level, message, said))
        else:
            _log.log(level, message, extra={"fields": said})


def _level(status: int) -> int:
    if status >= 500:
        return logging.ERROR
    return logging.WARNING if status >= 400 else logging.INFO


def _completed(seen: Observation) -> dict[str, object]:
    said: dict[str, object] = {
        "request_id": seen.request_id,
        "method": seen.method,
        "status": seen.status,
        "client_ip": seen.client_ip,
    }
    if seen.source_url:
        said["image_url"] = seen.source_url
        said["processing_options"] = seen.options
    if seen.status < 400:
        said["result_bytes"] = seen.result_bytes
    if seen.timings:
        said["timings"] = _timings(seen)
    if seen.error is not None:
        said["error"] = str(seen.error) or seen.error.public
        # Deadlines pass by the hundred under overload; a stack costs a quarter of a millisecond and says nothing then.
        if seen.status >= 500 and not isinstance(seen.error, RequestTimeout):
            said["stack"] = stack_text(seen.error)
    return said


def _timings(seen: Observation) -> dict[str, Duration]:
    """Seconds by stage; a stage that came several times is added up."""
    timings: dict[str, Duration] = {}
    for timing in seen.timings:
        name = timing.stage.value
        timings[name] = Duration(timings.get(name, 0.0) + timing.seconds)
    return timings
