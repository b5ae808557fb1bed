"""The queue of purges as the API needs it; SQS or a local one stands behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from api.purges.orders import PurgeOrder


class PurgeQueue(Protocol):
    """Holds orders until they are done; each is delivered at least once."""

    def send(self, orders: Sequence[PurgeOrder], *, delay_seconds: int = 0) -> Sequence[str]:
        """Queues orders; answers an id for each, in their order.

        Raises:
            PurgeNotQueued: one of them, or all, could not be queued.
        """
