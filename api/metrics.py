"""Counts of what the API does; CloudWatch under Lambda, nothing elsewhere."""

from __future__ import annotations

from typing import Protocol


class Metrics(Protocol):
    """Where counts go."""

    def count(self, name: str, value: float = 1) -> None:
        """Adds to a count. Names are few and fixed: none is made of a key."""


class NoMetrics:
    """Nowhere."""

    def count(self, name: str, value: float = 1) -> None:
        """Does nothing."""
