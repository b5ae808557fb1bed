"""Settings -> the metrics of this process: for Prometheus, for CloudWatch, or none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from renderer.settings.monitoring import MetricsSettings
from renderer.telemetry.cloudwatch import CloudWatch
from renderer.telemetry.gauges import ServerGauges
from renderer.telemetry.metric_files import MetricFiles
from renderer.telemetry.observation import Monitor, Vitals
from renderer.telemetry.origins import OriginFigures
from renderer.telemetry.prometheus import Prometheus
from renderer.telemetry.result_figures import CacheFigures
from renderer.telemetry.shared_figures import SharedFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """What this server process measures. `monitors` are told of requests, `origins` of requests to sources.

    `shared` is told of work that was shared.
    """

    files: MetricFiles
    gauges: ServerGauges
    monitors: tuple[Monitor, ...]
    origins: OriginFigures | None
    shared: SharedFigures | None
    cloud_watch: CloudWatch | None

    def cache_figures(self) -> CacheFigures:
        """Counters for kept results; to be asked for once, by whoever opens them."""
        return CacheFigures(self.files)

    async def close(self) -> None:
        """Takes the gauges of this process away; what it has counted stays."""
        if self.cloud_watch is not None:
            await asyncio.to_thread(self.cloud_watch.stop)
        await asyncio.to_thread(self.gauges.stop)
        self.files.close()


def open_metrics(
    settings: MetricsSettings, directory: Path, *, vitals: Callable[[], Vitals], write: Callable[[str], None]
) -> Metrics:
    """Starts measuring, in the server process itself, after the fork.

    Args:
        settings: which metrics are wanted.
        directory: shared by all processes of the instance, see `metric_files.prepare`.
        vitals: of this process; asked from a thread, once a second.
        write: takes lines for standard output, `Log.write`.
    """
    files = MetricFiles(directory, settings.prometheus_namespace)
    gauges = ServerGauges(files, vitals)
    is_prometheus = bool(settings.prometheus_bind)
    return Metrics(
        files=files,
        gauges=gauges,
        monitors=(Prometheus(files, gauges),) if is_prometheus else (),
        origins=OriginFigures(files) if is_prometheus else None,
        shared=SharedFigures(files) if is_prometheus else None,
        cloud_watch=CloudWatch(directory, settings, write) if settings.cloud_watch_service_name else None,
    )
