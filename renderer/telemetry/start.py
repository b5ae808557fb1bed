"""Settings -> everybody who watches requests in this process: log, metrics, traces, error reports."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from renderer.settings.load import Settings
from renderer.telemetry.access_log import AccessLog
from renderer.telemetry.logging import Log
from renderer.telemetry.observation import Audience, Monitor, Vitals, audience
from renderer.telemetry.origins import OriginFigures
from renderer.telemetry.result_figures import CacheFigures
from renderer.telemetry.shared_figures import SharedFigures
from renderer.version import IMGPROXY_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a process has from whoever started it: variables, a folder that the processes share, the log.

    Without a folder nothing is measured; without a log nothing is written but what the standard library writes.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    log: Log | None = None


ALONE = Surroundings()
"""Of an application that runs inside another program, a test for instance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Those who watch: `monitors` requests, `audience` who of them does what, `origins` what sources come from,
    `results` what is kept, `shared` what was done once for several.

    `vitals` is what gauges show.
    """

    monitors: tuple[Monitor, ...] = ()
    audience: Audience | None = None
    origins: OriginFigures | None = None
    results: CacheFigures | None = None
    shared: SharedFigures | None = None
    vitals: Callable[[], Vitals] | None = None


@asynccontextmanager
async def watching(
    settings: Settings, surroundings: Surroundings, vitals: Callable[[], Vitals]
) -> AsyncIterator[Watch]:
    """Those that the settings ask for, until what they have to tell is told.

    Args:
        settings: all of them.
        surroundings: of this process.
        vitals: what gauges show; called from other threads.

    Raises:
        ConfigurationError: a setting cannot be used, or an extra is missing.
    """
    monitors: list[Monitor] = [AccessLog(surroundings.log)]
    origins, results, shared = None, None, None
    async with AsyncExitStack() as stack:
        if settings.metrics.are_wanted and surroundings.folder is not None and surroundings.log is not None:
            # Imported here: a server without metrics need not spend 80 ms of its start on the library.
            from renderer.telemetry.metrics import open_metrics

            metrics = open_metrics(settings.metrics, surroundings.folder, vitals=vitals, write=surroundings.log.write)
            stack.push_async_callback(metrics.close)
            monitors += metrics.monitors
            origins, shared = metrics.origins, metrics.shared
            results = metrics.cache_figures() if settings.results.are_kept else None
        from renderer.telemetry.monitors import log_handlers, tracing_monitors

        tracers = tracing_monitors(
            settings, environment=surroundings.environment, vitals=vitals, version=IMGPROXY_VERSION
        )
        for monitor in tracers:
            stack.push_async_callback(monitor.close)
        if surroundings.log is not None:
            stack.enter_context(_heard(log_handlers(tracers), surroundings.log))
        monitors += tracers
        yield Watch(
            monitors=tuple(monitors),
            audience=audience(monitors),
            origins=origins,
            results=results,
            shared=shared,
            vitals=vitals,
        )


@contextmanager
def _heard(handlers: Sequence[logging.Handler], log: Log) -> Iterator[None]:
    """Lets further handlers have the log, in its own format."""
    root = logging.getLogger()
    for handler in handlers:
        handler.setFormatter(log.formatter)
        root.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            root.removeHandler(handler)
