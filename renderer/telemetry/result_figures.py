"""What the kept results do, for Prometheus: hits and misses under imgproxy's names (spec 03 section 6.1), more of ours.

Made where results are kept, so that the series exist only then.
"""

from __future__ import annotations

from typing import Final

from renderer.telemetry.metric_files import MetricFiles

_HITS: Final = ("hit-memory", "hit-store", "revalidated")
_MISSES: Final = ("expired", "miss")
_STATES: Final = (*_HITS, *_MISSES, "bypass")
_REASONS: Final = ("queue", "full", "failed", "purged", "stopping")
_OPERATIONS: Final = ("find", "keep", "broken")


class CacheFigures:
    """The counters and gauges of one process."""

    def __init__(self, files: MetricFiles) -> None:
        hits = files.counter("cache_hits", "Results that were stored already.")
        misses = files.counter("cache_misses", "Results that had to be made.")
        answers = files.counter("results_answers", "Answers with a picture by what the kept results did.", ("state",))
        # Finding the series of a label costs as much as counting in it.
        self._answers = {state: answers.labels(state) for state in _STATES}
        self._counted = {state: hits if state in _HITS else misses for state in (*_HITS, *_MISSES)}
        self._stored = files.counter("results_stored", "Results that were written into the store.")
        dropped = files.counter("results_dropped", "Results that were not written into the store.", ("reason",))
        self._dropped = {reason: dropped.labels(reason) for reason in _REASONS}
        errors = files.counter("results_store_errors", "Failures of the store of results.", ("operation",))
        self._errors = {operation: errors.labels(operation) for operation in _OPERATIONS}
        self._entries = files.gauge("results_memory_entries", "Results held in memory.")
        self._bytes = files.gauge("results_memory_bytes", "Bytes that they take.")
        self.holds(0, 0)

    def answered(self, state: str) -> None:
        """An answer came about in one of the ways of `renderer.cache.figures.CacheState`."""
        self._answers[state].inc()
        counter = self._counted.get(state)
        if counter is not None:
            counter.inc()

    def stored(self) -> None:
        """A result was written."""
        self._stored.inc()

    def dropped(self, reason: str) -> None:
        """A result was not written."""
        self._dropped[reason].inc()

    def store_failed(self, operation: str) -> None:
        """The store failed."""
        self._errors[operation].inc()

    def holds(self, count: int, total_bytes: int) -> None:
        """How many results are in memory now, and what they take."""
        self._entries.set(count)
        self._bytes.set(total_bytes)
