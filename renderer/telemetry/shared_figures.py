"""What requests had in common while they were under way, for Prometheus."""

from __future__ import annotations

from typing import Final

from renderer.telemetry.metric_files import MetricFiles

_KINDS: Final = ("render", "download", "decode")


class SharedFigures:
    """The counters of one process."""

    def __init__(self, files: MetricFiles) -> None:
        shared = files.counter("work_shared", "Work that was not done because it was under way already.", ("kind",))
        self._kinds = {kind: shared.labels(kind) for kind in _KINDS}

    def spared(self, kind: str) -> None:
        """A render, a download or a decode was not needed; may be called from any thread."""
        self._kinds[kind].inc()
