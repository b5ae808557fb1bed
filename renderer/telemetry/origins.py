"""How the places that sources come from behave: requests, failures, breakers; a bounded number of names.

Anyone who may sign URLs can invent hosts, so a process tells only the first ones apart and counts the rest together.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from renderer.telemetry.metric_files import MetricFiles

MAX_ORIGINS: Final = 32
OTHER: Final = "other"
_MAX_LENGTH: Final = 100


class OriginFigures:
    """Counts by origin, for instance `https://pictures.example.com`."""

    def __init__(self, files: MetricFiles) -> None:
        # Series that a process of this number has begun stay for good, so they count against the bound.
        self._known = files.labels_of("origin_requests", "origin")
        self._requests = files.counter("origin_requests", "Requests to origins of sources.", ("origin",))
        self._failures = files.counter("origin_failures", "Requests to origins that gave no source.", ("origin",))
        self._open = files.gauge(
            "origin_breaker_open", "Server processes that leave an origin alone, because it fails.", ("origin",)
        )
        self._shown_open: set[str] = set()

    def requested(self, origin: str) -> None:
        """A request was sent to an origin."""
        self._requests.labels(self._label(origin)).inc()

    def failed(self, origin: str) -> None:
        """The request failed for a reason that the breaker counts."""
        self._failures.labels(self._label(origin)).inc()

    def show_open(self, origins: Iterable[str]) -> None:
        """These breakers are open now and no others; to be called every second or so.

        Breakers of origins that are counted under `other` are not shown.
        """
        labels = {self._label(origin) for origin in origins} - {OTHER}
        for label in labels - self._shown_open:
            self._open.labels(label).set(1)
        for label in self._shown_open - labels:
            self._open.labels(label).set(0)
        self._shown_open = labels

    def _label(self, origin: str) -> str:
        origin = origin[:_MAX_LENGTH]
        if origin in self._known:
            return origin
        if len(self._known) >= MAX_ORIGINS:
            return OTHER
        self._known.add(origin)
        # Both series begin at zero: a rate needs that, and the bound is kept by what is in the file.
        self._requests.labels(origin)
        self._failures.labels(origin)
        return origin
