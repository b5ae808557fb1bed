"""What is seen of one processing request, and who is told of it.

A handler opens an `Observation`; the parts below it mark stages on it. Monitors (the access log, metrics, traces, error
reporters) are told at each turn and keep nothing of their own per request except under `Observation.notes`. A monitor
that fails is logged once per turn and never touches the request.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from time import monotonic, time
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

from msgspec import Struct, field

from renderer.errors import BildwerkError

_log = logging.getLogger(__name__)
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Stage(Enum):
    """A part of a request that is timed; the value is imgproxy's span label (spec 03 section 7.1)."""

    QUEUE = "queue"
    DOWNLOAD = "downloading_source_image"
    PROCESSING = "processing_image"
    STREAMING = "streaming_image"
    DOWNLOAD_FALLBACK = "downloading_fallback"
    DOWNLOAD_WATERMARK = "downloading_watermark"

    label: str
    """The value; a member's `value` takes two calls to ask for."""

    def __init__(self, label: str) -> None:
        self.label = label

    @property
    def display(self) -> str:
        """The name for people, as New Relic segments show it."""
        return _DISPLAY[self]


_DISPLAY = {
    Stage.QUEUE: "Queue",
    Stage.DOWNLOAD: "Downloading source image",
    Stage.PROCESSING: "Processing image",
    Stage.STREAMING: "Streaming image",
    Stage.DOWNLOAD_FALLBACK: "Downloading fallback",
    Stage.DOWNLOAD_WATERMARK: "Downloading watermark",
}


class Timing(Struct, frozen=True):
    """One stage that has ended. `started` is on the clock of `time.monotonic`."""

    stage: Stage
    started: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """One process, now: what gauges show. Bytes are bytes; connections are clients'."""

    workers: int
    requests_in_progress: int
    images_in_progress: int
    queue_length: int
    connections: int
    source_bytes_in_flight: int
    vips_memory_bytes: int
    vips_max_memory_bytes: int
    vips_allocs: int

    @property
    def workers_utilization(self) -> float:
        """Percent; over 100 when requests queue (spec 03 section 7.1)."""
        return 100 * self.requests_in_progress / self.workers


class Observation(Struct, kw_only=True, eq=False):
    """One processing request as it goes on.

    Attributes:
        request_id: as the client is told.
        method: GET or HEAD.
        target: the request target as it came in, signature and all.
        client_ip: where the request says that it comes from; for logs only, anyone may claim anything.
        headers: the client's; names are found in any case, the first value of each counts.
        started: when the request began, on the clock of `time.monotonic`; `started_at` on that of `time.time`.
        source_url: once the URL is understood.
        options: what the URL asks for, names as in the documentation, once it is understood.
        is_quiet: one of very many that are refused; the log counts them instead.
        status: of the answer; 0 while there is none. 499 when the client went away.
        error: why there is no picture, or why the fallback picture is shown.
        result_bytes: length of the answer's body.
        timings: the stages that have ended, in that order.
        notes: room for monitors, each under its own name.
        monitors: who is told.
        audience: who of them is told of what most do nothing at; all by default.
    """

    request_id: str
    method: str
    target: str
    client_ip: str
    headers: Mapping[str, str] = _NOTHING
    peer: tuple[str, int] = ("", 0)
    server: tuple[str, int] = ("", 0)
    started: float = field(default_factory=monotonic)
    started_at: float = field(default_factory=time)
    source_url: str = ""
    options: Mapping[str, Any] = _NOTHING
    is_quiet: bool = False
    status: int = 0
    error: BildwerkError | None = None
    result_bytes: int = 0
    timings: list[Timing] = []
    notes: dict[str, Any] = {}
    monitors: Sequence[Monitor] = ()
    audience: Audience | None = None

    @property
    def seconds(self) -> float:
        """How long the request has taken so far."""
        return monotonic() - self.started

    def begin(self) -> None:
        """Tells that the request has begun."""
        _tell(self.monitors, self, "request_started")

    def understood(self, source_url: str, options: Mapping[str, Any]) -> None:
        """Tells what is asked for."""
        self.source_url, self.options = source_url, options
        monitors = self.monitors if self.audience is None else self.audience.understanding
        _tell(monitors, self, "request_understood")

    def stage(self, stage: Stage) -> AbstractContextManager[None]:
        """Times a stage, which lasts as long as the block."""
        return _TimedStage(self, stage, self.monitors if self.audience is None else self.audience.stages)

    def failed(self, error: BildwerkError) -> None:
        """Tells of an error; one request may have several, the last one stays."""
        self.error = error
        _tell(self.monitors, self, "request_failed", error)

    def end(self, status: int, result_bytes: int = 0) -> None:
        """Tells that the answer is out, or that nobody waits for it any more."""
        self.status, self.result_bytes = status, result_bytes
        _tell(self.monitors, self, "request_ended")

    def source_headers(self) -> dict[str, str]:
        """Headers that tracers want sent to the source, for instance `traceparent`."""
        headers: dict[str, str] = {}
        for monitor in self.monitors if self.audience is None else self.audience.headers:
            try:
                headers.update(monitor.source_headers(self))
            except Exception:  # noqa: BLE001  as in `_tell`
                _complain(monitor)
        return headers


