"""Which errors are reported, and what a report says of one: plain values, so that no picture is kept alive by it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from renderer.errors import BildwerkError, SourceError
from renderer.settings.tracing import ReportingSettings
from renderer.telemetry.metadata import causes, flattened, message, public_url, source_origin
from renderer.telemetry.observation import Observation

WITHHELD_HEADERS: Final = frozenset(("authorization", "cookie", "proxy-authorization"))
"""What proves who a client is stays here."""

_MAX_FRAMES: Final = 100
_MAX_TEXT: Final = 4096
"""Characters of one message: it may quote a source's answer or a long URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One call on the way to an error."""

    file: str
    line: int
    function: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One exception; frames from the outermost call to the place where it was raised."""

    kind: str
    message: str
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One error of one request.

    Attributes:
        problems: what went wrong, then what caused it; never empty.
        at: when, on the clock of `time.time`.
        method: of the request, as `url`, `headers` (without secrets) and `client_ip` are.
        context: the fields of spec 03 section 7.6 under their names for people.
    """

    problems: tuple[Problem, ...]
    at: float
    method: str
    url: str
    headers: Mapping[str, str]
    client_ip: str
    context: Mapping[str, Any]


def is_reported(error: BildwerkError, settings: ReportingSettings) -> bool:
    """Whether anybody is told of this error (spec 03 section 2.12, last column)."""
    if error.category == "IO":
        return settings.report_io_errors
    if isinstance(error, SourceError):
        return error.reported and settings.report_downloading_errors
    return error.reported


def report(seen: Observation, error: BildwerkError) -> Report:
    """What is told of it."""
    return Report(
        problems=tuple(_problem(cause) for cause in causes(error)),
        at=time.time(),
        method=seen.method,
        url=public_url(seen),
        headers={name: value for name, value in seen.headers.items() if name.lower() not in WITHHELD_HEADERS},
        client_ip=seen.client_ip,
        context=_context(seen),
    )


def _problem(error: BaseException) -> Problem:
    # Locals are left alone: they hold pictures, keys and other people's URLs.
    frames = [
        Frame(file=frame.f_code.co_filename, line=line, function=frame.f_code.co_name)
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    return Problem(kind=type(error).__name__, message=message(error)[:_MAX_TEXT], frames=tuple(frames[-_MAX_FRAMES:]))


def _context(seen: Observation) -> dict[str, Any]:
    context: dict[str, Any] = {"Request ID": seen.request_id}
    if seen.source_url:
        context["Source Image URL"] = seen.source_url
        context["Source Image Origin"] = source_origin(seen.source_url)
    if seen.options:
        context["Options"] = flattened(seen.options)
    return context


def renamed(context: Mapping[str, Any], separator: str) -> dict[str, Any]:
    """The context with names of one word each: `source_image_url` or `source-image-url`."""
    return {name.lower().replace(" ", separator): value for name, value in context.items()}
