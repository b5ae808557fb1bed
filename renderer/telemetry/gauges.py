"""What the processes of an instance are like now: each writes its own figures, whoever asks gets them together."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from renderer.telemetry.background import Periodic
from renderer.telemetry.metric_files import MetricFiles, merged
from renderer.telemetry.metric_table import GAUGES, PROCESS_GAUGES
from renderer.telemetry.observation import Vitals
from renderer.telemetry.process_figures import process_figures

_INTERVAL_SECONDS: Final = 1.0
_VITALS: Final = tuple(GAUGES)


class ProcessGauges:
    """Memory, CPU time and files of this process."""

    def __init__(self, files: MetricFiles) -> None:
        self._gauges = {name: files.gauge(name, text, is_prefixed=False) for name, text in PROCESS_GAUGES.items()}
        self._cpu = files.counter("process_cpu_seconds", "CPU time of all processes there were.", is_prefixed=False)
        self._cpu_seconds = 0.0
        self._started = files.gauge(
            "process_start_time_seconds",
            "When the oldest process began, in Unix time.",
            mode="livemin",
            is_prefixed=False,
        )
        self.update()

    def update(self) -> None:
        """Asks the kernel."""
        figures = process_figures(time.time())
        if figures is None:
            return
        values = (figures.resident_bytes, figures.virtual_bytes, figures.open_files, figures.max_open_files)
        for gauge, value in zip(self._gauges.values(), values, strict=True):
            gauge.set(value)
        self._cpu.inc(max(0.0, figures.cpu_seconds - self._cpu_seconds))
        self._cpu_seconds = figures.cpu_seconds
        self._started.set(figures.started_at)


class ServerGauges:
    """What `vitals` says of this server process, written once a second.

    Args:
        files: of this process.
        vitals: asked from a thread.
    """

    def __init__(self, files: MetricFiles, vitals: Callable[[], Vitals]) -> None:
        self._vitals = vitals
        self._process = ProcessGauges(files)
        self._gauges = {name: files.gauge(name, text) for name, text in GAUGES.items()}
        self.requests_in_progress = self._gauges["requests_in_progress"]
        files.gauge("processes", "Server processes that are alive.").set(1)
        self.update()
        self._periodic = Periodic(self.update, seconds=_INTERVAL_SECONDS, purpose="Updating metrics")

    def update(self) -> None:
        """Writes the figures of this moment."""
        vitals = self._vitals()
        for name, gauge in self._gauges.items():
            gauge.set(getattr(vitals, name))
        self._process.update()

    def stop(self) -> None:
        """Writes once more and ends the thread; may block for a moment."""
        self._periodic.stop()


def instance_vitals(directory: Path, namespace: str = "") -> Vitals | None:
    """The vitals of all server processes together; None while there is none."""
    values = _values(directory, namespace)
    return Vitals(**values) if values.get("workers") else None


def _values(directory: Path, namespace: str) -> Mapping[str, int]:
    prefix = f"{namespace}_" if namespace else ""
    found = {metric.name: metric.samples for metric in merged(directory) if metric.type == "gauge"}
    return {name: int(found[prefix + name][0].value) for name in _VITALS if prefix + name in found}
