"""CloudWatch metrics as lines of the log, in its embedded metric format: no credentials, no calls, nothing to wait for.

One line each ten seconds for the whole instance; the process that holds the lock writes it, and when that process
ends, another gets the lock.
"""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from renderer.settings.monitoring import MetricsSettings
from renderer.telemetry.background import Periodic
from renderer.telemetry.gauges import instance_vitals
from renderer.telemetry.observation import Vitals

_INTERVAL_SECONDS: Final = 10.0
_UNITS: Final = {
    "Workers": "Count",
    "RequestsInProgress": "Count",
    "ImagesInProgress": "Count",
    "WorkersUtilization": "Percent",
    "ConcurrencyUtilization": "Percent",
    "VipsMemory": "Bytes",
    "VipsMaxMemory": "Bytes",
    "VipsAllocs": "Count",
}
"""Names and units of spec 03 section 7.4."""


def embedded_metrics(vitals: Vitals, settings: MetricsSettings, now: float) -> str:
    """One line of CloudWatch's embedded metric format.

    Args:
        vitals: of the instance.
        settings: namespace and service name.
        now: on the clock of `time.time`.
    """
    metrics = [{"Name": name, "Unit": unit} for name, unit in _UNITS.items()]
    directive = {"Namespace": settings.cloud_watch_namespace, "Dimensions": [["ServiceName"]], "Metrics": metrics}
    line = {
        "_aws": {"Timestamp": int(now * 1000), "CloudWatchMetrics": [directive]},
        "ServiceName": settings.cloud_watch_service_name,
        "Workers": vitals.workers,
        "RequestsInProgress": vitals.requests_in_progress,
        "ImagesInProgress": vitals.images_in_progress,
        "WorkersUtilization": vitals.workers_utilization,
        "ConcurrencyUtilization": vitals.workers_utilization,
        "VipsMemory": vitals.vips_memory_bytes,
        "VipsMaxMemory": vitals.vips_max_memory_bytes,
        "VipsAllocs": vitals.vips_allocs,
    }
    return json.dumps(line, separators=(",", ":"))


class CloudWatch:
    """Writes the line. Every server process has one, and only one at a time writes.

    Args:
        directory: where the processes keep their figures.
        settings: names.
        namespace: of the gauges in the directory.
        write: takes the line, for instance `Log.write`.
    """

    def __init__(
        self,
        directory: Path,
        settings: MetricsSettings,
        write: Callable[[str], None],
        *,
        seconds: float = _INTERVAL_SECONDS,
    ) -> None:
        self._directory, self._settings, self._take = directory, settings, write
        self._lock = (directory / "cloudwatch").open("w", encoding="ascii")
        self._periodic = Periodic(self.write, seconds=seconds, purpose="Writing CloudWatch metrics")

    def write(self) -> None:
        """Writes the line now, unless that is another process's turn."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        vitals = instance_vitals(self._directory, self._settings.prometheus_namespace)
        if vitals is not None:
            self._take(embedded_metrics(vitals, self._settings, time.time()))

    def stop(self) -> None:
        """Writes the last line and leaves the rest to the others; may block for a moment."""
        self._periodic.stop()
        self._lock.close()
