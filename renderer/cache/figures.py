"""What a result cache tells whoever counts, and how an answer came about."""

from __future__ import annotations

from enum import Enum
from typing import Literal, Protocol


class CacheState(Enum):
    """How an answer came about; the value is what `X-Cache` says."""

    HIT_MEMORY = "hit-memory"
    """Sent from this process's memory."""
    HIT_STORE = "hit-store"
    """Sent from the store."""
    REVALIDATED = "revalidated"
    """Found, and the source said that it has not changed."""
    EXPIRED = "expired"
    """Found, but the source had changed: made anew."""
    MISS = "miss"
    """Not found: made."""
    BYPASS = "bypass"
    """Nothing was looked for: results of this request cannot be shared."""


Dropped = Literal["queue", "full", "failed", "purged", "stopping"]
"""Why a result was not written: too many waited, no room, the store failed, purged meanwhile, the server ended."""


class ResultFigures(Protocol):
    """Counts."""

    def stored(self) -> None:
        """A result was written."""

    def dropped(self, reason: Dropped) -> None:
        """A result was not written."""

    def store_failed(self, operation: str) -> None:
        """The store failed to `find` or to `keep` a result, or what it had was `broken`."""

    def holds(self, count: int, total_bytes: int) -> None:
        """How many results are in memory now."""


class Uncounted:
    """Nobody counts."""

    def stored(self) -> None:
        """Nothing."""

    def dropped(self, reason: Dropped) -> None:
        """Nothing."""

    def store_failed(self, operation: str) -> None:
        """Nothing."""

    def holds(self, count: int, total_bytes: int) -> None:
        """Nothing."""
