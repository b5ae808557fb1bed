"""Two lines for each processing request: `Started` and `Completed in` (spec 03 section 2.14)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from time import monotonic, time
from typing import Any, Final

from renderer.errors import BildwerkError, RequestTimeout
from renderer.telemetry.durations import Duration, go_duration
from renderer.telemetry.formats import Entry, stack_text
from renderer.telemetry.late_line import OWN_SIZE
from renderer.telemetry.logging import Log
from renderer.telemetry.observation import Observation, Silent, Timing

_log = logging.getLogger(__name__)

_ANSWERED: Final = ("request_id", "method", "status", "client_ip", "image_url", "processing_options", "result_bytes")
_asked: Final = attrgetter("request_id", "method", "client_ip")
_answered: Final = attrgetter("request_id", "method", "status", "client_ip", "source_url", "options", "result_bytes")


class AccessLog(Silent):
    """The monitor that writes requests into the log: straight into `log`, unless others listen to `logging` too."""

    def __init__(self, log: Log | None = None) -> None:
        self._tell: Callable[[int, int, Callable[..., Entry], tuple[Any, ...]], bool] = _untold
        if log is not None:
            self._tell = log.tell

    def request_started(self, seen: Observation) -> None:
        """Writes that a request has come."""
        if seen.is_quiet:
            return
        target = seen.target
        values = (time(), target, _asked(seen))
        if not self._tell(logging.INFO, OWN_SIZE + len(target), _started, values):
            _record(logging.INFO, _started, values)

    def request_ended(self, seen: Observation) -> None:
        """Writes what became of it; its level is the status's."""
        if seen.is_quiet:
            return
        status, target, source_url = seen.status, seen.target, seen.source_url
        size = OWN_SIZE + len(target) + len(source_url)
        error = None
        if seen.error is not None:
            error = _told(seen.error, status)
            size += error.size
        level = logging.INFO if status < 400 else _level(status)
        values = (level, time(), monotonic() - seen.started, target, _answered(seen), tuple(seen.timings), error)
        if not self._tell(level, size, _completed, values):
            _record(level, _completed, values)


def _untold(*_line: object) -> bool:
    """Of a process without a log of its own."""
    return False


def _record(level: int, entry: Callable[..., Entry], values: tuple[Any, ...]) -> None:
    if _log.isEnabledFor(level):
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


def _started(created: float, target: str, asked: tuple[str, str, str]) -> Entry:
    request_id, method, client_ip = asked
    said = {"request_id": request_id, "method": method, "client_ip": client_ip}
    return Entry(logging.INFO, created, f"Started {target}", said, {})


def _completed(  # noqa: PLR0917  called with the tuple of what was taken at the end
    level: int,
    created: float,
    seconds: float,
    target: str,
    answered: tuple[Any, ...],
    timings: tuple[Timing, ...],
    error: _Error | None,
) -> Entry:
    said = dict(zip(_ANSWERED, answered, strict=True))
    if not said["image_url"]:
        del said["image_url"], said["processing_options"]
    if level > logging.INFO:
        del said["result_bytes"]
    if timings:
        said["timings"] = _by_stage(timings)
    return Entry(level, created, f"Completed in {go_duration(seconds)} {target}", said, _special(error))


def _special(error: _Error | None) -> dict[str, object]:
    if error is None:
        return {}
    return {"error": error.text, "stack": error.stack} if error.stack else {"error": error.text}


def _by_stage(timings: tuple[Timing, ...]) -> dict[str, Duration]:
    """Seconds by stage; a stage that came several times is added up."""
    told = {timing.stage.label: Duration(timing.seconds) for timing in timings}
    if len(told) == len(timings):
        return told
    for label in told:
        told[label] = Duration(sum(timing.seconds for timing in timings if timing.stage.label == label))
    return told