class _TimedStage(Struct, eq=False):
    """The block in which a stage goes on. A class of its own: a generator's block is eight calls more."""

    seen: Observation
    stage: Stage
    monitors: Sequence[Monitor]
    started: float = 0.0

    def __enter__(self) -> None:
        self.started = monotonic()
        if self.monitors:
            _tell(self.monitors, self.seen, "stage_started", self.stage)

    def __exit__(self, *exception: object) -> None:
        timing = Timing(self.stage, self.started, monotonic() - self.started)
        self.seen.timings.append(timing)
        if self.monitors:
            _tell(self.monitors, self.seen, "stage_ended", timing)


def _tell(monitors: Sequence[Monitor], seen: Observation, turn: str, *what: object) -> None:
    for monitor in monitors:
        try:
            getattr(monitor, turn)(seen, *what)
        except Exception:  # noqa: BLE001  the border of a monitor: whatever is wrong with it is not the request's fault
            _complain(monitor)


def _complain(monitor: Monitor) -> None:
    """Logs what the monitor has just raised."""
    _log.exception("%s failed", type(monitor).__name__)


class Monitor(Protocol):
    """Somebody who is told. Every method is quick and never waits: it runs on the event loop."""

    def request_started(self, seen: Observation) -> None:
        """The request's line and headers are there."""

    def request_understood(self, seen: Observation) -> None:
        """`source_url` and `options` are known; this turn may never come."""

    def stage_started(self, seen: Observation, stage: Stage) -> None:
        """A stage begins; stages do not overlap."""

    def stage_ended(self, seen: Observation, timing: Timing) -> None:
        """The stage that began last has ended."""

    def request_failed(self, seen: Observation, error: BildwerkError) -> None:
        """Something went wrong; the request may still be answered with the fallback picture."""

    def request_ended(self, seen: Observation) -> None:
        """Status and time are final."""

    def source_headers(self, seen: Observation) -> Mapping[str, str]:
        """Headers for the request to the source; asked during `Stage.DOWNLOAD`, not for raw requests."""

    async def close(self) -> None:
        """Sends what is left."""


class Silent:
    """A monitor that does nothing; others inherit what they do not care for."""

    def request_started(self, seen: Observation) -> None:
        """Does nothing."""

    def request_understood(self, seen: Observation) -> None:
        """Does nothing."""

    def stage_started(self, seen: Observation, stage: Stage) -> None:
        """Does nothing."""

    def stage_ended(self, seen: Observation, timing: Timing) -> None:
        """Does nothing."""

    def request_failed(self, seen: Observation, error: BildwerkError) -> None:
        """Does nothing."""

    def request_ended(self, seen: Observation) -> None:
        """Does nothing."""

    def source_headers(self, _seen: Observation) -> Mapping[str, str]:
        """No header."""
        return {}

    async def close(self) -> None:
        """Does nothing."""


class Audience(NamedTuple):
    """Who does anything when a request is understood, when a stage begins or ends, and when headers are wanted."""

    understanding: Sequence[Monitor]
    stages: Sequence[Monitor]
    headers: Sequence[Monitor]


def audience(monitors: Sequence[Monitor]) -> Audience:
    """Those of the monitors that do anything at these turns."""

    def doing(*turns: str) -> tuple[Monitor, ...]:
        silent = [getattr(Silent, turn) for turn in turns]
        return tuple(
            monitor for monitor in monitors if [getattr(type(monitor), turn, None) for turn in turns] != silent
        )

    return Audience(doing("request_understood"), doing("stage_started", "stage_ended"), doing("source_headers"))
