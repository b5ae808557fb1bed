"""Orders the purge of an original's renditions, after it was written or deleted (DESIGN section 5)."""

from __future__ import annotations

import logging
from typing import Final, Literal

from api.models import Purge
from api.problems import PurgeNotQueued
from api.purges.orders import PurgeOrder
from api.services import Services
from renderer.cache.tags import original_tag
from renderer.storage.object_store import StoreError

_log = logging.getLogger(__name__)

RESULTS_SECONDS: Final = 2.0
"""For the stored results while somebody waits: the queue deletes them again."""

_QUEUE_SECONDS: Final = 3.0
"""Kept for the queue."""


def cache_tag(services: Services, key: str) -> str:
    """The tag that every rendition of an original carries."""
    return original_tag(services.originals.source_url(key))


def ordered_purge(
    services: Services,
    key: str,
    reason: Literal["stored", "deleted"],
    *,
    seconds: float = RESULTS_SECONDS + _QUEUE_SECONDS,
) -> Purge:
    """Deletes the stored results and queues the rest.

    The queue purges the results again: what fails here is not lost, and what a render has just written goes too.

    Args:
        services: of the API.
        key: of the original.
        reason: what has happened to it.
        seconds: until nobody waits any more; of what is left the queue comes first.

    Raises:
        PurgeNotQueued: the caller must be told to ask again; the members say for what.
    """
    order = PurgeOrder(tag=cache_tag(services, key), source_url=services.originals.source_url(key), reason=reason)
    if services.results is not None and (left := min(RESULTS_SECONDS, seconds - _QUEUE_SECONDS)) > 0:
        try:
            services.results.purge([order.tag], seconds=left)
        except StoreError as error:
            _log.warning("Stored results of %s are left to the queue: %s", order.tag, error)
        except Exception:  # noqa: BLE001  whatever it was, the order to purge must not be lost with it
            _log.exception("Stored results of %s are left to the queue", order.tag)
    try:
        (message,) = services.queue.send([order])
    except PurgeNotQueued as error:
        done = {"stored": "stored", "deleted": "deleted"}[reason]
        raise PurgeNotQueued(
            f"The picture is {done}, but its purge could not be queued: send the same request again.",
            key=key,
            cache_tag=order.tag,
        ) from error
    return Purge(id=message)
